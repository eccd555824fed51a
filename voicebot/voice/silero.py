"""Silero's neural voices: a torch.package file, loaded by its own loader, on the CPU.

The file is a pickle: loading it runs it. So its SHA-256 is checked first, and the bytes that were checked are the ones that are
loaded. torch is imported only here and only when a Silero voice is opened.
"""

import io
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from voicebot.audio.pcm import Pcm
from voicebot.errors import ModelError
from voicebot.settings import Settings
from voicebot.supplies.errors import SupplyError
from voicebot.supplies.manifest import ModelEntry, load_manifest
from voicebot.supplies.models import installed, read_verified
from voicebot.voice.engine import VoiceError, VoiceIdentity
from voicebot.voice.sentences import split

log = structlog.get_logger(__name__)

DEFAULT_MODEL = "silero-v5-cis-base"
SAMPLE_HZ = 8000  # the models give 8, 24 or 48 kHz
LONGEST = 500  # characters; the models fail somewhere above 800
THREADS = 1  # brains are one a core already
WARM_UP = ("Да.", "Здр+авствуйте, сл+ушаю вас.", "Скаж+ите, пож+алуйста, к как+ому врач+у и на как+ой день вас запис+ать?")

_FOREIGN = re.compile(r"[^а-яё\s.,!?…:;\-–—+]", re.IGNORECASE)
_STRAY_PLUS = re.compile(r"\+(?![аеёиоуыэюя])", re.IGNORECASE)
_LETTER = re.compile(r"[а-яё]", re.IGNORECASE)


class SileroEngine:
    """One Silero model with one speaker."""

    is_streaming = False

    def __init__(self, data: bytes, *, version: str, speaker: str, licence: str, rate: float = 1.0) -> None:
        """Load a model from bytes that were verified. `version` names the model; `speaker` empty: its first Russian one."""
        try:
            import torch
        except ImportError:
            raise ModelError("Silero needs torch, which is not installed.", "Run `make models`.") from None
        torch.set_num_threads(THREADS)
        self._torch = torch
        try:
            importer = torch.package.PackageImporter(io.BytesIO(data))
            self._model: Any = importer.load_pickle("tts_models", "model")
            self._model.to(torch.device("cpu"))
            speakers = [str(name) for name in self._model.speakers]
        except Exception as error:  # whatever a foreign pickle raises
            raise ModelError(
                f"The Silero model {version} cannot be loaded: {type(error).__name__}.", "Fetch it again: `make models`."
            ) from error
        if not speaker:
            speaker = next((name for name in speakers if name.startswith("ru_")), speakers[0] if speakers else "")
        if speaker not in speakers:
            raise ModelError(
                f'Silero {version} has no speaker "{speaker}".', f"Set voice.speaker to one of: {', '.join(speakers)}."
            )
        self._lock = threading.Lock()  # the model keeps state while it speaks
        self._tempo = _tempo(rate)
        self.identity = VoiceIdentity("silero", version, speaker, licence, rate)
        for text in WARM_UP:  # the first calls of each length are slow
            self.synthesise(text)

    def synthesise(self, text: str) -> Pcm:
        sound = Pcm(SAMPLE_HZ, np.zeros(0, dtype=np.int16))
        for piece in split(text, longest=LONGEST):
            sound += self._piece(piece.text) + Pcm.silence(SAMPLE_HZ, piece.pause_ms)
        return sound

    def stream(self, text: str) -> Iterator[Pcm]:
        yield self.synthesise(text)

    def close(self) -> None:
        self._model = None

    def _piece(self, text: str) -> Pcm:
        known = speakable(text)
        if known != text and _FOREIGN.search(text):
            log.warning("characters that Silero cannot say were left out", count=len(_FOREIGN.findall(text)))
        if not _LETTER.search(known):
            return Pcm(SAMPLE_HZ, np.zeros(0, dtype=np.int16))
        try:
            return self._apply(known)
        except ValueError:
            # the model's word for "nothing to say"
            log.warning("Silero found nothing to say in a piece", characters=len(known))
            return Pcm(SAMPLE_HZ, np.zeros(0, dtype=np.int16))
        except VoiceError:
            halves = split(known, longest=max(20, len(known) // 2 + 1))
            if len(halves) < 2 or len(known) < 40:
                raise
            log.warning("Silero could not say a piece at once; it is said in parts", characters=len(known))
            sound = Pcm(SAMPLE_HZ, np.zeros(0, dtype=np.int16))
            for half in halves:
                sound += self._apply(half.text) + Pcm.silence(SAMPLE_HZ, half.pause_ms)
            return sound

    def _apply(self, text: str) -> Pcm:
        said = {"text": text} if self._tempo is None else {"ssml_text": _ssml(text, self._tempo)}
        with self._lock, self._torch.inference_mode():
            if self._model is None:
                raise VoiceError("Silero is closed.")
            try:
                tensor = self._model.apply_tts(**said, speaker=self.identity.speaker, sample_rate=SAMPLE_HZ)
            except ValueError:
                raise
            except Exception as error:  # the models raise plain Exception
                raise VoiceError(f"Silero failed: {type(error).__name__}.", "Restart the brain, or choose RHVoice.") from error
            wave = np.asarray(tensor.detach().cpu().numpy(), dtype=np.float32).reshape(-1)
        if not np.isfinite(wave).all():
            raise VoiceError("Silero gave a damaged sound.", "Restart the brain, or choose RHVoice.")
        return Pcm(SAMPLE_HZ, np.rint(np.clip(wave, -1, 1) * 32767).astype(np.int16))


def speakable(text: str) -> str:
    """Return `text` with only what the models' alphabet holds: Russian letters, stress marks, punctuation."""
    return " ".join(_STRAY_PLUS.sub("", _FOREIGN.sub(" ", text)).split())


def open_silero(settings: Settings) -> SileroEngine:
    """Return the Silero voice of the settings, else the default one if it was fetched; ModelError where there is none."""
    wish = settings.voice
    manifest = load_manifest()
    path = wish.silero_model or installed(DEFAULT_MODEL, settings, manifest)
    if path is None:
        raise ModelError("Silero's model is not fetched.", "Run `make models`.")
    entry = _entry_of(path, manifest)
    try:
        data = read_verified(path, settings, manifest)
    except SupplyError as error:
        raise ModelError(error.message, error.cure) from None
    licence = entry.licence if entry else "unknown"
    speaker = wish.speaker or (entry.speaker if entry else "")
    return SileroEngine(data, version=path.stem, speaker=speaker, licence=licence, rate=wish.rate)


def licence_warning(engine: SileroEngine) -> str:
    """Return what the clinic must know of the model's licence; empty where all is well."""
    allowed = {entry.licence for entry in load_manifest().values() if entry.may_clinics_use}
    if engine.identity.licence in allowed:
        return ""
    return f"The licence of the voice is {engine.identity.licence}: a clinic needs the author's permission to use it."


def _entry_of(path: Path, manifest: dict[str, ModelEntry]) -> ModelEntry | None:
    return next((entry for entry in manifest.values() if entry.installed_name == path.name), None)


def _tempo(rate: float) -> str | None:
    """Return the SSML word nearest to a rate; None for the usual tempo."""
    words = {0.5: "x-slow", 0.75: "slow", 1.0: None, 1.25: "fast", 1.6: "x-fast"}
    return words[min(words, key=lambda known: abs(known - rate))]


def _ssml(text: str, tempo: str) -> str:
    # `speakable` left no character that means something to XML
    return f'<speak><prosody rate="{tempo}">{text}</prosody></speak>'
