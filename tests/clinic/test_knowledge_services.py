"""Services that answer from the clinic's data: prices, preparation, tests, laboratory hours, answers."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from demo_clinic import DEMO

from voicebot.clinic.arguments import Calls
from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.clinic.failures import NotFound
from voicebot.clinic.knowledge import KNOWLEDGE_SERVICES, KnowledgeServices
from voicebot.clinic.knowledge_entries import Ready
from voicebot.clinic.lab_hours import next_taking
from voicebot.clock import VirtualClock
from voicebot.russian.when import When

FOLDER: Path = DEMO / "clinic"
WEEK = {"mon-fri": "08:00-10:00, 11:00-12:00", "sat": "09:00-11:00"}


@pytest.fixture(scope="module")
def demo() -> Catalogue:
    return load_catalogue(FOLDER)


@pytest.fixture
def clock() -> VirtualClock:
    """Monday, nine in the morning in Moscow."""
    return VirtualClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))


@pytest.fixture
def calls(demo: Catalogue, clock: VirtualClock) -> Calls:
    return KnowledgeServices(demo, clock).calls


def ask(calls: Calls, name: str, /, **arguments: Any) -> Any:
    return calls[name](KNOWLEDGE_SERVICES[name].model_validate(arguments), "d", "")


def test_every_service_has_its_call(calls: Calls) -> None:
    assert calls.keys() == KNOWLEDGE_SERVICES.keys()


def test_prices_are_those_of_the_data(calls: Calls, demo: Catalogue) -> None:
    for identifier, service in demo.services.items():
        price = ask(calls, "price_of", service=identifier)
        assert (price.count, price.price_rub, price.total_rub) == (1, service.price_rub, service.price_rub)
        assert price.title == (service.spoken or service.title)
    for identifier, test in demo.tests.items():
        assert ask(calls, "price_of", test=identifier).price_rub == test.price_rub


def test_the_price_of_a_visit_and_of_a_repeated_one(calls: Calls, demo: Catalogue) -> None:
    by_speciality = ask(calls, "price_of", speciality="cardiologist")
    assert by_speciality.entry_id == "visit_cardiologist"
    assert by_speciality.repeat_rub == demo.services["visit_cardiologist_repeat"].price_rub
    doctor = next(d for d in demo.doctors.values() if d.specialities == ("cardiologist",))
    assert ask(calls, "price_of", doctor=doctor.id) == by_speciality
    assert ask(calls, "price_of", speciality="dentist").repeat_rub is None


def test_several_at_once_have_a_sum(calls: Calls, demo: Catalogue) -> None:
    price = ask(calls, "price_of", test="cbc", tests=["cbc", "glucose"])
    assert price.titles == (demo.tests["cbc"].spoken, demo.tests["glucose"].spoken)
    assert price.total_rub == demo.tests["cbc"].price_rub + demo.tests["glucose"].price_rub
    # what was said together in an earlier phrase does not count for another test
    assert ask(calls, "price_of", test="ferritin", tests=["cbc", "glucose"]).titles == (demo.tests["ferritin"].spoken,)


@pytest.mark.parametrize("service", ["price_of", "preparation_of"])
@pytest.mark.parametrize(
    "arguments", [{}, {"service": "absent"}, {"test": "absent"}, {"speciality": "absent"}, {"doctor": "absent"}]
)
def test_what_is_not_there_is_not_found(calls: Calls, service: str, arguments: dict[str, str]) -> None:
    with pytest.raises(NotFound):
        ask(calls, service, **arguments)


def test_preparation_is_said_once_for_tests_that_share_it(calls: Calls, demo: Catalogue) -> None:
    both = ask(calls, "preparation_of", test="glucose", tests=("glucose", "creatinine"))
    assert len(both.titles) == 2
    assert both.text == demo.tests["glucose"].preparation == demo.tests["creatinine"].preparation
    assert ask(calls, "preparation_of", speciality="surgeon").text == ""


def test_readiness_of_several_is_that_of_the_slowest(calls: Calls) -> None:
    assert ask(calls, "readiness_of", test="troponin").ready == Ready(2, 2, "hours")
    together = ask(calls, "readiness_of", test="troponin", tests=("troponin", "urine_culture", "cbc"))
    assert together.ready == Ready(4, 5, "days")
    with pytest.raises(NotFound):
        ask(calls, "readiness_of", test="absent")
    with pytest.raises(NotFound):
        ask(calls, "readiness_of")


def test_all_about_a_test(calls: Calls, demo: Catalogue) -> None:
    info = ask(calls, "test_info", test="spermogram")
    assert (info.price_rub, info.ready, info.only_branch) == (
        demo.tests["spermogram"].price_rub,
        Ready(1, 1, "days"),
        "lesnaya",
    )
    assert ask(calls, "test_info", test="cbc").only_branch is None
    assert ask(calls, "test_info", test="cbc").branches == tuple(demo.branches)


def test_laboratory_hours_of_a_branch(calls: Calls, clock: VirtualClock) -> None:
    now = ask(calls, "lab_hours", branch="sadovaya")
    assert (now.is_taken, now.is_today, now.next.end.hour, now.hours) == (True, True, 12, now.hours)
    clock.advance(3 * 3600)
    later = ask(calls, "lab_hours", branch="sadovaya")
    assert (later.is_today, later.next.start.day, later.next.start.hour) == (False, 24, 8)


def test_where_a_test_is_taken_soonest(calls: Calls, clock: VirtualClock) -> None:
    assert ask(calls, "lab_hours").branch_id == "lesnaya"  # open until twelve, like Sadovaya, and named first
    refused = ask(calls, "lab_hours", branch="parkovaya", test="spermogram")
    assert (refused.is_taken, refused.next, refused.elsewhere) == (False, None, ("lesnaya",))
    assert ask(calls, "lab_hours", test="spermogram").branch_id == "lesnaya"
    with pytest.raises(NotFound):
        ask(calls, "lab_hours", branch="absent")


def test_an_answer_as_it_is_for_a_branch(calls: Calls, demo: Catalogue) -> None:
    entry = demo.faq["parking"]
    assert ask(calls, "answer_of", faq="parking").text == entry.answer
    own = ask(calls, "answer_of", faq="parking", branch="sadovaya")
    assert own.text == own.short == entry.by_branch["sadovaya"] != entry.answer
    assert ask(calls, "answer_of", faq="oms", branch="sadovaya").short == demo.faq["oms"].short
    with pytest.raises(NotFound):
        ask(calls, "answer_of", faq="absent")


def test_addresses(calls: Calls) -> None:
    assert [one.branch_id for one in ask(calls, "address_of")] == ["lesnaya", "sadovaya", "parkovaya"]
    assert ask(calls, "address_of", branch="parkovaya").first.branch_id == "parkovaya"


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        (_at(23, 7), _at(23, 8), _at(23, 10)),
        (_at(23, 8, 30), _at(23, 8), _at(23, 10)),
        (_at(23, 9, 39), _at(23, 8), _at(23, 10)),
        (_at(23, 9, 40), _at(23, 11), _at(23, 12)),  # twenty minutes are too few to get there
        (_at(23, 12), _at(24, 8), _at(24, 10)),
        (_at(27, 11, 45), _at(28, 9), _at(28, 11)),  # Friday noon: Saturday
        (_at(28, 12), _at(30, 8), _at(30, 10)),  # Saturday noon: Monday
    ],
)
def test_when_tests_are_taken_next(now: datetime, start: datetime, end: datetime) -> None:
    taking = next_taking(WEEK, now)
    assert taking is not None
    assert (taking.start, taking.end) == (start, end)


def test_a_branch_without_a_laboratory() -> None:
    assert next_taking({}, _at(23, 9)) is None


def test_several_rules_of_preparation_are_said_once(calls: Calls) -> None:
    text = ask(calls, "preparation_of", test="tsh", tests=("tsh", "ferritin", "vitamin_d")).text
    assert text.count("натощ") == 1
    assert "в+осемь час+ов без ед+ы" in text
    assert "Табл+етки" in text


def test_the_hours_of_a_day(calls: Calls) -> None:
    saturday = When(dates=(date(2026, 11, 28),))
    found = ask(calls, "hours_on", branch="parkovaya", when=saturday)
    assert (found.day, found.start.hour, found.end.hour) == (date(2026, 11, 28), 9, 15)
    assert ask(calls, "hours_on", branch="parkovaya", when=saturday, is_lab=True).start is None
    assert ask(calls, "hours_on", branch="parkovaya", when=When(weekdays=frozenset({5}))).day == date(2026, 11, 28)
    assert ask(calls, "hours_on", branch="parkovaya", when=When(weekdays=frozenset({5, 6}))).day is None
    assert ask(calls, "hours_on", branch="parkovaya", when=When()).day is None


def test_an_answer_tells_whether_it_has_a_price(calls: Calls) -> None:
    assert ask(calls, "answer_of", faq="home_visit").has_price
    assert not ask(calls, "answer_of", faq="parking").has_price
