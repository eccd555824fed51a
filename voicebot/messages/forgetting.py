"""What stays of messages that are gone: figures without an address."""

from collections.abc import Iterable

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from voicebot.clinic.tables import MessageRow
from voicebot.messages.tables import DeliveryRow

_SOME = 500
_PLAIN = {"synchronize_session": False}


def remove_messages(session: Session, ids: Iterable[int]) -> int:
    """Delete messages; return how many. Their deliveries lose the address and stay as figures."""
    wanted = sorted(ids)
    for first in range(0, len(wanted), _SOME):
        some = wanted[first : first + _SOME]
        of_these = DeliveryRow.message_id.in_(some)
        nameless = update(DeliveryRow).where(of_these).values(address="", provider_id="")
        session.execute(nameless, execution_options=_PLAIN)
        session.execute(delete(MessageRow).where(MessageRow.id.in_(some)), execution_options=_PLAIN)
    return len(wanted)
