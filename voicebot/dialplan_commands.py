"""`voicebot dialplan check | test | chat | schema`: for the engineer who edits dialogs without touching Python."""

import json
import shutil
import sys
import tempfile
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from voicebot import dialog_id, logs
from voicebot import settings as settings_module
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.clinic.services import SERVICES, ClinicServices
from voicebot.clinic.setup import prepare
from voicebot.clock import Clock, SystemClock, VirtualClock
from voicebot.dialog.chat import chat as run_chat
from voicebot.dialog.conversation_files import load_conversation
from voicebot.dialog.conversations import play
from voicebot.dialog.engine import Engine
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.opening import understanding_of
from voicebot.dialog.schema import Dialplans, json_schema
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

app = typer.Typer(help="Check, test and try the dialogs.", no_args_is_help=True)
_console = Console()

_DIARY_DAYS = 35


@app.command()
def check() -> None:
    """Check the clinic's data and dialplans; every error names file, line and cure."""
    settings = settings_module.load()
    catalogue, plans = _load(settings)
    _console.print(
        f"{settings.dialog.folder}: {len(plans.forms)} forms, {len(catalogue.doctors)} doctors, "
        f"{len(catalogue.services)} services, {len(catalogue.branches)} branches. No errors."
    )


@app.command()
def schema() -> None:
    """Print the JSON Schema of dialplan files, for editors."""
    typer.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@app.command("test")
def run_tests(
    files: Annotated[list[Path] | None, typer.Argument(help="conversation files; none: all of the clinic's")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="print every conversation")] = False,
) -> None:
    """Play conversation files in virtual time against the real clinic services; status 1 if any fails."""
    settings = settings_module.load()
    logs.quiet()
    catalogue, plans = _load(settings)
    understanding = understanding_of(catalogue, plans, settings.dialog.folder, settings.cache)
    paths = files or sorted((settings.dialog.folder / "conversations").glob("*.yaml"))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        filled: dict[str, Path] = {}
        for path in paths:
            conversation = load_conversation(path)
            clock = VirtualClock(conversation.now.astimezone(UTC)) if conversation.now else VirtualClock()
            day = f"{clock.now():%Y%m%d%H%M}"
            if day not in filled:
                filled[day] = Path(folder) / f"{day}.db"
                _diary(catalogue, filled[day], clock).close()
            own = Path(folder) / "own.db"
            shutil.copy(filled[day], own)
            database = open_database(f"sqlite:///{own}")
            engine = Engine(plans, catalogue, understanding, conversation.budget_seconds)
            services = ClinicServices(Bookings(database, catalogue, clock), catalogue, clock)
            played = play(conversation, engine, services, clock, settings.zoneinfo)
            database.close()
            failed += bool(played.failures)
            mark = "[red]FAILED[/]" if played.failures else "[green]ok[/]"
            outcome = played.outcome or "handed over"
            _console.print(f"{mark} {path.stem}: {outcome}, {played.caller_turns} turns, {played.seconds:.0f} s")
            if verbose or played.failures:
                _console.print("\n".join(f"    {line}" for line in played.lines), markup=False)
            for failure in played.failures:
                _console.print(f"    {failure}", style="red", markup=False)
    _console.print(f"{len(paths) - failed} passed, {failed} failed")
    raise typer.Exit(1 if failed else 0)


@app.command()
def chat(phone: Annotated[str, typer.Option(help="the caller's number")] = "+79161234567") -> None:
    """Talk to the dialogs by keyboard, with a throw-away diary. An empty line is silence, #123 presses keys."""
    settings = settings_module.load()
    logs.quiet()
    clock = SystemClock()
    catalogue, plans = _load(settings)
    with tempfile.TemporaryDirectory() as folder:
        database = _diary(catalogue, Path(folder) / "diary.db", clock)
        understanding = understanding_of(catalogue, plans, settings.dialog.folder, settings.cache)
        run_chat(
            Engine(plans, catalogue, understanding, settings.dialog.budget_seconds),
            ClinicServices(Bookings(database, catalogue, clock), catalogue, clock),
            (line.rstrip("\n") for line in sys.stdin),
            typer.echo,
            lambda: clock.now().astimezone(settings.zoneinfo),
            dialog_id=dialog_id.new(),
            caller_phone=phone,
        )
        database.close()


def _load(settings: Settings) -> tuple[Catalogue, Dialplans]:
    catalogue = load_catalogue(settings.dialog.folder / "clinic")
    return catalogue, load_dialplans(settings.dialog.folder / "dialplans", SERVICES)


def _diary(catalogue: Catalogue, file: Path, clock: Clock) -> Database:
    database = open_database(f"sqlite:///{file}")
    upgrade(database)
    prepare(database, catalogue, clock, days=_DIARY_DAYS)
    return database
