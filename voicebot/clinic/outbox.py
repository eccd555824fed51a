"""Messages to patients that wait to be sent: template and values, never a ready text. Rendering and sending come later."""

from collections.abc import Mapping
from dataclasses import dataclass
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

    def put(self, template: str, phone: str, values: Mapping[str, Any], dialog_id: str, key: str) -> Message:
        """Queue a message; the same `key` again returns the same one. `values` are JSON. Raises BadPhone, KeyReused."""
        number = parse_phone_digits(phone)
        if number is None:
            raise BadPhone

        def work(session: Session) -> Message:
            row = session.scalar(select(MessageRow).where(MessageRow.key == key))
            if row is None:
                row = MessageRow(
                    key=key,
                    dialog_id=dialog_id,
                    phone=number,
                    template=template,
                    values=dict(values),
                    status=MessageStatus.QUEUED.value,
                    created_at=self._clock.now(),
                )
                session.add(row)
                session.flush()
            elif (row.template, row.phone) != (template, number):
                raise KeyReused
            return Message(row.id, row.template, row.phone, dict(row.values), row.status)

        message = self._database.run(work)
        log.info("message_queued", message_id=message.id, template=template, dialog_id=dialog_id)
        return message
