"""Hears one turn: an open recogniser and, at a question with a grammar, a second one beside it.

A pause is settled by flushing the recognisers: their look-ahead would otherwise keep the last word back for 300-600 ms. If
the caller goes on soon, the stretch is decoded again as a whole, so that a phrase is not torn at a pause; after a longer
pause, or a long stretch, what was settled stays and a new stretch begins.
"""

from dataclasses import dataclass
from time import perf_counter

from voicebot.audio.pcm import FRAME_BYTES
from voicebot.dialog.talking import Alternative
from voicebot.hearing.recogniser import TurnRecogniser

_CHUNK_BYTES = 3 * FRAME_BYTES  # 60 ms: each call of the recogniser costs something
_REJOINED_PAUSE_MS = 600
_REJOINED_BYTES = 5 * 50 * FRAME_BYTES  # 5 s: decoding again takes some 0.02-0.1 of that


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """What both recognisers made of a turn, best first. Texts of several stretches are joined."""

    openly: tuple[Alternative, ...] = ()
    by_grammar: tuple[Alternative, ...] = ()


class Transcriber:
    """Feed it a turn's sound; `partial` any time, `settle` in a pause, `resume` when the caller goes on."""

    def __init__(self, openly: TurnRecogniser, by_grammar: TurnRecogniser | None = None) -> None:
        self._openly = openly
        self._by_grammar = by_grammar
        self._done = Hypotheses()  # of earlier stretches
        self._stretch = bytearray()
        self._fed = 0  # bytes of the stretch that the recognisers have
        self._settled: Hypotheses | None = None
        self._partial = ""
        self.last_words = ""
        """The last partial result with words in it: the last resort when the final one is empty."""

        self.partial_ms = 0.0
        self.final_ms = 0.0

    def is_due(self, more_bytes: int) -> bool:
        """Whether so much more sound makes a piece that the recognisers are to hear now: then `feed` it."""
        return self._settled is None and len(self._stretch) + more_bytes - self._fed >= _CHUNK_BYTES

    def note(self, pcm: bytes) -> None:
        """Take more sound for later."""
        self._stretch += pcm

    def feed(self, pcm: bytes) -> bool:
        """Take more sound; return True when the partial result may have changed."""
        is_due = self.is_due(len(pcm))
        self._stretch += pcm
        if not is_due:
            return False
        started = perf_counter()
        self._flush_to_recognisers()
        self._partial = self._openly.partial()
        self._remember(self._partial)
        self.partial_ms += (perf_counter() - started) * 1000
        return True

    def partial(self) -> str:
        """The words so far; the last 300-600 ms are missing unless settled."""
        if self._settled is not None:
            return self._settled.openly[0].text if self._settled.openly else ""
        done = self._done.openly[0].text if self._done.openly else ""
        return f"{done} {self._partial}".strip()

    def settle(self) -> Hypotheses:
        """Everything heard so far, the last frame included."""
        if self._settled is None:
            started = perf_counter()
            self._flush_to_recognisers()
            openly = self._openly.final()
            by_grammar = self._by_grammar.final() if self._by_grammar is not None else []
            self._settled = Hypotheses(_join(self._done.openly, openly), _join(self._done.by_grammar, by_grammar))
            if openly:
                self._remember(openly[0].text)
            self.final_ms = (perf_counter() - started) * 1000
        return self._settled

    def resume(self, pause_ms: int) -> None:
        """The caller goes on. What was fed since `settle` belongs to it."""
        if self._settled is None:
            return
        if pause_ms > _REJOINED_PAUSE_MS or len(self._stretch) > _REJOINED_BYTES or not self._settled.openly:
            self._done = self._settled
            # What the recognisers have not had yet begins the new stretch.
            del self._stretch[: self._fed]
        self._settled, self._fed, self._partial = None, 0, ""

    def release(self) -> None:
        """The turn is over, nothing more is asked: the recognisers may go to others."""
        self._openly.release()
        if self._by_grammar is not None:
            self._by_grammar.release()

    def _flush_to_recognisers(self) -> None:
        chunk = bytes(self._stretch[self._fed :])
        self._fed = len(self._stretch)
        self._openly.accept(chunk)
        if self._by_grammar is not None:
            self._by_grammar.accept(chunk)

    def _remember(self, words: str) -> None:
        if words:
            done = self._done.openly[0].text if self._done.openly else ""
            self.last_words = f"{done} {words}".strip()


def _join(before: tuple[Alternative, ...], now: list[Alternative]) -> tuple[Alternative, ...]:
    """Append each hypothesis of this stretch to the best of those before.

    The best of the whole is as sure as its least sure stretch; the others keep their odds against it.
    """
    if not before or not now:
        return before or tuple(now)
    best, top = before[0], max(a.confidence for a in now)
    share = min(1.0, best.confidence / top) if top > 0 else 1.0
    return tuple(Alternative(f"{best.text} {a.text}", a.confidence * share, a.source) for a in now)
