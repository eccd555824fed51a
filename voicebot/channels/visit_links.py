"""A visit's page behind the link of a message: when and where, and three buttons: I come, another time, cancel.

Looking changes nothing: messengers and mail programs open links by themselves. What changes something is a POST. The page says
nothing of doctor or service: a phone is lent, a message is read over a shoulder.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.channels.door import Context, Door
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import AppointmentClosed, NotFound, ServiceFailure, SlotTaken, TooLate
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.tables import AppointmentRow, AppointmentStatus
from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.messages.links import Links
from voicebot.russian.phones import parse_phone_digits
from voicebot.russian.written import write_phone, write_when

log = structlog.get_logger(__name__)

_STATIC = Path(__file__).parent / "static" / "visit"
_LOOKS = RateLimitItemPerMinute(60)  # of one address
_UNKNOWN = RateLimitItemPerMinute(10)
_CHANGES = RateLimitItemPerMinute(12)
_TIMES = 8
_BODY_OCTETS = 2048
_MOST_MOVES = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """A visit as its page shows it."""

    id: int
    phone: str
    when: str
    where: str
    is_open: bool
    is_confirmed: bool
    is_cancelled: bool
    doctor_id: str
    service_id: str | None
    dialog_id: str


@dataclass(frozen=True, slots=True)
class _Page:
    """What is shown: how the title goes, what was just done, which buttons."""

    title: str
    said: str = ""
    is_trouble: bool = False
    visit: Seen | None = None
    times: tuple[tuple[int, str], ...] = ()
    is_asking: bool = False
    status: int = 200


class VisitPages:
    """Reads and changes visits for their pages. Blocking: call it from a thread."""

    def __init__(self, bookings: Bookings, catalogue: Catalogue, clock: Clock, services: ClinicServices) -> None:
        self._bookings = bookings
        self._catalogue = catalogue
        self._clock = clock
        self._services = services

    def look(self, appointment_id: int) -> Seen | None:
        """The visit as it stands now: of a moved one the new time. None: there is none any more."""

        def work(session: Session) -> AppointmentRow | None:
            row = session.get(AppointmentRow, appointment_id)
            for _ in range(_MOST_MOVES):
                if row is None or row.status != AppointmentStatus.CANCELLED:
                    break
                query = select(AppointmentRow).where(AppointmentRow.replaces_id == row.id)
                later = session.scalar(query.order_by(AppointmentRow.id.desc()).limit(1))
                if later is None:
                    break
                row = later
            return row

        row = self._bookings.database.run(work, is_readonly=True)
        if row is None:
            return None
        now = self._clock.now()
        branch = self._catalogue.branches.get(row.branch_id)
        return Seen(
            id=row.id,
            phone=row.phone,
            when=write_when(row.start.astimezone(self._catalogue.zone), now.astimezone(self._catalogue.zone).date()),
            where=branch.address if branch is not None else "",
            is_open=row.status == AppointmentStatus.BOOKED and row.start > now,
            is_confirmed=row.confirmed_at is not None,
            is_cancelled=row.status == AppointmentStatus.CANCELLED,
            doctor_id=row.doctor_id,
            service_id=row.service_id,
            dialog_id=row.dialog_id,
        )

    def confirm(self, seen: Seen) -> None:
        arguments = {"appointment_id": seen.id, "phone": seen.phone}
        self._services.call("confirm_visit", arguments, seen.dialog_id, f"link-confirm-{seen.id}")

    def cancel(self, seen: Seen) -> None:
        arguments = {"appointment_id": seen.id, "phone": seen.phone, "reason": "by_link"}
        self._services.call("cancel", arguments, seen.dialog_id, f"link-cancel-{seen.id}")

    def times(self, seen: Seen) -> tuple[tuple[int, str], ...]:
        """Free times of the same doctor: slot and words."""
        found = self._bookings.find_slots(
            doctor=seen.doctor_id, service=seen.service_id, limit=_TIMES, dialog_id=seen.dialog_id, is_spread=True
        )
        today = self._clock.now().astimezone(self._catalogue.zone).date()
        return tuple((one.slot_id, _time_words(self._catalogue, write_when(one.start, today), one.branch_id)) for one in found)

    def move(self, seen: Seen, slot_id: int) -> None:
        """Only to one of the times that the page may show: of the same doctor. Raises NotFound for another."""
        if slot_id not in {slot for slot, _ in self.times(seen)}:
            raise SlotTaken
        arguments = {"appointment_id": seen.id, "slot_id": slot_id, "phone": seen.phone}
        self._services.call("reschedule", arguments, seen.dialog_id, f"link-move-{seen.id}-{slot_id}")


def _time_words(catalogue: Catalogue, when: str, branch_id: str) -> str:
    branch = catalogue.branches.get(branch_id)
    return when if branch is None or len(catalogue.branches) == 1 else f"{when}, {branch.address}"


def router(pages: VisitPages, links: Links, clinic_name: str, clinic_phone: str) -> APIRouter:
    """The routes under /v/."""
    routes = APIRouter()
    limiter = MovingWindowRateLimiter(MemoryStorage())
    environment = Environment(loader=FileSystemLoader(_STATIC), autoescape=True, undefined=StrictUndefined)
    template = environment.get_template("visit.html")
    number = parse_phone_digits(clinic_phone) or ""

    def shown(page: _Page, token: str) -> HTMLResponse:
        nonce = secrets.token_urlsafe(12)
        seen = page.visit
        html = template.render(
            title=page.title,
            said=page.said,
            is_trouble=page.is_trouble,
            visit=seen,
            actions=seen is not None and seen.is_open,
            is_confirmed=seen is not None and seen.is_confirmed,
            times=[{"slot": slot, "words": words} for slot, words in page.times],
            is_asking=page.is_asking,
            base=f"/v/{token}",
            clinic=clinic_name,
            phone=write_phone(number),
            phone_digits=number,
            nonce=nonce,
        )
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        headers = {"content-security-policy": policy, "cache-control": "no-store", "x-robots-tag": "noindex"}
        return HTMLResponse(html, page.status, headers=headers)

    def is_too_often(limit: RateLimitItem, kind: str, request: Request) -> bool:
        address = request.client.host if request.client is not None else ""
        return not limiter.hit(limit, kind, address)

    async def answered(request: Request, token: str, act: Callable[[Seen], _Page]) -> HTMLResponse:
        try:
            page = await asyncio.to_thread(_answer, request, token, act)
        except StorageError as error:
            log.error("visit_page_failed", reason=error.message, cure=error.cure)
            page = _Page("Сейчас не получилось", "Повторите, пожалуйста, через минуту или позвоните нам.", True, status=503)
        return shown(page, token if links_shape(token) else "")

    def _answer(request: Request, token: str, act: Callable[[Seen], _Page]) -> _Page:
        appointment_id = links.appointment_of(token)
        seen = None if appointment_id is None else pages.look(appointment_id)
        if seen is None:
            if is_too_often(_UNKNOWN, "unknown", request):
                return _Page("Слишком много запросов", "Подождите минуту.", True, status=429)
            return _Page("Ссылка не действует", "Проверьте адрес или позвоните нам.", True, status=404)
        try:
            return act(seen)
        except (AppointmentClosed, TooLate, NotFound):
            return _about(pages.look(seen.id) or seen, "Изменить эту запись уже нельзя.", is_trouble=True)
        except SlotTaken:
            again = pages.look(seen.id) or seen
            return _Page("Это время уже заняли", "Выберите, пожалуйста, другое.", True, again, pages.times(again))
        except ServiceFailure:
            return _about(seen, "Не получилось. Позвоните нам, пожалуйста.", is_trouble=True)

    @routes.get("/v/{token}")
    async def look(request: Request, token: str) -> HTMLResponse:
        if is_too_often(_LOOKS, "look", request):
            return shown(_Page("Слишком много запросов", "Подождите минуту.", True, status=429), "")
        return await answered(request, token, _about)

    @routes.post("/v/{token}/{action}")
    async def change(request: Request, token: str, action: str) -> HTMLResponse:
        if is_too_often(_CHANGES, "change", request):
            return shown(_Page("Слишком много запросов", "Подождите минуту.", True, status=429), "")
        fields = await _fields(request)

        def act(seen: Seen) -> _Page:
            return _act(pages, seen, action, fields)

        return await answered(request, token, act)

    return routes


def links_shape(token: str) -> bool:
    """Whether a token may stand in our page's addresses: letters of base64url only."""
    return len(token) <= 64 and all(character.isascii() and (character.isalnum() or character in "-_") for character in token)


def _act(pages: VisitPages, seen: Seen, action: str, fields: dict[str, str]) -> _Page:
    match action:
        case "confirm":
            pages.confirm(seen)
            return _about(pages.look(seen.id) or seen, "Спасибо, ждём вас!")
        case "cancel" if fields.get("sure") == "1":
            pages.cancel(seen)
            return _about(pages.look(seen.id) or seen, "Запись отменена. Чтобы записаться снова, позвоните нам.")
        case "cancel":
            return _Page("Отменить запись?", visit=seen, is_asking=True)
        case "times":
            found = pages.times(seen)
            if not found:
                return _about(seen, "Свободного времени сейчас нет. Позвоните нам, пожалуйста.", is_trouble=True)
            return _Page("Перенести запись", visit=seen, times=found)
        case "move" if fields.get("slot", "").isdecimal() and len(fields["slot"]) < 10:
            pages.move(seen, int(fields["slot"]))
            return _about(pages.look(seen.id) or seen, "Запись перенесена.")
        case "keep":
            return _about(seen)
    return _Page("Ссылка не действует", "Проверьте адрес или позвоните нам.", True, status=404)


def _about(seen: Seen, said: str = "", *, is_trouble: bool = False) -> _Page:
    if seen.is_cancelled:
        return _Page("Запись отменена", said, is_trouble, seen)
    if not seen.is_open:
        return _Page("Приём уже прошёл", said, is_trouble, seen)
    return _Page("Вы придёте, мы ждём" if seen.is_confirmed else "Вы записаны", said, is_trouble, seen)


async def _fields(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _BODY_OCTETS:
            return {}
    found: dict[str, Any] = parse_qs(body.decode("latin-1"), max_num_fields=5)
    return {name: values[0] for name, values in found.items()}


def open_door(context: Context) -> Door | None:
    """The pages behind links, where the channels have a public address to put into them."""
    if not context.settings.channels.public_url:
        return None
    bookings = Bookings(context.database, context.catalogue, context.clock)
    services = ClinicServices(bookings, context.catalogue, context.clock)
    pages = VisitPages(bookings, context.catalogue, context.clock, services)
    links = Links(context.database, context.clock, context.settings)
    clinic = context.catalogue.clinic
    return Door("visits", router=router(pages, links, clinic.name, clinic.phone))
