"""A message's cascade in its row, and what providers tell in its deliveries. Works in the caller's transaction, row locked."""

from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from voicebot.clinic.tables import MessageRow, MessageStatus
from voicebot.messages.cascade import Accepted, NotReached, Reached, State, advance
from voicebot.messages.senders.sender import ReceiptStatus
from voicebot.messages.tables import DeliveryRow, DeliveryStatus, EarlyReceiptRow

#: What an attempt costs in roubles: (provider, channel, parts, status).
Price = Callable[[str, str, int, str], Decimal]

_NOT_TOLD = (DeliveryStatus.SENDING.value, DeliveryStatus.UNCERTAIN.value)
_REACHED = (DeliveryStatus.DELIVERED.value, DeliveryStatus.READ.value)


def locked(session: Session, message_id: int) -> MessageRow | None:
    """The row, locked for the rest of the transaction."""
    return session.get(MessageRow, message_id, with_for_update=True, populate_existing=True)


def state_of(row: MessageRow) -> State | None:
    """Where the message stands; None before it was looked at for the first time."""
    return None if row.cascade is None else msgspec.convert(row.cascade, State, strict=False)


def write(row: MessageRow, state: State, now: datetime) -> None:
    """Keep a new state."""
    plain: dict[str, Any] = msgspec.to_builtins(state)
    row.cascade = plain
    row.due_at = state.due_at
    row.reason = state.reason
    if state.is_done:
        row.status = state.outcome.value
        row.done_at = row.done_at or now
    else:
        row.status = (MessageStatus.UNDERWAY if state.attempts else MessageStatus.QUEUED).value


def charge(delivery: DeliveryRow, price: Price) -> None:
    """Set what an attempt costs as things stand now."""
    roubles = price(delivery.provider, delivery.channel, delivery.parts, delivery.status)
    delivery.price_kopecks = int((roubles * 100).to_integral_value(ROUND_HALF_UP))


def accepted(
    session: Session, delivery: DeliveryRow, state: State, provider_id: str, parts: int, price: Price, now: datetime
) -> State:
    """Note that a provider took an attempt over; receipts that were quicker count now."""
    if delivery.status not in _NOT_TOLD:
        return state  # a receipt under our key came first
    delivery.status, delivery.provider_id, delivery.parts = DeliveryStatus.ACCEPTED.value, provider_id, parts
    delivery.accepted_at = now
    charge(delivery, price)
    state, _ = advance(state, Accepted(delivery.attempt), now)
    of_this = (EarlyReceiptRow.provider == delivery.provider) & (EarlyReceiptRow.provider_id == provider_id)
    early = session.scalars(select(EarlyReceiptRow).where(of_this).order_by(EarlyReceiptRow.id)).all() if provider_id else []
    for one in early:
        state = told(delivery, state, ReceiptStatus(one.status), one.at, one.reason, price, now)
    if early:
        session.execute(delete(EarlyReceiptRow).where(EarlyReceiptRow.id.in_([one.id for one in early])))
    return state


def told(
    delivery: DeliveryRow, state: State, status: ReceiptStatus, at: datetime, reason: str, price: Price, now: datetime
) -> State:
    """Note a receipt. Twice, late or in the wrong order it does no harm: what was delivered stays delivered."""
    if delivery.status in _NOT_TOLD:  # it was taken over after all
        delivery.status, delivery.accepted_at = DeliveryStatus.ACCEPTED.value, at
        state, _ = advance(state, Accepted(delivery.attempt), now)
    if status.has_reached:
        delivery.delivered_at = delivery.delivered_at or at
        delivery.ended_at, delivery.reason = None, ""
        if status is ReceiptStatus.READ:
            delivery.read_at = delivery.read_at or at
        if delivery.status != DeliveryStatus.READ:
            delivery.status = (DeliveryStatus.READ if status is ReceiptStatus.READ else DeliveryStatus.DELIVERED).value
        state, _ = advance(state, Reached(delivery.attempt, status is ReceiptStatus.READ), now)
    elif status.is_final and delivery.status not in _REACHED:
        delivery.status, delivery.ended_at, delivery.reason = DeliveryStatus.UNDELIVERED.value, at, reason[:64]
        state, _ = advance(state, NotReached(delivery.attempt), now)
    charge(delivery, price)
    return state
