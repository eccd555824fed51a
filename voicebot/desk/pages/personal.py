"""One patient's personal data, for the administrator: what is kept, its export, its erasure after a typed word."""

import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import BeforeValidator

from voicebot.accounts.roles import May
from voicebot.accounts.sessions import Login
from voicebot.desk import words
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page
from voicebot.desk.limits import Tries
from voicebot.desk.searches import Searches
from voicebot.privacy.erase import Eraser, what_would_stay
from voicebot.privacy.export import ZipSink, export
from voicebot.privacy.patients import BadNumber, Subject, kept_of, subject_of
from voicebot.records.dialogs import mask_phone

router = APIRouter(prefix="/personal")
Keeper = Annotated[Login, Depends(need(May.PERSONAL_DATA))]
OptionalDate = Annotated[date | None, BeforeValidator(lambda value: None if value == "" else value)]

CONFIRMATION = "СТЕРЕТЬ"
CLASSES = {
    "dialogs": "обращений (разговоры, отметки, записи)",
    "call_backs": "обратных звонков",
    "messages": "сообщений",
    "outgoing_calls": "звонков робота",
    "waiting": "мест в листе ожидания",
    "visits": "визитов",
    "lab_orders": "заказов анализов",
    "patients": "карточек пациента",
}
REMOVED = {
    "recordings": "записей разговоров",
    "dialogs": "обращений",
    "messages": "сообщений",
    "outgoing_calls": "звонков робота",
    "contact_points": "адресов и согласий",
    "waiting": "мест в листе ожидания",
    "visits": "визитов обезличено",
    "lab_orders": "заказов анализов",
    "patients": "карточек пациента",
    "rejected": "отвергнутых записей в журнале сбоев",
}
STAYS = {
    "running": "разговор идёт сейчас: повторите, когда он закончится",
    "coming_visits": "предстоящие визиты: сначала отмените их",
    "past_visits": "прошедшие визиты: могут быть нужны для учёта услуг (отметьте ниже, чтобы обезличить)",
    "lab_orders": "заказы анализов: учёт лаборатории (удаляются вместе с обезличиванием визитов)",
    "others_dialogs": "обращения с этого же номера для другого человека",
    "recordings_not_removed": "записи, которые не отдал диск: посмотрите журнал сервера",
    "spooled_writes": "записи, ждущие базу данных (чьи угодно): повторите, когда она заработает",
}
_CHUNK_BYTES = 64 * 1024
_searches: Searches[Subject] = Searches()


@router.get("")
def asked(request: Request, desk: CurrentDesk, login: Keeper, find: str = "") -> Response:
    """The form, and what is kept of whom was looked for."""
    subject = _searches.find(login.who, find) if find else None
    if subject is None:
        return page(request, "personal.html", subject=None, problem="Этот поиск уже забыт." if find else "")
    return _found(request, desk, subject, find)


@router.post("")
def search(
    request: Request,
    desk: CurrentDesk,
    login: Keeper,
    phone: Annotated[str, Form(max_length=30)],
    born: Annotated[OptionalDate, Form()] = None,
) -> Response:
    """Look for a patient; the number stands in no address."""
    try:
        subject = subject_of(phone, born)
    except BadNumber:
        return page(request, "personal.html", 400, subject=None, problem="Это не номер телефона.")
    desk.audit.note(login.who, "patient_looked_up", mask_phone(subject.phone), address_of(request))
    return RedirectResponse(f"/personal?find={_searches.keep(login.who, subject)}", 303)


@router.post("/export")
def exported(request: Request, desk: CurrentDesk, login: Keeper, find: Annotated[str, Form(max_length=32)]) -> Response:
    """Everything that is kept, as an archive."""
    subject = _subject(login, find)
    if not desk.limits.take(Tries.EXPORT, login.who):
        raise HTTPException(429, "Слишком часто. Подождите минуту.")
    desk.audit.note(login.who, "patient_exported", mask_phone(subject.phone), address_of(request))
    # Without a name from its first moment: nobody else can open it, and a crash leaves nothing behind.
    desk.settings.data_dir.mkdir(parents=True, exist_ok=True)
    file = tempfile.TemporaryFile(dir=desk.settings.data_dir)  # noqa: SIM115 - closed when it has been sent
    with zipfile.ZipFile(file, "w") as archive:
        export(desk.database, desk.settings, desk.records, desk.clock, subject, ZipSink(archive))
    size = file.tell()
    file.seek(0)
    headers = {"content-disposition": 'attachment; filename="patient.zip"', "content-length": str(size)}
    return StreamingResponse(_chunks(file), media_type="application/zip", headers=headers)


@router.post("/erase")
def erased(
    request: Request,
    desk: CurrentDesk,
    login: Keeper,
    find: Annotated[str, Form(max_length=32)],
    confirmation: Annotated[str, Form(max_length=20)] = "",
    visits: Annotated[bool, Form()] = False,
) -> Response:
    """Erase what may be erased, and say what stays and why."""
    subject = _subject(login, find)
    if confirmation.strip().upper() != CONFIRMATION:
        return _found(request, desk, subject, find, problem=f"Чтобы удалить, напечатайте слово {CONFIRMATION}.", status=400)
    done = Eraser(desk.database, desk.settings, desk.clock).erase(subject, login.who, address_of(request), with_visits=visits)
    removed = [(REMOVED[name], count) for name, count in done.removed.items() if count]
    stays = [(STAYS[reason], count) for reason, count in done.stays.items() if count]
    return page(request, "personal.html", subject=None, problem="", is_erased=True, removed=removed, stays=stays)


def _found(request: Request, desk: Desk, subject: Subject, find: str, *, problem: str = "", status: int = 200) -> Response:
    kept = desk.database.run(lambda session: kept_of(session, subject), is_readonly=True)
    return page(
        request,
        "personal.html",
        status,
        subject=subject,
        find=find,
        problem=problem,
        counts=[(title, len(getattr(kept, name))) for name, title in CLASSES.items() if getattr(kept, name)],
        dialogs=kept.dialogs,
        patients=kept.patients,
        stays=[(STAYS[name], count) for name, count in what_would_stay(kept, desk.clock.now()).items() if count],
        confirmation=CONFIRMATION,
        words=words,
    )


def _subject(login: Login, find: str) -> Subject:
    subject = _searches.find(login.who, find)
    if subject is None:
        raise HTTPException(404, "Этот поиск уже забыт. Найдите пациента снова.")
    return subject


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
