"""What goes into the patient's end of the line: speech, noise, the robot's echo."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from voicebot.audio.pcm import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, TELEPHONE_HZ, Pcm
from voicebot.audio.wav import read_sound
from voicebot.errors import ModelError
from voicebot.patient.scenario import PatientLine, PatientVoice, Scenario
from voicebot.settings import Settings
from voicebot.supplies.rhvoice import find_rhvoice
from voicebot.voice.cache import PromptCache
from voicebot.voice.engine import VoiceEngine
from voicebot.voice.espeak import EspeakEngine
from voicebot.voice.rhvoice import RhvoiceEngine
from voicebot.voice.speaker import Speaker
from voicebot.voice.telephone import SPEECH_LEVEL_DB, speech_level_db

log = structlog.get_logger(__name__)

DEFAULT_SPEAKER = "Aleksandr-hq"
_BABBLE_SECONDS = 10
_BABBLE_TALKERS = 6
_BABBLE = (
    "Завтра обещали дождь, а я зонт на работе оставила.",
    "Мы вчера ходили в магазин за хлебом и молоком, народу было очень много.",
    "Позвони бабушке вечером и спроси, как она себя чувствует.",
    "Поезд приходит утром, встретим их на вокзале и поедем домой.",
    "Говорят, новую дорогу откроют только весной, а пока надо объезжать.",
    "Дети сегодня рано вернулись из школы и сразу пошли гулять.",
)

Say = Callable[[str], Pcm]


@contextmanager
def patient_voice(wanted: PatientVoice, settings: Settings) -> Iterator[Say]:
    """Open the patient's voice; what it is told it says at 8 kHz, speech at SPEECH_LEVEL_DB."""
    speaker = Speaker(_engine(wanted, settings), PromptCache(settings.cache / "prompts"))
    try:
        yield speaker.render
    finally:
        speaker.close()


def _engine(wanted: PatientVoice, settings: Settings) -> VoiceEngine:
    files = find_rhvoice(settings.cache) if wanted.engine != "espeak" else None
    if files is not None:
        return RhvoiceEngine(files, wanted.speaker or DEFAULT_SPEAKER, wanted.rate)
    if wanted.engine == "rhvoice":
        raise ModelError("RHVoice is not in the cache.", "Run `voicebot supplies voice`, or set voice.engine: espeak.")
    if wanted.engine == "auto":
        log.warning("The patient speaks by espeak-ng: the robot will hardly understand. Run `voicebot supplies voice`.")
    return EspeakEngine("", wanted.rate)


def render_steps(scenario: Scenario, folder: Path, say: Say) -> list[Pcm | None]:
    """Return the sound of each step at 8 kHz, None where it has none. Files are played as they are, speech at its level."""
    sounds: list[Pcm | None] = []
    for step in scenario.steps:
        if step.text is not None:
            sounds.append(amplified(say(step.text), scenario.voice.level_db - SPEECH_LEVEL_DB))
        elif step.play is not None:
            sounds.append(read_sound(folder / step.play, TELEPHONE_HZ))
        else:
            sounds.append(None)
    return sounds


def amplified(sound: Pcm, gain_db: float) -> Pcm:
    """Return `sound` at another level, clipped at full scale."""
    scaled = np.rint(sound.samples.astype(np.float32) * np.float32(10 ** (gain_db / 20)))
    return Pcm(sound.rate_hz, np.clip(scaled, -32768, 32767).astype(np.int16))


def white_noise(level_db: float, seconds: float, seed: int = 1) -> Pcm:
    """Return Gaussian noise of this RMS level in dBFS; the same for the same seed."""
    samples = np.random.default_rng(seed).normal(0.0, 32768.0 * 10 ** (level_db / 20), round(seconds * TELEPHONE_HZ))
    return Pcm(TELEPHONE_HZ, np.clip(np.rint(samples), -32768, 32767).astype(np.int16))


def babble(voices: Sequence[Pcm], level_db: float, seconds: float = _BABBLE_SECONDS, seed: int = 1) -> Pcm:
    """Return several talkers at once, each looped from a place of its own; the sum's active level is `level_db`."""
    count = round(seconds * TELEPHONE_HZ)
    random = np.random.default_rng(seed)
    total = np.zeros(count, dtype=np.float32)
    for voice in voices:
        looped = np.resize(voice.samples.astype(np.float32), count)
        total += np.roll(looped, int(random.integers(count)))
    mixed = Pcm(TELEPHONE_HZ, np.clip(np.rint(total / max(1, len(voices))), -32768, 32767).astype(np.int16))
    return amplified(mixed, level_db - speech_level_db(mixed))


def noise_of(line: PatientLine, speech_db: float, say: Say) -> Pcm | None:
    """Return the noise of the patient's line, to be looped; None if it is quiet."""
    level_db = speech_db - line.snr_db
    if line.noise == "white":
        return white_noise(level_db, _BABBLE_SECONDS)
    if line.noise == "babble":
        return babble([say(text) for text in _BABBLE[:_BABBLE_TALKERS]], level_db)
    return None


class LineSound:
    """Mixes the patient's speech with what the line adds, frame by frame."""

    def __init__(self, noise: Pcm | None = None, echo_db: float | None = None, echo_delay_ms: int = 120) -> None:
        self._noise = noise.samples.astype(np.float32) if noise is not None and len(noise.samples) else None
        self._position = 0
        self._gain = np.float32(10 ** (echo_db / 20)) if echo_db is not None else None
        delay_frames = max(0, echo_delay_ms // FRAME_MS)
        self._echo: deque[bytes] = deque([b""] * delay_frames)

    def heard(self, robot: bytes) -> None:
        """Take 20 ms of the robot: they come back after the delay."""
        if self._gain is not None:
            self._echo.append(robot)

    def mixed(self, speech: bytes) -> bytes:
        """Return the next 20 ms for the wire; `speech` is one frame or empty."""
        if self._noise is None and self._gain is None:
            return speech or bytes(FRAME_BYTES)
        total: NDArray[np.float32] = np.zeros(FRAME_SAMPLES, dtype=np.float32)
        if speech:
            total += np.frombuffer(speech, dtype="<i2")
        if self._noise is not None:
            total += self._noise[(self._position + np.arange(FRAME_SAMPLES)) % len(self._noise)]
            self._position += FRAME_SAMPLES
        if self._gain is not None and self._echo:
            back = self._echo.popleft()
            if len(back) == FRAME_BYTES:
                total += np.frombuffer(back, dtype="<i2") * self._gain
        return np.clip(np.rint(total), -32768, 32767).astype("<i2").tobytes()
