"""Delivery receipts in deliver_sm: by optional parameters where they are there, else by the text of appendix B. Pure.

Providers differ in everything: letters large or small, fields left out, IDs hexadecimal in the response and decimal in the
receipt, dates with and without seconds. Whatever is not understood is no receipt, never an error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from voicebot.messages.senders.sender import ReceiptStatus
from voicebot.messages.senders.smpp.pdu import ShortMessage, Tag

#: How a provider writes the same ID in submit_sm_resp and in its receipts.
IdForm = Literal["same", "decimal", "hex_then_decimal"]

_RECEIPT_CLASS = 0x04  # 5.2.12: bits 5..2 of esm_class, 0001: a delivery receipt
_INTERMEDIATE_CLASS = 0x20
_CLASS_MASK = 0x3C

_STATES: Mapping[int, ReceiptStatus] = {  # 5.2.28
    1: ReceiptStatus.SENT,
    2: ReceiptStatus.DELIVERED,
    3: ReceiptStatus.EXPIRED,
    4: ReceiptStatus.UNDELIVERED,
    5: ReceiptStatus.UNDELIVERED,
    6: ReceiptStatus.SENT,
    8: ReceiptStatus.REJECTED,
}
_WORDS: Mapping[str, ReceiptStatus] = {
    "ENROUTE": ReceiptStatus.SENT,
    "ACCEPTD": ReceiptStatus.SENT,
    "ACCEPTED": ReceiptStatus.SENT,
    "BUFFERED": ReceiptStatus.QUEUED,
    "DELIVRD": ReceiptStatus.DELIVERED,
    "DELIVERED": ReceiptStatus.DELIVERED,
    "READ": ReceiptStatus.READ,
    "SEEN": ReceiptStatus.READ,
    "EXPIRED": ReceiptStatus.EXPIRED,
    "DELETED": ReceiptStatus.UNDELIVERED,
    "UNDELIV": ReceiptStatus.UNDELIVERED,
    "UNDELIVERABLE": ReceiptStatus.UNDELIVERED,
    "FAILED": ReceiptStatus.UNDELIVERED,
    "REJECTD": ReceiptStatus.REJECTED,
    "REJECTED": ReceiptStatus.REJECTED,
}
_FIELD = re.compile(r"\b(id|sub|dlvrd|submit date|done date|stat|err)\s*:\s*([^\s]*)", re.IGNORECASE)
_TEXT = re.compile(r"\btext\s*:", re.IGNORECASE)
_LONGEST_DELAY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """What a receipt says. `at`: aware, none where it says nothing believable."""

    message_id: str
    status: ReceiptStatus
    at: datetime | None
    error: str


def is_receipt(message: ShortMessage) -> bool:
    return message.esm_class & _CLASS_MASK in (_RECEIPT_CLASS, _INTERMEDIATE_CLASS)


def read_receipt(message: ShortMessage, now: datetime, zone: ZoneInfo) -> DeliveryReceipt | None:
    """Return what a receipt says; None where it names no message or no state that we know."""
    written = _TEXT.split(message.octets.decode("latin-1"), maxsplit=1)[0]  # behind it stand the patient's own words
    fields = {name.lower(): value for name, value in _FIELD.findall(written)}
    by_tag = message.tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").split(b"\0")[0].decode("latin-1")
    message_id = by_tag or fields.get("id", "")
    state = message.tlvs.get(Tag.MESSAGE_STATE, b"")
    status = _STATES.get(state[0]) if len(state) == 1 else None
    if status is None:
        status = _WORDS.get(fields.get("stat", "").upper())
    if not message_id or status is None:
        return None
    error = fields.get("err", "")
    return DeliveryReceipt(message_id, status, _moment(fields.get("done date", ""), now, zone), error[:16])


def _moment(digits: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """YYMMDDhhmm with or without seconds, in the provider's zone."""
    for form, length in (("%y%m%d%H%M", 10), ("%y%m%d%H%M%S", 12)):
        if len(digits) != length or not digits.isdigit():
            continue
        try:
            at = datetime.strptime(digits, form).replace(tzinfo=zone)
        except ValueError:
            return None
        is_believable = now - _LONGEST_DELAY <= at <= now + timedelta(minutes=5)
        return at if is_believable else None
    return None


def submitted_id(message_id: str, form: IdForm) -> str:
    """The ID of a response, in the form that receipts have."""
    if form == "hex_then_decimal":
        return _number(message_id, 16)
    return _number(message_id, 10) if form == "decimal" else message_id


def receipted_id(message_id: str, form: IdForm) -> str:
    """The ID of a receipt, in the same form."""
    return message_id if form == "same" else _number(message_id, 10)


def _number(text: str, base: int) -> str:
    try:
        return str(int(text, base))
    except ValueError:
        return text
