"""Who speaks in the tests. Every utterance is synthesised once and kept in the work folder."""

import hashlib
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from bench.recognition.espeak import EspeakVoice
from bench.recognition.texts import Line, read, stressed
from voicebot.audio.pcm import TELEPHONE_HZ, Pcm
from voicebot.errors import ModelError
from voicebot.patient.sound import babble, white_noise
from voicebot.supplies.rhvoice import RhvoiceFiles, find_rhvoice
from voicebot.voice.rhvoice import RhvoiceEngine
from voicebot.voice.telephone import gain_for, to_telephone

UNSEEN = "Irina"
"""RHVoice's voice that the recipe keeps out of training (models/recipe/rhvoice.py, HELD_OUT_VOICE)."""

UNSEEN_RATES = (1.0, 0.9, 1.1)  # not every caller talks at one speed
ESPEAK_VARIANTS = ("Andy", "Reed", "edward2", "ian", "kaukovalta", "marcelo")
"""Of espeak-ng's voices those that the recipe does not train on (synthesis.py, ESPEAK_VARIANTS)."""

_BABBLERS = (("rhvoice", "Anna", 0.95), ("rhvoice", "Elena", 1.1), ("rhvoice", "Aleksandr", 1.0),
             ("rhvoice", "Aleksandr-hq", 0.9), ("espeak", "Andy", 1.0), ("espeak", "marcelo", 1.1))  # fmt: skip
_BABBLE_SECONDS = 60.0
_BABBLE_TEXTS = 5  # of each talker, over and over
_ESPEAK_RATE = 175 / 150  # the library's own default, which testers use; the product's is slower
_VERSIONS = {"rhvoice": 1, "espeak": 2}  # of what is kept

Drawable = TypeVar("Drawable")
Voice = Callable[[Line], Pcm]
"""A line -> its sound at 8 kHz."""


class Studio:
    """Opens engines as they are needed and remembers what they said."""

    def __init__(self, cache: Path, folder: Path) -> None:
        found = find_rhvoice(cache)
        if found is None or UNSEEN.lower() not in found.voices:
            raise ModelError("RHVoice is not in the cache.", "Run `make voice`.")
        self._files: RhvoiceFiles = found
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._engines: dict[tuple[str, str, float], RhvoiceEngine | EspeakVoice] = {}

    def unseen(self, line: Line) -> Pcm:
        return self._say("rhvoice", UNSEEN, _drawn(UNSEEN_RATES, line), stressed(line))

    def espeak(self, line: Line) -> Pcm:
        """espeak-ng's own default, as testers call."""
        return self._say("espeak", "ru", _ESPEAK_RATE, line.written)

    def espeak_variant(self, line: Line) -> Pcm:
        return self._say("espeak", f"ru+{_drawn(ESPEAK_VARIANTS, line)}", _ESPEAK_RATE, line.written)

    def babble(self) -> Pcm:
        """A minute of six people who talk at once, of other voices than the test's and of texts of their own."""
        texts = read("babble.txt")
        talkers = []
        for place, (kind, name, rate) in enumerate(_BABBLERS):
            turned = (texts + texts)[2 * place : 2 * place + _BABBLE_TEXTS]
            said = [
                self._say("rhvoice", name, rate, stressed(line))
                if kind == "rhvoice"
                else self._say("espeak", f"ru+{name}", rate, line.written)
                for line in turned
            ]
            talkers.append(Pcm(TELEPHONE_HZ, np.concatenate([pcm.samples for pcm in said])))
        return babble(talkers, -23.0, _BABBLE_SECONDS)

    def white(self) -> Pcm:
        return white_noise(-23.0, _BABBLE_SECONDS)

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

    def _say(self, kind: str, speaker: str, rate: float, text: str) -> Pcm:
        """Return speech at 8 kHz, from the work folder if it was said before."""
        key = hashlib.sha256(
            f"{_VERSIONS[kind]}|{kind}|{self._files.version}|{speaker}|{rate:.3f}|{text}".encode()
        ).hexdigest()[:24]
        path = self._folder / f"{key}.npy"
        if path.exists():
            return Pcm(TELEPHONE_HZ, np.load(path))
        native = self._engine(kind, speaker, rate).synthesise(text)
        sound = to_telephone([native], gain_for(native))
        if len(sound.samples) < TELEPHONE_HZ // 10:
            raise ModelError(f"{speaker} said nothing to an utterance of the bench.", "Run `make voice` again.")
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.save(file, sound.samples)
        part.replace(path)
        return sound

    def _engine(self, kind: str, speaker: str, rate: float) -> RhvoiceEngine | EspeakVoice:
        wanted = (kind, speaker, rate)
        if wanted not in self._engines:
            self._engines[wanted] = (
                RhvoiceEngine(self._files, speaker, rate) if kind == "rhvoice" else EspeakVoice(speaker, rate)
            )
        return self._engines[wanted]


def _drawn(choices: Sequence[Drawable], line: Line) -> Drawable:
    """One of the choices, always the same for a line, whatever part of its list is used."""
    return choices[zlib.crc32(line.written.encode()) % len(choices)]
