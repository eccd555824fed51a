"""`voicebot rehearse`: the clinic's conversation files over real SIP calls."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from voicebot import settings as settings_module
from voicebot.dialog.conversation_files import load_conversation
from voicebot.errors import ConfigurationError
from voicebot.rehearsal.crew import play_all
from voicebot.rehearsal.rehearse import Rehearsed
from voicebot.rehearsal.summary import bookings_table, missed, summary


def rehearse(
    files: Annotated[list[Path] | None, typer.Argument(help="conversation files, or their names; none: all")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=16, help="calls at a time")] = 1,
    record: Annotated[Path | None, typer.Option(help="a folder for what was on the wire, a WAV a call")] = None,
    bookings: Annotated[
        bool, typer.Option("--bookings", help="only files that book; status 1 too when bookings take longer than is wanted")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="print every conversation")] = False,
) -> None:
    """Play conversation files over real SIP calls on loopback: status 1 if any fails.

    The robot, its line, ear and voice are real and this installation's own; the diary and the day are the file's. A patient
    who is not understood repeats the phrase, as people do. Files that prescribe what only a text can (how a transfer ends,
    what the recogniser hears) are named and passed over.
    """
    folder = settings_module.load().dialog.folder / "conversations"
    paths = [_find(file, folder) for file in files] if files else sorted(folder.glob("*.yaml"))
    if bookings:
        paths = [path for path in paths if load_conversation(path).booked]
    console = Console()
    if record is not None:
        record.mkdir(parents=True, exist_ok=True)
    results = asyncio.run(_play(paths, jobs, record.absolute() if record is not None else None, console, verbose))
    console.print(summary(results))
    too_much: list[str] = []
    if bookings:
        too_much = missed(results)
        console.print(bookings_table(results), markup=False)
        console.print("\n".join(too_much) or "All that is wanted of bookings is reached.", markup=False)
    raise typer.Exit(1 if too_much or any(one.failures for one in results) else 0)


def _find(file: Path, folder: Path) -> Path:
    for path in (file, folder / file, folder / f"{file}.yaml"):
        if path.is_file():
            return path
    raise ConfigurationError(f"There is no conversation {file}.", f"Give a file, or a name out of {folder}.")


async def _play(paths: list[Path], jobs: int, record: Path | None, console: Console, verbose: bool) -> list[Rehearsed]:
    results = []
    async for result in play_all(paths, jobs, record):
        results.append(result)
        if result.skipped:
            console.print(f"[dim]-- {result.name}: over text only: {result.skipped}[/]")
            continue
        mark = "[red]FAILED[/]" if result.failures else "[green]ok[/]"
        again = f", {result.repairs} repeated" if result.repairs else ""
        console.print(f"{mark} {result.name}: {result.outcome}, {result.caller_turns} turns{again}, {result.seconds:.0f} s")
        if verbose or result.failures:
            console.print("\n".join(f"    {line}" for line in result.lines), markup=False)
        for failure in result.failures:
            console.print(f"    {failure}", style="red", markup=False)
    return results
