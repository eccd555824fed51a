"""The form on the clinic's site: a message and a number to call, for those who neither call nor chat.

POST /contact takes it (a form or JSON), GET /contact/token gives a page its token, GET /contact/form.html is a whole page, and
/contact/form.js puts the form into any page of the sites in `channels.form.origins`. What comes is a dialog of the channel
"form": in the operators' queue and among the calls to return at once.
"""

import contextlib
import ipaddress
import json
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from jinja2 import Environment, FileSystemLoader
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool

from voicebot.channels import form_checks
from voicebot.channels.door import Context, Door
from voicebot.channels.form_checks import BadToken, WrongFields
from voicebot.clock import Clock
from voicebot.dialog.labels import labels
from voicebot.errors import StorageError
from voicebot.records.left_messages import LeftMessage, LeftMessages, TooManyMessages
from voicebot.settings import ContactForm, Settings
from voicebot.storage.database import Database
from voicebot.talk.hours import is_open

log = structlog.get_logger(__name__)

BODY_LIMIT_BYTES = 16 * 1024
_STATIC = Path(__file__).parent / "static" / "form"
_TOKENS_PER_MINUTE = RateLimitItemPerMinute(60)
_NOTHING = "Прошу связаться со мной."

_THANKS = "Спасибо! Ваше сообщение у оператора, номер обращения {number}."
_SOON = "Мы свяжемся с вами в ближайшее время."
_LATER = "Сейчас операторы не работают: мы свяжемся с вами, как только начнётся рабочий день."
_EMERGENCY = "Если есть угроза жизни, не ждите ответа: звоните 103 или 112."
_CALL = "Позвоните нам, пожалуйста: {phone}."
_REFUSED = "Не получилось принять сообщение."
_REFUSALS = {
    "forged": "Страница устарела. Обновите её и отправьте сообщение ещё раз.",
    "old": "Страница открыта слишком давно. Обновите её и отправьте сообщение ещё раз.",
    "fast": "Подождите несколько секунд и отправьте ещё раз.",
    "too_often": "Вы уже отправили несколько сообщений: оператор ответит на них.",
    "storage": "Сейчас сообщение принять не получилось. Повторите через минуту.",
    "fields": "Проверьте, пожалуйста, что вы написали.",
}
_STATUS = {"fields": 422, "too_often": 429, "too_long": 413, "origin": 403, "storage": 503, "fast": 429}


@dataclass(frozen=True, slots=True)
class Meant:
    """What a message means: intent, its values as people read them, and whether somebody may be in danger."""

    intent: str
    slots: Mapping[str, str]
    is_emergency: bool = False


Classify = Callable[[str, datetime], Meant]


@dataclass(frozen=True, slots=True)
class Answer:
    """What whoever has sent the form is told. `problem`: why not, "" when it was taken."""

    words: str
    problem: str = ""
    number: str = ""
    fields: Mapping[str, str] | None = None

    @property
    def status(self) -> int:
        return _STATUS.get(self.problem, 400) if self.problem else 200


class Refused(Exception):
    """Why a form is not taken. `kind` is for the log and the answer."""

    def __init__(self, kind: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.fields = fields


class ContactForms:
    """Takes forms. Thread-safe; addresses are counted in memory, numbers in the database."""

    def __init__(
        self, settings: Settings, clock: Clock, database: Database, classify: Classify, phone: str = "", secret: bytes = b""
    ) -> None:
        """`phone`: of the clinic, told to who is refused. `secret`: signs pages."""
        self._own = settings.channels.form
        self._hours = settings.transfer.hours
        self._zone = settings.zoneinfo
        self._clock = clock
        self._classify = classify
        self._phone = phone
        self._secret = secret or _secret(settings)
        self._left = LeftMessages(database, clock, self._own.per_phone_day)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._lock = threading.Lock()  # a page sent twice at once is left once

    def token(self, address: str) -> str:
        """Return what a fresh page carries; raise Refused when one address asks for too many."""
        if not self._limiter.hit(_TOKENS_PER_MINUTE, "token", _network(address)):
            raise Refused("too_often")
        return form_checks.new_token(self._secret, self._clock.now())

    def take(self, fields: Mapping[str, str], address: str) -> Answer:
        """Take a form, or say politely why not."""
        try:
            dialog_id, meant = self._take(fields, address)
        except Refused as refused:
            log.info("form_refused", why=refused.kind)
            return self.refusal(refused.kind, refused.fields)
        except StorageError as error:
            log.error("form_not_stored", problem=type(error).__name__)
            return self.refusal("storage")
        log.info("form_taken", dialog_id=dialog_id)
        number = f"{dialog_id[:4]} {dialog_id[4:]}"
        local = self._clock.now().astimezone(self._zone)
        parts = [_THANKS.format(number=number), _SOON if is_open(self._hours, local) else _LATER]
        return Answer(" ".join([_EMERGENCY, *parts] if meant.is_emergency else parts), number=number)

    def refusal(self, kind: str, fields: Mapping[str, str] | None = None) -> Answer:
        """What is said instead of thanks."""
        call = f" {_CALL.format(phone=self._phone)}" if self._phone and kind != "fields" else ""
        return Answer(_REFUSALS.get(kind, _REFUSED) + call, kind, fields=fields)

    def _take(self, fields: Mapping[str, str], address: str) -> tuple[str, Meant]:
        if fields.get(form_checks.HONEYPOT):
            raise Refused("honeypot")
        now = self._clock.now()
        try:
            page = form_checks.opened(
                self._secret, fields.get("token", ""), now, self._own.least_seconds, self._own.valid_seconds
            )
        except BadToken as bad:
            raise Refused(bad.kind) from None
        try:
            filled = form_checks.checked(fields)
        except WrongFields as wrong:
            raise Refused("fields", wrong.fields) from None
        if form_checks.spam_score(filled) >= form_checks.SPAM_SCORE:
            raise Refused("spam")
        if not self._limiter.hit(RateLimitItemPerHour(self._own.per_address_hour), "form", _network(address)):
            raise Refused("too_often")
        meant = self._classify(filled.text, now.astimezone(self._zone)) if filled.text else Meant("operator", {})
        message = LeftMessage(
            nonce=page.nonce,
            opened_at=page.at,
            phone=filled.phone,
            text=filled.text or _NOTHING,
            consent=self._own.consent,
            intent=meant.intent,
            reason="emergency" if meant.is_emergency else "form",
            summary={"пациент": filled.name, "телефон": filled.phone},
            slots=meant.slots,
        )
        try:
            with self._lock:
                return self._left.leave(message), meant
        except TooManyMessages:
            raise Refused("too_often") from None


def router(forms: ContactForms, settings: Settings) -> APIRouter:
    """Return the routes of the form."""
    routes = APIRouter(prefix="/contact")
    pages = Environment(loader=FileSystemLoader(_STATIC), autoescape=True)
    own = settings.channels.form
    public = settings.channels.public_url.rstrip("/")

    def shown(
        status: int = 200, *, token: str = "", answer: Answer | None = None, filled: Mapping[str, str] | None = None
    ) -> HTMLResponse:
        """`filled`: what stood in the fields, so that nobody writes it twice."""
        values = {"token": token, "own": own, "answer": answer, "honeypot": form_checks.HONEYPOT, "limits": form_checks}
        values["filled"] = filled or {}
        page = pages.get_template("form.html").render(values)
        return HTMLResponse(page, status, headers=_page_headers(own))

    @routes.get("/token")
    async def token(request: Request) -> Response:
        """A token, for a page of an allowed site."""
        allowed = _allowed_origin(request, own, public)
        if allowed is None:
            return JSONResponse({"message": _REFUSED}, 403)
        try:
            fresh = forms.token(_address(request))
        except Refused as refused:
            return _json(forms.refusal(refused.kind), allowed)
        values = {"token": fresh, "consent": own.consent, "policy_url": own.policy_url}
        return JSONResponse(values, headers=_cross_origin(allowed) | {"cache-control": "no-store"})

    @routes.options("")
    @routes.options("/token")
    async def preflight(request: Request) -> Response:
        """Fetch standard, 4.10: may a page of another site send this?"""
        allowed = _allowed_origin(request, own, public)
        return Response(status_code=403 if allowed is None else 204, headers=_cross_origin(allowed or ""))

    @routes.post("")
    async def contact(request: Request) -> Response:
        """A form that was filled in."""
        allowed = _allowed_origin(request, own, public)
        is_page = not _is_json(request)
        fields: Mapping[str, str] = {}
        if allowed is None:
            log.info("form_refused", why="origin")
            answer = forms.refusal("origin")
        else:
            try:
                fields = await _fields(request)
                answer = await run_in_threadpool(forms.take, fields, _address(request))
            except Refused as refused:
                log.info("form_refused", why=refused.kind)
                answer = forms.refusal(refused.kind)
        if is_page:
            again = ""
            if answer.problem in ("forged", "old", "fields", "fast"):
                with contextlib.suppress(Refused):  # too many pages already: the words say why, without a form to try again
                    again = forms.token(_address(request))
            return shown(answer.status, answer=answer, token=again, filled=fields)
        return _json(answer, allowed or "")

    @routes.get("/form.html")
    async def form_page(request: Request) -> Response:
        """The form as a page of its own, without scripts; sites may put it into a frame."""
        try:
            return shown(token=forms.token(_address(request)))
        except Refused as refused:
            return shown(429, answer=forms.refusal(refused.kind))

    @routes.get("/form.js")
    async def script() -> Response:
        """Puts the form where a page has <div data-voicebot-form></div>."""
        return _file("form.js", "text/javascript; charset=utf-8")

    @routes.get("/form.css")
    async def style() -> Response:
        return _file("form.css", "text/css; charset=utf-8")

    return routes


def open_door(context: Context) -> Door | None:
    """The form as a channel: it holds no dialogs, an operator calls."""
    settings = context.settings
    if not settings.channels.form.is_enabled:
        return None

    def classify(text: str, now: datetime) -> Meant:
        understood = context.understanding.understand(text.lower(), None, now)
        slots = {kind: shown for kind, shown in labels(context.catalogue, understood.slots).items() if shown}
        return Meant(understood.intent, slots, understood.intent == "emergency")

    forms = ContactForms(settings, context.clock, context.database, classify, context.catalogue.clinic.phone)
    return Door("form", router=router(forms, settings))


# -- what a request brings ------------------------------------------------------------------------------------------------


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a body, JSON or a form's; raise Refused for what is neither, or too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT_BYTES:
            raise Refused("too_long")
    text = body.decode("utf-8", "replace")
    if not _is_json(request):
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=30, encoding="utf-8", errors="replace"))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("malformed") from None
    if not isinstance(found, dict):
        raise Refused("malformed")
    return {str(name): _told(value) for name, value in found.items()}


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    return value if isinstance(value, str) else ""


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").split(";")[0].strip().lower() == "application/json"


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _network(address: str) -> str:
    """Whom an address stands for: of IPv6 a household has a whole /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def _allowed_origin(request: Request, own: ContactForm, public: str) -> str | None:
    """Return the site that a browser's request comes from; "" for our own page and for no browser; None: not allowed."""
    origin = request.headers.get("origin", "").rstrip("/")
    if not origin or origin == public or urlsplit(origin).netloc == request.headers.get("host", "-"):
        return ""
    return origin if origin in {one.rstrip("/") for one in own.origins} else None


def _cross_origin(origin: str) -> dict[str, str]:
    if not origin:
        return {"vary": "origin"}
    return {
        "access-control-allow-origin": origin, "vary": "origin", "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "content-type", "access-control-max-age": "3600",
    }  # fmt: skip


def _json(answer: Answer, origin: str) -> JSONResponse:
    values = {"accepted": not answer.problem, "message": answer.words, "number": answer.number, "fields": answer.fields or {}}
    return JSONResponse(values, answer.status, headers=_cross_origin(origin) | {"cache-control": "no-store"})


def _page_headers(own: ContactForm) -> dict[str, str]:
    frames = " ".join(["'self'", *own.origins])
    policy = f"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {frames}"
    # Without a referrer of our own, a browser would send our own form with "Origin: null".
    return {"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "same-origin"}


def _file(name: str, kind: str) -> Response:
    headers = {"cache-control": "public, max-age=3600", "cross-origin-resource-policy": "cross-origin"}
    return FileResponse(_STATIC / name, media_type=kind, headers=headers)


def _secret(settings: Settings) -> bytes:
    """The key that signs pages: as configured, else of this machine, made at the first use."""
    configured = settings.channels.form.secret.get_secret_value()
    if configured:
        return configured.encode()
    path = settings.data_dir / "form.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return path.read_text().strip().encode()
