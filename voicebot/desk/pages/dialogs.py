"""Dialogs for the quality department: the list, one dialog, its sound, marks."""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, BeforeValidator, Field

from voicebot import dialog_id as dialog_ids
from voicebot.accounts.roles import May, allows
from voicebot.accounts.sessions import Login
from voicebot.desk import words
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page
from voicebot.desk.limits import Tries
from voicebot.records.browse import COUNT_LIMIT, Wanted, browse, choices
from voicebot.records.dialogs import Dialog, mask_phone
from voicebot.records.marks import Kind, Mark, Marks
from voicebot.records.search import Said

router = APIRouter(prefix="/dialogs")
Reader = Annotated[Login, Depends(need(May.READ_DIALOGS))]
Listener = Annotated[Login, Depends(need(May.LISTEN))]
Marker = Annotated[Login, Depends(need(May.MARK))]

PAGE = 50


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


OptionalDate = Annotated[date | None, BeforeValidator(_none_if_empty)]
OptionalNumber = Annotated[float | None, BeforeValidator(_none_if_empty)]
OptionalFlag = Annotated[bool | None, BeforeValidator(_none_if_empty)]


class Filter(BaseModel):
    """The list's filter as its form sends it; empty fields are no wish."""

    since: OptionalDate = None
    until: OptionalDate = None
    channel: str = ""
    outcome: str = ""
    reason: str = ""
    dialplan: str = ""
    words: str = Field("", max_length=200)
    by: Said = Said.ANYBODY
    phone: str = Field("", max_length=20)
    confidence: OptionalNumber = Field(None, ge=0, le=1)
    seconds_from: OptionalNumber = Field(None, ge=0)
    seconds_to: OptionalNumber = Field(None, ge=0)
    transferred: OptionalFlag = None
    marked: OptionalFlag = None
    page: int = Field(1, ge=1, le=COUNT_LIMIT // PAGE)


@router.get("")
def listed(request: Request, desk: CurrentDesk, login: Reader, query: Annotated[Filter, Query()]) -> Response:
    """The list, newest first."""
    with desk.database.session(is_readonly=True) as session:
        found = browse(session, _wanted(desk, query, login), limit=PAGE, offset=(query.page - 1) * PAGE)
        offered = choices(session)
    if query.words or query.phone:
        desk.audit.note(login.who, "searched", address=address_of(request))
    pages = max(1, -(-found.count // PAGE))
    return page(
        request,
        "dialogs.html",
        query=query,
        lines=found.lines,
        count=found.count,
        is_more=found.count >= COUNT_LIMIT,
        pages=pages,
        offered=offered,
        phone=_phones(login),
        words=words,
    )


@router.get("/{typed}")
def shown(request: Request, desk: CurrentDesk, login: Reader, typed: str) -> Response:
    """One dialog with everything that is known of it."""
    dialog = find(request, desk, login, typed)
    desk.audit.note(login.who, "dialog_opened", dialog.id, address_of(request))
    marks = Marks(desk.database, desk.clock).of_dialog(dialog.id)
    return page(
        request, "dialog.html", dialog=dialog, marks=marks, kinds=words.MARKS, phone=_phones(login), words=words,
        has_sound=bool(dialog.recording_path) and allows(login.role, May.LISTEN),
    )  # fmt: skip


@router.get("/{typed}/sound")
def sound(request: Request, desk: CurrentDesk, login: Listener, typed: str) -> Response:
    """The stereo recording."""
    dialog = find(request, desk, login, typed)
    path = recording_of(desk.settings.recordings_folder, dialog)
    if path is None:
        raise HTTPException(404, "Записи нет.")
    if "range" not in request.headers or request.headers["range"].startswith("bytes=0-"):
        desk.audit.note(login.who, "recording_played", dialog.id, address_of(request))
    return FileResponse(path, media_type="audio/flac", content_disposition_type="inline", filename=f"{dialog.id}.flac")


@router.post("/{typed}/turns/{number}/mark")
def mark(
    request: Request,
    desk: CurrentDesk,
    login: Marker,
    typed: str,
    number: int,
    kind: Annotated[str, Form()] = "",
    right_text: Annotated[str, Form(max_length=500)] = "",
    right_intent: Annotated[str, Form(max_length=64)] = "",
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Mark a turn, or take the mark back; answers with the turn as it is now."""
    dialog = find(request, desk, login, typed)
    turn = next((one for one in dialog.turns if one.number == number), None)
    if turn is None or (kind and kind not in set(Kind)):
        raise HTTPException(404, "Такой реплики нет.")
    marks = Marks(desk.database, desk.clock)
    if kind:
        marks.put(Mark(dialog.id, number, Kind(kind), right_text.strip(), right_intent, note.strip(), login.who))
    else:
        marks.remove(dialog.id, number)
    desk.audit.note(login.who, "turn_marked", dialog.id, address_of(request), f"{number} {kind}")
    now = marks.of_dialog(dialog.id)
    return page(request, "_turn.html", dialog=dialog, turn=turn, marks=now, kinds=words.MARKS, words=words)


def find(request: Request, desk: Desk, login: Login, typed: str) -> Dialog:
    """Return the dialog of an ID that was typed. Guessing is slowed and audited: 404, then 429."""
    who = f"{login.who} {address_of(request)}"
    if desk.limits.is_exhausted(Tries.UNKNOWN_DIALOG, who):
        desk.audit.note(login.who, "guessing_throttled", address=address_of(request))
        raise HTTPException(429, "Слишком много неверных номеров. Подождите десять минут.")
    plain = dialog_ids.parse(typed)
    dialog = desk.records.get(plain) if plain is not None else None
    if dialog is None:
        desk.limits.take(Tries.UNKNOWN_DIALOG, who)
        desk.audit.note(login.who, "unknown_dialog", address=address_of(request))
        raise HTTPException(404, "Такого обращения нет. Проверьте номер.")
    return dialog


def recording_of(folder: Path, dialog: Dialog) -> Path | None:
    """Return the file of a recording, None if there is none or it would lie outside the recordings' folder."""
    if not dialog.recording_path:
        return None
    root = folder.resolve()
    path = (root / dialog.recording_path).resolve()
    return path if path.is_relative_to(root) and path.is_file() else None


def _phones(login: Login) -> Any:
    """How numbers are shown to this role."""
    return (lambda number: number) if allows(login.role, May.SEE_PHONES) else mask_phone


def _wanted(desk: Desk, query: Filter, login: Login) -> Wanted:
    zone = desk.settings.zoneinfo

    def moment(day: date | None, plus_days: int = 0) -> datetime | None:
        return None if day is None else datetime.combine(day + timedelta(days=plus_days), time(), zone)

    # Who sees masked numbers may not find them out by searching, digit by digit.
    phone = "".join(c for c in query.phone if c.isdigit()) if allows(login.role, May.SEE_PHONES) else ""
    return Wanted(
        since=moment(query.since),
        until=moment(query.until, 1),
        channel=query.channel,
        outcome=query.outcome,
        reason=query.reason,
        dialplan=query.dialplan,
        phone_digits=phone,
        words=query.words,
        words_by=query.by,
        confidence_below=query.confidence,
        seconds_from=query.seconds_from,
        seconds_to=query.seconds_to,
        is_transferred=query.transferred,
        is_marked=query.marked,
    )
