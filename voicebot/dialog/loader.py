"""Reads a folder of dialplans. Every error names file, line and cure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from voicebot.dialog.checks import Problem, check_document
from voicebot.dialog.schema import Dialplans, Document, Form
from voicebot.errors import ConfigurationError

_TAGS = ("block", "field", "object")
_CURE = "Correct the file; `voicebot dialplan check` shows all errors."


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    raw: Any
    document: Document


@dataclass(frozen=True, slots=True)
class Loaded:
    """Checked dialplans, and where each form stands."""

    plans: Dialplans
    files: tuple[_File, ...]

    def place(self, form: str, path: tuple[int | str, ...] = ()) -> str:
        """Return "file:line" of a form, or of a part of it."""
        for file in self.files:
            for index, one in enumerate(file.document.forms):
                if one.form == form:
                    return f"{file.path}:{line_of(file.raw, ('forms', index, *path))}"
        raise KeyError(form)


def load_dialplans(folder: Path, services: Mapping[str, type[BaseModel]]) -> Dialplans:
    """Return the checked dialplans of a folder's *.yaml files.

    `services` are the clinic's services: name -> model of the arguments. Raise ConfigurationError listing every problem.
    """
    return load_with_places(folder, services).plans


def load_with_places(folder: Path, services: Mapping[str, type[BaseModel]]) -> Loaded:
    """Like load_dialplans, for tools that point into the files."""
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise ConfigurationError(f"{folder} holds no dialplan (*.yaml).", "Set dialog.folder to a clinic's folder.")
    files = _read_all(paths)
    forms: dict[str, Form] = {}
    problems: list[str] = []
    for file in files:
        for index, form in enumerate(file.document.forms):
            if form.form in forms:
                problems.append(_problem(file, Problem(("forms", index), f"a form {form.form!r} exists twice", "Rename one.")))
            forms[form.form] = form
    roots = [file for file in files if file.document.application is not None]
    if len(roots) != 1:
        raise ConfigurationError(f"{folder} has {len(roots)} `application` sections.", "Exactly one file holds one.")
    application = roots[0].document.application
    assert application is not None
    for file in files:
        problems += [_problem(file, problem) for problem in check_document(file.document, application, forms, services)]
    if problems:
        raise ConfigurationError("\n".join(problems), _CURE)
    return Loaded(Dialplans(application=application, forms=forms), tuple(files))


def _read_all(paths: Iterable[Path]) -> list[_File]:
    """Read every file before complaining of any: an engineer wants all the errors at once."""
    files: list[_File] = []
    problems: list[str] = []
    for path in paths:
        try:
            files.append(_read(path))
        except ConfigurationError as error:
            problems.append(error.message)
    if problems:
        raise ConfigurationError("\n".join(problems), _CURE)
    return files


def _read(path: Path) -> _File:
    raw = read_yaml(path)
    try:
        return _File(path, raw, Document.model_validate(plain(raw)))
    except ValidationError as error:
        lines = [
            f"{path}:{line_of(raw, problem['loc'])}: {_where(problem['loc'])}: {_say(problem)}"
            for problem in error.errors(include_url=False)
        ]
        raise ConfigurationError("\n".join(lines), _CURE) from None


def read_yaml(path: Path) -> Any:
    """Return the parsed file with positions; raise ConfigurationError naming the line."""
    try:
        return YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise ConfigurationError(f"{path}:{line}: {error.problem or error.context}.", "Correct the YAML.") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 at byte {error.start}.", "Save the file as UTF-8.") from None


def plain(value: Any) -> Any:
    """Return ruamel's containers as ordinary ones."""
    if isinstance(value, CommentedMap):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, CommentedSeq):
        return [plain(part) for part in value]
    if isinstance(value, str):
        return str(value)
    return value


def line_of(raw: Any, location: tuple[int | str, ...]) -> int:
    """Return the line (from 1) of the deepest part of a location that the file really has."""
    line = 1
    for place, part in enumerate(location):
        if isinstance(raw, CommentedMap) and part in raw:
            if part in _TAGS and place + 1 < len(location):
                continue  # the tag of the union of items is called like their first key ("field: when")
            line = raw.lc.key(part)[0] + 1
            raw = raw[part]
        elif isinstance(raw, CommentedSeq) and isinstance(part, int) and part < len(raw):
            line = raw.lc.item(part)[0] + 1
            raw = raw[part]
        # else: a level that only the model has (a union's tag, a text written short)
    return line


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the file"


def _say(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "an unknown word. Remove it or correct its spelling."
    if problem["type"] == "literal_error":
        return f"{problem['input']!r} is not known here. Use {problem['ctx']['expected']}."
    return f"{problem['msg'].removeprefix('Value error, ')}."


def _problem(file: _File, problem: Problem) -> str:
    return f"{file.path}:{line_of(file.raw, problem.path)}: {problem.message}. {problem.cure}"


def iter_texts(dialplans: Dialplans) -> Iterator[str]:
    """Yield every prompt text, for rendering to the voice's cache ahead of calls."""
    from voicebot.dialog.checks import prompts_of_form

    for prompts in dialplans.application.messages.__dict__.values():
        for prompt in prompts:
            yield from prompt.texts()
    for form in dialplans.forms.values():
        for _, prompt in prompts_of_form(form):
            yield from prompt.texts()
