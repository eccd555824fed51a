"""What callers hear who have to wait: the clinic's words and music, and whether the running line has them."""

from collections.abc import Iterator

from voicebot import status
from voicebot.audio.levels import SILENCE_DB, level_db
from voicebot.audio.wav import SoundError, read_sound
from voicebot.clock import Clock
from voicebot.doctor.finding import Finding, doubtful, fine, wrong
from voicebot.errors import ConfigurationError
from voicebot.settings import Settings
from voicebot.talk.waiting_words import LONGEST_MUSIC_SECONDS, load_waiting_words

_SHORTEST_MUSIC_SECONDS = 10  # shorter, and it is heard again and again


def check_queue(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Words (waiting.yaml) and music (admission.music), where callers are queued when the robot is full."""
    if settings.admission.when_full != "queue":
        yield fine("queue", f'Nobody waits: admission.when_full = "{settings.admission.when_full}".')
        return
    try:
        load_waiting_words(settings.dialog.folder)
    except ConfigurationError as error:
        yield wrong("queue", error.message, error.cure)
    else:
        yield from _music(settings)
    line = status.read(settings.run_dir, clock).get("line", {})
    if line.get("is_alive") and line.get("brains") and not line.get("can_queue"):
        cure = "A brain makes the sounds when it starts; its log says «waiting sounds not kept», and why."
        yield doubtful("queue", "The running line has no sounds for callers who wait: they go to the operators.", cure)


def _music(settings: Settings) -> Iterator[Finding]:
    file = settings.admission.music
    if file is None:
        yield fine("queue", f"{settings.admission.places} places, the built-in music.")
        return
    try:
        music = read_sound(file)
    except SoundError as error:
        yield doubtful("queue", f"admission.music: {error.message} The built-in loop is played.", error.cure)
        return
    seconds = len(music.samples) / music.rate_hz
    if level_db(music.samples) <= SILENCE_DB:
        yield doubtful("queue", f"admission.music: {file} is silent.", "Callers take silence for a dead line: give another.")
    elif not _SHORTEST_MUSIC_SECONDS <= seconds <= LONGEST_MUSIC_SECONDS:
        cure = f"Give {_SHORTEST_MUSIC_SECONDS} to {LONGEST_MUSIC_SECONDS} s; the rest is not played."
        yield doubtful("queue", f"admission.music: {file} lasts {seconds:.0f} s.", cure)
    else:
        yield fine("queue", f"{settings.admission.places} places, {seconds:.0f} s of the clinic's own music.")
