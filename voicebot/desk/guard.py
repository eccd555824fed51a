"""The door of the desk: every request is refused unless it is public, or comes from somebody who is logged in.

A pure ASGI layer before all routes, so that a page cannot forget it. Unsafe methods of browsers need the session's own token
(OWASP: synchronizer token) and must come from our own pages; programs come with a key and need neither.
"""

import time
from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, quote, urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voicebot.accounts.sessions import Login, LoginSessions, is_same_csrf
from voicebot.errors import StorageError

log = structlog.get_logger(__name__)

COOKIE = "voicebot_session"
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
_PUBLIC = ("/health", "/ready", "/login", "/static/", "/metrics")  # /metrics has a door of its own
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: No form of ours is longer; the application refuses what is, before anybody has logged in (413).
BODY_LIMIT_BYTES = 256 * 1024
#: A page that stays open is asked so often whether its session still holds.
RECHECK_SECONDS = 5.0
_BEARER = "bearer "

#: Content Security Policy level 3: nothing but our own files, no inline script, nobody frames us.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_STRICT_TRANSPORT = "max-age=31536000"


class _SessionEnded(Exception):
    """Whoever watches a live page has logged out, or may not enter any more."""


class Guard:
    """Wraps the application. Puts the `Login` of whoever asks into `scope["state"]["login"]`."""

    def __init__(self, app: ASGIApp, sessions: LoginSessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sending = _with_headers(send, is_secure=scope["scheme"] in ("https", "wss"), path=scope["path"])
        try:
            login = await run_in_threadpool(self._login, headers)
        except StorageError as error:
            log.error("desk_database_refused", problem=type(error).__name__)
            await _refuse(scope, receive, sending, PlainTextResponse("База данных недоступна. Повторите позже.", 503))
            return
        scope.setdefault("state", {})["login"] = login
        if scope["path"].startswith(_PUBLIC):
            await self._app(scope, receive, sending)
            return
        if login is None:
            await _refuse(scope, receive, sending, _please_log_in(scope, headers))
            return
        if scope["type"] == "websocket" or (scope["method"] not in _SAFE and login.csrf):
            # A WebSocket is opened by GET and without our header: its origin is all there is, and it is enough.
            receive, is_ours = await _checked(scope, headers, receive, login)
            if not is_ours:
                log.warning("csrf_refused", path=scope["path"])
                await _refuse(scope, receive, sending, PlainTextResponse("Запрос отклонён: обновите страницу.", 403))
                return
        try:
            await self._app(scope, receive, self._while_logged_in(sending, headers))
        except _SessionEnded:
            log.info("stream_ended_with_its_session", path=scope["path"])

    def _while_logged_in(self, send: Send, headers: Headers) -> Send:
        """End an answer that goes on for long (live pages) once its session or key is no more."""
        last_look = time.monotonic()

        async def sending(message: Message) -> None:
            nonlocal last_look
            if message["type"] == "http.response.body" and time.monotonic() - last_look >= RECHECK_SECONDS:
                last_look = time.monotonic()
                try:
                    is_over = await run_in_threadpool(self._login, headers) is None
                except StorageError:
                    is_over = False  # nobody is thrown out because a disk is busy: the next look may succeed
                if is_over:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    raise _SessionEnded
            await send(message)

        return sending

    def _login(self, headers: Headers) -> Login | None:
        authorization = headers.get("authorization", "")
        if authorization.lower().startswith(_BEARER):
            return self._sessions.find_key(authorization[len(_BEARER) :].strip())
        token = session_token(headers)
        return self._sessions.find(token) if token else None


def session_token(headers: Headers) -> str:
    """Return the token of the session cookie, "" if there is none."""
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie.load(headers.get("cookie", ""))
    except Exception:  # noqa: BLE001 - http.cookies.CookieError and its kin: a broken cookie is no cookie
        return ""
    found = cookie.get(COOKIE)
    return found.value if found is not None else ""


def is_own_origin(headers: Headers) -> bool:
    """Whether a browser says that one of our own pages sends this (Fetch Metadata; Origin for browsers without it)."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == headers.get("host", "")


async def _checked(scope: Scope, headers: Headers, receive: Receive, login: Login) -> tuple[Receive, bool]:
    """Return (the body's source, whether the request is one of our own pages')."""
    if not is_own_origin(headers):
        return receive, False
    if scope["type"] == "websocket":
        return receive, True
    given = headers.get(CSRF_HEADER, "")
    if not given and headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        body = await _body(receive)
        given = parse_qs(body.decode("utf-8", "replace")).get(CSRF_FIELD, [""])[0] if body is not None else ""
        receive = _again(body or b"", receive)
    return receive, is_same_csrf(login, given)


async def _body(receive: Receive) -> bytes | None:
    """Read a form; None if the browser is gone. Its length is limited already."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, source: Receive) -> Receive:
    """Give the body that was read to the application; then what really comes: a stream ends when its browser is gone."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await source()

    return receive


def _please_log_in(scope: Scope, headers: Headers) -> Response:
    is_page = scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", "")
    if not is_page or "hx-request" in headers:
        return JSONResponse({"detail": "Нужно войти."}, 401, headers={"www-authenticate": "Bearer"})
    query = scope["query_string"].decode("latin-1")
    return RedirectResponse("/login?next=" + quote(scope["path"] + (f"?{query}" if query else ""), safe=""), 303)


async def _refuse(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await response(scope, receive, send)


def _with_headers(send: Send, *, is_secure: bool, path: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = dict(_HEADERS)
            if is_secure:
                own["strict-transport-security"] = _STRICT_TRANSPORT
            if not path.startswith("/static/"):
                own["cache-control"] = "no-store"  # what patients said stays in no cache
            sent = {name.lower() for name, _ in message.get("headers", [])}
            message["headers"] = [
                *message.get("headers", []),
                *((name.encode(), value.encode()) for name, value in own.items() if name.encode() not in sent),
            ]
        await send(message)

    return sending
