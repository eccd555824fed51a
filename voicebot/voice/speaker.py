"""The voice of the robot: text in, telephone sound out, sentence by sentence, with prompts kept ready."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from voicebot.audio.levels import SILENCE_DB
from voicebot.audio.pcm import TELEPHONE_HZ, Pcm
from voicebot.voice import telephone
from voicebot.voice.cache import PromptCache, prompt_key
from voicebot.voice.engine import VoiceEngine, VoiceError
from voicebot.voice.sentences import Piece, split

log = structlog.get_logger(__name__)

# Every vowel, hissing and voiced sounds, at the tempo of a prompt: its level is the level of the voice.
CALIBRATION = "Здр+авствуйте, вы позвон+или в поликл+инику. Скаж+ите, пож+алуйста, к как+ому врач+у вас запис+ать?"
FIRST_LONGEST = 70  # characters of the first piece where the engine makes a piece whole
LONGEST = 400
_FIRST_CHUNK = TELEPHONE_HZ * 40 // 1000
_NEXT_CHUNK = TELEPHONE_HZ * 400 // 1000


@dataclass(frozen=True, slots=True)
class VoiceFacts:
    """What is told at start and in /health."""

    engine: str
    version: str
    speaker: str
    licence: str
    reason: str  # why this engine
    warning: str = ""

    def __str__(self) -> str:
        """One line for people."""
        line = f"{self.engine} {self.version}, {self.speaker}, {self.licence} ({self.reason.rstrip('.')})"
        return f"{line}. {self.warning}" if self.warning else line


class Speaker:
    """Speaks with one engine. Safe for threads: one `say` a call, many calls at once."""

    def __init__(self, engine: VoiceEngine, cache: PromptCache, *, reason: str = "", warning: str = "") -> None:
        self._engine = engine
        self._cache = cache
        who = engine.identity
        self._facts = VoiceFacts(who.engine, who.version, who.speaker, who.licence, reason, warning)
        sample = engine.synthesise(CALIBRATION)  # also warms the engine up
        if telephone.speech_level_db(sample) <= SILENCE_DB:
            raise VoiceError(f"The voice {who.engine} / {who.speaker} is silent.", "Fetch it again, or choose another engine.")
        self._gain_db = telephone.gain_for(sample)

    def say(self, text: str, is_personal: bool = True) -> Iterator[Pcm]:
        """Yield `text` as 8 kHz sound, the first part as early as possible; silences between sentences are included.

        `is_personal` is False only for fixed texts of a dialplan: they are kept on disk. Blocks; raises VoiceError.
        """
        for piece in self._pieces(text):
            key = self._key(piece)
            sound = self._cache.get(key)
            if sound is not None:
                yield sound
            else:
                yield from self._make(piece, key, is_personal)
            if piece.pause_ms:
                yield Pcm.silence(TELEPHONE_HZ, piece.pause_ms)

    def render(self, text: str, is_personal: bool = True) -> Pcm:
        """Return the whole of `text` as one sound."""
        return _joined([part.samples for part in self.say(text, is_personal)])

    def prepare(self, texts: Iterable[str], on_progress: Callable[[int, int], None] | None = None) -> int:
        """Make fixed texts ready; return how many sentences were not ready yet. Texts are not personal."""
        pieces = list(dict.fromkeys(Piece(piece.text) for text in texts for piece in self._pieces(text)))
        made = 0
        for done, piece in enumerate(pieces, start=1):
            key = self._key(piece)
            if self._cache.get(key) is None:
                for _ in self._make(piece, key, is_personal=False):
                    pass
                made += 1
            if on_progress is not None:
                on_progress(done, len(pieces))
        return made

    def describe(self) -> VoiceFacts:
        return self._facts

    def close(self) -> None:
        self._engine.close()

    def _pieces(self, text: str) -> list[Piece]:
        return split(text, longest=LONGEST, first_longest=None if self._engine.is_streaming else FIRST_LONGEST)

    def _key(self, piece: Piece) -> str:
        who = self._engine.identity
        gain = f"{self._gain_db:.1f}"
        return prompt_key(piece.text, who.engine, who.version, who.speaker, who.rate, gain, telephone.VERSION)

    def _make(self, piece: Piece, key: str, is_personal: bool) -> Iterator[Pcm]:
        converter: telephone.TelephoneSound | None = None
        everything: list[NDArray[np.int16]] = []
        waiting: list[NDArray[np.int16]] = []
        for chunk in self._engine.stream(piece.text):
            converter = converter or telephone.TelephoneSound(chunk.rate_hz, self._gain_db)
            waiting.append(converter.feed(chunk.samples))
            # little at first, so that it is heard at once; then more, so that few messages carry it
            if sum(map(len, waiting)) >= (_NEXT_CHUNK if everything else _FIRST_CHUNK):
                part = _joined(waiting)
                waiting = []
                everything.append(part.samples)
                yield part
        if converter is not None:
            waiting.append(converter.finish())
        rest = _joined(waiting)
        if len(rest.samples):
            everything.append(rest.samples)
            yield rest
        if everything:
            self._cache.put(key, _joined(everything), is_personal=is_personal)
        else:
            log.warning("the voice made no sound of a piece", engine=self._facts.engine, characters=len(piece.text))


def _joined(parts: list[NDArray[np.int16]]) -> Pcm:
    return Pcm(TELEPHONE_HZ, np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16))
