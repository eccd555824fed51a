"""Reads a clinic's folder (YAML, or CSV of the same fields). Every error names file, line, cure.

clinic, branches, specialities, doctors, services; and where they are there: tests, faq, groups, and rules of preparation,
which tests and services name by id. A kind may be spread over a .yaml and a .csv file.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError, field_validator

from voicebot.clinic.entries import Branch, Catalogue, ClinicInfo, Doctor, Kind, Service, Speciality
from voicebot.clinic.entry import Entry, Stressed, check_stress
from voicebot.clinic.knowledge_entries import FaqEntry, Group, LabTest
from voicebot.clinic.names_check import clashes, shared_between_kinds
from voicebot.clinic.sources import Location, Source, problem_at, read_source
from voicebot.errors import ConfigurationError

_E = TypeVar("_E", bound=Entry)

_FILES: Mapping[Kind, str] = {
    "branch": "branches",
    "speciality": "specialities",
    "doctor": "doctors",
    "service": "services",
    "test": "tests",
    "faq": "faq",
}
_MODELS: Mapping[Kind, type[Entry]] = {
    "branch": Branch,
    "speciality": Speciality,
    "doctor": Doctor,
    "service": Service,
    "test": LabTest,
    "faq": FaqEntry,
}
#: A clinic may have none of these.
_OPTIONAL: frozenset[Kind] = frozenset({"test", "faq"})
_RULE = re.compile(r"[a-z][a-z0-9_]*")
_SHOWN_PROBLEMS = 20


class CatalogueError(ConfigurationError):
    """The clinic's data is wrong; `problems` has one line for each: file:line: what. cure."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        shown = problems[:_SHOWN_PROBLEMS]
        if len(problems) > len(shown):
            shown = [*shown, f"... and {len(problems) - len(shown)} more."]
        super().__init__("The clinic's data is wrong:\n" + "\n".join(shown), "")


class PreparationRule(Entry):
    """How to prepare, for many tests and services at once."""

    spoken: Stressed

    _stress = field_validator("spoken")(check_stress)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands."""

    source: Source
    index: int

    def problem(self, location: Location, what: str, cure: str) -> str:
        return problem_at(self.source, (self.index, *location), what, cure)


@dataclass(slots=True)
class Reading:
    """One kind's entries with their places."""

    file: str
    entries: dict[str, Any]
    places: dict[str, Place]


def load_catalogue(folder: Path) -> Catalogue:
    """Read and check a clinic's folder; raise CatalogueError listing every problem found."""
    problems: list[str] = []
    info = _read_info(folder / "clinic.yaml", problems)
    rules = _read_entries(folder, "preparations", PreparationRule, {}, problems, is_optional=True)
    known_rules = {identifier: rule.spoken for identifier, rule in rules.entries.items()} if rules is not None else None
    readings: dict[Kind, Reading] = {}
    for kind, file in _FILES.items():
        read = _read_entries(folder, file, _MODELS[kind], known_rules, problems, is_optional=kind in _OPTIONAL)
        if read is not None:
            readings[kind] = read
    groups = _read_entries(folder, "groups", Group, {}, problems, is_optional=True) or Reading("groups.yaml", {}, {})
    if len(readings) == len(_FILES):
        problems += _check_references(readings)
        problems += _check_groups(groups, readings)
    for kind, reading in readings.items():
        own = {key: group for key, group in groups.entries.items() if group.kind == kind}
        problems += clashes(kind, {**reading.entries, **own}, {**reading.places, **{key: groups.places[key] for key in own}})
    if problems or info is None:
        raise CatalogueError(problems)
    return Catalogue(
        clinic=info,
        branches=readings["branch"].entries,
        specialities=readings["speciality"].entries,
        doctors=readings["doctor"].entries,
        services=readings["service"].entries,
        tests=readings["test"].entries,
        faq=readings["faq"].entries,
        groups=groups.entries,
        warnings=tuple(shared_between_kinds({kind: (r.entries, r.places) for kind, r in readings.items()})),
    )


def _read_info(path: Path, problems: list[str]) -> ClinicInfo | None:
    source = read_source(path, problems)
    return None if source is None else _validate(ClinicInfo, source, (), source.plain(), problems)


def _read_entries(
    folder: Path,
    file: str,
    model: type[Entry],
    rules: Mapping[str, str] | None,
    problems: list[str],
    *,
    is_optional: bool,
) -> Reading | None:
    """Return a kind's entries, or None when something is wrong. `rules`: preparation by id; None: they could not be read."""
    reading = Reading(f"{file}.yaml", {}, {})
    paths = [path for path in (folder / f"{file}.yaml", folder / f"{file}.csv") if path.exists()]
    if not paths and is_optional:
        return reading
    is_whole = True
    for path in paths or [folder / f"{file}.yaml"]:
        source = read_source(path, problems)
        if source is None:
            is_whole = False
            continue
        reading.file = path.name
        items = source.plain()
        if not isinstance(items, list) or not items:
            cure = "Begin each entry with `- id: ...`." if path.suffix == ".yaml" else "Write the names of the columns first."
            problems.append(problem_at(source, (), "the file is no list of entries", cure))
            is_whole = False
            continue
        for index, item in enumerate(items):
            is_whole = _add(reading, Place(source, index), item, model, rules, problems) and is_whole
    return reading if is_whole else None


def _add(
    reading: Reading, place: Place, item: Any, model: type[Entry], rules: Mapping[str, str] | None, problems: list[str]
) -> bool:
    if isinstance(item, dict) and "preparation" in model.model_fields:
        item = _with_rule(item, place, rules, problems)
    entry = _validate(model, place.source, (place.index,), item, problems)
    if entry is None:
        return False
    first = reading.places.get(entry.id)
    if first is not None:
        where = f"line {first.source.line((first.index,))}"
        if first.source is not place.source:
            where = f"{first.source.path.name}, {where}"
        problems.append(place.problem(("id",), f"the id {entry.id!r} is used in {where}", "Give it another."))
    else:
        reading.entries[entry.id] = entry
        reading.places[entry.id] = place
    return True


def _with_rule(item: dict[str, Any], place: Place, rules: Mapping[str, str] | None, problems: list[str]) -> dict[str, Any]:
    """Put the words of a rule where its id stands."""
    rule = item.get("preparation")
    if not isinstance(rule, str) or not _RULE.fullmatch(rule):
        return item
    if rules is not None and rule not in rules:
        cure = _suggestion(rule, rules, "preparations.yaml")
        problems.append(place.problem(("preparation",), f"there is no rule of preparation {rule!r}", cure))
    return {**item, "preparation": (rules or {}).get(rule, "")}


_M = TypeVar("_M", bound=BaseModel)


def _validate(model: type[_M], source: Source, location: Location, raw: Any, problems: list[str]) -> _M | None:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = ".".join(str(part) for part in problem["loc"])
            problems.append(problem_at(source, (*location, *problem["loc"]), *_explain(problem, name, model)))
        return None


def _explain(problem: Any, name: str, model: type[BaseModel]) -> tuple[str, str]:
    match problem["type"]:
        case "missing":
            return f"`{name}` is missing", "Add it."
        case "extra_forbidden":
            known = ", ".join(field.alias or key for key, field in model.model_fields.items())
            return f"`{name}` is not known", f"Correct or remove it; known are: {known}."
        case "string_pattern_mismatch":
            return f"`{name}` is {problem['input']!r}", "Use lower-case Latin letters, digits and _, a letter first."
        case _:
            message = problem["msg"].removeprefix("Value error, ")
            return f"`{name}`: {message}" if name else message, "Correct it."


def _references(kind: Kind, entry: Any) -> Iterator[tuple[Location, Kind, str]]:
    """Yield every ID that an entry names: where, of which kind, which."""
    match kind:
        case "doctor":
            yield from ((("specialities", i), "speciality", x) for i, x in enumerate(entry.specialities))
            yield from ((("schedule", i, "branch"), "branch", x.branch) for i, x in enumerate(entry.schedule))
            yield from ((("extra", i, "branch"), "branch", x.branch) for i, x in enumerate(entry.extra))
        case "service":
            yield from ((("specialities", i), "speciality", x) for i, x in enumerate(entry.specialities))
            yield from ((("doctors", i), "doctor", x) for i, x in enumerate(entry.doctors))
            yield from ((("branches", i), "branch", x) for i, x in enumerate(entry.branches))
            if entry.repeat:
                yield ("repeat",), "service", entry.repeat
        case "speciality":
            if entry.visit:
                yield ("visit",), "service", entry.visit
            if entry.child_speciality:
                yield ("child_speciality",), "speciality", entry.child_speciality
        case "test":
            yield from ((("branches", i), "branch", x) for i, x in enumerate(entry.branches))
        case "faq":
            yield from ((("by_branch", x), "branch", x) for x in entry.by_branch)
        case "branch":
            return


def _check_references(readings: Mapping[Kind, Reading]) -> Iterator[str]:
    for kind, reading in readings.items():
        for identifier, entry in reading.entries.items():
            for location, target, name in _references(kind, entry):
                known = readings[target].entries
                if name not in known:
                    yield reading.places[identifier].problem(
                        location, f"there is no {target} {name!r}", _suggestion(name, known, readings[target].file)
                    )
    specialities = readings["speciality"]
    for identifier, place in specialities.places.items():
        doctors = [d for d in readings["doctor"].entries.values() if identifier in d.specialities]
        visits = [s for s in readings["service"].entries.values() if s.is_visit and identifier in s.specialities]
        if not doctors:
            yield place.problem(
                (), f"no doctor has the speciality {identifier!r}", "Add one to doctors.yaml, or remove the speciality."
            )
        if not specialities.entries[identifier].visit and len(visits) != 1:
            yield place.problem(
                (),
                f"{identifier!r} has {len(visits)} services marked is_visit",
                f"Mark exactly one in {readings['service'].file}, or name it here as `visit`.",
            )


def _check_groups(groups: Reading, readings: Mapping[Kind, Reading]) -> Iterator[str]:
    for identifier, group in groups.entries.items():
        target, place = readings[group.kind], groups.places[identifier]
        if identifier in target.entries:
            yield place.problem(("id",), f"the id {identifier!r} is used in {target.file}", "Give it another.")
        for index, name in enumerate(group.members):
            if name not in target.entries:
                cure = _suggestion(name, target.entries, target.file)
                yield place.problem(("members", index), f"there is no {group.kind} {name!r}", cure)


def _suggestion(name: str, known: Mapping[str, Any], file: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Use an id of {file}."
