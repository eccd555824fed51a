"""Many dialogs as a file, by the list's own filter: streamed, audited, phones hidden from roles that may not see them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response, StreamingResponse

from voicebot.accounts.roles import May, allows
from voicebot.accounts.sessions import Login
from voicebot.desk.context import CurrentDesk, address_of, as_shown, need
from voicebot.desk.limits import Tries
from voicebot.desk.pages.dialogs import Filter, wanted_of
from voicebot.records.browse import COUNT_LIMIT, count, whole
from voicebot.records.dialogs import Dialog
from voicebot.records.marks import Mark
from voicebot.records.masking import masked_text
from voicebot.records.transcript import csv_lines, json_line

router = APIRouter(prefix="/dialogs")
Exporter = Annotated[Login, Depends(need(May.EXPORT))]
Marked = tuple[Dialog, Mapping[int, Mark]]

_MARK_COLUMNS = ("mark", "right_text", "right_intent", "note")


class Format(StrEnum):
    """How the file is written."""

    CSV = "csv"  # one row a turn; for spreadsheets: a byte-order mark, semicolons
    JSONL = "jsonl"  # one dialog a line


class Wanted(Filter):
    """The list's filter, and the kind of file."""

    format: Format = Format.CSV


@router.post("/export")
def export(request: Request, desk: CurrentDesk, login: Exporter, query: Annotated[Wanted, Form()]) -> Response:
    """All dialogs that the filter finds, oldest first."""
    if not desk.limits.take(Tries.EXPORT, login.who):
        raise HTTPException(429, "Слишком часто. Подождите минуту.")
    wanted = wanted_of(desk, query, login)
    with desk.database.session(is_readonly=True) as session:
        found = count(session, wanted)
    many = f"{found}+" if found >= COUNT_LIMIT else str(found)
    desk.audit.note(login.who, "dialogs_exported", address=address_of(request), detail=f"{query.format} {many}")
    dialogs = (shown(login, *one) for one in whole(desk.database, wanted))
    lines = as_csv(dialogs) if query.format is Format.CSV else as_jsonl(dialogs)
    today = desk.clock.now().astimezone(desk.settings.zoneinfo).date()
    headers = {"content-disposition": f'attachment; filename="dialogs-{today}.{query.format}"', "x-accel-buffering": "no"}
    media = "text/csv; charset=utf-8" if query.format is Format.CSV else "application/jsonl"
    return StreamingResponse(lines, media_type=media, headers=headers)


def shown(login: Login, dialog: Dialog, marks: Mapping[int, Mark]) -> Marked:
    """Return a dialog and its marks as this role may see them."""
    if not allows(login.role, May.SEE_PHONES):
        marks = {
            number: replace(mark, right_text=masked_text(mark.right_text), note=masked_text(mark.note))
            for number, mark in marks.items()
        }
    return as_shown(login, dialog), marks


def as_csv(dialogs: Iterable[Marked]) -> Iterator[str]:
    """One row a turn, the turn's mark in its last columns."""
    now: dict[str, Mapping[int, Mark]] = {}

    def passing() -> Iterator[Dialog]:
        for dialog, marks in dialogs:
            now.clear()
            now[dialog.id] = marks
            yield dialog

    def of_turn(dialog_id: str, number: int) -> Mapping[str, Any]:
        mark = now[dialog_id].get(number)
        return {} if mark is None else told(mark)

    yield "\ufeff"
    yield from csv_lines(passing(), _MARK_COLUMNS, of_turn, delimiter=";")


def as_jsonl(dialogs: Iterable[Marked]) -> Iterator[str]:
    """One line a dialog, with its marks."""
    for dialog, marks in dialogs:
        several = [
            {"number": number, **told(mark), "author": mark.author, "at": mark.at} for number, mark in sorted(marks.items())
        ]
        yield json_line(dialog, marks=several) + "\n"


def told(mark: Mark) -> dict[str, Any]:
    """A mark's values by the names of the file's columns."""
    return {"mark": mark.kind.value, "right_text": mark.right_text, "right_intent": mark.right_intent, "note": mark.note}
