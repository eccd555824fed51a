"""`voicebot dialplan check | graph | test | chat | schema`: for the engineer who edits dialogs without touching Python."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from voicebot import dialog_id, logs
from voicebot import settings as settings_module
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.clinic.services import SERVICES, ClinicServices
from voicebot.clock import SystemClock
from voicebot.conversation_stage import Stage, diary
from voicebot.dialog import graph as pictures
from voicebot.dialog import inventory
from voicebot.dialog.chat import HELP, Chat, Tone
from voicebot.dialog.conversation_files import load_conversation
from voicebot.dialog.conversations import Played
from voicebot.dialog.engine import Engine
from voicebot.dialog.loader import Loaded, load_with_places
from voicebot.dialog.opening import understanding_of
from voicebot.dialog.schema import json_schema
from voicebot.dialog.survey import survey, unserved
from voicebot.dialog.understanding import Understanding
from voicebot.dialog.understanding.phrases import read_phrases
from voicebot.errors import ConfigurationError, ModelError, VoicebotError
from voicebot.settings import Settings

app = typer.Typer(help="Check, draw, test and try the dialogs.", no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True)

_CHAT_STYLES = {Tone.ROBOT: "bold", Tone.MEANING: "dim cyan", Tone.SERVICE: "dim", Tone.NOTE: "yellow"}


@app.command()
def check(
    strict: Annotated[bool, typer.Option(help="warnings are errors too")] = False,
    words: Annotated[bool, typer.Option(help="ask the recogniser whether it knows the words, if a model is at hand")] = True,
) -> None:
    """Check the clinic's data, dialplans and conversations; every error names file, line and cure."""
    settings = settings_module.load()
    logs.quiet()
    folder = settings.dialog.folder
    catalogue, loaded = _load_all(folder)
    plans = loaded.plans
    understanding = understanding_of(catalogue, plans, folder, settings.cache)
    taught = read_phrases(folder)
    findings = survey(plans, understanding, taught)
    warnings = [f"{loaded.place(one.form, one.path)}: {one.message}. {one.cure}" for one in findings]
    if words:
        warnings += _unknown_words(settings, loaded, understanding)
    for warning in warnings:
        _console.print(warning, style="yellow", markup=False)
    for intent in unserved(plans, taught):
        _console.print(f"No form serves the intent {intent!r}: it goes to {plans.application.unserved!r}.", markup=False)
    conversations = len(list((folder / "conversations").glob("*.yaml")))
    _console.print(
        f"{folder}: {len(plans.forms)} forms, {conversations} conversations, {len(catalogue.doctors)} doctors, "
        f"{len(catalogue.services)} services, {len(catalogue.tests)} lab tests, {len(catalogue.faq)} answers, "
        f"{len(catalogue.branches)} branches. No errors, {len(warnings)} warnings."
    )
    raise typer.Exit(1 if strict and warnings else 0)


@app.command()
def graph(
    forms: Annotated[list[str] | None, typer.Argument(help="forms to draw with what they lead to; none: all")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="the picture")] = Path("dialplans.svg"),
    dot: Annotated[bool, typer.Option(help="print Graphviz's text instead of drawing")] = False,
) -> None:
    """Draw forms, their items and what leads where, as SVG."""
    settings = settings_module.load()
    loaded = load_with_places(settings.dialog.folder / "dialplans", SERVICES)
    text = pictures.to_dot(loaded.plans, forms or ())
    if dot:
        typer.echo(text, nl=False)
        return
    output.write_bytes(pictures.lay_out(text))
    _console.print(f"{output}: {len(forms or loaded.plans.forms)} forms")


@app.command()
def schema() -> None:
    """Print the JSON Schema of dialplan files, for editors."""
    typer.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@app.command("test")
def run_tests(
    files: Annotated[list[Path] | None, typer.Argument(help="conversation files; none: all of the clinic's")] = None,
    match: Annotated[str, typer.Option("--match", "-k", help="only files with this in their name")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="print every conversation")] = False,
) -> None:
    """Play conversation files in virtual time against the real clinic services; status 1 if any fails."""
    settings = settings_module.load()
    logs.quiet()
    folder = settings.dialog.folder
    paths = [path for path in files or sorted((folder / "conversations").glob("*.yaml")) if match in path.stem]
    if not paths:
        raise ConfigurationError("There is no conversation to play.", f"Look in {folder / 'conversations'}.")
    catalogue, loaded = _load(folder)
    understanding = understanding_of(catalogue, loaded.plans, folder, settings.cache)
    played: list[Played] = []
    with Stage(catalogue, loaded.plans, understanding) as stage:
        for path in paths:
            one = stage.play(load_conversation(path))
            played.append(one)
            _tell_played(path.stem, one, verbose=verbose)
    failed = sum(1 for one in played if one.failures)
    booked = [one for one in played if one.outcome == "booked"]
    if booked:
        turns = sum(one.caller_turns for one in booked) / len(booked)
        seconds = sum(one.seconds for one in booked) / len(booked)
        _console.print(f"{len(booked)} calls end booked: {turns:.1f} turns and {seconds:.0f} s in the mean")
    _console.print(f"{len(played) - failed} passed, {failed} failed", style="red" if failed else "green")
    raise typer.Exit(1 if failed else 0)


@app.command()
def chat(
    phone: Annotated[str, typer.Option(help="the caller's number")] = "+79161234567",
    operators: Annotated[str, typer.Option(help="how a transfer ends: answered, busy, no_answer, closed")] = "closed",
    explain: Annotated[bool, typer.Option(help="show how each phrase is understood")] = True,
) -> None:
    """Talk to the dialogs by keyboard, with a throw-away diary. An empty line is silence, #123 presses keys."""
    if operators not in ("answered", "busy", "no_answer", "closed"):
        raise ConfigurationError(f"{operators!r} is no end of a transfer.", "Use answered, busy, no_answer or closed.")
    settings = settings_module.load()
    logs.quiet()
    clock = SystemClock()
    catalogue, loaded = _load(settings.dialog.folder)
    understanding = understanding_of(catalogue, loaded.plans, settings.dialog.folder, settings.cache)

    def write(tone: Tone, text: str) -> None:
        if explain or tone not in (Tone.MEANING, Tone.SERVICE):
            sign = {Tone.ROBOT: "Вера: ", Tone.MEANING: "   ~ ", Tone.SERVICE: "   = "}.get(tone, "")
            _console.print(Text(f"{sign}{text}", style=_CHAT_STYLES[tone]))

    with tempfile.TemporaryDirectory() as folder:
        database = diary(catalogue, Path(folder) / "diary.db", clock)
        write(Tone.NOTE, HELP)
        Chat(
            Engine(loaded.plans, catalogue, understanding, settings.dialog.budget_seconds),
            ClinicServices(Bookings(database, catalogue, clock), catalogue, clock),
            write,
            lambda: clock.now().astimezone(settings.zoneinfo),
            dialog_id=dialog_id.new(),
            caller_phone=phone,
            answer="" if operators == "answered" else operators,
        ).run(_typed_lines())
        database.close()


def _typed_lines() -> Iterator[str]:
    """Lines of a person at a terminal, with a prompt and the arrow keys; or of a pipe."""
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    import readline  # noqa: F401 - gives input() its history

    while True:
        try:
            yield input("Вы: ")
        except (EOFError, KeyboardInterrupt):
            return


def _tell_played(name: str, played: Played, *, verbose: bool) -> None:
    mark = "[red]FAILED[/]" if played.failures else "[green]ok[/]"
    outcome = played.outcome or "handed over"
    _console.print(f"{mark} {name}: {outcome}, {played.caller_turns} turns, {played.seconds:.0f} s")
    if verbose or played.failures:
        _console.print("\n".join(f"    {line}" for line in played.lines), markup=False, style="dim")
    for failure in played.failures:
        for line in failure.splitlines():
            style = {"-": "green", "+": "red"}.get(line.lstrip()[:1], "bold")
            _console.print(f"    {line}", style=style, markup=False)


def _load(folder: Path) -> tuple[Catalogue, Loaded]:
    return load_catalogue(folder / "clinic"), load_with_places(folder / "dialplans", SERVICES)


def _load_all(folder: Path) -> tuple[Catalogue, Loaded]:
    """Read everything, and complain of everything at once."""
    problems: list[str] = []

    def attempt(load: Any, *arguments: Any) -> Any:
        try:
            return load(*arguments)
        except VoicebotError as error:
            problems.append(f"{error.message} {error.cure}")
            return None

    catalogue = attempt(load_catalogue, folder / "clinic")
    loaded = attempt(load_with_places, folder / "dialplans", SERVICES)
    for path in sorted((folder / "conversations").glob("*.yaml")):
        attempt(load_conversation, path)
    attempt(read_phrases, folder)
    if problems:
        raise ConfigurationError("\n".join(problems), "Then check again.")
    return catalogue, loaded


def _unknown_words(settings: Settings, loaded: Loaded, understanding: Understanding) -> list[str]:
    """Words of the dialplans' own phrases that the recogniser can never hear."""
    from voicebot.hearing.models import choose_model
    from voicebot.hearing.recogniser import SpeechModel

    try:
        model = SpeechModel(choose_model(settings).path)
    except ModelError as error:
        _console.print(f"Words are not checked: {error.message}", style="dim", markup=False)
        return []
    found = []
    for (form, field), words in inventory.own_words(loaded.plans).items():
        index = loaded.plans.forms[form].ids().index(field)
        # A model writes ё or е, mostly not both.
        unknown = [word for word in words if not model.has_word(word) and not model.has_word(word.replace("ё", "е"))]
        if unknown:
            where = loaded.place(form, ("items", index))
            found.append(f"{where}: the recogniser does not know {', '.join(unknown)}. Add words that callers say instead.")
    return found
