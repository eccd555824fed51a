"""Messages to patients that wait to be sent: template and values, never a ready text. The one door for all of them.

`voicebot reminders run` renders and sends them (voicebot.messages.courier).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.clinic.failures import BadPhone, KeyReused
from voicebot.clinic.tables import MessageRow, MessageStatus
from voicebot.clock import Clock
from voicebot.russian.phones import parse_phone_digits
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands in the outbox. `phone` is E.164."""

    id: int
    template: str
    phone: str
    values: Mapping[str, Any]
    status: str


class Outbox:
    """Safe to use from many threads and processes at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def put(
        self,
        template: str,
        phone: str,
        values: Mapping[str, Any],
        dialog_id: str,
        key: str,
        *,
        appointment_id: int | None = None,
        branch_id: str = "",
        is_urgent: bool = True,
        channels: Sequence[str] | None = None,
        not_before: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> Message:
        """Queue a message; the same `key` again returns the same one. `values` are JSON. Raises BadPhone, KeyReused.

        See `enqueue` for the rest.
        """

        def work(session: Session) -> Message:
            return enqueue(
                session, self._clock.now(), template, phone, values, dialog_id, key, appointment_id=appointment_id,
                branch_id=branch_id, is_urgent=is_urgent, channels=channels, not_before=not_before, expires_at=expires_at,
            )  # fmt: skip

        message = self._database.run(work)
        log.info("message_queued", message_id=message.id, template=template, dialog_id=dialog_id)
        return message


def enqueue(
    session: Session,
    now: datetime,
    template: str,
    phone: str,
    values: Mapping[str, Any],
    dialog_id: str,
    key: str,
    *,
    appointment_id: int | None = None,
    branch_id: str = "",
    is_urgent: bool = True,
    channels: Sequence[str] | None = None,
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
) -> Message:
    """Queue a message in the caller's transaction.

    `appointment_id`: it is dropped when that visit is cancelled, moved or past. `is_urgent`: the patient waits for it now;
    otherwise it is sent by day only, on the clock of `branch_id`. `channels`: in this order, instead of the settings'.
    `expires_at`: of no use later. Times are aware.
    """
    number = parse_phone_digits(phone)
    if number is None:
        raise BadPhone
    row = session.scalar(select(MessageRow).where(MessageRow.key == key))
    if row is None:
        row = MessageRow(
            key=key,
            dialog_id=dialog_id,
            phone=number,
            template=template,
            values=dict(values),
            status=MessageStatus.QUEUED.value,
            created_at=now,
            appointment_id=appointment_id,
            branch_id=branch_id,
            is_urgent=is_urgent,
            channels=None if channels is None else list(channels),
            not_before=not_before,
            expires_at=expires_at,
            due_at=now if not_before is None else max(now, not_before),
        )
        session.add(row)
        session.flush()
    elif (row.template, row.phone) != (template, number):
        raise KeyReused
    return Message(row.id, row.template, row.phone, dict(row.values), row.status)
