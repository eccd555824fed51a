"""Stretches of one turn put together."""

import pytest

from voicebot.audio.pcm import FRAME_BYTES
from voicebot.dialog.talking import Alternative
from voicebot.hearing.transcriber import Transcriber


class Scripted:
    """A recogniser that hears what it is told, a stretch at a time."""

    def __init__(self, *stretches: list[Alternative]) -> None:
        self._stretches = list(stretches)

    def accept(self, pcm: bytes) -> None:
        pass

    def partial(self) -> str:
        return ""

    def final(self) -> list[Alternative]:
        return self._stretches.pop(0)


def test_a_number_in_two_breaths_is_as_sure_as_its_less_sure_half() -> None:
    first = [Alternative("восемь девятьсот шестнадцать", 0.4), Alternative("восемь девятьсот", 0.35)]
    second = [Alternative("сто двадцать три", 0.5), Alternative("сто тридцать три", 0.3), Alternative("сто двадцать", 0.2)]
    transcriber = Transcriber(Scripted(first, second))  # type: ignore[arg-type]
    transcriber.feed(bytes(10 * FRAME_BYTES))
    transcriber.settle()
    transcriber.resume(pause_ms=900)
    transcriber.feed(bytes(10 * FRAME_BYTES))
    heard = transcriber.settle().openly
    assert heard[0].text == "восемь девятьсот шестнадцать сто двадцать три"
    assert [one.confidence for one in heard] == pytest.approx([0.4, 0.24, 0.16])
