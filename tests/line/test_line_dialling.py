"""Which numbers are dialled and where, and what comes of a call that is not answered. Pure."""

import phonenumbers
import pytest

from voicebot.errors import LineError
from voicebot.line.admission import Situation, may_call_out
from voicebot.line.dialling import Dialling, HourlyLimit, rules_of
from voicebot.link.messages import DialState
from voicebot.settings import Calls

TARGET = "sip:{phone}@pbx.local:5062"


def test_a_number_goes_where_the_settings_say() -> None:
    assert rules_of(Calls(target=TARGET)).uri("+79161234567") == "sip:+79161234567@pbx.local:5062"
    assert rules_of(Calls(target="sip:9{digits}@10.0.0.5")).uri("+79161234567") == "sip:979161234567@10.0.0.5"


@pytest.mark.parametrize(
    "phone",
    [
        "",
        "79161234567",
        "+7916",
        "+79161234567890123",
        "+19161234567",  # another country
        "+78091234567",  # a paid number
        "+79161234567@evil.example",
        "+79161234567;phone-context=x",
        "+7916123456\n",
        "+7916123456a",
        "operator",
        "sip:200@10.0.0.1",
    ],
)
def test_nothing_else_is_dialled(phone: str) -> None:
    assert rules_of(Calls(target=TARGET)).uri(phone) == ""


def test_without_a_target_nobody_is_called() -> None:
    assert rules_of(Calls()).uri("+79161234567") == ""


@pytest.mark.parametrize(
    "calls",
    [
        Calls(target="sip:200@pbx.local"),
        Calls(target="{phone}"),
        Calls(target="sip:{phone}@pbx.local?Replaces=x"),
        Calls(target="sip:{phone}@pbx.local>, <sip:evil@evil"),
        Calls(target=TARGET, allow_prefixes=[""]),
        Calls(target=TARGET, deny_prefixes=["7809"]),
        Calls(target=TARGET, headers={"Route": "<sip:evil>"}),
        Calls(target=TARGET, headers={"X-Label": "a\r\nRoute: x"}),
        Calls(target=TARGET, caller_id="a> <sip:b"),
    ],
)
def test_settings_that_would_dial_something_else_are_refused(calls: Calls) -> None:
    with pytest.raises(LineError):
        rules_of(calls)


# -- the lines are the patients' ------------------------------------------------------------------------------------------


def situation(calls: int, lines: int = 20, *, is_draining: bool = False) -> Situation:
    return Situation(calls, lines, 1, 60, has_apology=True, is_draining=is_draining)


@pytest.mark.parametrize(
    ("calls", "outgoing", "may"),
    [(0, 0, True), (5, 5, True), (6, 6, False), (15, 0, True), (16, 0, False), (20, 0, False)],
)
def test_calls_of_ours_take_a_share_and_never_the_last_lines(calls: int, outgoing: int, may: bool) -> None:
    assert may_call_out(outgoing, 0.3, 0.2, situation(calls)) is may


def test_few_lines_still_allow_one(  # the wheel's three
) -> None:
    assert may_call_out(0, 0.3, 0.2, situation(0, 3))
    assert may_call_out(0, 0.3, 0.2, situation(1, 3))
    assert not may_call_out(0, 0.3, 0.2, situation(2, 3))
    assert not may_call_out(1, 0.3, 0.2, situation(1, 3))


def test_a_line_that_ends_calls_nobody() -> None:
    assert not may_call_out(0, 1.0, 0.0, situation(0, is_draining=True))


# -- nobody answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sip_status", "state"),
    [
        (486, DialState.BUSY),
        (600, DialState.BUSY),
        (480, DialState.NO_ANSWER),
        (603, DialState.DECLINED),
        (404, DialState.WRONG_NUMBER),
        (484, DialState.WRONG_NUMBER),
        (503, DialState.UNREACHABLE),
        (488, DialState.FAILED),
    ],
)
def test_each_refusal_has_its_meaning(sip_status: int, state: DialState) -> None:
    one = Dialling(30, now=0)
    assert one.progress(100) is None
    assert one.ended(sip_status) is state


def test_it_rings_for_so_long() -> None:
    one = Dialling(30, now=0)
    assert one.progress(183) is DialState.RINGING  # early media is nobody's answer
    assert one.progress(180) is None  # told once
    assert not one.is_given_up(29.9)
    assert one.is_given_up(30)
    assert not one.is_given_up(31)  # hung up once
    assert one.ended(487) is DialState.NO_ANSWER


def test_a_network_that_says_nothing_at_all() -> None:
    one = Dialling(30, now=0)
    assert not one.is_given_up(4.9)
    assert one.is_given_up(5)
    assert one.ended(408) is DialState.UNREACHABLE


def test_a_network_that_only_tries_is_waited_for() -> None:
    one = Dialling(30, now=0)
    one.progress(100)
    assert not one.is_given_up(20)
    assert one.is_given_up(30)
    assert one.ended(487) is DialState.NO_ANSWER


# -- toll fraud -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "phone",
    [
        "+77011234567",  # Kazakhstan's numbers begin with +7 as well
        "+76001234567",
        "+78401234567",  # Abkhazia's
        "+79401234567",
        "+78031234567",  # paid
        "+78091234567",
        "+7916123456",  # too short, too long
        "+791612345678",
        "+882161234567",  # satellites
        "+375291234567",
        "+8801712345678",
    ],
)
def test_by_default_nothing_abroad_or_paid_is_dialled(phone: str) -> None:
    assert rules_of(Calls(target=TARGET)).uri(phone) == ""


def test_the_default_denies_what_the_numbering_plan_calls_paid() -> None:
    """phonenumbers' plan of Russia: no number of three figures after +7 that is paid or another country's may be dialled."""
    rules = rules_of(Calls(target=TARGET))
    dear = (phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST)
    for code in range(1000):
        number = phonenumbers.parse(f"+7{code:03}1234567")
        if phonenumbers.number_type(number) in dear or phonenumbers.region_code_for_number(number) == "KZ":
            assert rules.uri(f"+7{code:03}1234567") == "", code


def test_another_country_is_dialled_when_the_settings_say_so() -> None:
    rules = rules_of(Calls(target=TARGET, allow_prefixes=["+375"], digits=[12]))
    assert rules.uri("+375291234567") == "sip:+375291234567@pbx.local:5062"
    assert rules.uri("+37529123456") == ""
    assert rules.uri("+79161234567") == ""


def test_an_hour_holds_so_many_calls() -> None:
    hour = HourlyLimit(3)
    for now in (0.0, 1.0, 2.0):
        assert hour.has_room(now)
        hour.count(now)
    assert not hour.has_room(3599)
    assert hour.has_room(3600)
    hour.count(3600)
    assert not hour.has_room(3600.5)
    assert hour.has_room(3601)
