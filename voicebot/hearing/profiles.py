"""How long a silence ends the caller's turn, by the kind of question and by what was said so far.

A pause after "да" to a yes/no question is the end; the same pause after "восемь девятьсот" is somebody reading a
number off a card. So the wait depends on how well the words so far answer the question, and is settled from them.
"""

from dataclasses import dataclass

from voicebot.dialog.talking import Profile
from voicebot.hearing.backchannel import is_bare_refusal, promises_more

SETTLE_MS = 200
"""After so much silence the recogniser is asked what it has really got: partial results lag by its look-ahead."""

GOOD_FIT = 0.85
FAIR_FIT = 0.5


@dataclass(frozen=True, slots=True)
class Endpointing:
    """Silences that end a turn, in ms."""

    complete_ms: int
    """Nothing can be missing: eleven digits, a plain "да"."""

    fits_ms: int
    """The words answer the question well, more might come."""

    fair_ms: int
    """They answer it in part."""

    open_ms: int
    """There are words, but they do not answer the question (yet)."""

    cap_ms: int
    """Never longer, whatever was said (product.md: 2.5-3 s for dictated digits)."""

    unfinished_ms: int = 700
    """Added after words that promise more ("хочу к ...")."""

    refusal_ms: int = 220
    """Added after a bare "нет": the breath before "... лучше в пятницу" lasts some 450 ms."""


ENDPOINTING: dict[Profile, Endpointing] = {
    Profile.YES_NO: Endpointing(complete_ms=360, fits_ms=440, fair_ms=540, open_ms=740, cap_ms=1200),
    Profile.CHOICE: Endpointing(complete_ms=320, fits_ms=400, fair_ms=550, open_ms=750, cap_ms=1500),
    Profile.DATE: Endpointing(complete_ms=320, fits_ms=460, fair_ms=620, open_ms=800, cap_ms=1700),
    Profile.NAME: Endpointing(complete_ms=320, fits_ms=520, fair_ms=700, open_ms=900, cap_ms=2000),
    Profile.DIGITS: Endpointing(complete_ms=300, fits_ms=700, fair_ms=1200, open_ms=1500, cap_ms=2700, unfinished_ms=1000),
    Profile.FREE: Endpointing(complete_ms=360, fits_ms=460, fair_ms=660, open_ms=820, cap_ms=2000),
}


def needed_silence_ms(profile: Profile, text: str, fit: float, is_complete: bool) -> int:
    """Return the silence that ends the turn once `text` was said.

    `fit` (0..1) tells how well it answers the question. A dictated number waits longest while it is in part.
    """
    times = ENDPOINTING[profile]
    if is_complete:
        return times.complete_ms
    if fit >= GOOD_FIT:
        wait = times.fits_ms
    elif fit >= FAIR_FIT:
        wait = times.fair_ms
    else:
        wait = times.open_ms
    if promises_more(text):
        wait += times.unfinished_ms
    elif is_bare_refusal(text):
        wait += times.refusal_ms
    return min(wait, times.cap_ms)
