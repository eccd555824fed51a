"""DTMF keys become an answer: by count, by terminator, or by a pause. Pure; time is the call's frame number."""

from dataclasses import dataclass, field

from voicebot.audio.pcm import FRAME_MS
from voicebot.dialog.talking import DigitRules

_ANY = DigitRules()


@dataclass(slots=True)
class KeyBuffer:
    """Collects keys for the open question (VoiceXML 2.1, appendix D: interdigittimeout, termchar)."""

    _keys: list[str] = field(default_factory=list)
    _rules: DigitRules = _ANY
    _last_frame: int = 0

    @property
    def is_collecting(self) -> bool:
        return bool(self._keys)

    def clear(self) -> None:
        self._keys.clear()

    def press(self, key: str, frame: int, rules: DigitRules | None) -> str | None:
        """Take a key; return the whole answer when it is complete. A question without rules takes one key."""
        self._rules = rules or _ANY
        self._last_frame = frame
        if self._keys and key == self._rules.terminator:
            return self._take()
        self._keys.append(key)
        return self._take() if len(self._keys) >= self._rules.maximum else None

    def due(self, frame: int) -> str | None:
        """Return what was collected once the caller has paused for long enough.

        Too few keys are an answer too: the engine asks again, saying how many it needs.
        """
        if self._keys and (frame - self._last_frame) * FRAME_MS >= self._rules.gap_seconds * 1000:
            return self._take()
        return None

    def _take(self) -> str:
        digits = "".join(self._keys)
        self._keys.clear()
        return digits
