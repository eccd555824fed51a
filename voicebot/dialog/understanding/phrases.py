"""What callers say, intent by intent: a clinic's understanding/*.yaml, the dialplans' examples and the questions of its FAQ.

A phrase may hold an entry of the catalogue: "сколько стоит {service}", "запишите к {speciality|datv}" (pymorphy3's cases).
Each such phrase stands for a few with real names of this clinic, so the same file teaches another clinic's words.
"""

import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from voicebot.clinic.catalogue import KINDS, Catalogue, Kind
from voicebot.errors import ConfigurationError
from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect
from voicebot.russian.names import PersonName, decline
from voicebot.russian.text import normalise

#: The key of a file whose phrases teach which answer of the FAQ is meant, by the entry's ID.
FAQ = "faq"
#: Under it beside the IDs: questions that do not tell which answer is wanted.
ANY_ANSWER = "any"
#: Beside the intents: a bare answer (a date, a name), and talk that is no request at all.
ANSWER = "answer"
NOTHING = "none"

#: In a clinic's folder: what the recogniser made of taught phrases in noise (bench/understanding/confusions.py).
HEARD = Path("understanding") / "heard.tsv"

#: libyaml's, where it was built: ruamel.yaml takes ten seconds for thirty thousand phrases. Comments need not be kept here.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = "tag:yaml.org,2002:str"
_PLACE = re.compile(r"\{(\w+)(?:\|(\w+))?\}")
_KINDS = ("doctor", "speciality", "service", "test", "branch")
_THINGS: tuple[Kind, ...] = ("test", "service", "speciality", "branch")
_REALISATIONS = 3
_MAXIMUM_SUBJECT_WORDS = 4
_INTENT = re.compile(r"^[a-z][a-z0-9_]*$")


def read_phrases(folder: Path) -> dict[str, list[str]]:
    """Return intent -> phrases of a clinic's understanding/*.yaml, placeholders unfilled; raise ConfigurationError."""
    found: dict[str, list[str]] = {}
    for path, key, node in _entries_of_files(folder):
        if key.value != FAQ:
            found.setdefault(key.value, []).extend(_listed(path, key, node))
    return found


def read_faq_phrases(folder: Path, known: Collection[str]) -> dict[str, list[str]]:
    """Return ID of the FAQ -> how callers ask it, of what a clinic's understanding/*.yaml have under `faq`.

    Raise ConfigurationError where an ID is not among the `known`.
    """
    found: dict[str, list[str]] = {}
    for path, heading, answers in _entries_of_files(folder):
        if heading.value != FAQ or not answers.value:
            continue
        if not isinstance(answers, yaml.MappingNode):
            problem = f"{path}:{_line(heading)}: {FAQ} has no entries."
            raise ConfigurationError(problem, "Write `id:` and under it `- phrase` lines.")
        for key, node in answers.value:
            if key.value != ANY_ANSWER and key.value not in known:
                problem = f"{path}:{_line(key)}: no answer {key.value!r} in faq.yaml."
                raise ConfigurationError(problem, "Correct the ID, or add it.")
            found.setdefault(key.value, []).extend(_listed(path, key, node))
    return found


def _entries_of_files(folder: Path) -> Iterator[tuple[Path, yaml.Node, yaml.Node]]:
    """File, intent and phrases as YAML's nodes, which know their lines."""
    for path in sorted((folder / "understanding").glob("*.yaml")):
        for key, node in _read(path):
            yield path, key, node


def _read(path: Path) -> list[tuple[yaml.Node, yaml.Node]]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise ConfigurationError(f"{path}:{line}: {error.problem}.", "Correct the YAML.") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}:1: not UTF-8 at byte {error.start}.", "Save the file as UTF-8.") from None
    except yaml.reader.ReaderError as error:
        raise ConfigurationError(f"{path}:1: {error.reason}.", "Delete what is no text.") from None
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError(f"{path}:1: not a list of intents.", "Write `intent:` and under it `- phrase` lines.")
    return list(root.value)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _listed(path: Path, key: yaml.Node, node: yaml.Node) -> list[str]:
    if not isinstance(key, yaml.ScalarNode) or not _INTENT.match(key.value):
        raise ConfigurationError(f"{path}:{_line(key)}: {key.value!r} is no name of an intent.", "Use a-z, 0-9 and _.")
    if not isinstance(node, yaml.SequenceNode):
        problem = f"{path}:{_line(key)}: {key.value} has no list of phrases."
        raise ConfigurationError(problem, "Write `- phrase` lines under it.")
    return [_checked(path, one) for one in node.value]


def _checked(path: Path, node: yaml.Node) -> str:
    line, phrase = _line(node), node.value
    if node.tag != _TEXT or not normalise(phrase):
        said = phrase if isinstance(node, yaml.ScalarNode) else "this"
        raise ConfigurationError(f"{path}:{line}: {said} is no phrase.", 'Put it into quotes ("да"), or delete the line.')
    for place in _PLACE.finditer(phrase):
        kind, case = place.groups()
        if kind not in _KINDS:
            raise ConfigurationError(f"{path}:{line}: unknown {{{kind}}}.", f"Use one of {', '.join(_KINDS)}.")
        if case is not None and case not in {one.value for one in Case}:
            raise ConfigurationError(f"{path}:{line}: unknown case {case}.", f"Use one of {', '.join(Case)}.")
    return str(phrase)


def all_phrases(catalogue: Catalogue, folder: Path | None, examples: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return intent -> phrases with this clinic's own names, from its files, the dialplans' forms and its FAQ. No twins."""
    several: dict[str, list[str]] = read_phrases(folder) if folder is not None else {}
    for intent, phrases in examples.items():
        several.setdefault(intent, []).extend(phrases)
    for key, phrases in _asked(catalogue, folder).items():
        if key != ANY_ANSWER:
            several.setdefault(catalogue.faq[key].intent, []).extend(phrases)
    return _filled(catalogue, several)


def faq_phrases(catalogue: Catalogue, folder: Path) -> dict[str, list[str]]:
    """Return ID of the FAQ -> how callers ask it, with this clinic's own names; under ANY_ANSWER what asks nothing certain."""
    titles = {key: [entry.title] for key, entry in catalogue.faq.items()}
    return _filled(catalogue, {key: [*titles.get(key, ()), *asked] for key, asked in _asked(catalogue, folder).items()})


def _asked(catalogue: Catalogue, folder: Path | None) -> dict[str, list[str]]:
    taught = read_faq_phrases(folder, catalogue.faq) if folder is not None else {}
    return {**taught, **{key: [*entry.questions, *taught.get(key, ())] for key, entry in catalogue.faq.items()}}


def _filled(catalogue: Catalogue, several: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    filler = _Filler(catalogue)
    return {
        label: list(dict.fromkeys(filled for phrase in phrases for filled in filler.filled(phrase)))
        for label, phrases in sorted(several.items())
    }


def heard_phrases(folder: Path) -> dict[str, list[str]]:
    """Return normalised phrase -> what the recogniser once heard of it; empty where the clinic has no such file."""
    found: dict[str, list[str]] = {}
    path = folder / HEARD
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        said, is_pair, heard = line.partition("\t")
        if is_pair and not line.startswith("#"):
            found.setdefault(said, []).append(heard)
    return found


def own_names(catalogue: Catalogue) -> frozenset[str]:
    """Return what the clinic has, as callers call it: normalised names and complaints."""
    complaints = [phrase for several in catalogue.complaints().values() for phrase in several]
    names = [form for kind in KINDS for forms in catalogue.forms(kind).values() for form in forms]
    return frozenset(
        map(normalise, (*names, *complaints, *(name for group in catalogue.groups.values() for name in group.names())))
    )


def names_by_kind(catalogue: Catalogue) -> dict[str, list[str]]:
    """Return kind -> normalised names of doctors, specialities, services, tests and branches, and of complaints."""
    found: dict[str, list[str]] = {
        kind: [form for forms in catalogue.forms(kind).values() for form in forms] for kind in _THINGS
    }
    found["complaint"] = [phrase for several in catalogue.complaints().values() for phrase in several]
    found["doctor"] = [
        name
        for one in catalogue.doctors.values()
        for name in (one.surname, f"{one.given} {one.patronymic}", one.full_name, f"{one.given} {one.patronymic} {one.surname}")
    ]
    return {kind: [normalise(name) for name in names] for kind, names in found.items()}


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
