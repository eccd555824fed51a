"""One text of a template: Jinja2 in a sandbox, and of its language only what can be measured beforehand.

A text may show fields and ask whether one is there; loops, comparisons, calls and most filters are refused. So the longest
text is the one in which each field is longest, and every condition can be tried both ways when the file is loaded.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Name, nodes.Getattr, nodes.Filter,
    nodes.Not, nodes.And, nodes.Or,
)  # fmt: skip
_MOST_CONDITIONS = 8


class Absent(StrictUndefined):
    """A field that did not come: may be asked for, not shown."""

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


def _sentence(text: Any) -> str:
    """The first letter large, all others as they are."""
    shown = str(text)
    first = shown[:1].upper()
    return (first if len(first) == 1 else shown[:1]) + shown[1:]  # never longer than it was


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
    environment.globals = {}
    environment.filters = {"sentence": _sentence}
    environment.tests = {}
    return environment


class TextProblem(Exception):
    """Something in a text is wrong. `line` counts from 1 within the text."""

    def __init__(self, line: int, what: str, cure: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.cure = cure


class Text:
    """A text that was parsed and found to be of the permitted kind. Raises TextProblem."""

    def __init__(self, source: str) -> None:
        environment = _environment()
        try:
            tree = environment.parse(source)
        except TemplateSyntaxError as error:
            raise TextProblem(
                error.lineno, f"the text cannot be read: {error.message}", "Correct its {{ }} or {% %}."
            ) from None
        for node in _walk(tree):
            if not isinstance(node, _ALLOWED):
                what = f"{type(node).__name__.lower()!r} is not for messages"
                raise TextProblem(node.lineno, what, "Use {{ field }}, {{ field.part }} and {% if field %} only.")
            if isinstance(node, nodes.Filter) and node.name not in environment.filters:
                raise TextProblem(node.lineno, f"there is no filter {node.name!r}", f"Known: {', '.join(environment.filters)}.")
            if isinstance(node, nodes.Getattr) and not isinstance(node.node, nodes.Name):
                raise TextProblem(node.lineno, f"{node.attr!r} is a part of a part", "Write {{ field.part }}.")
        self.source = source
        self._compiled = environment.from_string(source)
        self._names = {node.name: node.lineno for node in reversed(list(tree.find_all(nodes.Name)))}
        self._conditions = tuple(dict.fromkeys(_conditions(tree)))
        if len(self._conditions) > _MOST_CONDITIONS:
            raise TextProblem(1, f"{len(self._conditions)} conditions in one text", f"Use at most {_MOST_CONDITIONS}.")

    @property
    def names(self) -> Mapping[str, int]:
        """The fields it shows or asks for, and the line of the first mention."""
        return self._names

    @property
    def conditions(self) -> tuple[tuple[str, str], ...]:
        """What is asked for by {% if %}: field and part ("" for the field itself)."""
        return self._conditions

    def fill(self, values: Mapping[str, Any]) -> str:
        """Raise jinja2's UndefinedError where something shown is not there, SecurityError for what the sandbox forbids."""
        return tidy(self._compiled.render(values))

    def try_fill(self, values: Mapping[str, Any]) -> str:
        """As `fill`; raise TextProblem with the cure."""
        try:
            return self.fill(values)
        except (UndefinedError, SecurityError) as error:
            what = re.sub(r"'[\w.]*Words' object|'[\w.]*Words object'", "a field", str(error.message))
            raise TextProblem(1, what, "Correct the name, or show it under {% if ... %} only.") from None


@cache
def no_text() -> Text:
    """What a button without a payload, or without a page, has."""
    return Text("")


def tidy(text: str) -> str:
    """One space between words, lines kept, none of them empty twice; no space before a full stop, one full stop."""
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.strip().splitlines()]
    joined = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    joined = re.sub(r" +([,.!?;:])(?=\s|$)", r"\1", joined)
    return re.sub(r"(?<!\.)\.\.(?!\.)", ".", joined)  # an abbreviation at a sentence's end


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    yield tree
    for child in tree.iter_child_nodes():
        yield from _walk(child)


def _conditions(tree: nodes.Node) -> Iterator[tuple[str, str]]:
    for node in tree.find_all((nodes.If, nodes.CondExpr)):
        if isinstance(node, nodes.If | nodes.CondExpr):
            yield from _atoms(node.test)


def _atoms(test: nodes.Node) -> Iterator[tuple[str, str]]:
    if isinstance(test, nodes.Name):
        yield test.name, ""
    elif isinstance(test, nodes.Getattr) and isinstance(test.node, nodes.Name):
        yield test.node.name, test.attr
    else:
        for child in test.iter_child_nodes():
            yield from _atoms(child)
