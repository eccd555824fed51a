"""A message as the submit_sm bodies that carry it. Pure."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Literal

from voicebot.messages.senders.sender import Outgoing
from voicebot.messages.senders.smpp.pdu import Address, PduError, ShortMessage, Tag
from voicebot.messages.sms_text import encode, encode_as, split

#: A text of several SMS goes as joined parts, each a submit of its own, or whole: then the provider cuts it.
LongTexts = Literal["parts", "payload"]

_UDH_INDICATOR = 0x40
_RECEIPT_WANTED = 1  # 5.2.17: of success and of failure
_MOST_PARTS = 255


def short_messages(
    outgoing: Outgoing, source: str, now: datetime, long_texts: LongTexts, references: Iterator[int]
) -> list[ShortMessage]:
    """Raises PduError: no SMS can be made of it. `references` gives each long text the number that joins its parts."""
    alphabet, octets = encode(outgoing.text)
    tlvs = {int(Tag.USER_MESSAGE_REFERENCE): reference_of(outgoing.key).to_bytes(2, "big")}
    base = ShortMessage(
        source=Address.of(source),
        destination=Address.of(outgoing.address),
        data_coding=alphabet.value,
        registered_delivery=_RECEIPT_WANTED,
        validity=validity(outgoing.expires_at, now),
        tlvs=tlvs,
    )
    parts = list(split(outgoing.text))
    if len(parts) == 1:
        return [replace(base, message=octets)]
    if long_texts == "payload":
        return [replace(base, tlvs=tlvs | {int(Tag.MESSAGE_PAYLOAD): octets})]
    if len(parts) > _MOST_PARTS:
        raise PduError(f"a text of {len(parts)} parts")
    together = next(references) % 256
    return [
        replace(
            base,
            message=bytes((5, 0, 3, together, len(parts), number)) + encode_as(part, alphabet),
            esm_class=_UDH_INDICATOR,
        )
        for number, part in enumerate(parts, start=1)
    ]


def reference_of(key: str) -> int:
    """A number of 16 bits from our key: some providers show it in their reports."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=2).digest(), "big")


def validity(expires_at: datetime | None, now: datetime) -> str:
    """The relative form of 7.1.1: days, hours, minutes and seconds from now; "" lets the provider choose."""
    if expires_at is None:
        return ""
    seconds = min(max(int((expires_at - now).total_seconds()), 60), 28 * 86_400)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{day:02}{hour:02}{minute:02}{second:02}000R"
