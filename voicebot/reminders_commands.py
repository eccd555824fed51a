"""`voicebot reminders ...`: what patients are reminded of, when, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console

from voicebot import logs
from voicebot import settings as settings_module
from voicebot.clock import SystemClock
from voicebot.reminders.explain import Explainer, planned_words
from voicebot.reminders.planner import Foreseen
from voicebot.reminders.planning import Planned, rules_of
from voicebot.reminders.service import Service, open_service
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

app = typer.Typer(help="Messages to patients: reminders of visits, and everything else in the outbox.", no_args_is_help=True)
_console = Console()


@app.command()
def run() -> None:
    """Remind and send, until Ctrl-C or SIGTERM (serve starts it). Several, on several machines, share the work."""
    import setproctitle

    from voicebot.reminders_process import run as run_process

    settings = settings_module.load()
    logs.configure(settings, "reminders")
    setproctitle.setproctitle("voicebot reminders")
    raise typer.Exit(run_process(settings))


@app.command()
def due(
    hours: Annotated[float, typer.Option(min=0, max=24 * 14, help="how far to look ahead")] = 24,
    every: Annotated[bool, typer.Option("--all", help="also what is left out, and why")] = False,
) -> None:
    """Print which reminders go out in the coming hours, when, and why then."""
    with _service() as service:
        now = service.clock.now()
        count = 0
        for one in sorted(service.planner.foreseen(timedelta(hours=hours)), key=_order):
            planned = one.planned
            is_near = isinstance(planned, Planned) and not one.is_done and now - timedelta(hours=hours) <= planned.at
            if isinstance(planned, Planned) and planned.at > now + timedelta(hours=hours):
                continue
            if not is_near and not every:
                continue
            zone = one.visit.zone
            visit = f"visit {one.visit.id} of {one.visit.start.astimezone(zone):%d.%m %H:%M} at {one.branch_id}"
            what = planned_words(planned, zone, is_done=one.is_done, now=now)
            typer.echo(f"{visit}, {planned.step.name} before ({planned.step.template}): {what}")
            count += 1
        if not count:
            typer.echo("Nothing is due.")


@app.command()
def explain(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="a message's number, or v and a visit's: v17")],
    personal: Annotated[bool, typer.Option("--personal", help="show the whole phone number")] = False,
) -> None:
    """Tell what was decided about a message or a visit, and why."""
    is_visit = identifier[:1] in "vV"
    number = identifier.lstrip("vV")
    if not number.isdigit():
        raise typer.BadParameter("give a message's number (17) or a visit's (v17)")
    with _service() as service:
        settings = service.settings
        explainer = Explainer(
            settings.cascade,
            rules_of(settings.reminders, settings.cascade),
            service.catalogue.zone_of,
            [channel.value for channel in service.routes],
            lambda template: _texts(service, template),
            is_personal=personal,
        )
        tell = explainer.visit if is_visit else explainer.message
        now = service.clock.now()
        lines = service.database.run(lambda session: tell(session, int(number), now), is_readonly=True)
    if not lines:
        _console.print(f"There is no {'visit' if is_visit else 'message'} {number}; it may have been purged.")
        raise typer.Exit(1)
    for line in lines:
        _console.print(line, highlight=False, soft_wrap=True, markup=False)


def _texts(service: Service, template: str) -> list[str]:
    known = template in service.templates.names()
    return [channel.value for channel in service.templates.channels(template)] if known else []


def _order(one: Foreseen) -> tuple[float, int]:
    at = one.planned.at.timestamp() if isinstance(one.planned, Planned) else 0.0
    return (at, one.visit.id)


@contextmanager
def _service() -> Iterator[Service]:
    settings = settings_module.load()
    logs.quiet()
    database = open_database(settings.database_url)
    try:
        upgrade(database)
        yield open_service(settings, database, SystemClock())
    finally:
        database.close()
