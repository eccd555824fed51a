"""What a caller wants, by rules: patterns over normalised words (lower case, е for ё, no punctuation).

The order is the order of the table: what must not be missed comes first. A trained classifier can join behind the same
function; rules stay for what must be certain.
"""

import re
from functools import cache

from voicebot.dialog.understanding import patterns
from voicebot.dialog.understanding.patterns import Patterns

_WORD = r"(?:^|(?<= ))"
_END = r"(?=$| )"

#: What happened long ago or is a reason for a planned visit is no emergency.
_NOT_AN_EMERGENCY = re.compile(
    r"после (?:перенесенного )?(?:инсульт|инфаркт|обморок|операци|кровотеч)|перенес(?:ла|ли)? (?:инсульт|инфаркт)"
    r"|(?:год|лет|месяц\w*|недел\w+) назад|в прошлом (?:году|месяце)|на прошлой неделе|профилактик\w+ (?:инсульт|инфаркт)"
    r"|кров\w* (?:на|сда|из вены|из пальца)|анализ\w* кров|давно (?:болит|боли)"
)


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
)
_SHORT_WORDS = 6
#: What a caller may say at any moment about the call itself.
COMMANDS = frozenset({"operator", "upset", *(intent for intent, _ in _SHORT)})
_TOPICS: tuple[tuple[str, Patterns], ...] = (
    ("cancel", patterns.CANCEL),
    ("reschedule", patterns.RESCHEDULE),
    ("results", patterns.RESULTS),
    ("document", patterns.DOCUMENT),
    ("prepare", patterns.PREPARE),
    ("schedule", patterns.SCHEDULE),
    ("price", patterns.PRICE),
    ("hours", patterns.HOURS),
    ("address", patterns.ADDRESS),
    ("book", patterns.BOOK),
)


def is_emergency(text: str) -> bool:
    """Whether a normalised phrase tells of a danger to life now."""
    return _says(patterns.EMERGENCY, text) and _NOT_AN_EMERGENCY.search(text) is None


def command(text: str) -> str:
    """Return the global command in a normalised phrase, or ""."""
    if is_emergency(text):
        return "emergency"
    for intent, several in _ANYWHERE:
        if _says(several, text):
            return intent
    if len(text.split()) <= _SHORT_WORDS:
        for intent, several in _SHORT:
            if _says(several, text):
                return intent
    return ""


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
    if _says(patterns.EMERGENCY, text):
        found.append("emergency")
    if is_off_topic(text):
        found.append("off_topic")
    return found
