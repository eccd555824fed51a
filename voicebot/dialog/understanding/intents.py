"""What a caller wants, by rules: patterns over normalised words (lower case, е for ё, no punctuation).

The order is the order of the table: what must not be missed comes first. The classifier weighs what the rules find
(`wishes`); what must be certain they decide alone.
"""

import re
from functools import cache

from voicebot.dialog.understanding import patterns
from voicebot.dialog.understanding.emergencies import is_emergency
from voicebot.dialog.understanding.patterns import Patterns

_WORD = r"(?:^|(?<= ))"
_END = r"(?=$| )"


@cache
def _compiled(several: Patterns) -> re.Pattern[str]:
    return re.compile("|".join(one if one.startswith("^") else f"{_WORD}(?:{one}){_END}" for one in several))


def _says(several: Patterns, text: str) -> bool:
    return _compiled(several).search(text) is not None


_ANYWHERE: tuple[tuple[str, Patterns], ...] = (("upset", patterns.UPSET), ("operator", patterns.OPERATOR))
#: Understood only in short phrases: in a longer one the words are part of something else.
_SHORT: tuple[tuple[str, Patterns], ...] = (
    ("greeting", patterns.GREETING),
    ("repeat", patterns.REPEAT),
    ("help", patterns.HELP),
    ("hold_on", patterns.HOLD_ON),
    ("back", patterns.BACK),
    ("goodbye", patterns.GOODBYE),
    ("stop", patterns.STOP),
)
SHORT_WORDS = 6
#: What a caller may say at any moment about the call itself.
ANYWHERE = frozenset(intent for intent, _ in _ANYWHERE)
COMMANDS = ANYWHERE | {intent for intent, _ in _SHORT}
_TOPICS: tuple[tuple[str, Patterns], ...] = (
    ("waitlist", patterns.WAITLIST),
    ("sms", patterns.SMS),
    ("appointments", patterns.APPOINTMENTS),
    ("cancel", patterns.CANCEL),
    ("reschedule", patterns.RESCHEDULE),
    ("ready", patterns.READY),
    ("results", patterns.RESULTS),
    ("document", patterns.DOCUMENT),
    ("prepare", patterns.PREPARE),
    ("price", patterns.PRICE),
    ("hours", patterns.HOURS),
    ("schedule", patterns.SCHEDULE),
    ("address", patterns.ADDRESS),
    ("book", patterns.BOOK),
)
#: Intents that rules know; all others are a clinic's own.
RULED = COMMANDS | {intent for intent, _ in _TOPICS}


def command(text: str) -> str:
    """Return the command about the call itself in a normalised phrase, or ""."""
    for intent, several in _ANYWHERE:
        if _says(several, text):
            return intent
    if len(text.split()) <= SHORT_WORDS:
        for intent, several in _SHORT:
            if _says(several, text):
                return intent
    return ""


def command_of_answer(text: str, kind: str) -> str:
    """Return what a phrase without content is at a question of this type: a farewell, or a scrap to be asked over."""
    if kind == "request" and _says(patterns.THAT_IS_ALL, text):
        return "goodbye"
    return "greeting" if kind not in ("", "yes_no") and _says(patterns.FILLER, text) else ""


def topic(text: str) -> str:
    """Return what a normalised phrase asks for, or ""."""
    return next((intent for intent, several in _TOPICS if _says(several, text)), "")


def asks_to_book(text: str) -> bool:
    return _says(patterns.BOOK, text)


def is_off_topic(text: str) -> bool:
    return _says(patterns.OFF_TOPIC, text)


def hits(text: str) -> list[str]:
    """Return every intent whose patterns a normalised phrase fits: what the classifier weighs beside the words."""
    found = [intent for intent, several in (*_ANYWHERE, *_SHORT, *_TOPICS) if _says(several, text)]
    if is_emergency(text):
        found.append("emergency")
    if is_off_topic(text):
        found.append("off_topic")
    return found
