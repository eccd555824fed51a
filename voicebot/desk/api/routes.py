"""/api/v1: dialogs, the queue, numbers, bookings; for reading only."""

import base64
import binascii
from datetime import datetime, tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from voicebot.accounts.roles import May, Scope, allows
from voicebot.accounts.sessions import Login
from voicebot.clinic.day_visits import VisitFilter
from voicebot.desk.api import shapes
from voicebot.desk.api.door import door, errors, note
from voicebot.desk.clinic import clinic_of
from voicebot.desk.context import CurrentDesk, Desk, as_shown, phones_of
from voicebot.desk.pages.dialogs import LOCKED, find
from voicebot.desk.pages.numbers import Period, figures_of, phrases_of
from voicebot.desk.ranges import ranged
from voicebot.records.browse import Line, Wanted, browse
from voicebot.records.queue import Queue
from voicebot.records.sealing import RecordingLocked
from voicebot.russian.phones import parse_phone_digits

router = APIRouter(prefix="/api/v1")
Dialogs = Annotated[Login, Depends(door(Scope.DIALOGS))]
Audio = Annotated[Login, Depends(door(Scope.AUDIO))]
Operators = Annotated[Login, Depends(door(Scope.QUEUE))]
Managers = Annotated[Login, Depends(door(Scope.NUMBERS))]
Reception = Annotated[Login, Depends(door(Scope.BOOKINGS))]

_LONGEST_DAYS = 92  # of bookings at once


@router.get("/dialogs", tags=["dialogs"], responses=errors(422))
def list_dialogs(
    request: Request, desk: CurrentDesk, login: Dialogs, query: Annotated[shapes.DialogFilter, Query()]
) -> shapes.DialogPage:
    """List dialogs, newest first."""
    note(request, login, "api_dialogs_listed", is_polled=True)
    return _page(desk, login, shapes.DialogSearch(**query.model_dump()))


@router.post("/dialogs/search", tags=["dialogs"], responses=errors(422))
def search_dialogs(request: Request, desk: CurrentDesk, login: Dialogs, query: shapes.DialogSearch) -> shapes.DialogPage:
    """List dialogs in which words were said, or of a phone number: what must not stand in an address."""
    note(request, login, "api_dialogs_searched")
    return _page(desk, login, query)


@router.get("/dialogs/{dialog_id}", tags=["dialogs"], responses=errors(404))
def get_dialog(request: Request, desk: CurrentDesk, login: Dialogs, dialog_id: str) -> shapes.DialogDetails:
    """What is known of one dialog."""
    found = find(request, desk, login, dialog_id)
    note(request, login, "api_dialog_read", found.id)
    dialog = as_shown(login, found)
    names = (name for name in shapes.DialogDetails.model_fields if name != "has_recording")
    return shapes.DialogDetails(**{name: getattr(dialog, name) for name in names}, has_recording=desk.recordings.has(found))


@router.get("/dialogs/{dialog_id}/transcript", tags=["dialogs"], responses=errors(404))
def get_transcript(request: Request, desk: CurrentDesk, login: Dialogs, dialog_id: str) -> shapes.Transcript:
    """Everything that was said so far, with confidence, alternatives and latencies."""
    dialog = as_shown(login, find(request, desk, login, dialog_id))
    note(request, login, "api_dialog_read", dialog.id)
    turns = [shapes.Turn.model_validate(turn) for turn in dialog.turns]
    return shapes.Transcript(dialog_id=dialog.id, is_running=dialog.ended_at is None, turns=turns)


_FLAC = {"content": {"audio/flac": {"schema": {"type": "string", "contentMediaType": "audio/flac"}}}}


@router.get(
    "/dialogs/{dialog_id}/audio",
    tags=["dialogs"],
    response_class=Response,
    responses={
        **errors(404),
        200: {"description": "FLAC, 8 kHz, two channels: caller, robot.", **_FLAC},
        206: {"description": "The range that was asked for.", **_FLAC},
        416: {"description": "There is no such range."},
    },
)
def get_audio(request: Request, desk: CurrentDesk, login: Audio, dialog_id: str) -> Response:
    """The recording, whole or a byte range of it."""
    dialog = find(request, desk, login, dialog_id)
    if not desk.recordings.has(dialog):
        raise HTTPException(404, "Записи нет.")
    note(request, login, "api_recording_read", dialog.id)
    try:
        data = desk.recordings.flac(dialog)
    except RecordingLocked:
        raise HTTPException(503, LOCKED) from None
    return ranged(request, data, "audio/flac", f"{dialog.id}.flac", is_download=True)


@router.get("/queue", tags=["queue"], responses=errors())
def get_queue(request: Request, desk: CurrentDesk, login: Operators) -> shapes.Queue:
    """Who needs a human now."""
    note(request, login, "api_queue_read", is_polled=True)
    phone = phones_of(login)
    items = [shapes.Waiting.model_validate(one) for one in Queue(desk.database, desk.clock).open()]
    return shapes.Queue(items=[one.model_copy(update={"caller_phone": phone(one.caller_phone)}) for one in items])


@router.get("/numbers", tags=["numbers"], responses=errors(422))
def get_numbers(request: Request, desk: CurrentDesk, login: Managers, query: Annotated[Period, Query()]) -> shapes.Numbers:
    """The figures of a period; without dates the last thirty days."""
    note(request, login, "api_numbers_read", is_polled=True)
    figures = figures_of(desk, query)
    found = figures.found
    reads_dialogs = login.may(Scope.DIALOGS)
    return shapes.Numbers(
        first=found.first,
        last=found.last,
        step=found.step,
        channel=query.channel,
        total=shapes.Counts.model_validate(found.total),
        pieces=[shapes.Piece(first=first, **_counts(counts)) for first, counts in found.pieces.items()],
        channels=dict(found.channels),
        hours=list(found.hours),
        channel_hours={name: list(hours) for name, hours in found.channel_hours.items()},
        outcomes=dict(found.outcomes),
        transfer_reasons=dict(found.transfer_reasons),
        handling_seconds=None if found.handling is None else shapes.Percentiles.model_validate(found.handling),
        latency_ms={stage: shapes.Percentiles.model_validate(one) for stage, one in found.latency.items()},
        recognition=shapes.Recognition.model_validate(found.heard),
        visits=shapes.Visits.model_validate(figures.visits_total),
        not_understood=[shapes.Phrase(phrase=phrase, count=count) for phrase, count in phrases_of(login, found)]
        if reads_dialogs
        else None,
    )


@router.get("/bookings", tags=["bookings"], responses=errors(422))
def list_bookings(
    request: Request, desk: CurrentDesk, login: Reception, query: Annotated[shapes.BookingFilter, Query()]
) -> shapes.Bookings:
    """List visits by the days they begin on, in order of time; cancelled ones too, unless a status is asked for."""
    note(request, login, "api_bookings_read")
    return _bookings(request, desk, login, shapes.BookingSearch(**query.model_dump()))


@router.post("/bookings/search", tags=["bookings"], responses=errors(422))
def search_bookings(request: Request, desk: CurrentDesk, login: Reception, query: shapes.BookingSearch) -> shapes.Bookings:
    """List visits of a phone number: what must not stand in an address."""
    note(request, login, "api_bookings_searched")
    return _bookings(request, desk, login, query)


# -- from the records' shapes to ours ---------------------------------------------------------------------------------------


def _page(desk: Desk, login: Login, query: shapes.DialogSearch) -> shapes.DialogPage:
    zone = desk.settings.zoneinfo
    # Who sees masked numbers may not find them out by searching, digit by digit.
    digits = "".join(c for c in query.phone if c.isdigit()) if allows(login.role, May.SEE_PHONES) else ""
    wanted = Wanted(
        since=_aware(query.since, zone),
        until=_aware(query.until, zone),
        channel=query.channel,
        outcome=query.outcome,
        reason=query.reason,
        dialplan=query.dialplan,
        phone_digits=digits,
        words=query.words,
        words_by=query.words_by,
        confidence_below=query.confidence_below,
        seconds_from=query.seconds_from,
        seconds_to=query.seconds_to,
        is_transferred=query.transferred,
        is_marked=query.marked,
    )
    after = read_cursor(query.cursor)
    with desk.database.session(is_readonly=True) as session:
        lines = browse(session, wanted, limit=query.limit + 1, after=after).lines
    phone = phones_of(login)
    items = [shapes.DialogLine.model_validate(line) for line in lines[: query.limit]]
    for item in items:
        item.caller_phone = phone(item.caller_phone)
    return shapes.DialogPage(items=items, next=cursor_of(lines[query.limit - 1]) if len(lines) > query.limit else None)


def cursor_of(line: Line) -> str:
    """Return where the next page begins, as a word without meaning to others."""
    return base64.urlsafe_b64encode(f"{line.started_at.isoformat()} {line.id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str] | None:
    """Return (start, ID) of the last line of the page before; None for the first page. 422 for what is no cursor."""
    if not cursor:
        return None
    try:
        moment, dialog_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(" ")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise ValueError
    except (ValueError, binascii.Error):
        raise HTTPException(422, "Неверный cursor.") from None
    return at, dialog_id


def _aware(at: datetime | None, zone: tzinfo) -> datetime | None:
    return at.replace(tzinfo=zone) if at is not None and at.tzinfo is None else at


def _counts(counts: Any) -> dict[str, int]:
    return shapes.Counts.model_validate(counts).model_dump()


def _bookings(request: Request, desk: Desk, login: Login, query: shapes.BookingSearch) -> shapes.Bookings:
    first = query.first or desk.clock.now().astimezone(desk.settings.zoneinfo).date()
    last = query.last or first
    if first > last or (last - first).days > _LONGEST_DAYS:
        raise HTTPException(422, f"Период: не длиннее {_LONGEST_DAYS} дней, начало раньше конца.")
    phone = ""
    if query.phone:
        phone = parse_phone_digits(query.phone) or ""
        if not phone:
            raise HTTPException(422, "Телефон: номер целиком.")
    clinic = clinic_of(request)
    wanted = VisitFilter(first, last, query.branch, query.doctor, str(query.status), phone, "", query.limit, query.offset)
    shown = phones_of(login)
    plain = ("id", "start", "duration_minutes", "status", "doctor_id", "branch_id", "service_id", "speciality_id", "price_rub",
             "surname", "given", "patronymic", "birth_date", "replaces_id", "reason")  # fmt: skip
    return shapes.Bookings(
        items=[
            shapes.Booking(
                **{name: getattr(one, name) for name in plain},
                phone=shown(one.phone),
                doctor=clinic.name("doctor", one.doctor_id),
                branch=clinic.name("branch", one.branch_id),
                service=clinic.name("service", one.service_id),
            )
            for one in clinic.visits.list(wanted)
        ]
    )
