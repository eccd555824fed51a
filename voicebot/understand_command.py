"""`voicebot understand`: what a phrase means, as JSON. For tests, for tools, and for whoever edits a clinic's phrases."""

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from voicebot import settings as settings_module
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.services import SERVICES
from voicebot.clock import SystemClock
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.opening import understanding_of
from voicebot.dialog.talking import Expect
from voicebot.dialog.understanding import Understanding
from voicebot.dialog.understanding.told import told
from voicebot.errors import VoicebotError

#: What a phrase may be told to answer, and the type of question the dialogs ask for it.
EXPECTED = {
    "yes_no": "yes_no",
    "date": "datetime",
    "time": "datetime",
    "datetime": "datetime",
    "phone": "phone",
    "name": "name",
    "birth_date": "birth_date",
    "doctor": "doctor",
    "speciality": "speciality",
    "service": "service",
    "test": "test",
    "branch": "branch",
    "choice": "choice",
}


def understand(
    text: Annotated[str, typer.Argument(help="a phrase, or - to read phrases from standard input, one a line")],
    now: Annotated[str, typer.Option(help="the clinic's local time, ISO 8601; without it the present")] = "",
    expect: Annotated[str, typer.Option(help=f"the question it answers: {', '.join(EXPECTED)}")] = "",
) -> None:
    """Print what a phrase means: one JSON object a phrase (docs/understanding.md).

    With - each line may begin with the type of its question: `@date<tab>в среду`.
    """
    settings = settings_module.load()
    catalogue = load_catalogue(settings.dialog.folder / "clinic")
    moment = _moment(now, settings.zoneinfo)
    if expect:
        _checked(expect)
    plans = load_dialplans(settings.dialog.folder / "dialplans", SERVICES)
    understanding = understanding_of(catalogue, plans, settings.dialog.folder, settings.cache)
    lines = (line.rstrip("\r\n") for line in sys.stdin) if text == "-" else (text,)
    for answer in answers(understanding, lines, moment, expect):
        typer.echo(json.dumps(answer, ensure_ascii=False))
        sys.stdout.flush()


def answers(understanding: Understanding, lines: Iterable[str], now: datetime, expect: str = "") -> Iterator[dict[str, Any]]:
    """Yield what each line means; a line that begins with @TYPE and a tab says what was asked."""
    for line in lines:
        expected, phrase = expect, line
        if line.startswith("@"):
            expected, _, phrase = line[1:].partition("\t")
            _checked(expected)
        question = Expect(type=EXPECTED[expected]) if expected else None
        yield {"text": phrase, **told(understanding, understanding.understand(phrase, question, now), now, phrase)}


def _checked(expected: str) -> None:
    if expected not in EXPECTED:
        raise VoicebotError(f"Unknown type of question: {expected!r}.", f"Use one of {', '.join(EXPECTED)}.")


def _moment(text: str, zone: Any) -> datetime:
    """The moment in the clinic's zone: as given (aware ones are converted), or the present."""
    if not text:
        return SystemClock().now().astimezone(zone)
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise VoicebotError(f"--now {text!r} is no moment.", "Write it like 2026-11-23T09:00.") from None
    return given.replace(tzinfo=zone) if given.tzinfo is None else given.astimezone(zone)
