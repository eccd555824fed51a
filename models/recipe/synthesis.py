# ruff: noqa: SIM905 - word tables read better as one string
"""Training speech by synthesis: many speakers are made of few voices.

A phrase is said with rate / a and pitch / a and then resampled by a: rate and pitch come back to what was asked, the
formants move by a, as in a longer or shorter vocal tract.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import numpy as np
import wordfreq
from numpy.typing import NDArray
from scipy.signal import resample_poly

from . import stress
from .espeak import Espeak, EspeakError
from .rhvoice import TRAINING_VOICES, RHVoice, RHVoiceError, unpack
from .speech_store import ShardWriter
from .texts.generate import speech_phrases
from .workfolder import RATE_HZ, WorkFolder

#: voice variants of espeak-ng and how often each is drawn
ESPEAK_VARIANTS = {"": 10} | {f"f{i}": 3 for i in range(1, 6)} | {f"m{i}": 2 for i in range(1, 9)} | dict.fromkeys(
    ("klatt klatt2 klatt3 klatt4 Alicia Andrea Annie adam anika antonio aunty belinda benjamin boris caleb david ed "
     "edward Gene Gene2 grandma grandpa gustave Henrique Hugo iven Jacky john Lee linda Marco Mario max michel miguel "
     "Michael Mike norbert pablo paul pedro quincy rob robert sandro shelby steph steph2 steph3 travis victor zac "
     "Diogo Denis").split(), 1,
)  # fmt: skip


def to_telephone(samples: NDArray[np.int16], rate_hz: int, formant_factor: float = 1.0) -> NDArray[np.float32]:
    """8 kHz floats; a factor above 1 shortens the vocal tract."""
    scaled = samples.astype(np.float32) / 32768
    return resample_poly(scaled, 40, round(40 * rate_hz / RATE_HZ * formant_factor)).astype(np.float32)


def prosody(phrase: str, marks: list[str], rng: random.Random) -> str:
    """The stressed words with pauses, in some phrases as many as in people's long sentences, and some final intonation."""
    pauses = rng.choice((0.03, 0.1, 0.28))
    words = [word + ("," if rng.random() < pauses else "") for word in marks]
    if rng.random() < 0.04:  # dictation: a pause after every word
        words = [word.rstrip(",") + "," for word in words]
    return " ".join(words).rstrip(",") + rng.choice(["", ".", ".", "?", "!"])


class RhvoiceSpeaker:
    """A random RHVoice speaker a phrase."""

    def __init__(self, root: Path, rng: random.Random, voices: tuple[str, ...] = TRAINING_VOICES) -> None:
        self._engine, self._rng, self._voices = RHVoice(root), rng, voices

    def say(self, phrase: str, stressed: list[str]) -> tuple[NDArray[np.float32], str]:
        rng = self._rng
        voice = rng.choice(self._voices)
        factor = 1.0 if rng.random() < 0.2 else rng.uniform(0.84, 1.2)
        rate, pitch = rng.triangular(0.75, 1.7, 1.05), rng.uniform(0.8, 1.25)
        samples, rate_hz = self._engine.say(prosody(phrase, stressed, rng), voice, rate / factor, pitch / factor)
        return to_telephone(samples, rate_hz, factor), voice


class EspeakSpeaker:
    """A random espeak-ng speaker a phrase."""

    def __init__(self, rng: random.Random) -> None:
        self._engine, self._rng = Espeak(), rng

    def say(self, phrase: str, stressed: list[str]) -> tuple[NDArray[np.float32], str]:
        rng = self._rng
        variant = rng.choices(list(ESPEAK_VARIANTS), list(ESPEAK_VARIANTS.values()))[0]
        factor = 1.0 if rng.random() < 0.4 else rng.uniform(0.9, 1.12)
        rate = rng.choice([175, rng.uniform(110, 240)])
        pitch, pitch_range = rng.choice([50, rng.uniform(15, 90)]), rng.choice([50, rng.uniform(20, 80)])
        self._engine.set_voice("ru" + ("+" + variant if variant else ""))
        # plain: it obeys no stress mark, and testers call with plain text
        words = [word.replace("+", "") for word in stressed]
        samples = self._engine.say(prosody(phrase, words, rng), rate / factor, pitch, pitch_range)
        return to_telephone(samples, self._engine.rate_hz, factor), f"espeak {variant}".strip()


def speak_many(work: WorkFolder, engine: str, name: str, hours: float, general_words: int, seed: int,
               forbidden: frozenset[str] = frozenset()) -> None:  # fmt: skip
    """Fills the speech folder with `hours` of one engine ("rhvoice" or "espeak"); `forbidden` texts are left out."""
    rng = random.Random(seed)
    speaker = RhvoiceSpeaker(unpack(work.rhvoice), rng) if engine == "rhvoice" else EspeakSpeaker(rng)
    stressed = stress.load(work.stresses)
    writer, begun, failures = ShardWriter(work.speech, name), time.monotonic(), 0
    for number, phrase in enumerate(speech_phrases(rng, general_words)):
        if writer.seconds >= hours * 3600:
            break
        if phrase in forbidden:
            continue
        marks = [stress.for_speech(stressed.get(word, word)) for word in phrase.split()]
        try:
            samples, source = speaker.say(phrase, marks)
        except (RHVoiceError, EspeakError) as error:
            failures += 1
            if failures > 20 + number // 10:
                raise
            print(f"speech: {error}", file=sys.stderr)
            continue
        # the accentor restores ё: the transcript follows the sound
        writer.add(samples, " ".join(mark.replace("+", "") for mark in marks), source)
        if number % 500 == 0:
            minutes = (time.monotonic() - begun) / 60
            print(f"speech {name}: {writer.seconds / 3600:.2f} of {hours} h, {minutes:.1f} min", flush=True)
    writer.flush()
    finished(work, name).touch()


#: what people around a caller may speak, with word lists in wordfreq and voices in espeak-ng
OTHER_LANGUAGES = ("en", "de", "fr", "es", "it", "tr", "pt", "nl", "fi", "hu")


def speak_other_languages(work: WorkFolder, minutes: float = 30.0, seed: int = 31) -> None:
    """Random words of other languages by espeak-ng: what the network must not take for Russian."""
    rng, engine = random.Random(seed), Espeak()
    words = {language: wordfreq.top_n_list(language, 3000) for language in OTHER_LANGUAGES}
    writer = ShardWriter(work.other_speech, "espeak")
    while writer.seconds < 60 * minutes:
        language, variant = rng.choice(OTHER_LANGUAGES), rng.choice(list(ESPEAK_VARIANTS))
        engine.set_voice(language + ("+" + variant if variant else ""))
        text = " ".join(rng.choices(words[language], k=rng.randint(2, 10)))
        try:
            samples = engine.say(text, rng.uniform(110, 240), rng.uniform(15, 90), rng.uniform(20, 80))
        except EspeakError:
            continue
        writer.add(to_telephone(samples, engine.rate_hz, rng.uniform(0.85, 1.15)), "", f"espeak {language}")
    writer.flush()
    (work.other_speech / "espeak.finished").touch()


def finished(work: WorkFolder, name: str) -> Path:
    """The mark of a set of shards that is whole."""
    return work.speech / f"{name}.finished"
