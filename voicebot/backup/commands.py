"""`voicebot backup make | list | restore`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from voicebot import settings as settings_module
from voicebot.backup import catalogue, work
from voicebot.clock import SystemClock

app = typer.Typer(help="Copies of the database and the recordings, and the way back.", no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True)

_Folder = Annotated[Path, typer.Argument(help="where the copies lie; best on another disk or machine")]


@app.command()
def make(
    folder: _Folder,
    keep: Annotated[int, typer.Option(min=0, help="copies of the database to keep; 0: all")] = 14,
    keep_deleted: Annotated[
        bool, typer.Option("--keep-deleted", help="keep recordings that were purged or erased (the law may forbid it)")
    ] = False,
) -> None:
    """Copy the database and new recordings while the robot works."""
    done = work.back_up(settings_module.load(), SystemClock(), folder, keep, keeps_deleted=keep_deleted)
    recordings = done.recordings
    _console.print(
        f"{done.copy.file}: {done.copy.dialogs} dialogs. Recordings: {recordings.new} new, {recordings.kept} there already, "
        f"{recordings.removed} removed. Old copies removed: {done.dropped}."
    )


@app.command("list")
def list_copies(folder: _Folder) -> None:
    """Show the copies in a folder, the oldest first."""
    found = catalogue.copies(folder)
    for copy in found:
        told = f"{copy.dialogs} dialogs, voicebot {copy.version}, revision {copy.revision}"
        _console.print(f"{copy.file}  {copy.made_at:%Y-%m-%d %H:%M} UTC  {told}")
    if not found:
        _console.print("No copies here. `voicebot backup make FOLDER` makes one.")


@app.command()
def restore(
    folder: _Folder,
    at: Annotated[str, typer.Option(help="part of the copy's name, such as 20261122; default: the newest")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="overwrite a database that holds dialogs")] = False,
) -> None:
    """Go back to a copy; the robot must be stopped. The next start upgrades an older copy's tables."""
    copy = work.chosen(folder, at)
    recordings = work.restore(settings_module.load(), SystemClock(), folder, copy, may_replace=replace)
    _console.print(f"Restored {copy.file}: {copy.dialogs} dialogs, {recordings.new} recordings brought back.")
