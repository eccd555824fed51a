"""A clinic's messages in virtual time: providers that fail in every way, processes that die anywhere, patients who cancel."""

import atexit
import random
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import event, select

from voicebot.clinic.tables import AppointmentRow, ContactPointRow, MessageRow, PatientRow, SlotRow
from voicebot.clock import VirtualClock
from voicebot.messages.courier import Courier
from voicebot.messages.intents import Means
from voicebot.messages.receipts import Receipts
from voicebot.messages.rendered import Rendered
from voicebot.messages.senders.sender import (
    Accepted,
    Channel,
    Outgoing,
    Receipt,
    ReceiptStatus,
    Refused,
    SendFailure,
    Throttled,
    Unavailable,
    Uncertain,
)
from voicebot.messages.tables import DeliveryRow
from voicebot.reminders.planner import Planner
from voicebot.reminders.planning import rules_of
from voicebot.settings import Cascade, Reminders
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Taken:
    """A message that a provider has really taken over, and so delivers."""

    key: str
    message_id: int
    template: str
    at: datetime
    requests: int = 1


@dataclass
class Faults:
    """Shares of sends, 0..1. `cut`: no answer, taken or not in equal parts."""

    throttled: float = 0.0
    away: float = 0.0
    cut: float = 0.0
    refused: float = 0.0
    lost_receipts: float = 0.0
    undelivered: float = 0.0
    receipt_seconds: tuple[float, float] = (1.0, 600.0)


@dataclass
class Provider:
    """A sender and what is behind it. With `is_idempotent` it knows a key again, as an HTTP provider does."""

    provider: str
    channel: Channel
    clock: VirtualClock
    rng: random.Random
    faults: Faults = field(default_factory=Faults)
    is_idempotent: bool = True
    taken: dict[str, Taken] = field(default_factory=dict)
    order: list[Taken] = field(default_factory=list)
    receipts: list[tuple[datetime, Receipt]] = field(default_factory=list)
    seen_at: list[datetime] = field(default_factory=list)

    async def open(self, listener: object) -> None: ...

    async def close(self) -> None: ...

    async def send(self, outgoing: Outgoing) -> Accepted:
        self.seen_at.append(self.clock.now())
        luck = self.rng.random()
        for share, failure in (
            (self.faults.throttled, Throttled("busy", self.rng.uniform(1, 120))),
            (self.faults.away, Unavailable("away")),
            (self.faults.refused, Refused("never")),
        ):
            if luck < share:
                raise failure
            luck -= share
        if luck < self.faults.cut:
            if self.rng.random() < 0.5:
                self.take(outgoing)
            raise Uncertain("cut")
        return Accepted(self.provider, self.take(outgoing), 1)

    def take(self, outgoing: Outgoing) -> str:
        known = self.taken.get(outgoing.key) if self.is_idempotent else None
        if known is not None:
            known.requests += 1
            return f"id-{known.key}"
        one = Taken(outgoing.key, outgoing.message_id, outgoing.template, self.clock.now())
        provider_id = f"id-{outgoing.key}" if self.is_idempotent else f"id-{len(self.order)}"
        self.order.append(one)
        self.taken[outgoing.key] = one
        self._tell(provider_id)
        return provider_id

    def _tell(self, provider_id: str) -> None:
        if self.rng.random() < self.faults.lost_receipts:
            return
        at = self.clock.now() + timedelta(seconds=self.rng.uniform(*self.faults.receipt_seconds))
        status = ReceiptStatus.UNDELIVERED if self.rng.random() < self.faults.undelivered else ReceiptStatus.DELIVERED
        for _ in range(self.rng.choice((1, 1, 1, 2))):  # some come twice
            self.receipts.append((at, Receipt(self.provider, provider_id, status, at)))

    def due_receipts(self) -> list[Receipt]:
        now = self.clock.now()
        due = [one for at, one in self.receipts if at <= now]
        self.receipts = [(at, one) for at, one in self.receipts if at > now]
        return due


@dataclass
class Senders:
    """A route: the first provider first, unless it was just found away."""

    senders: Sequence[Provider]
    noted: Counter[tuple[str, str]] = field(default_factory=Counter)

    def order(self) -> Sequence[Provider]:
        return self.senders

    def begin(self, provider: str) -> None:
        self.noted[provider, "begun"] += 1

    def note(self, provider: str, failure: SendFailure | None, seconds: float) -> None:
        assert seconds >= 0
        self.noted[provider, type(failure).__name__] += 1


class Texts:
    """Every template in every channel."""

    def __init__(self, channels: Sequence[Channel] = tuple(Channel)) -> None:
        self._channels = frozenset(channels)

    def channels(self, template: str) -> frozenset[Channel]:
        return self._channels

    def render(
        self, template: str, channel: Channel, values: Mapping[str, Any], *, dialog_id: str = "", is_detailed: bool = False
    ) -> Rendered:
        return Rendered(template, channel, f"{template} {values.get('start', '')}")


def price(provider: str, channel: str, parts: int, status: str) -> Decimal:
    """An SMS costs from its acceptance, a messenger's message when it is delivered."""
    if channel == "sms":
        return Decimal("2.35") * parts
    return Decimal("0.80") if status in ("delivered", "read") else Decimal(0)


def fast_database(folder: Path) -> Database:
    """A database in which a power cut would cost something: a test has none."""
    shutil.copy(_template(), folder / "world.db")
    database = open_database(f"sqlite:///{folder / 'world.db'}")

    @event.listens_for(database.engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    database.engine.dispose()
    return database


@cache
def _template() -> Path:
    """An empty database with all tables."""
    folder = tempfile.mkdtemp(prefix="voicebot-world-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "empty.db"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@dataclass
class World:
    """Everything together. `zones`: branch -> time zone."""

    database: Database
    clock: VirtualClock
    rng: random.Random
    routes: Mapping[Channel, Senders]
    zones: Mapping[str, str]
    cascade: Cascade = field(default_factory=Cascade)
    reminders: Reminders = field(default_factory=Reminders)
    crash_share: float = 0.0
    crashes: Counter[str] = field(default_factory=Counter)
    names: int = 0
    told: list[tuple[int, datetime]] = field(default_factory=list)  # message, when we heard that it was delivered

    def __post_init__(self) -> None:
        self.means = Means(self.routes, Texts(), price, lambda branch: self.zones.get(branch, "Europe/Moscow"), {})
        self.receipts = Receipts(self.database, self.clock, price)
        self.rules = rules_of(self.reminders, self.cascade)
        self.planner = self.new_planner()

    def new_planner(self) -> Planner:
        return Planner(self.database, self.clock, self.rules, self.means.zone_of, ZoneInfo("Europe/Moscow"))

    def courier(self) -> Courier:
        self.names += 1
        return Courier(self.database, self.clock, self.cascade, self.means, f"w{self.names}", self.at)

    def at(self, point: str) -> None:
        if self.rng.random() < self.crash_share:
            self.crashes[point] += 1
            raise Crash(point)

    @property
    def providers(self) -> list[Provider]:
        return [one for route in self.routes.values() for one in route.senders]

    def tell_receipts(self) -> None:
        for provider in self.providers:
            for receipt in provider.due_receipts():
                is_known = self.receipts.record(receipt)
                if is_known and receipt.status.has_reached:
                    self.told.append((self._message_of(receipt), self.clock.now()))

    def _message_of(self, receipt: Receipt) -> int:
        query = select(DeliveryRow.message_id).where(
            DeliveryRow.provider == receipt.provider, DeliveryRow.provider_id == receipt.provider_id
        )
        with self.database.session(is_readonly=True) as session:
            return session.scalar(query) or 0

    # -- the clinic -------------------------------------------------------------------------------------------------------

    def visits(self, starts: Sequence[tuple[datetime, datetime, str]], first_phone: int = 9160000000) -> list[int]:
        """Book visits (start, booked at, branch), each of its own patient; return their IDs."""
        with self.database.session() as session:
            made = []
            for number, (start, created_at, branch) in enumerate(starts):
                phone = f"+7{first_phone + number}"
                patient = PatientRow(phone=phone, surname="Ветрова", given="Анна", created_at=created_at)
                slot = SlotRow(
                    doctor_id=f"d{first_phone}-{number}", branch_id=branch, start=start, duration_minutes=30, status="busy"
                )
                session.add_all((patient, slot))
                session.flush()
                row = AppointmentRow(
                    slot_id=slot.id, patient_id=patient.id, doctor_id=slot.doctor_id, branch_id=branch, start=start,
                    duration_minutes=30, phone=phone, dialog_id="", created_at=created_at,
                )  # fmt: skip
                session.add(row)
                made.append(row)
            session.flush()
            return [row.id for row in made]

    def cancel(self, visit: int, reason: str = "") -> None:
        with self.database.session() as session:
            row = session.get_one(AppointmentRow, visit)
            row.status, row.cancelled_at, row.cancel_reason = "cancelled", self.clock.now(), reason

    def link(self, visit: int, system: str, value: str) -> None:
        with self.database.session() as session:
            phone = session.get_one(AppointmentRow, visit).phone
            now = self.clock.now()
            session.add(
                ContactPointRow(phone=phone, system=system, value=value, verified_at=now, consent_at=now, created_at=now)
            )

    # -- what came of it --------------------------------------------------------------------------------------------------

    def messages(self) -> dict[int, MessageRow]:
        with self.database.session(is_readonly=True) as session:
            return {row.id: row for row in session.scalars(select(MessageRow))}

    def deliveries(self) -> dict[int, list[DeliveryRow]]:
        found = defaultdict(list)
        with self.database.session(is_readonly=True) as session:
            for row in session.scalars(select(DeliveryRow).order_by(DeliveryRow.message_id, DeliveryRow.attempt)):
                found[row.message_id].append(row)
        return found

    def taken_of(self) -> dict[int, list[tuple[str, Taken]]]:
        """Message -> what providers really took over."""
        found = defaultdict(list)
        for provider in self.providers:
            for one in provider.order:
                found[one.message_id].append((provider.provider, one))
        return found


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
