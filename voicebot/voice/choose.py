"""Which voice speaks: the one that is set, else the best that this machine has. Never a silent fallback."""

import structlog

from voicebot.errors import ModelError
from voicebot.settings import Settings
from voicebot.supplies.models import installed
from voicebot.supplies.rhvoice import find_rhvoice
from voicebot.voice.cache import PromptCache
from voicebot.voice.engine import VoiceEngine
from voicebot.voice.espeak import WARNING as ESPEAK_WARNING
from voicebot.voice.espeak import EspeakEngine
from voicebot.voice.rhvoice import RhvoiceEngine
from voicebot.voice.silero import DEFAULT_MODEL, licence_warning, open_silero
from voicebot.voice.speaker import Speaker

log = structlog.get_logger(__name__)

RHVOICE_CURE = "Run `make run` or `python -m voicebot.supplies.rhvoice` once on a machine with network."


def open_voice(settings: Settings) -> Speaker:
    """Return the robot's voice, warmed up; raise ModelError where the engine that is set cannot be had.

    Nothing is fetched here: `voicebot.supplies` does that at set-up.
    """
    engine, reason, warning = _choose(settings)
    cache = PromptCache(settings.cache / "prompts")
    speaker = Speaker(engine, cache, reason=reason, warning=warning)
    facts = speaker.describe()
    log.info(
        "voice", engine=facts.engine, version=facts.version, speaker=facts.speaker, licence=facts.licence, reason=facts.reason
    )
    if warning:
        log.warning(warning)
    return speaker


def _choose(settings: Settings) -> tuple[VoiceEngine, str, str]:
    """Return the engine, why it is this one, and a warning."""
    wish = settings.voice
    if wish.engine == "silero":
        silero = open_silero(settings)
        return silero, "set in voice.engine", licence_warning(silero)
    if wish.engine == "rhvoice":
        return _rhvoice(settings), "set in voice.engine", ""
    if wish.engine == "espeak":
        return EspeakEngine(wish.speaker, wish.rate), "set in voice.engine", ESPEAK_WARNING
    try:
        silero = open_silero(settings)
        return silero, "Silero's model is fetched", licence_warning(silero)
    except ModelError as error:
        no_silero = error.message
        if installed(DEFAULT_MODEL, settings) is not None:  # it was wanted once: do not pass over it quietly
            log.warning("Silero is not used", problem=error.message, cure=error.cure)
    try:
        return _rhvoice(settings), f"the best at hand: {no_silero}", ""
    except ModelError as error:
        # a speaker's name belongs to one engine: it does not follow to another
        return EspeakEngine("", wish.rate), f"nothing better: {no_silero} {error.message}", ESPEAK_WARNING


def _rhvoice(settings: Settings) -> RhvoiceEngine:
    files = find_rhvoice(settings.cache)
    if files is None:
        raise ModelError("RHVoice is not in the cache.", RHVOICE_CURE)
    return RhvoiceEngine(files, settings.voice.speaker, settings.voice.rate)
