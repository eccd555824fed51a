"""Telegram's and MAX's bot APIs on a real socket: they keep chats, number messages, hold updates until they are taken.

A test says what goes wrong: `fail_next` answers (status, body) instead of doing the thing, `hang_seconds` waits before
answering, `blocked` chats answer 403. Nothing here is the code under test: what is checked is what was really sent.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from desk_server import served
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@dataclass
class Sent:
    chat: str
    number: str
    text: str
    markup: Any = None


@dataclass
class BotServer:
    """What both have in common. Safe to read from the test's thread."""

    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fail_next: deque[tuple[int, dict[str, Any]]] = field(default_factory=deque)
    fail_sends: deque[tuple[int, dict[str, Any]]] = field(default_factory=deque)
    hang_seconds: float = 0.0
    blocked: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    webhook: dict[str, Any] | None = None
    updates: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _number: int = 1000

    def forget(self) -> None:
        """Begin anew, as an empty server at the same address."""
        with self._lock:
            for kept in (self.sent, self.calls, self.fail_next, self.fail_sends, self.blocked, self.files, self.updates):
                kept.clear()
            self.hang_seconds, self.webhook = 0.0, None

    def texts(self, chat: str | None = None) -> list[str]:
        with self._lock:
            return [one.text for one in self.sent if chat is None or one.chat == chat]

    def methods(self) -> list[str]:
        with self._lock:
            return [name for name, _ in self.calls]

    def next_number(self) -> int:
        with self._lock:
            self._number += 1
            return self._number

    def push(self, update: dict[str, Any], number: int | None = None) -> int:
        """Have an update wait for the bot."""
        number = self.next_number() if number is None else number
        with self._lock:
            self.updates.append((number, update))
        return number

    async def wait_for_updates(self, seconds: float, after: int) -> list[tuple[int, dict[str, Any]]]:
        until = asyncio.get_running_loop().time() + seconds
        while True:
            with self._lock:
                found = sorted((one for one in self.updates if one[0] >= after), key=lambda one: one[0])
            if found or asyncio.get_running_loop().time() >= until:
                return found
            await asyncio.sleep(0.01)


@contextmanager
def telegram_server() -> Iterator[BotServer]:
    server = BotServer()
    app = FastAPI()

    @app.post("/bot{token}/{method}")
    async def call(token: str, method: str, request: Request) -> Response:
        asked = await request.json()
        server.calls.append((method, asked))
        if token != TOKEN:
            return _telegram_error(401, "Unauthorized")
        if server.hang_seconds:
            await asyncio.sleep(server.hang_seconds)
        if server.fail_next:
            return JSONResponse(server.fail_next[0][1], server.fail_next.popleft()[0])
        match method:
            case "sendMessage":
                return _telegram_send(server, asked)
            case "getUpdates":
                if server.webhook:
                    return _telegram_error(409, "Conflict: can't use getUpdates method while webhook is active")
                offset = int(asked.get("offset", 0))
                server.updates[:] = [one for one in server.updates if one[0] >= offset]
                found = await server.wait_for_updates(min(float(asked.get("timeout", 0)), 0.2), offset)
                return _telegram_ok([{"update_id": number, **update} for number, update in found[: asked.get("limit", 100)]])
            case "setWebhook":
                server.webhook = asked
                return _telegram_ok(True)
            case "deleteWebhook":
                server.webhook = None
                return _telegram_ok(True)
            case "getFile":
                if asked["file_id"] not in server.files:
                    return _telegram_error(400, "Bad Request: invalid file_id")
                return _telegram_ok({"file_id": asked["file_id"], "file_path": f"voice/{asked['file_id']}.oga"})
            case "answerCallbackQuery" | "sendChatAction":
                return _telegram_ok(True)
        return _telegram_error(404, "Not Found")

    @app.get("/file/bot{token}/voice/{name}")
    async def file(token: str, name: str) -> Response:
        content = server.files.get(name.removesuffix(".oga"))
        if token != TOKEN or content is None:
            return Response(status_code=404)
        return Response(content, media_type="audio/ogg")

    with served(app) as url:
        server.url = url
        yield server


def _telegram_send(server: BotServer, asked: dict[str, Any]) -> Response:
    chat = str(asked["chat_id"])
    if chat in server.blocked:
        return _telegram_error(403, "Forbidden: bot was blocked by the user")
    if server.fail_sends:
        status, body = server.fail_sends.popleft()
        return JSONResponse(body, status)
    if not asked.get("text") or len(asked["text"]) > 4096:
        return _telegram_error(400, "Bad Request: message is too long" if asked.get("text") else "Bad Request: text is empty")
    for row in (asked.get("reply_markup") or {}).get("inline_keyboard", []):
        for button in row:
            if ("callback_data" in button) == ("url" in button) or not button.get("text"):
                return _telegram_error(400, "Bad Request: can't parse inline keyboard button")
            if not 1 <= len(button.get("callback_data", "x").encode()) <= 64:
                return _telegram_error(400, "Bad Request: BUTTON_DATA_INVALID")
    number = server.next_number()
    with server._lock:
        server.sent.append(Sent(chat, str(number), asked["text"], asked.get("reply_markup")))
    return _telegram_ok({"message_id": number, "chat": {"id": int(chat), "type": "private"}, "date": 0, "text": asked["text"]})


def _telegram_ok(result: Any) -> Response:
    return JSONResponse({"ok": True, "result": result})


def _telegram_error(status: int, description: str) -> Response:
    return JSONResponse({"ok": False, "error_code": status, "description": description}, status)


@contextmanager
def max_server() -> Iterator[BotServer]:
    server = BotServer()
    app = FastAPI()

    async def before(request: Request, name: str, asked: Any) -> Response | None:
        server.calls.append((name, asked))
        if request.headers.get("authorization") != TOKEN:
            return _max_error(401, "verify.token", "Invalid access_token")
        if server.hang_seconds:
            await asyncio.sleep(server.hang_seconds)
        if server.fail_next:
            status, body = server.fail_next.popleft()
            return JSONResponse(body, status)
        return None

    @app.post("/messages")
    async def send(request: Request, chat_id: str) -> Response:
        asked = await request.json()
        refused = await before(request, "messages", {"chat_id": chat_id, **asked})
        if refused is not None:
            return refused
        if chat_id in server.blocked:
            return _max_error(403, "chat.denied", "error.dialog.suspended")
        if server.fail_sends:
            status, body = server.fail_sends.popleft()
            return JSONResponse(body, status)
        if not asked.get("text") or len(asked["text"]) > 4000:
            return _max_error(400, "proto.payload", "text: size must be between 0 and 4000")
        for attachment in asked.get("attachments") or []:
            for row in attachment["payload"]["buttons"]:
                for button in row:
                    if button["type"] not in ("callback", "link", "message", "request_contact") or not button["text"]:
                        return _max_error(400, "proto.payload", "buttons")
        number = f"mid.{server.next_number():032x}"
        with server._lock:
            server.sent.append(Sent(chat_id, number, asked["text"], asked.get("attachments")))
        body = {"mid": number, "seq": 1, "text": asked["text"], "attachments": asked.get("attachments")}
        recipient = {"chat_id": int(chat_id), "chat_type": "dialog", "user_id": 7}
        return JSONResponse({"message": {"recipient": recipient, "timestamp": 0, "body": body}})

    @app.post("/answers")
    async def answers(request: Request, callback_id: str) -> Response:
        asked = await request.json()
        refused = await before(request, "answers", {"callback_id": callback_id, **asked})
        if refused is not None:
            return refused
        if not (asked.get("message") or asked.get("notification")):
            return _max_error(400, "proto.payload", "message or notification is needed")
        return JSONResponse({"success": True})

    @app.post("/chats/{chat}/actions")
    async def actions(request: Request, chat: str) -> Response:
        refused = await before(request, "actions", {"chat": chat, **await request.json()})
        return JSONResponse({"success": True}) if refused is None else refused

    @app.get("/updates")
    async def updates(request: Request, limit: int = 100, marker: int | None = None) -> Response:
        refused = await before(request, "updates", {"marker": marker})
        if refused is not None:
            return refused
        found = await server.wait_for_updates(min(float(request.query_params["timeout"]), 0.2), marker or 0)
        found = found[:limit]
        following = found[-1][0] + 1 if found else marker
        return JSONResponse({"updates": [update for _, update in found], "marker": following})

    @app.get("/subscriptions")
    async def subscriptions(request: Request) -> Response:
        refused = await before(request, "subscriptions", {})
        if refused is not None:
            return refused
        return JSONResponse({"subscriptions": [{"url": server.webhook["url"], "time": 0}] if server.webhook else []})

    @app.post("/subscriptions")
    async def subscribe(request: Request) -> Response:
        asked = await request.json()
        refused = await before(request, "subscribe", asked)
        if refused is not None:
            return refused
        server.webhook = asked
        return JSONResponse({"success": True})

    @app.delete("/subscriptions")
    async def unsubscribe(request: Request, url: str) -> Response:
        refused = await before(request, "unsubscribe", {"url": url})
        if refused is None:
            server.webhook = None
        return JSONResponse({"success": True}) if refused is None else refused

    @app.get("/files/{name}")
    async def file(request: Request, name: str) -> Response:
        server.calls.append(("file", {"authorization": request.headers.get("authorization", "")}))
        content = server.files.get(name)
        return Response(status_code=404) if content is None else Response(content, media_type="audio/ogg")

    with served(app) as url:
        server.url = url
        yield server


def _max_error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status)
