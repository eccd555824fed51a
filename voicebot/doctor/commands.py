"""`voicebot doctor`."""

import json
import logging
from dataclasses import asdict
from typing import Annotated

import structlog
import typer
from rich.console import Console

from voicebot import settings as settings_module
from voicebot.clock import SystemClock
from voicebot.doctor.examine import examine
from voicebot.doctor.finding import Level

_MARKS = {Level.FINE: "[green]✓[/]", Level.DOUBTFUL: "[yellow]![/]", Level.WRONG: "[red]✗[/]"}
_console = Console(highlight=False, soft_wrap=True)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="findings as JSON, one a line")] = False,
) -> None:
    """Look whether this machine is fit to answer patients, and say the cure where it is not. Exit status 1: it is not."""
    settings = settings_module.load()
    # What the checks find is told once, by them: the log of what they open would say it again.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    worst = Level.FINE
    count = dict.fromkeys(Level, 0)
    for finding in examine(settings, SystemClock()):
        count[finding.level] += 1
        if finding.level is Level.WRONG or worst is Level.FINE:
            worst = finding.level
        if as_json:
            typer.echo(json.dumps(asdict(finding), ensure_ascii=False))
            continue
        _console.print(f"{_MARKS[finding.level]} [bold]{finding.subject}[/]: {finding.what}")
        if finding.cure:
            _console.print(f"    {finding.cure}")
    if not as_json:
        told = f"{count[Level.FINE]} fine, {count[Level.DOUBTFUL]} doubtful, {count[Level.WRONG]} wrong."
        _console.print(told if worst is not Level.FINE else f"{told} Ready for patients.")
    raise typer.Exit(1 if worst is Level.WRONG else 0)
