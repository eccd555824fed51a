"""A message centre on a socket, with every bad habit that real ones have; each test says which."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from voicebot.messages.senders.smpp.pdu import (
    RESPONSE,
    Address,
    Bind,
    Command,
    Framer,
    Pdu,
    ShortMessage,
    Status,
    encode_id,
)

RECEIPT = 0x04
Answer = Callable[["Connection", Pdu, ShortMessage, int], Awaitable[None]]


async def accept(connection: "Connection", pdu: Pdu, _message: ShortMessage, number: int) -> None:
    await connection.respond(pdu, encode_id(f"id{number}"))


def refuse(status: int, times: int = 10**9) -> Answer:
    """Answer the first `times` submits with a status, all others well."""
    left = times

    async def answer(connection: "Connection", pdu: Pdu, message: ShortMessage, number: int) -> None:
        nonlocal left
        if left > 0:
            left -= 1
            await connection.respond(pdu, status=status)
        else:
            await accept(connection, pdu, message, number)

    return answer


async def never(_connection: "Connection", _pdu: Pdu, _message: ShortMessage, _number: int) -> None:
    """Take it and say nothing."""


@dataclass
class Connection:
    """One client."""

    server: "SmppServer"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sequence: int = 1000
    answers: dict[int, asyncio.Future[Pdu]] = field(default_factory=dict)

    async def write(self, octets: bytes) -> None:
        """In as many pieces as the server likes."""
        step = self.server.piece_octets or len(octets)
        for start in range(0, len(octets), step):
            self.writer.write(octets[start : start + step])
            await self.writer.drain()
            if self.server.piece_octets:
                await asyncio.sleep(0)

    async def respond(self, request: Pdu, body: bytes = b"", status: int = Status.OK) -> None:
        await self.write(Pdu(request.command | RESPONSE, request.sequence, status, body).encode())

    async def deliver(self, message: ShortMessage) -> int:
        """Send a deliver_sm and return the status of its response."""
        return (await self.ask(Command.DELIVER_SM, message.encode())).status

    async def ask(self, command: int, body: bytes = b"") -> Pdu:
        self.sequence += 1
        future: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self.answers[self.sequence] = future
        await self.write(Pdu(command, self.sequence, body=body).encode())
        async with asyncio.timeout(10):
            return await future

    async def receipt(self, text: str, esm_class: int = RECEIPT, tlvs: dict[int, bytes] | None = None) -> int:
        message = ShortMessage(
            Address("79161234567"), Address("CLINIC", 5, 0), text.encode("latin-1"), esm_class=esm_class, tlvs=tlvs or {}
        )
        return await self.deliver(message)

    def drop(self) -> None:
        """As a cut cable: no unbind."""
        self.writer.transport.abort()


@dataclass
class SmppServer:
    """`answer` decides what a submit gets. `taken` are the submits in order, over all connections."""

    answer: Answer = accept
    password: str = "secret"
    piece_octets: int = 0
    is_deaf: bool = False  # accepts connections and answers nothing, not even a bind or enquire_link
    port: int = 0
    taken: list[ShortMessage] = field(default_factory=list)
    binds: list[Bind] = field(default_factory=list)
    enquired: int = 0
    unbound: int = 0
    connections: list[Connection] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _bound: asyncio.Queue[Connection] = field(default_factory=asyncio.Queue)

    async def __aenter__(self) -> "SmppServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Vanish: the port answers no longer, running connections are cut."""
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            connection.drop()
        if self._server is not None:
            await self._server.wait_closed()
        self._server = None

    async def next_bound(self) -> Connection:
        """Wait for a client that has bound."""
        async with asyncio.timeout(15):
            return await self._bound.get()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self.connections.append(connection)
        framer = Framer()
        tasks: set[asyncio.Task[None]] = set()
        try:
            while octets := await reader.read(4096):
                for pdu in framer.feed(octets):
                    if not self.is_deaf:
                        task = asyncio.create_task(self._take(connection, pdu))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
        except OSError:
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()

    async def _take(self, connection: Connection, pdu: Pdu) -> None:
        if pdu.is_response:
            future = connection.answers.pop(pdu.sequence, None)
            if future is not None and not future.done():
                future.set_result(pdu)
            return
        match pdu.command:
            case Command.BIND_TRANSCEIVER:
                bind = Bind.decode(pdu.body)
                self.binds.append(bind)
                if bind.password != self.password:
                    await connection.respond(pdu, status=Status.INVALID_PASSWORD)
                    return
                await connection.respond(pdu, encode_id("CENTRE"))
                self._bound.put_nowait(connection)
            case Command.SUBMIT_SM:
                message = ShortMessage.decode(pdu.body)
                self.taken.append(message)
                await self.answer(connection, pdu, message, len(self.taken))
            case Command.ENQUIRE_LINK:
                self.enquired += 1
                await connection.respond(pdu)
            case Command.UNBIND:
                self.unbound += 1
                await connection.respond(pdu)
            case _:
                await connection.write(Pdu(Command.GENERIC_NACK, pdu.sequence, Status.INVALID_COMMAND).encode())
