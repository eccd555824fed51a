"""Services that answer from the clinic's data and change nothing: prices, tests, preparation, laboratory hours, answers."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from voicebot.clinic.arguments import Arguments, Calls
from voicebot.clinic.entries import Branch, Catalogue, Service
from voicebot.clinic.failures import NotFound
from voicebot.clinic.knowledge_answers import (
    Address,
    Addresses,
    Answer,
    DayHours,
    LabHours,
    LabTestInfo,
    Preparation,
    Price,
    Prices,
    Readiness,
)
from voicebot.clinic.knowledge_entries import LabTest
from voicebot.clinic.lab_hours import next_taking, spans_on
from voicebot.clock import Clock

_SENTENCE_END = re.compile(r"(?<=[.!?]) ")
_DAYS_AHEAD = 14


class _About(Arguments):
    """What is asked about: a service, tests, or the visit that a speciality or a doctor means. The narrowest counts."""

    service: str | None = None
    services: Sequence[str] | None = None
    test: str | None = None
    tests: Sequence[str] | None = None
    speciality: str | None = None
    doctor: str | None = None


class PriceOf(_About):
    """What it costs. Returns Prices: one or several, and their sum; `not_found` when nothing was named."""


class PreparationOf(_About):
    """How to prepare. Returns Preparation; its text is empty when the data has none."""


class ReadinessOf(Arguments):
    """How long a test takes. Returns Readiness of the slowest of several."""

    test: str | None = None
    tests: Sequence[str] | None = None


class LabTestInfoOf(Arguments):
    """All a caller needs to know of a test. Returns LabTestInfo."""

    test: str


class LabHoursOf(Arguments):
    """When a branch takes tests; without one: the branch where it can be done soonest. Returns LabHours."""

    branch: str | None = None
    test: str | None = None


class HoursOn(Arguments):
    """When a branch, or its laboratory, is open on the day of a wish. Returns DayHours."""

    branch: str
    when: Any
    is_lab: bool | None = None


class AnswerOf(Arguments):
    """An answer of the knowledge base, as it is for a branch where that matters. Returns Answer."""

    faq: str
    branch: str | None = None


class AddressOf(Arguments):
    """Where a branch is; without one: all branches. Returns Addresses, a tuple of Address."""

    branch: str | None = None


KNOWLEDGE_SERVICES: Mapping[str, type[Arguments]] = {
    "price_of": PriceOf,
    "preparation_of": PreparationOf,
    "readiness_of": ReadinessOf,
    "test_info": LabTestInfoOf,
    "lab_hours": LabHoursOf,
    "hours_on": HoursOn,
    "answer_of": AnswerOf,
    "address_of": AddressOf,
}


class KnowledgeServices:
    """Answers from the catalogue."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self.calls: Calls = {
            "price_of": self._price_of,
            "preparation_of": self._preparation_of,
            "readiness_of": self._readiness_of,
            "test_info": self._test_info,
            "lab_hours": self._lab_hours,
            "hours_on": self._hours_on,
            "answer_of": self._answer_of,
            "address_of": self._address_of,
        }

    def _price_of(self, asked: PriceOf, _dialog_id: str, _key: str) -> Prices:
        found = self._named(asked)
        return Prices(tuple(self._price(entry) for entry in found))

    def _price(self, entry: Service | LabTest) -> Price:
        spoken = entry.spoken or entry.title
        if isinstance(entry, LabTest):
            return Price(entry.id, spoken, entry.price_rub)
        repeat = self._catalogue.services[entry.repeat].price_rub if entry.repeat else None
        return Price(entry.id, spoken, entry.price_rub, repeat, entry.duration_minutes, entry.preparation)

    def _named(self, asked: _About) -> tuple[Service | LabTest, ...]:
        """The entries asked about; raise NotFound when there are none."""
        catalogue = self._catalogue
        try:
            if asked.service is not None:
                return tuple(catalogue.services[key] for key in _several(asked.service, asked.services))
            if asked.test is not None:
                return tuple(catalogue.tests[key] for key in _several(asked.test, asked.tests))
            if asked.doctor is not None:
                visit = catalogue.default_service(catalogue.doctors[asked.doctor], asked.speciality)
            else:
                visit = catalogue.visit_of(asked.speciality or "")
        except KeyError:
            raise NotFound from None
        if visit is None:
            raise NotFound
        return (visit,)

    def _preparation_of(self, asked: PreparationOf, _dialog_id: str, _key: str) -> Preparation:
        found = self._named(asked)
        texts = (entry.preparation for entry in found if entry.preparation)
        return Preparation(tuple(entry.spoken or entry.title for entry in found), _said_once(texts))

    def _readiness_of(self, asked: ReadinessOf, _dialog_id: str, _key: str) -> Readiness:
        tests = [self._test(key) for key in _several(asked.test, asked.tests)]
        if not tests:
            raise NotFound("No test was named.")
        slowest = max(tests, key=lambda test: (test.ready.unit == "days", test.ready.most))
        return Readiness(tuple(test.spoken or test.title for test in tests), slowest.ready)

    def _test(self, identifier: str) -> LabTest:
        test = self._catalogue.tests.get(identifier)
        if test is None:
            raise NotFound("No such test.")
        return test

    def _test_info(self, asked: LabTestInfoOf, _dialog_id: str, _key: str) -> LabTestInfo:
        test = self._test(asked.test)
        return LabTestInfo(
            test_id=test.id,
            title=test.spoken or test.title,
            price_rub=test.price_rub,
            ready=test.ready,
            material=test.spoken_material,
            preparation=test.preparation,
            branches=tuple(branch.id for branch in self._taking(test)),
        )

    def _taking(self, test: LabTest) -> Iterator[Branch]:
        for branch in self._catalogue.branches.values():
            if branch.lab and (not test.branches or branch.id in test.branches):
                yield branch

    def _lab_hours(self, asked: LabHoursOf, _dialog_id: str, _key: str) -> LabHours:
        wanted = self._test(asked.test) if asked.test is not None else None
        taking = [branch for branch in self._catalogue.branches.values() if branch.lab]
        if wanted is not None:
            taking = list(self._taking(wanted))
        now = self._clock.now().astimezone(self._catalogue.zone)
        if asked.branch is not None:
            branch = self._branch(asked.branch)
        elif taking:
            branch = min(taking, key=lambda one: _soonest(one, now))
        else:
            raise NotFound("No branch takes tests.")
        following = next_taking(branch.lab, now) if branch in taking else None
        return LabHours(
            branch_id=branch.id,
            hours=branch.spoken_lab,
            is_taken=branch in taking,
            next=following,
            is_today=following is not None and following.start.date() == now.date(),
            elsewhere=tuple(other.id for other in taking if other is not branch),
        )

    def _hours_on(self, asked: HoursOn, _dialog_id: str, _key: str) -> DayHours:
        branch = self._branch(asked.branch)
        today = self._clock.now().astimezone(self._catalogue.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        ahead = (today + timedelta(days=number) for number in range(_DAYS_AHEAD))
        days = [day for day in ahead if asked.when.has_date and asked.when.allows_date(day.date())]
        spans = spans_on(branch.lab if asked.is_lab else branch.hours, days[0]) if days else ()
        is_one = len(days) == 1 or (len(days) == 2 and days[0].weekday() == days[1].weekday())
        return DayHours(
            branch_id=branch.id,
            day=days[0].date() if is_one else None,
            start=spans[0].start if spans else None,
            end=spans[-1].end if spans else None,
        )

    def _branch(self, identifier: str) -> Branch:
        branch = self._catalogue.branches.get(identifier)
        if branch is None:
            raise NotFound("No such branch.")
        return branch

    def _answer_of(self, asked: AnswerOf, _dialog_id: str, _key: str) -> Answer:
        entry = self._catalogue.faq.get(asked.faq)
        if entry is None:
            raise NotFound("No such answer.")
        own = entry.by_branch.get(asked.branch or "")
        return Answer(entry.id, entry.topic, own or entry.answer, own or entry.short or entry.answer)

    def _address_of(self, asked: AddressOf, _dialog_id: str, _key: str) -> Addresses:
        branches = self._catalogue.branches
        wanted = branches.values() if asked.branch is None else [self._branch(asked.branch)]
        return Addresses(Address(b.id, b.spoken, b.spoken_address, b.directions, b.spoken_hours) for b in wanted)


def _soonest(branch: Branch, now: datetime) -> tuple[bool, datetime, float]:
    """Sorts branches: what is open today first, of these the one that is open longest."""
    taking = next_taking(branch.lab, now)
    if taking is None:
        return True, now, 0.0
    is_today = taking.start.date() == now.date()
    return False, now if is_today else taking.start, -taking.end.timestamp()


def _said_once(texts: Iterable[str]) -> str:
    """Several rules of preparation as one: what two of them say is said once, in the words of the one that says more."""
    sentences = [sentence for text in texts for sentence in _SENTENCE_END.split(text)]
    fullest = (max((o for o in sentences if o.startswith(one.rstrip("."))), key=len) for one in sentences)
    return " ".join(dict.fromkeys(fullest))


def _several(one: str | None, all_of_them: Sequence[str] | None) -> tuple[str, ...]:
    """The IDs asked about: what was named last, and what stood beside it in the same phrase."""
    if one is None:
        return ()
    return tuple(all_of_them) if all_of_them and one in all_of_them else (one,)
