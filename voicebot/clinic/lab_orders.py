"""Laboratory orders: whether one is ready. What came out is never here, so it can never be told."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import NotFound
from voicebot.clinic.tables import LabOrderRow
from voicebot.clock import Clock
from voicebot.russian.phones import parse_phone_digits
from voicebot.storage.database import Database, insert_missing


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """Whether an order is ready. `ready_at` (aware, clinic's zone): when it was or will be; None: unknown."""

    number: str
    is_ready: bool
    ready_at: datetime | None
    branch_id: str


@dataclass(frozen=True, slots=True)
class LabOrder:
    """An order as the laboratory's system hands it over. `phone` is E.164, `ready_at` aware."""

    number: str
    phone: str
    birth_date: date
    branch_id: str = ""
    ready_at: datetime | None = None


class LabOrders:
    """Reads and imports orders."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Clock) -> None:
        self._database = database
        self._catalogue = catalogue
        self._clock = clock

    def put(self, orders: Iterable[LabOrder]) -> int:
        """Import orders: new ones are added, known ones get their new time. Returns how many came in."""

        def work(session: Session) -> int:
            count = 0
            for order in orders:
                row = session.get(LabOrderRow, order.number)
                if row is None:
                    session.add(_row(order, self._clock.now()))
                else:
                    row.ready_at, row.branch_id = order.ready_at, order.branch_id
                    row.phone, row.birth_date = order.phone, order.birth_date
                count += 1
            return count

        return self._database.run(work)

    def status(self, number: str | None, phone: str | None, birth_date: date | None) -> OrderStatus:
        """Return an order's status by its number, or the latest of a patient by phone and birth date. NotFound: none such."""
        if number is not None:
            digits = "".join(character for character in number if character.isdigit())
            query = select(LabOrderRow).where(LabOrderRow.number == digits)
        else:
            known = parse_phone_digits(phone or "")
            if known is None or birth_date is None:
                raise NotFound("Neither an order's number nor a patient.")
            query = (
                select(LabOrderRow)
                .where(LabOrderRow.phone == known, LabOrderRow.birth_date == birth_date)
                .order_by(LabOrderRow.created_at.desc(), LabOrderRow.number.desc())
                .limit(1)
            )
        with self._database.session(is_readonly=True) as session:
            row = session.scalar(query)
            if row is None:
                raise NotFound("No such order.")
            now = self._clock.now()
            ready_at = None if row.ready_at is None else row.ready_at.astimezone(self._catalogue.zone)
            return OrderStatus(row.number, row.ready_at is not None and row.ready_at <= now, ready_at, row.branch_id)


def add_demo_orders(session: Session, catalogue: Catalogue, now: datetime) -> int:
    """Put the demonstration's orders in, once; return how many were new."""
    orders = [
        LabOrder(
            order.number,
            order.phone,
            order.birth_date,
            order.branch,
            None if order.ready_in_hours is None else now + timedelta(hours=order.ready_in_hours),
        )
        for order in catalogue.clinic.demo_orders
    ]
    return insert_missing(session, LabOrderRow, [_values(order, now) for order in orders])


def _values(order: LabOrder, now: datetime) -> dict[str, object]:
    return {
        "number": order.number,
        "phone": order.phone,
        "birth_date": order.birth_date,
        "branch_id": order.branch_id,
        "ready_at": order.ready_at,
        "created_at": now,
    }


def _row(order: LabOrder, now: datetime) -> LabOrderRow:
    return LabOrderRow(**_values(order, now))
