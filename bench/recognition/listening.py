"""The recogniser under test, used as the product uses it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.dialog.talking import Alternative
from voicebot.hearing.recogniser import SpeechModel

_PIECE_MS = 100


@dataclass(slots=True)
class Spent:
    """What decoding cost, in seconds."""

    audio: float = 0.0
    processor: float = 0.0
    wall: float = 0.0

    @property
    def factor(self) -> float | None:
        """Processor seconds for a second of audio."""
        return round(self.processor / self.audio, 4) if self.audio else None


class Listener:
    """Hears whole recordings. One thread decodes: the processor time of the process is that of the decoding."""

    def __init__(self, path: Path, *, is_trusted: bool = False) -> None:
        self.model = SpeechModel(path, is_trusted=is_trusted)
        self.open, self.grammar = Spent(), Spent()

    def knows(self, word: str) -> bool:
        """Whether the model can hear a word in either spelling; `word` is written with е for ё."""
        return self.model.has_word(word) or any(self.model.has_word(spelling) for spelling in _with_yo(word))

    def hear(self, samples: NDArray[np.int16], grammar: Sequence[str] | None = None) -> list[Alternative]:
        """Return hypotheses, best first; `samples` at 8 kHz. A grammar's words must be known (grammar.prove_grammar)."""
        spent = self.open if grammar is None else self.grammar
        data, piece = samples.astype("<i2").tobytes(), 2 * TELEPHONE_HZ * _PIECE_MS // 1000
        processor, wall = time.process_time(), time.perf_counter()
        turn = self.model.turn(grammar)
        for begin in range(0, len(data), piece):
            turn.accept(data[begin : begin + piece])
        heard = turn.final()
        spent.processor += time.process_time() - processor
        spent.wall += time.perf_counter() - wall
        spent.audio += len(samples) / TELEPHONE_HZ
        return heard


def best(heard: Sequence[Alternative]) -> str:
    return heard[0].text if heard else ""


def _with_yo(word: str) -> list[str]:
    return [f"{word[:place]}ё{word[place + 1 :]}" for place, letter in enumerate(word) if letter == "е"]
