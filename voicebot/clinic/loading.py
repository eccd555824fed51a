"""Reads a clinic's folder: clinic, branches, specialities, doctors, services (YAML). Every error names file, line, cure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from voicebot.clinic.entries import (
    KINDS,
    Branch,
    Catalogue,
    ClinicInfo,
    Doctor,
    Entry,
    Kind,
    Service,
    Speciality,
    matching_form,
)
from voicebot.errors import ConfigurationError

_Location = tuple[int | str, ...]
_E = TypeVar("_E", bound=Entry)

_FILES: Mapping[Kind, str] = {
    "branch": "branches.yaml",
    "speciality": "specialities.yaml",
    "doctor": "doctors.yaml",
    "service": "services.yaml",
}
_SHOWN_PROBLEMS = 20


class CatalogueError(ConfigurationError):
    """The clinic's data is wrong; `problems` has one line for each: file:line: what. cure."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        shown = problems[:_SHOWN_PROBLEMS]
        if len(problems) > len(shown):
            shown = [*shown, f"... and {len(problems) - len(shown)} more."]
        super().__init__("The clinic's data is wrong:\n" + "\n".join(shown), "")


@dataclass(frozen=True, slots=True)
class _Source:
    """A parsed file: `raw` keeps positions."""

    path: Path
    raw: Any

    def line(self, location: _Location) -> int:
        node, line = self.raw, 1
        for part in location:
            if isinstance(node, CommentedMap) and part in node:
                line = node.lc.key(part)[0] + 1
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                line = node.lc.item(part)[0] + 1
            else:  # a field that is missing, or a level only the model has
                continue
            node = node[part]
        return line

    def problem(self, location: _Location, what: str, cure: str) -> str:
        return f"{self.path}:{self.line(location)}: {what}. {cure}"


@dataclass(slots=True)
class _Reading:
    """One kind's entries with their place in the file."""

    source: _Source
    entries: dict[str, Any]
    places: dict[str, int]


def load_catalogue(folder: Path) -> Catalogue:
    """Read and check a clinic's folder; raise CatalogueError listing every problem found."""
    problems: list[str] = []
    info = _read_info(folder / "clinic.yaml", problems)
    readings: dict[Kind, _Reading | None] = {
        "branch": _read_list(folder / _FILES["branch"], Branch, problems),
        "speciality": _read_list(folder / _FILES["speciality"], Speciality, problems),
        "doctor": _read_list(folder / _FILES["doctor"], Doctor, problems),
        "service": _read_list(folder / _FILES["service"], Service, problems),
    }
    good = {kind: reading for kind, reading in readings.items() if reading is not None}
    if len(good) == len(KINDS):
        problems += _check_references(good)
    for kind, reading in good.items():
        problems += _check_synonyms(kind, reading)
    if problems or info is None:
        raise CatalogueError(problems)
    return Catalogue(
        clinic=info,
        branches=good["branch"].entries,
        specialities=good["speciality"].entries,
        doctors=good["doctor"].entries,
        services=good["service"].entries,
    )


def _read_yaml(path: Path, problems: list[str]) -> _Source | None:
    try:
        return _Source(path, YAML(typ="rt").load(path.read_text(encoding="utf-8")))
    except OSError as error:
        problems.append(f"{path}:1: the file cannot be read: {error.strerror}. Create it, or correct dialog.folder.")
    except UnicodeDecodeError as error:
        problems.append(f"{path}:1: not UTF-8 at byte {error.start}. Save the file as UTF-8.")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(f"{path}:{mark.line + 1 if mark else 1}: {error.problem or error.context}. Correct the YAML.")
    return None


def _read_info(path: Path, problems: list[str]) -> ClinicInfo | None:
    source = _read_yaml(path, problems)
    return None if source is None else _validate(ClinicInfo, source, (), source.raw, problems)


def _read_list(path: Path, model: type[_E], problems: list[str]) -> _Reading | None:
    source = _read_yaml(path, problems)
    if source is None:
        return None
    if not isinstance(source.raw, CommentedSeq) or not source.raw:
        problems.append(source.problem((), "the file is no list of entries", "Begin each entry with `- id: ...`."))
        return None
    reading = _Reading(source, {}, {})
    is_whole = True
    for index, item in enumerate(source.raw):
        entry = _validate(model, source, (index,), item, problems)
        if entry is None:
            is_whole = False
        elif entry.id in reading.entries:
            first = source.line((reading.places[entry.id],))
            problems.append(source.problem((index, "id"), f"the id {entry.id!r} is used in line {first}", "Give it another."))
        else:
            reading.entries[entry.id] = entry
            reading.places[entry.id] = index
    return reading if is_whole else None


_M = TypeVar("_M", bound=BaseModel)


def _validate(model: type[_M], source: _Source, location: _Location, raw: Any, problems: list[str]) -> _M | None:
    try:
        return model.model_validate(_plain(raw))
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            place: _Location = (*location, *problem["loc"])
            name = ".".join(str(part) for part in problem["loc"])
            problems.append(source.problem(place, *_explain(problem, name, model)))
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


def _plain(value: Any) -> Any:
    if isinstance(value, CommentedMap):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, CommentedSeq):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, str) else value


def _references(kind: Kind, entry: Any) -> Iterator[tuple[_Location, Kind, str]]:
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
        case "speciality":
            if entry.visit:
                yield ("visit",), "service", entry.visit
        case "branch":
            return


def _check_references(readings: Mapping[Kind, _Reading]) -> Iterator[str]:
    for kind, reading in readings.items():
        for identifier, entry in reading.entries.items():
            place = reading.places[identifier]
            for location, target, name in _references(kind, entry):
                known = readings[target].entries
                if name not in known:
                    yield reading.source.problem(
                        (place, *location), f"there is no {target} {name!r}", _suggestion(name, known, _FILES[target])
                    )
    specialities = readings["speciality"]
    for identifier, place in specialities.places.items():
        doctors = [d for d in readings["doctor"].entries.values() if identifier in d.specialities]
        visits = [s for s in readings["service"].entries.values() if s.is_visit and identifier in s.specialities]
        if not doctors:
            yield specialities.source.problem(
                (place,), f"no doctor has the speciality {identifier!r}", "Add one to doctors.yaml, or remove the speciality."
            )
        if not specialities.entries[identifier].visit and len(visits) != 1:
            yield specialities.source.problem(
                (place,),
                f"{identifier!r} has {len(visits)} services marked is_visit",
                "Mark exactly one in services.yaml, or name it here as `visit`.",
            )


def _suggestion(name: str, known: Mapping[str, Any], file: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Use an id of {file}."


def _check_synonyms(kind: Kind, reading: _Reading) -> Iterator[str]:
    """Two entries of one kind may not share a name (doctors may share a surname: the caller is asked which one)."""
    owners: dict[str, str] = {}
    for identifier, entry in reading.entries.items():
        names = (*entry.synonyms, entry.full_name) if kind == "doctor" else entry.names()
        if kind == "speciality":
            names = (*names, *entry.complaints)
        for name in names:
            form = matching_form(name)
            place: _Location = (reading.places[identifier],)
            for field in ("synonyms", "complaints"):
                values = getattr(entry, field, ())
                if name in values:
                    place = (reading.places[identifier], field, values.index(name))
            if not form:
                yield reading.source.problem(place, f"{name!r} has no words", "Remove it.")
            elif owners.setdefault(form, identifier) != identifier:
                yield reading.source.problem(
                    place,
                    f"{name!r} is a name of {identifier!r} and of {owners[form]!r}",
                    "Leave it with one of them: callers could not tell them apart.",
                )
