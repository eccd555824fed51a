"""An HTTP provider of messages on a socket, with every bad habit that real ones have; each test says which."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


Answer = Callable[["JsonProvider", Asked], Awaitable[bytes | None]]


def reply(status: int, content: Any = None, headers: dict[str, str] | None = None) -> bytes:
    """A whole HTTP answer."""
    body = b"" if content is None else content if isinstance(content, bytes) else json.dumps(content).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def accept(provider: "JsonProvider", asked: Asked) -> bytes:
    """A good one: the same key again is the same message."""
    key = asked.headers.get("idempotency-key", str(len(provider.messages)))
    message_id = provider.messages.setdefault(key, f"m{len(provider.messages) + 1}")
    return reply(200, {"id": message_id})


def always(status: int, content: Any = None, headers: dict[str, str] | None = None) -> Answer:
    async def answer(_provider: "JsonProvider", _asked: Asked) -> bytes:
        return reply(status, content, headers)

    return answer


@dataclass
class JsonProvider:
    """`answer` returns the octets to send, or None: hang up without a word. `messages`: key -> ID of what was taken."""

    answer: Answer = accept
    asked: list[Asked] = field(default_factory=list)
    messages: dict[str, str] = field(default_factory=dict)
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/send"

    async def __aenter__(self) -> "JsonProvider":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                method, path, _ = lines[0].split(" ")
                headers = {
                    name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                asked = Asked(method, path, headers, json.loads(body) if body else None)
                self.asked.append(asked)
                octets = await self.answer(self, asked)
                if octets is None:
                    return
                writer.write(octets)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
