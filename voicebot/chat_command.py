"""`voicebot chat`: the text dialogs at a terminal, as a patient has them in the chat and the messengers."""

import asyncio
import getpass
import itertools
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from voicebot import logs
from voicebot import settings as settings_module
from voicebot.channels.attendance import Attendance
from voicebot.channels.clinic import TextClinic
from voicebot.channels.contact import Incoming, Reply
from voicebot.channels.conversations import TextConversations
from voicebot.channels.door import Door
from voicebot.channels.rules import Rules
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clock import SystemClock
from voicebot.conversation_stage import diary
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database

CHANNEL = "terminal"
_console = Console(highlight=False, soft_wrap=True)


def chat(
    phone: Annotated[str, typer.Option(help="the patient's number, if the channel is to know it (E.164)")] = "",
    real: Annotated[
        bool, typer.Option("--real", help="talk to this installation's own diary: bookings count, operators may answer")
    ] = False,
    name: Annotated[str, typer.Option("--as", help="who you are: the same name goes on where it stopped (with --real)")] = "",
) -> None:
    """Write with the robot. A number presses a button, an empty line shows the buttons, Ctrl-D leaves."""
    settings = settings_module.load()
    logs.quiet()
    clock = SystemClock()
    address = name or (f"{getpass.getuser()}-{secrets.token_hex(4)}" if real else "you")
    with _database(settings, clock, is_real=real) as database:
        catalogue = load_catalogue(settings.dialog.folder / "clinic")
        clinic = TextClinic(settings, clock, database, catalogue)
        rules = {CHANNEL: Rules(has_operators=real)}
        conversations = clinic.conversations(rules)

        async def push(_address: str, reply: Reply) -> bool:
            if _address != address:
                return False
            _show(reply)
            return True

        attendance = Attendance(
            conversations, database, clock, {CHANNEL: Door(CHANNEL, rules[CHANNEL], push=push, is_local=True)}
        )
        try:
            asyncio.run(_talk(conversations, attendance, address, phone))
        finally:
            conversations.close()


@contextmanager
def _database(settings: Settings, clock: SystemClock, *, is_real: bool) -> Iterator[Database]:
    """The installation's own, or one that is thrown away."""
    if is_real:
        database = open_database(settings.database_url)
        yield database
        database.close()
        return
    with tempfile.TemporaryDirectory() as folder:
        database = diary(load_catalogue(settings.dialog.folder / "clinic"), Path(folder) / "diary.db", clock)
        yield database
        database.close()


async def _talk(conversations: TextConversations, attendance: Attendance, address: str, phone: str) -> None:
    looking = asyncio.create_task(attendance.run(0.5))
    numbers = itertools.count(1)
    run = secrets.token_hex(4)
    reply = await conversations.receive(Incoming(CHANNEL, address, phone=phone))
    _show(reply)
    try:
        async for line in _lines():
            buttons = (await conversations.place(CHANNEL, address)).buttons
            typed = line.strip()
            pressed = typed.isdecimal() and 1 <= int(typed) <= len(buttons)
            reply = await conversations.receive(
                Incoming(
                    CHANNEL,
                    address,
                    f"{run}-{next(numbers)}",
                    text="" if pressed else typed,
                    button=buttons[int(typed) - 1].payload if pressed else "",
                )
            )
            _show(reply)
            if reply.is_over:
                return
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _lines() -> AsyncIterator[str]:
    """Lines of a person at a terminal, or of a pipe."""
    while True:
        line = await asyncio.to_thread(_read)
        if line is None:
            return
        yield line


def _read() -> str | None:
    if not sys.stdin.isatty():
        return sys.stdin.readline() or None
    import readline  # noqa: F401 - gives input() its history

    try:
        return input("Вы: ")
    except (EOFError, KeyboardInterrupt):
        return None


def _show(reply: Reply) -> None:
    for one in reply.messages:
        _console.print(Text(f"{'Оператор' if one.who == 'operator' else 'Вера'}: {one.text}", style="bold"))
    for number, button in enumerate(reply.buttons, 1):
        _console.print(Text(f"  [{number}] {button.label}", style="cyan"))
    if reply.is_over:
        _console.print(Text(f"[{reply.outcome}]", style="yellow"))
