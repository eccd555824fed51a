"""`voicebot dialogs`: list, show, export."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from voicebot import dialog_id as dialog_ids
from voicebot import settings as settings_module
from voicebot.clock import SystemClock
from voicebot.errors import StorageError, VoicebotError
from voicebot.records.archive import StoreAway
from voicebot.records.dialogs import Dialog, DialogFilter, Who, mask_phone
from voicebot.records.recordings import Recordings
from voicebot.records.sealing import SUFFIX
from voicebot.records.store import RecordStore, open_store
from voicebot.records.transcript import csv_lines, head_lines, json_line, turn_lines
from voicebot.settings import Settings

app = typer.Typer(help="What was said: dialogs, their turns and recordings.", no_args_is_help=True)

_COLOURS = {Who.CALLER: "cyan", Who.ROBOT: "green", Who.OPERATOR: "magenta", Who.SYSTEM: "yellow"}

Since = Annotated[str, typer.Option(help="From this day or time on: 2026-11-22, 2026-11-22T10:00.")]
Until = Annotated[str, typer.Option(help="Before this day's end, or before this time.")]
Outcome = Annotated[str, typer.Option(help="Only this outcome: booked, transferred, abandoned, ...")]
Channel = Annotated[str, typer.Option(help="Only this channel: phone, web, alice.")]
Words = Annotated[str, typer.Option("--text", help="Only dialogs in which this was said.")]


class Format(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


@app.command("list")
def list_dialogs(
    since: Since = "",
    until: Until = "",
    outcome: Outcome = "",
    channel: Channel = "",
    text: Words = "",
    phone: Annotated[str, typer.Option(help="Part of the caller's number, digits.")] = "",
    limit: Annotated[int, typer.Option(min=1)] = 50,
    full_phones: Annotated[bool, typer.Option("--full-phones", help="Do not hide the middle of phone numbers.")] = False,
) -> None:
    """List dialogs, newest first."""
    with _store() as (store, settings):
        zone = settings.zoneinfo
        digits = "".join(c for c in phone if c.isdigit())
        wanted = _filter(since, until, outcome, channel, text, zone, digits, limit)
        dialogs = store.find(wanted)
        total = store.count(wanted)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("ID", "started", "length", "from", "channel", "outcome", "reason", "transfer"):
        table.add_column(column, no_wrap=column in ("ID", "started"))
    for dialog in dialogs:
        number = dialog.caller_phone if full_phones else mask_phone(dialog.caller_phone)
        started = f"{dialog.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if dialog.started_at else ""
        transfer = " ".join(part for part in (dialog.transfer_target, dialog.transfer_result) if part)
        cells = (dialog.id, started, _length(dialog), number, dialog.channel, dialog.outcome or "-", dialog.reason, transfer)
        table.add_row(*(Text(cell) for cell in cells))
    console = Console()
    console.print(table)
    if total > len(dialogs):
        console.print(f"{len(dialogs)} of {total} shown; see --limit.", style="dim")
    elif not dialogs:
        console.print("No dialogs.", style="dim")


@app.command()
def show(dialog_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show one conversation as a transcript, with offsets in the recording, alternatives and latencies."""
    parsed = dialog_ids.parse(dialog_id)
    with _store() as (store, settings):
        dialog = store.get(parsed or dialog_id)
    console = Console()
    if dialog is None:
        hint = "there is none with this ID" if parsed else "this is no dialog ID: a character was misread"
        Console(stderr=True).print(f"No such dialog: {hint}.", style="red")
        raise typer.Exit(1)
    for line in head_lines(dialog, settings.zoneinfo):
        console.print(Text(line, style="bold" if line.startswith("Dialog") else ""), soft_wrap=True)
    if dialog.recording_path:
        _print_place(console, dialog, settings)
    console.print()
    for turn in dialog.turns:
        first, *notes = turn_lines(turn)
        console.print(Text(first, style=_COLOURS[turn.who]), soft_wrap=True)
        for note in notes:
            console.print(Text(note, style="dim"), soft_wrap=True)


def _print_place(console: Console, dialog: Dialog, settings: Settings) -> None:
    """Say what is to be known before the recording can be heard."""
    try:
        where = Recordings(settings).place(dialog)
    except StoreAway as away:
        console.print(Text(f"The recording cannot be reached: {away.message}", style="yellow"))
        return
    if not where:
        console.print(Text(f"The recording is not in {settings.recordings_folder}.", style="yellow"))
    elif where.endswith(SUFFIX):
        console.print(Text(f"Sealed: voicebot dialogs sound {dialog.id} --to {dialog.id}.flac", style="dim"))


@app.command()
def sound(
    dialog_id: Annotated[str, typer.Argument(metavar="ID")],
    to: Annotated[Path, typer.Option("--to", help="the FLAC to write: caller left, robot or operator right")],
) -> None:
    """Write a recording as a FLAC that any player plays; a sealed one is opened with recordings.key_file."""
    with _store() as (store, settings):
        dialog = store.get(dialog_ids.parse(dialog_id) or dialog_id)
    if dialog is None:
        raise StorageError("There is no such dialog.", "`voicebot dialogs list` shows what is there.")
    data = Recordings(settings).flac(dialog)
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"{to} cannot be made ({error.strerror}).", "Name a file that does not exist yet.") from None
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)


@app.command()
def export(
    since: Since = "",
    until: Until = "",
    outcome: Outcome = "",
    channel: Channel = "",
    text: Words = "",
    form: Annotated[Format, typer.Option("--format")] = Format.JSONL,
    output: Annotated[Path | None, typer.Option(help="File to write (readable by you only); default: standard output.")] = None,
) -> None:
    """Export whole dialogs, oldest first: JSONL (one a line) or CSV (one row a turn). Holds personal data."""
    with _store() as (store, settings):
        dialogs = store.iterate(_filter(since, until, outcome, channel, text, settings.zoneinfo))
        lines = csv_lines(dialogs) if form is Format.CSV else (json_line(dialog) + "\n" for dialog in dialogs)
        if output is None:
            sys.stdout.writelines(lines)
        else:
            _write(output, lines)


def _write(output: Path, lines: Iterable[str]) -> None:
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        raise StorageError(f"{output} cannot be written ({error.strerror}).", "Choose another --output.") from None


def _filter(
    since: str, until: str, outcome: str, channel: str, text: str, zone: tzinfo, phone_digits: str = "", limit: int = 50
) -> DialogFilter:
    return DialogFilter(
        since=_moment(since, zone, is_end=False),
        until=_moment(until, zone, is_end=True),
        outcome=outcome,
        channel=channel,
        text=text,
        phone_digits=phone_digits,
        limit=limit,
    )


def _moment(typed: str, zone: tzinfo, *, is_end: bool) -> datetime | None:
    """Read a day or a time of the clinic's zone; a day as an end means the whole day."""
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise typer.BadParameter(f"{typed} is neither a day (2026-11-22) nor a time (2026-11-22T10:00).") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment + timedelta(days=1) if is_end and len(typed) == len("2026-11-22") else moment


def _length(dialog: Dialog) -> str:
    if dialog.started_at is None or dialog.ended_at is None:
        return ""
    seconds = round((dialog.ended_at - dialog.started_at).total_seconds())
    return f"{seconds // 60}:{seconds % 60:02d}"


@contextmanager
def _store() -> Iterator[tuple[RecordStore, Settings]]:
    """Open the records; print what is wrong and its cure instead of a trace."""
    try:
        settings = settings_module.load()
        store = open_store(settings, SystemClock())
        try:
            yield store, settings
        finally:
            store.close()
    except VoicebotError as error:
        Console(stderr=True).print(Text(str(error), style="red"))
        raise typer.Exit(1) from None
