"""Dialogs for the quality department: the list, one dialog, its sound, marks."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, BeforeValidator, Field

from voicebot import dialog_id as dialog_ids
from voicebot.accounts.roles import May, allows
from voicebot.accounts.sessions import Login
from voicebot.desk import words
from voicebot.desk.context import CurrentDesk, Desk, address_of, as_shown, need, page, phones_of
from voicebot.desk.intents import intents_of
from voicebot.desk.limits import Tries
from voicebot.desk.ranges import ranged
from voicebot.desk.searches import Searches
from voicebot.records.browse import COUNT_LIMIT, Wanted, browse, choices
from voicebot.records.dialogs import Dialog
from voicebot.records.marks import Kind, Mark, Marks
from voicebot.records.sealing import RecordingLocked
from voicebot.records.search import Said

router = APIRouter(prefix="/dialogs")
Reader = Annotated[Login, Depends(need(May.READ_DIALOGS))]
Listener = Annotated[Login, Depends(need(May.LISTEN))]
Marker = Annotated[Login, Depends(need(May.MARK))]

PAGE = 50
LOCKED = "Запись зашифрована, а ключа на этом сервере нет. Скажите администратору: recordings.key_file."


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


OptionalDate = Annotated[date | None, BeforeValidator(_none_if_empty)]
OptionalNumber = Annotated[float | None, BeforeValidator(_none_if_empty)]
OptionalFlag = Annotated[bool | None, BeforeValidator(_none_if_empty)]


class Narrowed(BaseModel):
    """What of the list's filter may stand in an address; empty fields are no wish."""

    since: OptionalDate = None
    until: OptionalDate = None
    channel: str = ""
    outcome: str = ""
    reason: str = ""
    dialplan: str = ""
    confidence: OptionalNumber = Field(None, ge=0, le=1)
    seconds_from: OptionalNumber = Field(None, ge=0)
    seconds_to: OptionalNumber = Field(None, ge=0)
    transferred: OptionalFlag = None
    marked: OptionalFlag = None
    mark: str = ""  # records.marks.Kind
    page: int = Field(1, ge=1, le=COUNT_LIMIT // PAGE)


class Filter(Narrowed):
    """The whole filter. Words and numbers of patients come in a form's body, never in an address."""

    words: str = Field("", max_length=200)
    by: Said = Said.ANYBODY
    phone: str = Field("", max_length=20)


class Asked(Narrowed):
    """An address of the list. `find`: a search that is kept here."""

    find: str = Field("", max_length=32)


_searches: Searches[Filter] = Searches()


@router.post("")
def search(request: Request, desk: CurrentDesk, login: Reader, wanted: Annotated[Filter, Form()]) -> Response:
    """Take a filter; the list is then shown under an address without anything personal."""
    if wanted.words or wanted.phone:
        desk.audit.note(login.who, "searched", address=address_of(request))
        return RedirectResponse(f"/dialogs?find={_searches.keep(login.who, wanted)}", 303)
    plain = wanted.model_dump(mode="json", exclude={"words", "by", "phone"}, exclude_defaults=True)
    return RedirectResponse("/dialogs" + (f"?{urlencode(plain)}" if plain else ""), 303)


@router.get("")
def listed(request: Request, desk: CurrentDesk, login: Reader, asked: Annotated[Asked, Query()]) -> Response:
    """The list, newest first."""
    if "words" in request.query_params or "phone" in request.query_params:
        raise HTTPException(400, "Слова и телефоны не передаются в адресе страницы: ищите через форму.")
    query = _searches.find(login.who, asked.find) if asked.find else None
    is_forgotten = bool(asked.find) and query is None
    query = (query or Filter(**asked.model_dump(exclude={"find"}))).model_copy(update={"page": asked.page})
    with desk.database.session(is_readonly=True) as session:
        found = browse(session, wanted_of(desk, query, login), limit=PAGE, offset=(query.page - 1) * PAGE)
        offered = choices(session)
    pages = max(1, -(-found.count // PAGE))
    return page(
        request,
        "dialogs.html",
        query=query,
        is_forgotten=is_forgotten,
        lines=found.lines,
        count=found.count,
        is_more=found.count >= COUNT_LIMIT,
        pages=pages,
        offered=offered,
        phone=phones_of(login),
        words=words,
        kinds=words.MARKS,
    )


@router.get("/{typed}")
def shown(request: Request, desk: CurrentDesk, login: Reader, typed: str) -> Response:
    """One dialog with everything that is known of it."""
    dialog = find(request, desk, login, typed)
    desk.audit.note(login.who, "dialog_opened", dialog.id, address_of(request))
    marks = Marks(desk.database, desk.clock).of_dialog(dialog.id)
    has_sound = allows(login.role, May.LISTEN) and desk.recordings.has(dialog)
    return page(
        request, "dialog.html", dialog=as_shown(login, dialog), marks=marks, kinds=words.MARKS, words=words,
        intents=intents_of(request), has_sound=has_sound, locked=LOCKED if has_sound and desk.recordings.locked(dialog) else "",
        notice=desk.records.notice(dialog.notice_version) if dialog.notice_version else "",
    )  # fmt: skip


@router.get("/{typed}/sound")
def sound(request: Request, desk: CurrentDesk, login: Listener, typed: str, download: bool = False) -> Response:
    """The stereo recording, whole or in ranges, opened with the key where it is sealed."""
    dialog = find(request, desk, login, typed)
    if not desk.recordings.has(dialog):
        raise HTTPException(404, "Записи нет.")
    try:
        data = desk.recordings.flac(dialog)
    except RecordingLocked:
        desk.audit.note(login.who, "recording_locked", dialog.id, address_of(request))
        raise HTTPException(503, LOCKED) from None
    action = "recording_downloaded" if download else "recording_played"
    # A player asks in many pieces, from any byte on: each person's hearing is noted once in a while, whatever the range.
    if download or desk.limits.take(Tries.HEARING, f"{login.who} {dialog.id}"):
        desk.audit.note(login.who, action, dialog.id, address_of(request))
    return ranged(request, data, "audio/flac", f"{dialog.id}.flac", is_download=download)


@router.post("/{typed}/turns/{number}/mark")
def mark(
    request: Request,
    desk: CurrentDesk,
    login: Marker,
    typed: str,
    number: int,
    kind: Annotated[str, Form()] = "",
    right_text: Annotated[str, Form(max_length=500)] = "",
    right_intent: Annotated[str, Form(max_length=64, pattern="^([a-z][a-z0-9_]*)?$")] = "",
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
    shown_turn = next(one for one in as_shown(login, dialog).turns if one.number == number)
    return page(
        request, "_turn.html", dialog=dialog, turn=shown_turn, marks=now, kinds=words.MARKS, words=words,
        intents=intents_of(request),
    )  # fmt: skip


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


def wanted_of(desk: Desk, query: Filter, login: Login) -> Wanted:
    """Return a filter as the records understand it, in the clinic's zone and with what this role may ask for."""
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
        mark_kind=query.mark,
    )
