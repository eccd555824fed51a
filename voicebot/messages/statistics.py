"""What became of messages: by channel, provider and day. Read only; deliveries name nobody, so they outlive their messages."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import Integer, case, cast, func, select
from sqlalchemy.orm import Session

from voicebot.clinic.tables import MessageRow
from voicebot.messages.tables import DeliveryRow, DeliveryStatus
from voicebot.storage.database import Database

_REACHED = frozenset({DeliveryStatus.DELIVERED.value, DeliveryStatus.READ.value})
_FAILED = frozenset({DeliveryStatus.UNDELIVERED.value, DeliveryStatus.REFUSED.value})
#: Parts of an SMS whose template was never sent as one: two, as most of ours are.
USUAL_PARTS = 2.0


@dataclass(slots=True)
class Delivered:
    """Handings-over to providers. `unsent`: the provider was away; these are tried again and cost nothing.

    `seconds`: from being accepted until delivered, summed over `timed` of them. Money is in kopecks.
    """

    handed: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    unsent: int = 0
    parts: int = 0
    kopecks: int = 0
    seconds: float = 0.0
    timed: int = 0

    def add(self, other: "Delivered") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def waiting(self) -> int:
        """Accepted, and nothing was heard of them since."""
        return self.handed - self.delivered - self.failed

    @property
    def mean_seconds(self) -> float | None:
        return self.seconds / self.timed if self.timed else None

    @property
    def delivered_share(self) -> float | None:
        """Of those whose end is known, 0..1."""
        known = self.delivered + self.failed
        return self.delivered / known if known else None


@dataclass(slots=True)
class Deliveries:
    """Of a period. `messages`: template -> messages that were sent at all; `sms_parts`: template -> mean parts as an SMS."""

    days: dict[date, dict[str, Delivered]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Delivered)))
    channels: dict[str, Delivered] = field(default_factory=lambda: defaultdict(Delivered))
    providers: dict[tuple[str, str], Delivered] = field(default_factory=lambda: defaultdict(Delivered))
    messages: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    sms_parts: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> Delivered:
        found = Delivered()
        for one in self.channels.values():
            found.add(one)
        return found

    def sms_only_kopecks(self, part_kopecks: float) -> int:
        """What it would have cost to send each message once as an SMS."""
        parts = sum(count * self.sms_parts.get(template, USUAL_PARTS) for template, count in self.messages.items())
        return round(parts * part_kopecks)


def deliveries(session: Session, first: date, last: date, zone: tzinfo) -> Deliveries:
    """Return the figures of deliveries that began in a period; both days, of `zone`, are included."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    hour = _hour(DeliveryRow.created_at, is_sqlite=is_sqlite)
    is_timed = DeliveryRow.delivered_at.is_not(None) & DeliveryRow.accepted_at.is_not(None)
    seconds = _seconds_between(DeliveryRow.accepted_at, DeliveryRow.delivered_at, is_sqlite=is_sqlite)
    query = (
        select(
            hour, DeliveryRow.channel, DeliveryRow.provider, DeliveryRow.template, DeliveryRow.status, func.count(),
            func.sum(DeliveryRow.parts), func.sum(DeliveryRow.price_kopecks), func.sum(case((is_timed, seconds), else_=0.0)),
            func.sum(case((is_timed, 1), else_=0)), func.sum(case((DeliveryRow.attempt == 1, 1), else_=0)),
        )
        .where(DeliveryRow.created_at >= _midnight(first, zone))
        .where(DeliveryRow.created_at < _midnight(last + timedelta(days=1), zone))
        .group_by(hour, DeliveryRow.channel, DeliveryRow.provider, DeliveryRow.template, DeliveryRow.status)
    )  # fmt: skip
    found = Deliveries()
    sms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for began, channel, provider, template, status, count, parts, kopecks, spent, timed, firsts in session.execute(query):
        one = _counted(status, count, parts, kopecks, float(spent), timed)
        day = datetime.strptime(began, "%Y-%m-%d %H").replace(tzinfo=UTC).astimezone(zone).date()
        found.days[day][channel].add(one)
        found.channels[channel].add(one)
        found.providers[provider, channel].add(one)
        found.messages[template] += firsts
        if channel == "sms":
            sms[template][0] += parts
            sms[template][1] += count
    found.sms_parts = {template: parts / count for template, (parts, count) in sms.items() if count}
    return found


def _counted(status: str, count: int, parts: int, kopecks: int, seconds: float, timed: int) -> Delivered:
    if status == DeliveryStatus.UNSENT.value:
        return Delivered(unsent=count)
    return Delivered(
        handed=count,
        delivered=count if status in _REACHED else 0,
        read=count if status == DeliveryStatus.READ.value else 0,
        failed=count if status in _FAILED else 0,
        parts=parts,
        kopecks=kopecks,
        seconds=seconds,
        timed=timed,
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """One message to a patient, for whoever looks after him: what of, when, how it went. No text: it may be secret."""

    message_id: int
    template: str
    at: datetime
    status: str
    answer: str
    channel: str  # of the last attempt, "" while there was none
    delivered_at: datetime | None
    attempts: int


def messages_to(database: Database, phones: tuple[str, ...], since: datetime, limit: int = 30) -> tuple[Sent, ...]:
    """Return the messages to some phone numbers (E.164), the latest first."""
    if not phones:
        return ()
    query = (
        select(MessageRow)
        .where(MessageRow.phone.in_(phones), MessageRow.created_at >= since)
        .order_by(MessageRow.created_at.desc(), MessageRow.id.desc())
        .limit(limit)
    )

    def work(session: Session) -> tuple[Sent, ...]:
        rows = session.scalars(query).all()
        tries: dict[int, list[DeliveryRow]] = defaultdict(list)
        wanted = select(DeliveryRow).where(DeliveryRow.message_id.in_([row.id for row in rows])).order_by(DeliveryRow.attempt)
        for one in session.scalars(wanted):
            tries[one.message_id or 0].append(one)
        return tuple(_sent(row, tries[row.id]) for row in rows)

    return database.run(work, is_readonly=True)


def _sent(row: MessageRow, tries: list[DeliveryRow]) -> Sent:
    reached = next((one for one in reversed(tries) if one.delivered_at is not None), None)
    last = reached or (tries[-1] if tries else None)
    return Sent(
        message_id=row.id,
        template=row.template,
        at=row.created_at,
        status=row.status,
        answer=row.answer,
        channel="" if last is None else last.channel,
        delivered_at=None if reached is None else reached.delivered_at,
        attempts=len(tries),
    )


@dataclass(frozen=True, slots=True)
class OutboxState:
    """What waits to be sent now, for alarms. `oldest_seconds`: how long the longest-waiting is overdue."""

    waiting: int
    oldest_seconds: float


def outbox_state(session: Session, now: datetime) -> OutboxState:
    """Return how many messages are due and not done."""
    query = select(func.count(), func.min(MessageRow.due_at)).where(MessageRow.done_at.is_(None), MessageRow.due_at <= now)
    count, oldest = session.execute(query).one()
    return OutboxState(count, 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()))


def recent(session: Session, since: datetime) -> Mapping[tuple[str, str], Delivered]:
    """Return (channel, provider) -> what was handed over since."""
    query = (
        select(DeliveryRow.channel, DeliveryRow.provider, DeliveryRow.status, func.count())
        .where(DeliveryRow.created_at >= since)
        .group_by(DeliveryRow.channel, DeliveryRow.provider, DeliveryRow.status)
    )
    found: dict[tuple[str, str], Delivered] = defaultdict(Delivered)
    for channel, provider, status, count in session.execute(query):
        found[channel, provider].add(_counted(status, count, 0, 0, 0.0, 0))
    return found


# -- two databases -------------------------------------------------------------------------------------------------------


def _hour(column: Any, *, is_sqlite: bool) -> Any:
    """The hour in UTC, as "2026-11-23 06": zones differ by whole hours where there are clinics."""
    return func.substr(column, 1, 13) if is_sqlite else func.to_char(column, "YYYY-MM-DD HH24")


def _seconds_between(first: Any, last: Any, *, is_sqlite: bool) -> Any:
    if is_sqlite:
        return (func.julianday(last) - func.julianday(first)) * 86400.0
    return cast(func.extract("epoch", last - first) * 1000, Integer) / 1000.0


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)
