"""One bound SMPP session on one connection: a window of submits, whose fate is always known; enquire_link both ways.

A session lives once: when it is closed, by whomever, another one is bound (`sender` does).
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import structlog

from voicebot.messages.senders.smpp.pdu import (
    RESPONSE,
    Bind,
    Command,
    Framer,
    Pdu,
    PduError,
    ShortMessage,
    Status,
    decode_id,
    encode_id,
)

log = structlog.get_logger(__name__)

_MAX_SEQUENCE = 0x7FFFFFFF
_READ_OCTETS = 65_536
_WORKERS = 8
_WAITING_DELIVERIES = 1000
_LATE_KEPT = 10_000


class BindRefused(Exception):
    """The other side did not let us in. `status`: of its response, or none where it answered something else."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"status {status}")
        self.status = status


class NotSent(Exception):
    """Not one octet of it has left us."""


class Unanswered(Exception):
    """It has left us, and no response came: in time, or before the connection broke."""


@dataclass(frozen=True, slots=True)
class Timing:
    """`response_seconds`: how long a response is waited for. `enquire_seconds`: silence after which the link is tried.

    `closing_seconds`: how long running submits may finish when the session ends.
    """

    connect_seconds: float = 10.0
    response_seconds: float = 10.0
    enquire_seconds: float = 30.0
    closing_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Response:
    """What came of a submit. `message_id` is empty unless `status` is OK."""

    status: int
    message_id: str = ""


#: Is given a deliver_sm; it is acknowledged when this returns, refused for now when it raises.
OnMessage = Callable[[ShortMessage], Awaitable[None]]
#: Is given a submit's token and the ID in a response that came after we had given up.
OnLate = Callable[[str, str], Awaitable[None]]


class Session:
    """Made by `bind`; `run` must be running for anything to happen."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_message: OnMessage,
        on_late: OnLate,
        timing: Timing,
        window: int,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_message = on_message
        self._on_late = on_late
        self._timing = timing
        self._window = asyncio.Semaphore(window)
        self._framer = Framer()
        self._ready: list[Pdu] = []
        self._sequence = 0
        self._pending: dict[int, asyncio.Future[Pdu]] = {}
        self._late: dict[int, str] = {}
        self._deliveries: asyncio.Queue[Pdu] = asyncio.Queue(_WAITING_DELIVERIES)
        self._last_heard_seconds = asyncio.get_running_loop().time()
        self._is_ending = False

    @property
    def is_open(self) -> bool:
        """Whether a submit may be tried."""
        return not self._is_ending and not self._writer.is_closing()

    @classmethod
    async def bind(
        cls,
        host: str,
        port: int,
        bind: Bind,
        on_message: OnMessage,
        on_late: OnLate,
        *,
        timing: Timing | None = None,
        window: int = 10,
        tls: ssl.SSLContext | None = None,
    ) -> "Session":
        """Connect and bind as a transceiver. Raises OSError, TimeoutError, BindRefused."""
        timing = timing or Timing()
        async with asyncio.timeout(timing.connect_seconds):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        session = cls(reader, writer, on_message, on_late, timing, window)
        try:
            async with asyncio.timeout(timing.response_seconds):
                await session._bind(bind)
        except BaseException:
            writer.close()
            raise
        return session

    async def _bind(self, bind: Bind) -> None:
        self._write(Pdu(Command.BIND_TRANSCEIVER, self._next_sequence(), body=bind.encode()))
        await self._writer.drain()
        while True:
            octets = await self._reader.read(_READ_OCTETS)
            if not octets:
                raise BindRefused(None)
            try:
                pdus = list(self._framer.feed(octets))
            except PduError:
                raise BindRefused(None) from None
            for number, pdu in enumerate(pdus):
                if pdu.command in (Command.BIND_TRANSCEIVER | RESPONSE, Command.GENERIC_NACK):
                    if pdu.status != Status.OK or pdu.command == Command.GENERIC_NACK:
                        raise BindRefused(pdu.status)
                    self._ready = pdus[number + 1 :]  # receipts may come in the same breath
                    return
                if pdu.command == Command.ENQUIRE_LINK:
                    self._respond(pdu)

    async def run(self) -> None:
        """Work until the session is over, for whatever reason; everything unanswered is then told so."""
        tasks = [asyncio.create_task(work) for work in (self._read(), self._keep_alive())]
        workers = [asyncio.create_task(self._deliver()) for _ in range(_WORKERS)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._is_ending = True
            for task in (*tasks, *workers):
                task.cancel()
            await asyncio.gather(*tasks, *workers, return_exceptions=True)
            for future in self._pending.values():
                if not future.done():
                    future.set_exception(Unanswered())
            self._pending.clear()
            self._writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._writer.wait_closed()

    async def submit(self, message: ShortMessage, token: str = "") -> Response:
        """Send one message and return the response. Raises NotSent, Unanswered, PduError (nothing was sent).

        `token` is told to `on_late` when the response comes after we had given up.
        """
        body = message.encode()
        async with self._window:
            if not self.is_open:
                raise NotSent
            pdu = await self._ask(Command.SUBMIT_SM, body, token)
        if pdu.command == Command.GENERIC_NACK:
            return Response(pdu.status or Status.INVALID_COMMAND)
        return Response(pdu.status, decode_id(pdu.body) if pdu.status == Status.OK else "")

    async def unbind(self) -> None:
        """End cleanly: running submits may finish, then the connection is closed by `run`."""
        if self._is_ending:
            return
        self._is_ending = True
        await self._finish_pending()
        with suppress(Unanswered, OSError, TimeoutError):
            async with asyncio.timeout(self._timing.closing_seconds):
                await self._ask(Command.UNBIND, b"", "")
        self._writer.close()

    async def _finish_pending(self) -> None:
        running = list(self._pending.values())
        if running:
            await asyncio.wait(running, timeout=self._timing.closing_seconds)

    async def _ask(self, command: int, body: bytes, token: str) -> Pdu:
        sequence = self._next_sequence()
        future: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._pending[sequence] = future
        try:
            self._write(Pdu(command, sequence, body=body))
            async with asyncio.timeout(self._timing.response_seconds):
                await self._writer.drain()
                return await future
        except (TimeoutError, OSError):
            self._keep_late(sequence, token)
            raise Unanswered from None
        except asyncio.CancelledError:  # whoever waited has less patience than we
            self._keep_late(sequence, token)
            raise
        finally:
            self._pending.pop(sequence, None)

    def _keep_late(self, sequence: int, token: str) -> None:
        if token:
            self._late[sequence] = token
            if len(self._late) > _LATE_KEPT:
                del self._late[next(iter(self._late))]

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % _MAX_SEQUENCE + 1
        return self._sequence

    def _write(self, pdu: Pdu) -> None:
        self._writer.write(pdu.encode())

    def _respond(self, request: Pdu, status: int = Status.OK, body: bytes = b"") -> None:
        if not self._writer.is_closing():
            self._write(Pdu(request.command | RESPONSE, request.sequence, status, body))

    async def _read(self) -> None:
        for pdu in self._ready:
            await self._take(pdu)
        try:
            while octets := await self._reader.read(_READ_OCTETS):
                self._last_heard_seconds = asyncio.get_running_loop().time()
                for pdu in self._pdus(octets):
                    if not await self._take(pdu):
                        return
        except OSError as error:
            log.info("smpp_connection_lost", kind=type(error).__name__)

    def _pdus(self, octets: bytes) -> Iterator[Pdu]:
        try:
            yield from self._framer.feed(octets)
        except PduError as error:
            log.warning("smpp_stream_unreadable", what=str(error))
            self._writer.close()

    async def _take(self, pdu: Pdu) -> bool:
        """Return False when the session is over."""
        if pdu.is_response:
            await self._answered(pdu)
            return True
        match pdu.command:
            case Command.DELIVER_SM:
                try:
                    self._deliveries.put_nowait(pdu)
                except asyncio.QueueFull:
                    self._respond(pdu, Status.QUEUE_FULL, encode_id(""))  # it will come again
            case Command.ENQUIRE_LINK:
                self._respond(pdu)
            case Command.UNBIND:
                self._is_ending = True
                self._respond(pdu)
                await self._drain_after_unbind()
                return False
            case _:
                self._write(Pdu(Command.GENERIC_NACK, pdu.sequence, Status.INVALID_COMMAND))
        return True

    async def _drain_after_unbind(self) -> None:
        with suppress(TimeoutError, OSError, PduError):
            async with asyncio.timeout(self._timing.closing_seconds):
                octets = b""  # the same piece may hold answers behind the unbind
                while True:
                    for pdu in self._framer.feed(octets):
                        if pdu.is_response:
                            await self._answered(pdu)
                    await asyncio.sleep(0)  # who waited takes his answer off the list
                    if not self._pending or not (octets := await self._reader.read(_READ_OCTETS)):
                        return

    async def _answered(self, pdu: Pdu) -> None:
        future = self._pending.get(pdu.sequence)
        if future is not None:
            if not future.done():
                future.set_result(pdu)
            return
        token = self._late.pop(pdu.sequence, "")
        if token and pdu.status == Status.OK and pdu.command == Command.SUBMIT_SM | RESPONSE:
            with suppress(PduError):
                await self._on_late(token, decode_id(pdu.body))

    async def _deliver(self) -> None:
        while True:
            pdu = await self._deliveries.get()
            status = Status.OK
            try:
                await self._on_message(ShortMessage.decode(pdu.body))
            except PduError:
                log.warning("smpp_delivery_unreadable", octets=len(pdu.body))  # it would be as bad a second time
            except Exception as error:  # noqa: BLE001 - it is not acknowledged, so it comes again
                log.error("smpp_delivery_not_taken", kind=type(error).__name__)
                status = Status.TEMPORARY_APP_ERROR
            self._respond(pdu, status, encode_id(""))

    async def _keep_alive(self) -> None:
        while True:
            silent = asyncio.get_running_loop().time() - self._last_heard_seconds
            if silent < self._timing.enquire_seconds:
                await asyncio.sleep(self._timing.enquire_seconds - silent)
                continue
            try:
                await self._ask(Command.ENQUIRE_LINK, b"", "")
            except Unanswered:
                log.warning("smpp_link_dead")
                return
