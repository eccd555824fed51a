"""`voicebot models list | fetch | verify | add-word`: what the robot hears and speaks with."""

from typing import Annotated

import typer
from rich.console import Console

from voicebot import settings as settings_module
from voicebot.errors import ModelError, VoicebotError
from voicebot.hearing.models import ModelChoice, add_words, choose_model
from voicebot.hearing.recogniser import check_model_folder, try_model
from voicebot.settings import Settings
from voicebot.supplies.manifest import ModelEntry, load_manifest
from voicebot.supplies.models import PRODUCTION, installed
from voicebot.supplies.models import fetch as fetch_models
from voicebot.supplies.models import verify as verify_model
from voicebot.supplies.progress import told

app = typer.Typer(help="Recogniser models and voices: what there is, fetching, checking, new words.", no_args_is_help=True)
_console = Console(soft_wrap=True, highlight=False)


@app.command("list")
def list_models() -> None:
    """Show every model of the manifest, its licence, and whether it is here."""
    settings, manifest = settings_module.load(), load_manifest()
    for name, entry in manifest.items():
        here = "[green]here[/]" if installed(name, settings, manifest) else "not fetched"
        size = f", {entry.size_bytes / 1e6:.0f} MB" if entry.size_bytes else ""
        allowed = "" if entry.may_clinics_use else " [yellow](clinics may not use it)[/]"
        _console.print(f"[bold]{name}[/]: {here}, {entry.licence}{allowed}, {entry.rate_hz} Hz{size}")
        _console.print(f"    {entry.purpose}" + (f"; {entry.note}" if entry.note else ""))
    _console.print(f"Hearing now: {_in_use(settings)}")


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="names of `list`; none: what production needs")] = None,
    accept_noncommercial: Annotated[
        bool, typer.Option("--accept-noncommercial", help="fetch models whose licence forbids clinics to use them")
    ] = False,
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="take a file whose checksum is not the known one, and record it")
    ] = False,
) -> None:
    """Fetch models into the cache, checked; what was cut goes on. VOICEBOT_MODELS_MIRROR: a folder or address instead."""
    settings, manifest = settings_module.load(), load_manifest()
    wanted = list(names or PRODUCTION)
    for name in wanted:
        if name in manifest:
            _tell_licence(name, manifest[name])
    paths = fetch_models(
        wanted,
        settings,
        manifest=manifest,
        is_changed_accepted=accept_changed,
        is_licence_accepted=accept_noncommercial,
    )
    for path in paths:
        _console.print(str(path))


@app.command()
def verify(names: Annotated[list[str] | None, typer.Argument(help="none: all that are here")] = None) -> None:
    """Check models on the disk against what was fetched, and load recognisers; status 1 if one is wrong."""
    settings, manifest = settings_module.load(), load_manifest()
    wrong = 0
    for name in names or [name for name in manifest if installed(name, settings, manifest)]:
        try:
            is_known = verify_model(name, settings, manifest)
            path = installed(name, settings, manifest)
            if manifest[name].kind == "vosk" and path is not None:
                check_model_folder(path)
                try_model(path)
                is_known = is_known or manifest[name].is_shipped
        except VoicebotError as error:
            wrong += 1
            _console.print(f"[red]{name}: {error.message}[/] {error.cure}")
        else:
            _console.print(f"{name}: good" if is_known else f"{name}: complete, but its checksum is not known")
    if wrong:
        raise typer.Exit(1)


@app.command("add-word")
def add_word(
    words: Annotated[list[str], typer.Argument(help="as they are written; stress by + before the vowel: Абыкв+асов")],
) -> None:
    """Teach the recogniser words it does not know, without training; all case forms must be given."""
    settings = settings_module.load()
    with told(None) as progress:
        made = add_words(settings, words, progress)
    _console.print(f"{len(made.added)} words added to {made.path.name}; restart the robot to use them.")


def _in_use(settings: Settings) -> str:
    try:
        choice: ModelChoice = choose_model(settings)
    except ModelError as error:
        return error.message
    return choice.describe()


def _tell_licence(name: str, entry: ModelEntry) -> None:
    if entry.may_clinics_use:
        _console.print(f"{name}: licence {entry.licence}")
    else:
        _console.print(f"[yellow]{name}: licence {entry.licence}: clinics may not use it ({entry.note}).[/]")
