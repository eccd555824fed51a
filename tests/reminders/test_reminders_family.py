"""Visits of a family: one number, several patients, one message where one can be; answers are never about the wrong visit."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from reminder_world import Provider, Senders, World, fast_database, utc
from sqlalchemy import select

from voicebot.clinic.contact_points import ContactPoints
from voicebot.clinic.tables import AppointmentRow, MessageRow
from voicebot.clock import VirtualClock
from voicebot.messages.courier import Courier
from voicebot.messages.senders.sender import Accepted, Channel, Outgoing
from voicebot.reminders.answers import Answers
from voicebot.reminders.explain import Explainer
from voicebot.reminders.outcomes import Outcomes
from voicebot.reminders.planner import Planner
from voicebot.reminders.several import SEVERAL, Several, several_guard
from voicebot.reminders.tables import ReminderRow

NOW = utc(2026, 11, 23, 9)  # Monday, 12:00 in Moscow
PHONE = "+79160000000"
HOUR = timedelta(hours=1)


@dataclass
class Noting(Provider):
    """Remembers what it sent; `values` of the template are put there by `Texts` below."""

    sent: list[Outgoing] | None = None

    async def send(self, outgoing: Outgoing) -> Accepted:
        self.sent = [*(self.sent or []), outgoing]
        return await super().send(outgoing)


class Family:
    """A world in which all visits are of one number."""

    def __init__(self, folder: Path, several: Several | None) -> None:
        clock, rng = VirtualClock(NOW), random.Random(1)
        self.sms = Noting("main", Channel.SMS, clock, rng)
        self.world = World(fast_database(folder), clock, rng, {Channel.SMS: Senders([self.sms])}, {})
        self.means = replace(self.world.means, guards={SEVERAL: several_guard})
        self.planner = Planner(
            self.world.database, clock, self.world.rules, self.means.zone_of, ZoneInfo("Europe/Moscow"), several
        )

    def book(self, *hours: float, phone: str = PHONE, branch: str = "north", hours_ago: float = 120) -> list[int]:
        visits = self.world.visits(
            [(NOW + one * HOUR, NOW - hours_ago * HOUR, branch) for one in hours], first_phone=self.world.rng.randrange(10**10)
        )
        with self.world.database.session() as session:
            for one in visits:
                session.get_one(AppointmentRow, one).phone = phone
        return visits

    def send(self) -> None:
        self.planner.tick()
        asyncio.run(Courier(self.world.database, self.world.clock, self.world.cascade, self.means).tick())

    def told(self) -> list[tuple[str, list[int]]]:
        """The messages: template, and the visits that each is about."""
        with self.world.database.session(is_readonly=True) as session:
            rows = session.execute(
                select(ReminderRow.message_id, ReminderRow.appointment_id).order_by(ReminderRow.message_id, ReminderRow.id)
            ).all()
        messages = self.world.messages()
        return [
            (messages[one].template, [visit for message, visit in rows if message == one])
            for one in dict.fromkeys(message for message, _ in rows)
        ]


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    one = Family(tmp_path, Several(frozenset({"sms"})))
    yield one
    one.world.database.close()


def test_a_days_visits_of_one_number_are_one_message(family: Family) -> None:
    first, second, evening = family.book(24, 24.5, 30)
    stranger = family.book(24, phone="+79169999999")[0]
    elsewhere = family.book(24, branch="south")[0]
    next_day = family.book(46)[0]
    family.send()
    assert sorted(family.told()) == [
        ("reminder_day", [stranger]), ("reminder_day", [elsewhere]), (SEVERAL, [first, second, evening]),
    ]  # fmt: skip
    family.send()
    assert len(family.world.messages()) == 3  # once
    family.world.clock.advance(22 * 3600)
    family.planner.tick()
    assert ("reminder_day", [next_day]) in family.told()


def test_shortly_before_only_visits_close_to_each_other_are_told_together(family: Family) -> None:
    first, second, later = family.book(3, 4, 8, hours_ago=6)
    family.send()
    assert family.told() == [(SEVERAL, [first, second])]
    family.world.clock.advance(5 * 3600)
    family.send()
    assert family.told()[1:] == [("reminder_hours", [later])]


def test_who_was_booked_just_now_waits_for_his_own_time(family: Family) -> None:
    family.book(24)
    late = family.book(26.5, hours_ago=0.2)
    family.send()
    assert family.told() == [("reminder_day", [1])]
    family.world.clock.advance(2.5 * 3600)
    family.send()
    assert family.told()[1:] == [("reminder_day", late)]


def test_at_most_four_in_a_message(family: Family) -> None:
    visits = family.book(24, 24, 24, 24, 24, 24.5)
    family.send()
    assert [len(of) for template, of in family.told() if template == SEVERAL] == [4, 2]
    assert sorted(visit for _, of in family.told() for visit in of) == visits


def test_a_clinic_without_such_a_text_goes_on_as_before(tmp_path: Path) -> None:
    one = Family(tmp_path, None)
    visits = one.book(24, 24.5)
    one.send()
    assert one.told() == [("reminder_day", visits[:1])]
    one.world.database.close()


def test_who_can_only_be_called_is_called_about_each_visit_in_its_time(family: Family) -> None:
    points = ContactPoints(family.world.database, family.world.clock)
    points.withdraw(PHONE, "sms")
    points.link(PHONE, "call", has_consent=True)
    visits = family.book(24, 24.5)
    family.planner.tick()
    assert family.told() == [("reminder_day", visits[:1])]


def test_what_is_off_by_then_is_not_told(family: Family) -> None:
    first, second, third = family.book(24, 24.5, 25)
    family.planner.tick()
    family.world.cancel(second)
    family.send()
    (sent,) = family.sms.sent or []
    assert [one["appointment_id"] for one in _values(family, sent)["visits"]] == [first, third]
    with family.world.database.session(is_readonly=True) as session:
        explainer = Explainer(family.world.cascade, family.world.rules, family.means.zone_of, ["sms"], lambda _: ["sms"])
        assert "It is about 3 visits of one number, 2 of them ahead." in explainer.message(session, sent.message_id, NOW)


def _values(family: Family, sent: Outgoing) -> Any:
    """What the guard leaves of the message's values."""
    with family.world.database.session(is_readonly=True) as session:
        row = session.get_one(MessageRow, sent.message_id)
        verdict = several_guard(session, row, family.world.clock.now())
    return verdict.values  # type: ignore[union-attr]


def test_when_all_are_off_nothing_is_sent(family: Family) -> None:
    visits = family.book(24, 24.5)
    family.planner.tick()
    for one in visits:
        family.world.cancel(one)
    family.send()
    assert not family.sms.sent
    assert [row.reason for row in family.world.messages().values()] == ["visit_cancelled"]


def test_yes_confirms_all_that_are_left(family: Family) -> None:
    first, second, third = family.book(24, 24.5, 25)
    family.send()
    family.world.cancel(third)
    answers = Answers(family.world.database, family.world.clock)
    question = answers.open_question("sms", PHONE)
    assert question is not None
    assert (question.form, question.given) == (SEVERAL, {"appointment_ids": [first, second]})
    answers.note(question.message_id, "confirmed", "sms")
    with family.world.database.session(is_readonly=True) as session:
        confirmed = select(AppointmentRow.id).where(AppointmentRow.confirmed_at.is_not(None)).order_by(AppointmentRow.id)
        assert session.scalars(confirmed).all() == [first, second]


def test_the_last_one_that_is_left_is_asked_about_as_any_other(family: Family) -> None:
    first, second = family.book(24, 24.5)
    family.send()
    family.world.cancel(first)
    answers = Answers(family.world.database, family.world.clock)
    question = answers.open_question("sms", PHONE)
    assert question is not None
    assert (question.form, question.given) == ("reminder", {"appointment_id": second})
    family.world.cancel(second)
    assert answers.open_question("sms", PHONE) is None


def test_one_that_was_moved_says_nothing_of_the_others(family: Family) -> None:
    first, second = family.book(24, 24.5)
    family.send()
    family.world.clock.advance(60)
    answers = Answers(family.world.database, family.world.clock)
    question = answers.open_question("sms", PHONE)
    assert question is not None
    answers.note(question.message_id, "moved", "sms")
    family.world.cancel(second, "moved")
    Outcomes(family.world.database, family.world.clock).tick()
    with family.world.database.session(is_readonly=True) as session:
        rows = session.execute(select(ReminderRow.appointment_id, ReminderRow.answer)).all()
    assert dict(rows) == {first: "", second: "moved"}
