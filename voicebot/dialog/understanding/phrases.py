"""What callers say, intent by intent: a clinic's understanding/*.yaml, the dialplans' examples and the questions of its FAQ.

A phrase may hold an entry of the catalogue: "сколько стоит {service}", "запишите к {speciality|datv}" (pymorphy3's cases).
Each such phrase stands for a few with real names of this clinic, so the same file teaches another clinic's words.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError

from voicebot.clinic.catalogue import KINDS, Catalogue
from voicebot.errors import ConfigurationError
from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect
from voicebot.russian.names import PersonName, decline
from voicebot.russian.text import normalise

#: Beside the intents: a bare answer (a date, a name), and talk that is no request at all.
ANSWER = "answer"
NOTHING = "none"

_PLACE = re.compile(r"\{(\w+)(?:\|(\w+))?\}")
_KINDS = ("doctor", "speciality", "service", "test", "branch")
_REALISATIONS = 3
_MAXIMUM_SUBJECT_WORDS = 4
_INTENT = re.compile(r"^[a-z][a-z0-9_]*$")


def read_phrases(folder: Path) -> dict[str, list[str]]:
    """Return intent -> phrases of a clinic's understanding/*.yaml, placeholders unfilled; raise ConfigurationError."""
    found: dict[str, list[str]] = {}
    for path in sorted((folder / "understanding").glob("*.yaml")):
        for intent, phrases in _read(path).items():
            found.setdefault(intent, []).extend(phrases)
    return found


def _read(path: Path) -> dict[str, list[str]]:
    try:
        raw: Any = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise ConfigurationError(f"{path}:{line}: {error.problem}.", "Correct the YAML.") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}:1: not UTF-8 at byte {error.start}.", "Save the file as UTF-8.") from None
    if raw is None:
        return {}
    if not isinstance(raw, CommentedMap):
        raise ConfigurationError(f"{path}:1: not a list of intents.", "Write `intent:` and under it `- phrase` lines.")
    found: dict[str, list[str]] = {}
    for intent, phrases in raw.items():
        line = raw.lc.key(intent)[0] + 1
        if not isinstance(intent, str) or not _INTENT.match(intent):
            raise ConfigurationError(f"{path}:{line}: {intent!r} is no name of an intent.", "Use a-z, 0-9 and _.")
        if not isinstance(phrases, list):
            raise ConfigurationError(f"{path}:{line}: {intent} has no list of phrases.", "Write `- phrase` lines under it.")
        found[intent] = [_checked(path, phrases, index) for index in range(len(phrases))]
    return found


def _checked(path: Path, phrases: Any, index: int) -> str:
    line = phrases.lc.item(index)[0] + 1
    phrase = phrases[index]
    if not isinstance(phrase, str) or not normalise(phrase):
        raise ConfigurationError(f"{path}:{line}: {phrase!r} is no phrase.", 'Put it into quotes ("да"), or delete the line.')
    for place in _PLACE.finditer(phrase):
        kind, case = place.groups()
        if kind not in _KINDS:
            raise ConfigurationError(f"{path}:{line}: unknown {{{kind}}}.", f"Use one of {', '.join(_KINDS)}.")
        if case is not None and case not in {one.value for one in Case}:
            raise ConfigurationError(f"{path}:{line}: unknown case {case}.", f"Use one of {', '.join(Case)}.")
    return phrase


def all_phrases(catalogue: Catalogue, folder: Path | None, examples: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return intent -> phrases with this clinic's own names, from its files, the dialplans' forms and its FAQ. No twins."""
    several: dict[str, list[str]] = read_phrases(folder) if folder is not None else {}
    for intent, phrases in examples.items():
        several.setdefault(intent, []).extend(phrases)
    for entry in catalogue.faq.values():
        several.setdefault(entry.intent, []).extend(entry.questions)
    filler = _Filler(catalogue)
    return {
        intent: list(dict.fromkeys(filled for phrase in phrases for filled in filler.filled(phrase)))
        for intent, phrases in sorted(several.items())
    }


def own_names(catalogue: Catalogue) -> frozenset[str]:
    """Return what the clinic has, as callers call it: normalised names and complaints."""
    complaints = [phrase for several in catalogue.complaints().values() for phrase in several]
    names = [form for kind in KINDS for forms in catalogue.forms(kind).values() for form in forms]
    return frozenset(
        map(normalise, (*names, *complaints, *(name for group in catalogue.groups.values() for name in group.names())))
    )


class _Filler:
    """Puts the clinic's names into phrases, always the same ones for the same phrase."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._names = {kind: tuple(self._of(kind)) for kind in _KINDS}

    def _of(self, kind: str) -> Iterator[tuple[str, PersonName | None]]:
        if kind == "doctor":
            for doctor in self._catalogue.doctors.values():
                yield doctor.surname, PersonName(doctor.surname)
                yield doctor.full_name, PersonName(doctor.surname, doctor.given, doctor.patronymic)
            return
        entries: Mapping[str, Any] = {
            "speciality": self._catalogue.specialities,
            "service": self._catalogue.services,
            "test": self._catalogue.tests,
            "branch": self._catalogue.branches,
        }[kind]
        for entry in entries.values():
            yield from ((name, None) for name in entry.names() if len(name.split()) <= _MAXIMUM_SUBJECT_WORDS)

    def filled(self, phrase: str) -> list[str]:
        places = {place.group(1) for place in _PLACE.finditer(phrase)}
        if not places:
            return [normalise(phrase)]
        if not all(self._names[kind] for kind in places):
            return []
        rng = random.Random(phrase)  # noqa: S311 - not for secrets
        return [normalise(_PLACE.sub(lambda found: self._name(found, rng), phrase)) for _ in range(_REALISATIONS)]

    def _name(self, found: re.Match[str], rng: random.Random) -> str:
        kind, case = found.groups()
        name, person = rng.choice(self._names[kind])
        if case is None:
            return name
        return decline(person, Case(case)) if person is not None else inflect(name, Case(case))
