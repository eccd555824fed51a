"""The chat on the clinic's pages: a WebSocket, the same by HTTP where that cannot be, voice notes, and the widget itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
import structlog
from fastapi import APIRouter, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse

from voicebot.channels import web_protocol as protocol
from voicebot.channels.contact import Incoming, Reply
from voicebot.channels.door import Context, Door
from voicebot.channels.rules import Rules
from voicebot.channels.voice_notes import NoteTooLong, NoteUnreadable
from voicebot.channels.web_guard import Guard, host_of
from voicebot.channels.web_hub import CHANNEL, Hub, Send
from voicebot.channels.web_protocol import Message, Press, Say
from voicebot.dialog.schema import Dialplans

log = structlog.get_logger(__name__)

_STATIC = Path(__file__).with_name("static")
_HELLO_SECONDS = 10.0
_SILENT_SECONDS = 90.0  # the browser pings each 30 s
_POLL_SECONDS = 25.0  # less than proxies wait
_LARGEST_POST_BYTES = 64 * 1024
_RETRY_SECONDS = 20.0
_VIOLATION, _TRY_LATER, _WRONG = 1008, 1013, 1007  # RFC 6455, 7.4; 1013: IANA's registry
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; "
    "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def open_door(context: Context) -> Door | None:
    web = context.settings.channels.web
    if not web.is_enabled:
        return None
    chat = WebChat(context)
    rules = Rules(True, web.remind_seconds, web.close_seconds)
    return Door(CHANNEL, rules, chat.router(), chat.push, chat.run, is_local=True)


class WebChat:
    """All chats of a process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = context.settings.channels
        self._guard = Guard(context.settings, context.clock)
        self.hub = Hub(context.database)

    async def push(self, address: str, reply: Reply) -> bool:
        """Show what nobody asked for."""
        version = self._context.conversations.known_version(CHANNEL, address)
        self.hub.showed(address, version)
        return await self.hub.push(address, protocol.encode(protocol.update_of(reply, version=version)))

    async def run(self) -> None:
        await self.hub.run(self._context.conversations)

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_websocket_route("/chat/socket", self.socket)
        router.add_api_route("/chat/hello", self.hello, methods=["POST"])
        router.add_api_route("/chat/message", self.message, methods=["POST"])
        router.add_api_route("/chat/poll", self.poll, methods=["POST"])
        router.add_api_route("/chat/voice", self.voice, methods=["POST"])
        for path in ("hello", "message", "poll", "voice"):
            router.add_api_route(f"/chat/{path}", self.preflight, methods=["OPTIONS"])
        router.add_api_route("/widget.js", self.widget, methods=["GET", "HEAD"])
        if self._settings.web.has_demo_page:
            router.add_api_route("/", self.page, methods=["GET"])
            router.add_api_route("/demo.css", self.page_style, methods=["GET"])
        return router

    # -- the WebSocket ------------------------------------------------------------------------------------------------------

    async def socket(self, socket: WebSocket) -> None:
        """One connection: Hello, then messages in order."""
        host = host_of(socket)
        if not self._guard.may_come_from(socket):
            await socket.close(_VIOLATION)
            return
        if not self._guard.may_begin(host) or not self._guard.enter(host):
            await socket.close(_TRY_LATER)
            return
        try:
            await socket.accept()
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                await self._talk(socket)
        finally:
            self._guard.exit(host)

    async def _talk(self, socket: WebSocket) -> None:
        async with asyncio.timeout(_HELLO_SECONDS):
            first = await _received(socket)
        address = protocol.address_of(first.token) if isinstance(first, protocol.Hello) else None
        if address is None:
            await socket.close(_WRONG)
            return

        async def send(message: bytes) -> None:
            await socket.send_text(message.decode())

        self.hub.join(address, send)
        try:
            await send(protocol.encode(self._welcome()))
            await send(protocol.encode(await self.hub.whole(self._context.conversations, address)))
            while True:
                async with asyncio.timeout(_SILENT_SECONDS):
                    message = await _received(socket)
                if isinstance(message, protocol.Ping):
                    await send(protocol.encode(protocol.Pong()))
                elif isinstance(message, Say | Press):
                    await send(protocol.encode(await self._answer(address, message)))
                    await self._tell_others(address, send)
                else:
                    await socket.close(_WRONG)
                    return
        finally:
            self.hub.leave(address, send)

    async def _tell_others(self, address: str, send: Send) -> None:
        """The same patient's other tabs see it too."""
        if self.hub.has_others(address):
            update = await self.hub.whole(self._context.conversations, address)
            await self.hub.push(address, protocol.encode(update), but=send)

    async def _answer(self, address: str, message: Message) -> protocol.Update | protocol.Trouble:
        if not self._guard.may_say(address):
            return protocol.Trouble(message.id, self._context.texts.too_fast, _RETRY_SECONDS)
        text = message.text if isinstance(message, Say) else ""
        button = message.button if isinstance(message, Press) else ""
        return await self._take(Incoming(CHANNEL, address, message.id, text, button))

    async def _take(self, incoming: Incoming) -> protocol.Update:
        conversations = self._context.conversations
        reply = await conversations.receive(incoming)
        version = conversations.known_version(CHANNEL, incoming.address)
        self.hub.showed(incoming.address, version)
        return protocol.update_of(reply, incoming.message_id, version)

    def _welcome(self) -> protocol.Welcome:
        texts, web = self._context.texts, self._settings.web
        return protocol.Welcome(
            texts.title, texts.greeting, texts.consent, web.privacy_url, suggestions(self._context.dialplans),
            web.has_voice, self._settings.voice_seconds,
        )  # fmt: skip

    # -- the same by HTTP ---------------------------------------------------------------------------------------------------

    async def preflight(self, request: Request) -> Response:
        """A browser asks whether another site's page may ask (Fetch standard, CORS-preflight)."""
        origin = self._guard.is_foreign(request)
        if not origin:
            return Response(status_code=403)
        headers = {
            **self._cors(request),
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Message-Id",
            "Access-Control-Max-Age": "7200",
        }
        return Response(status_code=204, headers=headers)

    async def hello(self, request: Request) -> Response:
        """Welcome and the whole dialog."""
        address = self._patient(request)
        if isinstance(address, Response):
            return address
        update = await self.hub.whole(self._context.conversations, address)
        body = b"[" + protocol.encode(self._welcome()) + b"," + protocol.encode(update) + b"]"
        return self._json(request, body)

    async def message(self, request: Request) -> Response:
        """One message; its answer comes back at once."""
        address = self._patient(request, is_counted=False)
        if isinstance(address, Response):
            return address
        try:
            posted = protocol.decode_posted(await _body(request, _LARGEST_POST_BYTES))
        except (msgspec.MsgspecError, TooLarge):
            return Response(status_code=400, headers=self._cors(request))
        return self._json(request, protocol.encode(await self._answer(address, posted.message)))

    async def poll(self, request: Request) -> Response:
        """Wait until something new is to be shown, at most half a minute."""
        address = self._patient(request)
        if isinstance(address, Response):
            return address
        try:
            seen = protocol.decode_polled(await _body(request, _LARGEST_POST_BYTES)).seen
        except (msgspec.MsgspecError, TooLarge):
            return Response(status_code=400, headers=self._cors(request))
        news = asyncio.Event()

        async def send(_message: bytes) -> None:
            news.set()

        self.hub.join(address, send)
        try:
            update = await self.hub.whole(self._context.conversations, address)
            if update.version <= seen:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await news.wait()
                update = await self.hub.whole(self._context.conversations, address)
        finally:
            self.hub.leave(address, send)
        return self._json(request, protocol.encode(update))

    async def voice(self, request: Request) -> Response:
        """A voice note: heard, and answered as what was heard."""
        address = self._patient(request, is_counted=False)
        if isinstance(address, Response):
            return address
        texts, notes = self._context.texts, self._context.voice_notes
        message_id = request.headers.get("x-message-id", "")
        if not self._settings.web.has_voice or not 8 <= len(message_id) <= 64 or not message_id.isascii():
            return Response(status_code=400, headers=self._cors(request))
        if not self._guard.may_say(address) or not self._guard.may_send_voice(host_of(request)):
            return self._json(request, protocol.encode(protocol.Trouble(message_id, texts.too_fast, _RETRY_SECONDS)))
        place = await self._context.conversations.place(CHANNEL, address)
        known = place.answered(message_id)
        try:
            alternatives = () if known is not None else await notes.heard(await _body(request, notes.limits.bytes))
        except (NoteTooLong, TooLarge):
            return self._json(request, protocol.encode(protocol.Trouble(message_id, texts.voice_too_long)))
        except NoteUnreadable:
            return self._json(request, protocol.encode(protocol.Trouble(message_id, texts.not_heard)))
        if known is None and not alternatives:
            return self._json(request, protocol.encode(protocol.Trouble(message_id, texts.not_heard)))
        update = await self._take(Incoming(CHANNEL, address, message_id, alternatives=alternatives))
        if alternatives:
            update.lines.insert(0, protocol.Line(0, "patient", alternatives[0].text))
        return self._json(request, protocol.encode(update))

    def _patient(self, request: Request, *, is_counted: bool = True) -> str | Response:
        """Who asks, or the refusal."""
        if not self._guard.may_come_from(request):
            return Response(status_code=403)
        if is_counted and not self._guard.may_begin(host_of(request)):
            return Response(status_code=429, headers={**self._cors(request), "Retry-After": "30"})
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        address = protocol.address_of(token) if scheme.lower() == "bearer" else None
        return address if address is not None else Response(status_code=401, headers=self._cors(request))

    def _cors(self, request: Request) -> Mapping[str, str]:
        origin = self._guard.is_foreign(request)
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"} if origin else {"Vary": "Origin"}

    def _json(self, request: Request, body: bytes) -> Response:
        headers = {**self._cors(request), "Cache-Control": "no-store"}
        return Response(body, media_type="application/json", headers=headers)

    # -- the widget ---------------------------------------------------------------------------------------------------------

    async def widget(self) -> Response:
        headers = {"Cache-Control": "public, max-age=300", "Cross-Origin-Resource-Policy": "cross-origin"}
        return FileResponse(_STATIC / "widget.js", media_type="text/javascript; charset=utf-8", headers=headers)

    async def page(self) -> Response:
        headers = {"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-cache"}
        return FileResponse(_STATIC / "demo.html", media_type="text/html; charset=utf-8", headers=headers)

    async def page_style(self) -> Response:
        return FileResponse(_STATIC / "demo.css", media_type="text/css; charset=utf-8")


def suggestions(plans: Dialplans) -> list[str]:
    """What may be pressed before anything was said: the phrases of the first question's keys."""
    menus = (field.dtmf for form in plans.forms.values() for field in form.fields() if field.type == "request" and field.dtmf)
    return [f"{phrase[:1].upper()}{phrase[1:]}" for phrase in next(menus, {}).values()]


class TooLarge(Exception):
    """More bytes than are taken."""


async def _received(socket: WebSocket) -> protocol.FromBrowser:
    """The next message; what cannot be read ends the connection."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code") or 1000)
    try:
        return protocol.decode(message.get("text") or message.get("bytes") or b"")
    except msgspec.MsgspecError:
        await socket.close(_WRONG)
        raise WebSocketDisconnect(_WRONG) from None


async def _body(request: Request, most: int) -> bytes:
    """Read a body without ever holding more than `most` bytes. Raises TooLarge."""
    body = bytearray()
    stream: AsyncIterator[bytes] = request.stream()
    async for piece in stream:
        body += piece
        if len(body) > most:
            raise TooLarge
    return bytes(body)
