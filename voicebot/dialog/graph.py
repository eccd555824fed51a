"""A picture of dialplans: forms as tables of their items, arrows for what leads where. Pure: text of Graphviz's language.

`lay_out` makes the SVG by a Graphviz program of the machine; nothing else of this module leaves the process.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from html import escape
from pathlib import Path

from voicebot.dialog.schema import AnyItem, BlockItem, Dialplans, FieldItem, Form, ObjectItem, SubdialogItem, item_id
from voicebot.dialog.transitions import Kind, Transition, transitions
from voicebot.errors import VoicebotError

#: Programs that lay a graph out, best first: Graphviz's own, and its port on PyPI, which needs nothing of the system.
PROGRAMS = ("dot", "graphviz-pure")
_SECONDS = 60

_FONT = "Helvetica"
_LETTER_POINTS = 6.6  # a mean Cyrillic letter at 11 points: some programs cannot measure them
_LONGEST_QUESTION = 46
_COLOURS = {"field": "#ffffff", "block": "#f4f4f4", "object": "#fff6e0", "subdialog": "#e9f0ff"}
_SIGNS = {"field": "?", "block": "!", "object": "=", "subdialog": ">"}  # asks, says, calls a service, calls a form
_HEADS = {False: "#d7e6f5", True: "#d9f0da"}  # a request, a digression


def to_dot(plans: Dialplans, forms: Iterable[str] = ()) -> str:
    """Return the graph of all forms, or of some and what they lead to, in Graphviz's language."""
    wanted = _with_neighbours(plans, frozenset(forms))
    lines = [
        "digraph dialplans {",
        f'  graph [rankdir=LR fontname="{_FONT}" fontsize=11 ranksep=1.1 nodesep=0.35 bgcolor=white];',
        f'  node [shape=plain fontname="{_FONT}" fontsize=11];',
        f'  edge [fontname="{_FONT}" fontsize=9 color="#555555" arrowsize=0.7];',
    ]
    application = plans.application
    marks = {application.start: "start", application.after: "after all", application.transfer_failed: "no operator"}
    marks |= dict.fromkeys(application.also_start, "start of our own")
    marks[application.unserved] = "all else"
    for name in plans.forms:
        if name in wanted:
            lines.append(f'  "{name}" [label=<{_table(plans.forms[name], marks.get(name, ""))}>];')
    ways = [way for way in transitions(plans) if way.form in wanted]
    lines += _ends(ways)
    lines += [line for way in ways if (line := _edge(way, wanted))]
    return "\n".join([*lines, "}", ""])


def _with_neighbours(plans: Dialplans, forms: frozenset[str]) -> frozenset[str]:
    if not forms:
        return frozenset(plans.forms)
    unknown = sorted(forms - plans.forms.keys())
    if unknown:
        raise VoicebotError(f"There is no form {unknown[0]!r}.", f"Forms: {', '.join(plans.forms)}.")
    led = {way.target for way in transitions(plans) if way.form in forms and way.target in plans.forms}
    return forms | led


def _table(form: Form, mark: str) -> str:
    title = " · ".join(filter(None, (form.form, mark, "comes back" if form.digression else "")))
    rows = [_row("", title, _HEADS[form.digression], is_bold=True)]
    if form.request or form.wishes:
        told = ", ".join(form.wishes)
        rows.append(_row("", f"{form.request or '-'} ({told})" if told else form.request, _HEADS[form.digression]))
    rows += [_item_row(item) for item in form.items]
    return f'<table border="0" cellborder="1" cellspacing="0" cellpadding="4" color="#888888">{"".join(rows)}</table>'


def _item_row(item: AnyItem) -> str:
    match item:
        case FieldItem():
            kind, text = "field", f"{item.type}{': ' + _question(item) if item.prompt else ' (if said)'}"
        case BlockItem():
            kind, text = "block", _question(item)
        case ObjectItem():
            kind, text = "object", item.service
        case SubdialogItem():
            kind, text = "subdialog", item.form
    label = f"{_SIGNS[kind]} {item_id(item)} · {text}" if text else f"{_SIGNS[kind]} {item_id(item)}"
    return _row(item_id(item), label, _COLOURS[kind])


def _question(item: FieldItem | BlockItem) -> str:
    if not item.prompt:
        return ""
    text = " ".join(next(item.prompt[0].texts()).replace("+", "").split())
    return text if len(text) <= _LONGEST_QUESTION else text[: _LONGEST_QUESTION - 1].rstrip() + "…"


def _row(port: str, text: str, colour: str, *, is_bold: bool = False) -> str:
    where = f' port="{port}"' if port else ""
    words = f"<b>{escape(text)}</b>" if is_bold else escape(text)
    width = round(len(text) * _LETTER_POINTS) + 12
    return f'<tr><td align="left"{where} bgcolor="{colour}" width="{width}">{words}</td></tr>'


def _ends(ways: list[Transition]) -> list[str]:
    lines = []
    if any(way.kind is Kind.TRANSFER for way in ways):
        lines.append('  "human" [shape=box style="rounded,filled" fillcolor="#fbe3e3" label="a human" width=1.2];')
    if any(way.kind is Kind.DISCONNECT for way in ways):
        lines.append('  "end" [shape=box style="rounded,filled" fillcolor="#eeeeee" label="end" width=1.2];')
    return lines


def _edge(way: Transition, wanted: frozenset[str]) -> str:
    source = f'"{way.form}":"{way.item}":e'
    label = f' label="{escape(way.label)}"' if way.label else ""
    match way.kind:
        case Kind.GOTO if way.target.startswith("#"):
            return f'  {source} -> "{way.form}":"{way.target[1:]}":e [style=dotted{label}];'
        case Kind.GOTO if way.target in wanted:
            return f'  {source} -> "{way.target}" [{label.strip()}];'
        case Kind.SUBDIALOG:
            return f'  {source} -> "{way.target}" [dir=both color="#3366cc"{label}];' if way.target in wanted else ""
        case Kind.DONE if way.target in wanted and way.target != way.form:
            return f'  {source} -> "{way.target}" [style=dashed{label}];'
        case Kind.TRANSFER:
            return f'  {source} -> "human" [color="#bb3333"{label}];'
        case Kind.DISCONNECT:
            return f'  {source} -> "end" [{label.strip()}];'
    return ""


def lay_out(dot: str) -> bytes:
    """Return the graph as SVG; raise VoicebotError where no Graphviz program is installed, or it fails."""
    program = find_program()
    if program is None:
        raise VoicebotError(
            "No program that draws graphs was found (dot, graphviz-pure).",
            "Run `pip install graphviz-pure` in this environment or `apt-get install graphviz`, or use --dot.",
        )
    try:
        done = subprocess.run([program, "-Tsvg"], input=dot.encode(), capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VoicebotError(f"{program} could not draw the graph: {type(error).__name__}.", "Use --dot.") from None
    if done.returncode != 0 or b"<svg" not in done.stdout:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise VoicebotError(f"{program} could not draw the graph: {words[-1] if words else 'no words'}.", "Use --dot.")
    return done.stdout


def find_program() -> str | None:
    """Return the first program at hand, also of this Python environment where it is not on the path."""
    for name in PROGRAMS:
        found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
        if found is not None:
            return found
    return None
