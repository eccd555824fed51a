"""The figures of a period equal a naive count of the same dialogs, whatever their zone, day and hour; on both databases."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from postgres import database_url, postgresql_url
from sqlalchemy import delete, insert

from voicebot.clinic.tables import AppointmentRow, AppointmentStatus, PatientRow, SlotRow
from voicebot.clinic.visit_counts import VisitCounts, visit_counts
from voicebot.clock import VirtualClock
from voicebot.records.digest import FINISHED, Digester
from voicebot.records.numbers import Numbers, Step, numbers
from voicebot.records.tables import DialogRow, FactsRow, LatencyRow, TurnRow, UnclearRow
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

__all__ = ["database_url", "postgresql_url"]

#: With and without summer time, far from Greenwich on both sides, half an hour off.
ZONES = ("Europe/Moscow", "Asia/Kamchatka", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Kiritimati")
OUTCOMES = (
    "booked",
    "moved",
    "cancelled",
    "informed",
    "callback",
    "waitlisted",
    "off_topic",
    "transferred",
    "abandoned",
    "lost",
)


@dataclass(frozen=True)
class Call:
    """A dialog as the test knows it."""

    at: datetime
    channel: str
    outcome: str
    is_taken: bool
    seconds: float | None
    unclear: int


def _moment(zone: str) -> st.SearchStrategy[datetime]:
    """Moments of three weeks around the end of summer time, most of them near a midnight of the zone."""
    days = st.dates(date(2026, 10, 14), date(2026, 11, 4))
    near = st.sampled_from((-3600, -1, 0, 1, 3599, 3600, 7200))
    midnights = st.builds(lambda day, off: datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
                          + timedelta(seconds=off), days, near)  # fmt: skip
    any_time = st.datetimes(datetime(2026, 10, 14), datetime(2026, 11, 4), timezones=st.just(UTC))
    return st.one_of(midnights, any_time)


def _calls(zone: str) -> st.SearchStrategy[list[Call]]:
    call = st.builds(
        Call, at=_moment(zone), channel=st.sampled_from(("phone", "chat")), outcome=st.sampled_from(OUTCOMES),
        is_taken=st.booleans(), seconds=st.one_of(st.none(), st.sampled_from((0.0, 2.6, 209.9, 210.0, 210.1, 7.5))),
        unclear=st.integers(0, 3),
    )  # fmt: skip
    return st.lists(call, max_size=25)


@pytest.fixture
def desk(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    upgrade(database)
    yield database
    database.close()


def filled(desk: Database, calls: list[Call], zone: str) -> None:
    """Store the calls in place of those of the last example, and digest them a few at a time."""
    with desk.session() as session:
        for table in (UnclearRow, TurnRow, FactsRow, LatencyRow, DialogRow):
            session.execute(delete(table))
        for place, call in enumerate(calls):
            name = f"{place:08d}"
            taken = {"transfer_target": "operator", "transfer_result": "completed"} if call.is_taken else {}
            session.execute(insert(DialogRow).values(
                id=name, channel=call.channel, started_at=call.at, ended_at=call.at, outcome=call.outcome, reason="why",
                handling_seconds=call.seconds, **taken,
            ))  # fmt: skip
            for number in range(call.unclear):
                session.execute(insert(TurnRow).values(dialog_id=name, number=number, who="caller", at=call.at, text="ась",
                                                       intent="none", latency_ms={"total_ms": 500}))  # fmt: skip
    digester = Digester(desk, VirtualClock(), ZoneInfo(zone))
    while digester.run(7):
        pass


def _figures(desk: Database, first: date, last: date, step: Step, channel: str) -> Numbers:
    with desk.session(is_readonly=True) as session:
        return numbers(session, first, last, step, channel)


def check(desk: Database, zone: str, calls: list[Call], first: date, last: date, step: Step, channel: str) -> None:
    filled(desk, calls, zone)
    found = _figures(desk, first, last, step, channel)
    local = [(call, call.at.astimezone(ZoneInfo(zone))) for call in calls]
    days = [(call, at) for call, at in local if first <= at.date() <= last]
    own = [(call, at) for call, at in days if channel in ("", call.channel)]
    total = found.total
    assert total.contacts == len(own)
    assert total.transferred == sum(call.is_taken for call, _ in own)
    assert total.contained == sum(call.outcome in FINISHED and not call.is_taken for call, _ in own)
    assert total.lost == sum(call.outcome == "lost" and not call.is_taken for call, _ in own)
    assert total.answered + total.lost == total.contacts
    assert total.timed == sum(call.seconds is not None for call, _ in own)
    assert total.within_budget == sum(call.seconds is not None and call.seconds <= 210 for call, _ in own)
    assert total.unclear_turns == total.caller_turns == sum(call.unclear for call, _ in own)
    assert sum(count for _, count in found.unclear) == total.unclear_turns
    assert {begin: counts.contacts for begin, counts in found.pieces.items() if counts.contacts} == Counter(
        step.first(at.date()) for _, at in own
    )
    assert list(found.pieces) == sorted({step.first(first + timedelta(days=n)) for n in range((last - first).days + 1)})
    assert found.hours == [sum(at.hour == hour for _, at in own) for hour in range(24)]
    assert found.channels == Counter(call.channel for call, _ in days)
    assert {name: sum(hours) for name, hours in found.channel_hours.items()} == Counter(call.channel for call, _ in own)
    assert found.outcomes == Counter(call.outcome for call, _ in own)
    assert found.transfer_reasons == ({"why": total.transferred} if total.transferred else {})
    steps = Counter((int(call.seconds // 5) + 0.5) * 5 for call, _ in own if call.seconds is not None)
    assert found.handling_histogram == steps
    answers = sum(call.unclear for call, _ in days)  # latencies are kept by day, of all channels
    assert (found.latency["total"].count if "total" in found.latency else 0) == answers
    assert sum(one.count for one in found.latency_pieces.values()) == answers


SPAN = st.tuples(st.dates(date(2026, 10, 14), date(2026, 11, 4)), st.integers(0, 21))


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_figures_equal_a_naive_count(desk: Database, zone: str, data: st.DataObject) -> None:
    first, days = data.draw(SPAN)
    step, channel = data.draw(st.sampled_from(Step)), data.draw(st.sampled_from(("", "phone", "chat")))
    check(desk, zone, data.draw(_calls(zone)), first, first + timedelta(days=days), step, channel)


def test_the_hour_that_comes_twice_is_counted_twice(desk: Database) -> None:
    """On 25 October 2026 Berlin has two hours from 2 to 3; both belong to that day and hour."""
    calls = [Call(datetime(2026, 10, 25, hour, 30, tzinfo=UTC), "phone", "booked", False, 60.0, 0) for hour in (0, 1)]
    check(desk, "Europe/Berlin", calls, date(2026, 10, 25), date(2026, 10, 25), Step.DAY, "")
    found = _figures(desk, date(2026, 10, 25), date(2026, 10, 25), Step.DAY, "")
    assert found.hours[2] == 2


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data(), zone=st.sampled_from(ZONES))
@example(data=None, zone="Europe/Berlin")
def test_visits_equal_a_naive_count(desk: Database, data: st.DataObject | None, zone: str) -> None:
    visit = st.tuples(_moment(zone), st.sampled_from(AppointmentStatus))
    midnight = datetime(2026, 10, 26, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    fixed = [(midnight - timedelta(seconds=1), AppointmentStatus.NOSHOW), (midnight, AppointmentStatus.ARRIVED)]
    visits = data.draw(st.lists(visit, max_size=12)) if data is not None else fixed
    first, days = data.draw(SPAN) if data is not None else (date(2026, 10, 25), 0)
    last = first + timedelta(days=days)
    with desk.session() as session:
        for table in (AppointmentRow, SlotRow, PatientRow):
            session.execute(delete(table))
        patient = PatientRow(phone="+79161234567", surname="И", given="", patronymic="", created_at=midnight)
        session.add(patient)
        session.flush()
        for place, (start, status) in enumerate(visits):
            slot = SlotRow(doctor_id=f"d{place}", branch_id="b", start=start, duration_minutes=30)
            session.add(slot)
            session.flush()
            session.add(AppointmentRow(
                slot_id=slot.id, patient_id=patient.id, doctor_id=slot.doctor_id, branch_id="b", start=start,
                duration_minutes=30, status=status.value, phone="+79161234567", dialog_id="x", created_at=midnight,
            ))  # fmt: skip
    with desk.session(is_readonly=True) as session:
        found = visit_counts(session, first, last, ZoneInfo(zone))
    naive: dict[date, VisitCounts] = {}
    for start, status in visits:
        day = start.astimezone(ZoneInfo(zone)).date()
        if first <= day <= last:
            is_cancelled = status is AppointmentStatus.CANCELLED
            came = status in (AppointmentStatus.ARRIVED, AppointmentStatus.FULFILLED)
            one = VisitCounts(not is_cancelled, came, status is AppointmentStatus.NOSHOW, is_cancelled)
            naive.setdefault(day, VisitCounts()).add(one)
    assert found == dict(sorted(naive.items()))


def test_no_shows_are_a_share_of_the_visits_that_were_marked() -> None:
    assert VisitCounts(due=10, came=3, missed=1).missed_share == 0.25
    assert VisitCounts(due=10).missed_share is None
