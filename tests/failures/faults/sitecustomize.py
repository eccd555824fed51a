"""Breaks parts of a robot under test while a file says so: Python itself loads this in each process (PYTHONPATH).

The product has no switch for it. A file's name in VOICEBOT_TEST_FAULTS names what is broken, in the brains only:
`deaf`: the recogniser returns nothing; `dumb`: the voice makes no sound of what is not ready yet.
"""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

_FOLDER = os.environ.get("VOICEBOT_TEST_FAULTS", "")


def _is_on(name: str) -> bool:
    return os.path.exists(os.path.join(_FOLDER, name))  # noqa: PTH110, PTH118 - loaded before anything else


def _deaf(method: Callable[[Any], str], nothing: str) -> Callable[[Any], str]:
    def heard(self: Any) -> str:
        text = method(self)  # what was decoded is taken out, as ever
        return nothing if _is_on("deaf") else text

    return heard


def _dumb(stream: Callable[[Any, str], Iterator[Any]]) -> Callable[[Any, str], Iterator[Any]]:
    def spoken(self: Any, text: str) -> Iterator[Any]:
        if _is_on("dumb"):
            raise RuntimeError("the voice was broken by a test")
        yield from stream(self, text)

    return spoken


if _FOLDER and "brain" in sys.orig_argv:
    import vosk

    from voicebot.voice.espeak import EspeakEngine
    from voicebot.voice.rhvoice import RhvoiceEngine
    from voicebot.voice.silero import SileroEngine

    vosk.KaldiRecognizer.FinalResult = _deaf(vosk.KaldiRecognizer.FinalResult, '{"text": ""}')
    vosk.KaldiRecognizer.Result = _deaf(vosk.KaldiRecognizer.Result, '{"text": ""}')
    vosk.KaldiRecognizer.PartialResult = _deaf(vosk.KaldiRecognizer.PartialResult, '{"partial": ""}')
    for _engine in (EspeakEngine, RhvoiceEngine, SileroEngine):
        _engine.stream = _dumb(_engine.stream)
