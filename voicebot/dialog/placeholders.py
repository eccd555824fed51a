"""Placeholders in prompts: {choice.start|when}, {doctor|doctor:dative}. Found and checked here, spoken by rendering."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from voicebot.errors import ConfigurationError

#: Filter -> may it have a case as its argument?
FILTERS = {
    "when": False,  # a moment: "в понедельник, двадцать третьего ноября, в десять часов"
    "date": False,
    "time": False,
    "doctor": True,
    "speciality": True,
    "service": False,
    "branch": False,
    "address": False,
    "hours": False,
    "phone": False,
    "name": True,
    "money": False,  # rubles
    "price": False,  # of a service, or of a speciality's visit
    "spelled": False,  # a dialog ID, character by character
    "offers": False,
    "either": False,  # a list of texts joined by "или"
    "text": False,
}
CASES = ("nominative", "genitive", "dative", "accusative", "instrumental", "prepositional")

_PATTERN = re.compile(r"\{([^{}]*)\}")
_INSIDE = re.compile(r"^([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)(?:\|([a-z]+)(?::([a-z]+))?)?$")


@dataclass(frozen=True, slots=True)
class Placeholder:
    path: str
    filter: str = ""
    argument: str = ""

    @property
    def root(self) -> str:
        return self.path.partition(".")[0]


def _parse(inside: str) -> Placeholder:
    match = _INSIDE.match(inside.strip())
    if match is None:
        raise ConfigurationError(f"the placeholder {{{inside}}} cannot be read.", "Write {name} or {name|filter:case}.")
    path, name, argument = match.group(1), match.group(2) or "", match.group(3) or ""
    if name and name not in FILTERS:
        raise ConfigurationError(f"the placeholder {{{inside}}} has an unknown filter.", f"Filters: {', '.join(FILTERS)}.")
    if argument and (argument not in CASES or not FILTERS[name]):
        raise ConfigurationError(f"the placeholder {{{inside}}} has a wrong case.", f"Cases: {', '.join(CASES)}.")
    return Placeholder(path, name, argument)


def find(text: str) -> Iterator[Placeholder]:
    """Yield a text's placeholders; raise ConfigurationError for one that cannot be read."""
    for match in _PATTERN.finditer(text):
        yield _parse(match.group(1))


def without(text: str) -> str:
    """Return the text's fixed words."""
    return _PATTERN.sub(" ", text)


def replace(text: str, speak: Callable[[Placeholder], str]) -> str:
    return _PATTERN.sub(lambda match: speak(_parse(match.group(1))), text)
