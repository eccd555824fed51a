"""Texts for Alice: no more than 1024 characters at once, cut where a sentence ends, the rest on «дальше»."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from voicebot.channels.alice_protocol import TEXT_LIMIT

#: What is added where something is left to say.
MORE = "Сказать дальше?"
_MORE_SPOKEN = "Сказ+ать д+альше?"
_ROOM = TEXT_LIMIT - len(_MORE_SPOKEN) - 1

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_MARKS = re.compile(r"\+(?=[аеёиоуыэюя])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch that is shown and spoken at once."""

    text: str
    tts: str


def pieces(messages: Iterable[tuple[str, str]]) -> tuple[Piece, ...]:
    """Cut (written, spoken) messages into replies; all but the last end with MORE. `spoken` "": as it is written.

    What cannot be cut alike in both forms (other sentences, by number) is shown as it is spoken, without its marks.
    """
    found: list[Piece] = []
    text, tts = "", ""
    for written, spoken in _sentences(messages):
        if text and (len(text) + 1 + len(written) > _ROOM or len(tts) + 1 + len(spoken) > _ROOM):
            found.append(Piece(text, tts))
            text, tts = "", ""
        text, tts = f"{text} {written}".strip(), f"{tts} {spoken}".strip()
    if text:
        found.append(Piece(text, tts))
    *long, last = found or [Piece("", "")]
    return (*(Piece(f"{one.text} {MORE}", f"{one.tts} {_MORE_SPOKEN}") for one in long), last)


def unmarked(spoken: str) -> str:
    """The spoken form without stress marks."""
    return _MARKS.sub("", spoken)


def _sentences(messages: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for written, spoken in messages:
        written, spoken = " ".join(written.split()), " ".join((spoken or written).split())
        written = written or unmarked(spoken)
        if not written:
            continue
        shown, heard = _SENTENCE_END.split(written), _SENTENCE_END.split(spoken)
        if len(shown) != len(heard):
            if len(written) <= _ROOM and len(spoken) <= _ROOM:
                yield written, spoken  # short enough to stay whole
                continue
            shown = [unmarked(one) for one in heard]
        for one, other in zip(shown, heard, strict=True):
            yield from _within_the_room(one, other)


def _within_the_room(written: str, spoken: str) -> Iterable[tuple[str, str]]:
    """A sentence of more than a whole reply (a long list) is cut at words, shown as it is spoken."""
    if len(written) <= _ROOM and len(spoken) <= _ROOM:
        yield written, spoken
        return
    line = ""
    for word in spoken.split():
        for part in (word[start : start + _ROOM] for start in range(0, len(word), _ROOM)):
            if line and len(line) + 1 + len(part) > _ROOM:
                yield unmarked(line), line
                line = ""
            line = f"{line} {part}".strip()
    if line:
        yield unmarked(line), line
