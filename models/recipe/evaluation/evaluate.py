"""Measures the model: held-out voice clean and in noise, espeak-ng, a human's held-out recordings, grammars."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter

from .. import stress
from ..espeak import Espeak
from ..recogniser import Recogniser
from ..rhvoice import HELD_OUT_VOICE, RHVoice, unpack
from ..speech_store import read_all
from ..synthesis import to_telephone
from ..telephone import through_alaw
from ..workfolder import RATE_HZ, WorkFolder
from .error_rate import Tally

Samples = NDArray[np.float32]
_HUMAN_SEGMENTS = 60
_LINE = butter(4, [300 / 4000, 3400 / 4000], "band")
#: short answers under a grammar
YES_NO = ["да", "нет", "да конечно", "нет спасибо", "верно", "неверно", "правильно", "не надо", "хорошо", "подходит"]
DAYS = ["сегодня", "завтра", "послезавтра", "в понедельник", "во вторник", "в среду", "в четверг", "в пятницу",
        "в субботу", "двадцать третьего ноября", "первого декабря", "пятое декабря"]  # fmt: skip


def phrases(name: str = "phrases.txt") -> list[str]:
    """The held-out phrases."""
    text = (files(__package__) / name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def on_the_line(speech: Samples, noise: NDArray[np.float64] | None = None, decibels: float = 10.0) -> NDArray[np.int16]:
    """0.3 s of silence, speech, 0.6 s; telephone band, A-law; noise `decibels` below the speech."""
    x = speech / (np.abs(speech).max() + 1e-9) * 0.4
    level = np.mean(x[np.abs(x) > 0.01] ** 2)
    x = np.concatenate([np.zeros(int(0.3 * RATE_HZ)), x, np.zeros(int(0.6 * RATE_HZ))])
    if noise is not None:
        part = np.resize(noise, len(x))
        x = x + part * np.sqrt(level / 10 ** (decibels / 10) / np.mean(part**2))
    else:
        x = x + np.random.default_rng(len(x)).normal(0, 2e-4, len(x))  # a line is never quite silent
    return through_alaw(np.clip(lfilter(*_LINE, x), -1, 1) * 32767)


class Voices:
    """Says the test phrases."""

    def __init__(self, work: WorkFolder) -> None:
        self._rhvoice, self._espeak = RHVoice(unpack(work.rhvoice)), Espeak()
        self._stresses = stress.load(work.stresses)

    def unseen(self, text: str) -> Samples:
        marked = " ".join(stress.for_speech(self._stresses.get(word, word)) for word in text.split())
        return to_telephone(*self._rhvoice.say(marked + ".", HELD_OUT_VOICE))

    def espeak(self, text: str) -> Samples:
        """With espeak-ng's defaults, as a tester would call."""
        self._espeak.set_voice("ru")
        return to_telephone(self._espeak.say(text), self._espeak.rate_hz)


def _babble(work: WorkFolder) -> NDArray[np.float64]:
    """Six people at once."""
    rng = np.random.default_rng(5)
    speech = read_all(work.held_out)
    streams = []
    for _ in range(6):
        chosen = rng.permutation(len(speech))[:12]
        streams.append(np.resize(np.concatenate([speech[i].samples for i in chosen]), 20 * RATE_HZ))
    return np.sum([np.roll(stream, rng.integers(len(stream))) for stream in streams], axis=0).astype(np.float64)


def open_sets(work: WorkFolder, texts: list[str], *, quick: bool) -> Iterator[tuple[str, str, NDArray[np.int16]]]:
    """(set, truth, samples); `quick` leaves out noise and the human reader."""
    voices = Voices(work)
    babble = None if quick else _babble(work)
    white = np.random.default_rng(7).standard_normal(20 * RATE_HZ)
    for text in texts:
        speech = voices.unseen(text)
        yield "unseen voice, clean", text, on_the_line(speech)
        yield "espeak-ng", text, on_the_line(voices.espeak(text))
        if babble is not None:
            yield "unseen voice, white noise 10 dB", text, on_the_line(speech, white)
            yield "unseen voice, white noise 20 dB", text, on_the_line(speech, white, 20.0)
            yield "unseen voice, babble 10 dB", text, on_the_line(speech, babble)
    if not quick:
        for utterance in read_all(work.held_out)[:_HUMAN_SEGMENTS]:
            yield "human reader, held-out fiction", utterance.text, on_the_line(utterance.samples.astype(np.float32))


def grammar_check(work: WorkFolder, recogniser: Recogniser) -> dict[str, float]:
    """Per cent: short answers right under their grammar; other speech not taken for one of them."""
    voices, rng = Voices(work), random.Random(3)
    right = total = refused = 0
    for answers in (YES_NO, DAYS):
        for answer in answers:
            for say in (voices.unseen, voices.espeak):
                total += 1
                right += recogniser.text(on_the_line(say(answer)), [*answers, "[unk]"]) == answer
    others = rng.sample(phrases(), 30)
    for text in others:
        heard = recogniser.text(on_the_line(voices.unseen(text)), ["да", "нет", "[unk]"])
        refused += "[unk]" in heard or not heard
    return {"answers right": 100 * right / total, "other speech refused": 100 * refused / len(others)}


def evaluate(work: WorkFolder, model: Path, texts: list[str], *, quick: bool = False,
             show: Callable[[str], None] | None = None) -> dict[str, object]:  # fmt: skip
    """All figures; `show` is given every wrong phrase."""
    recogniser = Recogniser(model)
    all_words: dict[str, Tally] = {}
    known_words: dict[str, Tally] = {}
    seconds = spent = 0.0
    for name, truth, samples in open_sets(work, texts, quick=quick):
        begun = time.process_time()
        heard = recogniser.text(samples)
        spent, seconds = spent + time.process_time() - begun, seconds + len(samples) / RATE_HZ
        all_words.setdefault(name, Tally()).add(truth, heard)
        if all(recogniser.knows(word) for word in truth.split()):
            known_words.setdefault(name, Tally()).add(truth, heard)
        if show and truth.replace("ё", "е") != heard.replace("ё", "е"):
            show(f"{name} | {truth} | {heard}")
    figures: dict[str, object] = {}
    for name, tally in all_words.items():
        known = known_words.get(name, Tally())
        figures[name] = {"word errors, per cent": round(tally.percent, 1),
                         "of phrases without unknown words": round(known.percent, 1),
                         "phrases": tally.phrases, "exact": tally.exact}  # fmt: skip
    figures["real-time factor"] = round(spent / seconds, 3)
    figures["grammar, per cent"] = {name: round(value, 1) for name, value in grammar_check(work, recogniser).items()}
    return figures


def save(figures: dict[str, object], path: Path) -> None:
    path.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
