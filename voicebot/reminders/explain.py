"""What was decided about a message or a visit, and why, in plain English. Nothing personal unless asked for."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.clinic.contact_points import points_of
from voicebot.clinic.tables import AppointmentRow, MessageRow
from voicebot.messages import progress
from voicebot.messages.guards import why_not
from voicebot.messages.planning import Considered, consider
from voicebot.messages.tables import DeliveryRow, DeliveryStatus
from voicebot.records.dialogs import mask_phone
from voicebot.reminders.planning import LeftOut, Planned, Rules, Visit, plan
from voicebot.reminders.several import SEVERAL, open_visits
from voicebot.reminders.tables import ReminderRow
from voicebot.settings import Cascade

_WHY = {
    "no_provider": "no provider is set for it",
    "no_text": "the template has no text for it",
    "no_address": "the patient has no address there",
    "no_consent": "the patient did not agree to be called",
    "withdrawn": "the patient wants nothing there any more",
    "refused_before": "its provider said that nothing gets there",
    "booked_too_late": "the visit was booked too shortly before it",
    "night": "no time by day is both late and early enough",
    "too_close": "it would come too soon after the one before",
    "visit_cancelled": "the visit was cancelled",
    "visit_moved": "the visit was moved",
    "visit_past": "the visit has begun or is over",
    "visit_gone": "the visit is not in the diary any more",
    "too_late": "it was too late to be of use",
    "no_channel": "no channel was left",
    "undelivered": "no channel delivered it",
    "provider_away": "no provider worked in time",
    "no_template": "its template is missing or wrong",
    "bad_text": "the template could not be filled in",
}
_STATUS = {
    DeliveryStatus.SENDING: "was about to be sent; no result is written down: the process may be at it, or has died",
    DeliveryStatus.UNCERTAIN: "perhaps taken over: the connection broke or the process died before the answer",
    DeliveryStatus.ACCEPTED: "taken over; no receipt yet",
    DeliveryStatus.DELIVERED: "delivered",
    DeliveryStatus.READ: "delivered and read",
    DeliveryStatus.UNDELIVERED: "not delivered, by its receipt",
    DeliveryStatus.REFUSED: "refused by the provider",
    DeliveryStatus.UNSENT: "surely not taken over: the provider was away or too busy",
}


def why(code: str) -> str:
    """Return a reason in words; an unknown code as it is."""
    return _WHY.get(code, code.replace("_", " "))


class Explainer:
    """Reads everything known about a message or a visit. `texts_of`: channels that a template has texts for."""

    def __init__(
        self,
        cascade: Cascade,
        rules: Rules,
        zone_of: Callable[[str], str],
        routes: Sequence[str],
        texts_of: Callable[[str], Sequence[str]],
        *,
        is_personal: bool = False,
    ) -> None:
        self._cascade = cascade
        self._rules = rules
        self._zone_of = zone_of
        self._routes = routes
        self._texts_of = texts_of
        self._is_personal = is_personal

    def message(self, session: Session, message_id: int, now: datetime) -> list[str]:
        """Return the story of a message, a line a decision; empty when there is none of that number."""
        row = session.get(MessageRow, message_id)
        return [] if row is None else list(self._message(session, row, now))

    def visit(self, session: Session, appointment_id: int, now: datetime) -> list[str]:
        """Return what is planned and was done about a visit; empty when there is none of that number."""
        row = session.get(AppointmentRow, appointment_id)
        return [] if row is None else list(self._visit(session, row, now))

    def considered(self, session: Session, row: MessageRow) -> Sequence[Considered]:
        return consider(row, self._cascade, points_of(session, row.phone), self._texts_of(row.template), self._routes)

    def _message(self, session: Session, row: MessageRow, now: datetime) -> Iterator[str]:
        zone = ZoneInfo(self._zone_of(row.branch_id))
        to = row.phone if self._is_personal else mask_phone(row.phone)
        yield f"Message {row.id}: {row.template} to {to}, queued {_at(row.created_at, zone)}, now {row.status}."
        yield (
            "It is urgent: the patient waits for it, it is sent at night too."
            if row.is_urgent
            else f"It is sent between {self._cascade.day} only, on the clock of {zone.key}."
        )
        if row.expires_at is not None:
            yield f"It is of no use after {_at(row.expires_at, zone)}."
        if row.appointment_id is not None:
            reason = why_not(session, row.appointment_id, row.values.get("start"), now)
            yield f"It is about visit {row.appointment_id}: {why(reason) if reason else 'booked, ahead'}."
        if row.template == SEVERAL:
            ahead = len(open_visits(session, row, now))
            yield f"It is about {len(row.values['visits'])} visits of one number, {ahead} of them ahead."
        for number, one in enumerate(self.considered(session, row), start=1):
            wait = self._cascade.wait_seconds.get(one.channel)
            limit = f"next after {wait / 60:.0f} min without delivery" if wait else "next when late"
            yield f"  {number}. {one.channel}: " + (f"left out, {why(one.why_not)}" if one.why_not else limit)
        query = select(DeliveryRow).where(DeliveryRow.message_id == row.id).order_by(DeliveryRow.attempt)
        for delivery in session.scalars(query):
            yield from _attempt(delivery, zone)
        if row.answer:
            yield f"The patient answered: {row.answer}, {_at(row.answered_at, zone)}."
        if row.done_at is not None:
            because = f", because {why(row.reason)}" if row.reason else ""
            yield f"Ended {_at(row.done_at, zone)}: {row.status}{because}."
            return
        state = progress.state_of(row)
        if state is None:
            yield f"Nothing was decided yet; it is looked at {_at(row.due_at, zone)}."
        else:
            step = state.step
            yield f"Now at {step.channel if step else 'the end'}: {state.phase.value}; looked at again {_at(row.due_at, zone)}."
        if row.claimed_until is not None:
            whose = "works on it" if row.claimed_until > now else "has died over it"
            yield f"{row.claimed_by} {whose} (lease until {_at(row.claimed_until, zone)})."

    def _visit(self, session: Session, row: AppointmentRow, now: datetime) -> Iterator[str]:
        zone = ZoneInfo(self._zone_of(row.branch_id))
        booked = _at(row.created_at, zone)
        yield f"Visit {row.id}: {_at(row.start, zone)} at branch {row.branch_id}, {row.status}, booked {booked}."
        off = why_not(session, row.id, None, now)
        if off:
            yield f"Nobody is reminded of it any more: {why(off)}."
        if row.confirmed_at is not None:
            yield f"The patient confirmed it {_at(row.confirmed_at, zone)}."
        query = select(ReminderRow).where(ReminderRow.appointment_id == row.id).order_by(ReminderRow.planned_at)
        done = {(reminder.step, reminder.start): reminder for reminder in session.scalars(query)}
        for one in plan(Visit(row.id, row.start, row.created_at, zone), self._rules):
            reminder = done.pop((one.step.name, row.start), None)
            yield f"  {one.step.name} before: {planned_words(one, zone, is_done=reminder is not None, now=now)}."
            if reminder is not None and reminder.answer:
                by = f" by {reminder.answered_by}" if reminder.answered_by else ""
                yield f"    answered: {reminder.answer}{by}, {_at(reminder.answered_at, zone)}"
            if reminder is not None and reminder.message_id is not None:
                yield from (f"    {line}" for line in self.message(session, reminder.message_id, now))
        for reminder in done.values():
            yield f"  {reminder.step} before {_at(reminder.start, zone)}, where the visit was: message {reminder.message_id}."


def planned_words(one: Planned | LeftOut, zone: tzinfo, *, is_done: bool, now: datetime) -> str:
    """Return what is planned for a step, in words."""
    if isinstance(one, LeftOut):
        return f"left out, {why(one.why)}"
    moved = one.moved_by.total_seconds() / 3600
    because = "" if not moved else f" ({abs(moved):.1f} h {'later' if moved > 0 else 'earlier'}: not at night)"
    if is_done:
        return f"due {_at(one.at, zone)}{because}, queued"
    if now >= one.until:
        return f"was due {_at(one.at, zone)}{because}, and was not sent: nothing ran until {_at(one.until, zone)}"
    return f"due {_at(one.at, zone)}{because}, of use until {_at(one.until, zone)}"


def _attempt(row: DeliveryRow, zone: tzinfo) -> Iterator[str]:
    reason = f" ({row.reason})" if row.reason else ""
    status = _STATUS.get(DeliveryStatus(row.status), row.status)
    yield f"  {_at(row.created_at, zone)} by {row.channel}, {row.provider}: {status}{reason}."
    if row.tries > 1:
        yield f"    handed over {row.tries} times under one key: the process died, or no answer came"
    if row.delivered_at is not None:
        yield f"    delivered {_at(row.delivered_at, zone)}" + (f", read {_at(row.read_at, zone)}" if row.read_at else "")
    if row.price_kopecks:
        yield f"    {row.parts} part(s), {row.price_kopecks / 100:.2f} roubles"


def _at(at: datetime | None, zone: tzinfo) -> str:
    return "never" if at is None else f"{at.astimezone(zone):%d.%m %H:%M}"
