"""The shipped model as a caller meets it: libvosk over 8 kHz samples."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import vosk
from numpy.typing import NDArray

from .workfolder import RATE_HZ

_CHUNK = 1600


class Recogniser:
    """Decodes whole recordings, openly or with a grammar."""

    def __init__(self, model: Path) -> None:
        vosk.SetLogLevel(-2)
        self._model = vosk.Model(str(model))

    def knows(self, word: str) -> bool:
        return self._model.vosk_model_find_word(word) >= 0

    def text(self, samples: NDArray[np.int16], grammar: list[str] | None = None) -> str:
        """`samples`: 8 kHz."""
        arguments = [] if grammar is None else [json.dumps(grammar, ensure_ascii=False)]
        recogniser = vosk.KaldiRecognizer(self._model, RATE_HZ, *arguments)
        parts = []
        for begin in range(0, len(samples), _CHUNK):
            if recogniser.AcceptWaveform(samples[begin : begin + _CHUNK].tobytes()):
                parts.append(json.loads(recogniser.Result())["text"])
        parts.append(json.loads(recogniser.FinalResult())["text"])
        return " ".join(part for part in parts if part)
