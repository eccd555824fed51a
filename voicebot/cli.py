"""The `voicebot` command."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.panel import Panel

from voicebot import __version__, logs
from voicebot import settings as settings_module
from voicebot.errors import ConfigurationError, LineError, ModelError, VoicebotError
from voicebot.settings import Settings
from voicebot.supervisor import EXIT_CONFIGURATION

app = typer.Typer(
    name="voicebot",
    help="A telephony voice robot for Russian-speaking clinics.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
supplies_app = typer.Typer(help="Fetch voices and models, build pjproject: once, into the cache.", no_args_is_help=True)
app.add_typer(supplies_app, name="supplies")

_console = Console(stderr=True)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command()
def serve() -> None:
    """Run the robot on this machine: line, brains and desk. Ctrl-C or SIGTERM ends it after the running calls."""
    import asyncio

    from voicebot.records.flac import repair_all
    from voicebot.supervisor import Supervisor

    settings = _start("supervisor")
    repair_all(settings.recordings_folder)  # of a machine that went down in mid-call; nothing records yet
    supervisor = Supervisor(settings, _preparation(settings))
    raise typer.Exit(asyncio.run(supervisor.run(lambda facts: _say_ready(settings, facts))))


@app.command()
def line() -> None:
    """Run the SIP process alone (serve starts it)."""
    from voicebot.line.process import run

    raise typer.Exit(run(_start("line")))


@app.command()
def brain(number: Annotated[int, typer.Argument(help="its number on this machine, from 1")] = 1) -> None:
    """Run one brain alone (serve starts them)."""
    from voicebot.brain import run

    raise typer.Exit(run(_start(f"brain-{number}"), f"brain-{number}"))


@app.command()
def desk() -> None:
    """Run the HTTP process alone (serve starts it)."""
    from voicebot.desk.process import run

    raise typer.Exit(run(_start("desk")))


@app.command()
def channels(number: Annotated[int, typer.Argument(help="its number on this machine, from 1")] = 1) -> None:
    """Run one process of the text channels alone (serve starts them)."""
    from voicebot.channels.process import run

    raise typer.Exit(run(_start(f"channels-{number}"), number))


@supplies_app.command("voice")
def supplies_voice() -> None:
    """Fetch RHVoice's permitted Russian voices from Debian's packages; the system is not touched."""
    from voicebot.supplies.rhvoice import ensure_rhvoice

    settings = settings_module.load()
    try:
        ensure_rhvoice(settings)
    except VoicebotError as error:
        # Not fatal: the robot then speaks by espeak-ng, and says so.
        _console.print(f"[yellow]RHVoice could not be fetched: {error.message}[/] {error.cure}")


@supplies_app.command("models")
def supplies_models() -> None:
    """The same as `voicebot models fetch`."""
    from voicebot.models_commands import fetch

    fetch()


@supplies_app.command("sip-native")
def supplies_sip_native() -> None:
    """Build pjproject for this Python, once; line uses it from then on."""
    from voicebot.supplies.sip_native import build

    build(settings_module.load())


def _preparation(settings: Settings) -> Callable[[], None]:
    """What is done before the start, and daily; the first time also for calls that went down with this machine."""
    from voicebot.preparation import prepare, settle_lost_calls

    first = [settle_lost_calls]

    def work() -> None:
        prepare(settings)
        _show_first_password(settings)
        while first:
            first.pop()(settings)

    return work


def _show_first_password(settings: Settings) -> None:
    """The first start makes the desk's administrator. The password is shown to a person, never to a log."""
    from voicebot.accounts.users import Users
    from voicebot.clock import SystemClock
    from voicebot.storage.database import open_database

    database = open_database(settings.database_url)
    try:
        password = Users(database, SystemClock()).ensure_admin()
    finally:
        database.close()
    if not password:
        return
    if _console.is_terminal:
        where = f"password, shown once: {password}"
    else:
        file = settings.data_dir / "admin-password.txt"
        file.touch(mode=0o600)
        file.write_text(password + "\n")
        where = f"password in {file} (delete it after the first login)"
    _console.print(f"The desk has its first user: login admin, {where}.", highlight=False, soft_wrap=True)


def _say_ready(settings: Settings, facts: dict[str, dict[str, Any]]) -> None:
    line_facts = facts.get("line", {})
    brain_facts: dict[str, Any] = next((f for name, f in sorted(facts.items()) if name.startswith("brain")), {})
    rows = [
        f"SIP         sip:any@{settings.sip.bind_host}:{settings.sip.port}   ({line_facts.get('binding', '?')}, "
        f"{line_facts.get('lines', '?')} lines)",
        f"Recogniser  {brain_facts.get('recogniser', '?')}",
        f"Voice       {brain_facts.get('voice', '?')}",
        f"Clinic      {brain_facts.get('clinic', '?')}",
        f"Desk        {'https' if settings.http.certificate else 'http'}://{settings.http.host}:{settings.http.port}/",
        f"Chat        {_chat(settings)}",
        f"Recordings  {_recordings(settings)}; kept for {settings.retention.audio_days or 'all'} days",
        f"Messages    {_messages(settings)}",
        f"Answers     callers from {', '.join(settings.sip.allow)}; hands over to "
        f"{settings.transfer.targets.get('operator', '(no operator set)')}",
        "",
        "Call it from a softphone, or try `make demo`. What was said: `.venv/bin/voicebot dialogs list`.",
    ]
    _console.print(Panel("\n".join(rows), title="Voicebot is ready", expand=False))


def _chat(settings: Settings) -> str:
    channels = settings.channels
    return f"http://{channels.host}:{channels.port}/" if channels.is_enabled and channels.web.is_enabled else "off"


def _messages(settings: Settings) -> str:
    of_sms = [name for name, one in settings.messages.providers.items() if one.channel == "sms" and one.kind != "file"]
    return f"SMS by {', then '.join(of_sms)}" if of_sms else f"to files in {settings.data_dir / 'outbox'}, to no patient"


def _recordings(settings: Settings) -> str:
    if not settings.recordings.is_enabled:
        return "off"
    if not settings.recordings.recipients:
        return "not sealed (voicebot privacy new-key)"
    return "sealed" if settings.recordings.key_file else "sealed, not to be heard here (no recordings.key_file)"


def _start(process: str) -> Settings:
    import setproctitle

    settings = settings_module.load()
    logs.configure(settings, process)
    setproctitle.setproctitle(f"voicebot {process}")
    return settings


_MODULES = {
    "dialogs": "voicebot.records.commands",
    "chat": "voicebot.chat_command",
    "dialplan": "voicebot.dialplan_commands",
    "clinic": "voicebot.clinic.commands",
    "understand": "voicebot.understand_command",
    "models": "voicebot.models_commands",
    "call": "voicebot.patient.commands",
    "demo": "voicebot.patient.commands",
    "rehearse": "voicebot.rehearsal.commands",
    "users": "voicebot.accounts.commands",
    "qa": "voicebot.qa_commands",
    "privacy": "voicebot.privacy.commands",
    "messages": "voicebot.messages.commands",
    "reminders": "voicebot.reminders_commands",
    "doctor": "voicebot.doctor.commands",
    "reload": "voicebot.reload_command",
    "settings": "voicebot.settings_reference",
    "backup": "voicebot.backup.commands",
}
_OWN = ("serve", "line", "brain", "desk", "channels", "supplies", "version")


def _mount(words: list[str]) -> None:
    """Add the commands of the rooms, but only those that may be meant: line must not load a recogniser to parse its name."""
    if words and words[0] in _OWN:
        return
    for name, module in _MODULES.items():
        if words and words[0] in _MODULES and words[0] != name:
            continue
        commands = import_module(module)
        if name in ("call", "chat", "demo", "doctor", "rehearse", "reload", "understand"):
            app.command(name)(getattr(commands, name))
        else:
            app.add_typer(commands.app, name=name)


def main(run: Callable[[], Any] | None = None) -> None:
    """Run a command; our own errors end in one readable line and the status that says whether a restart may help."""
    _mount(sys.argv[1:])
    try:
        (run or app)()
    except (ConfigurationError, LineError, ModelError) as error:
        _console.print(f"[red]{error.message}[/] {error.cure}")
        sys.exit(EXIT_CONFIGURATION)
    except VoicebotError as error:
        _console.print(f"[red]{error.message}[/] {error.cure}")
        sys.exit(1)


if __name__ == "__main__":
    main()
