"""The SMPP sender against a message centre on a socket that does everything wrong that real ones do."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from message_listener import Heard, wait_for
from smpp_server import Connection, SmppServer, accept, never, refuse

from voicebot.clock import VirtualClock
from voicebot.messages.senders.sender import (
    Outgoing,
    ReceiptStatus,
    Refused,
    Throttled,
    Unavailable,
    Uncertain,
)
from voicebot.messages.senders.smpp.pdu import Address, Command, Pdu, ShortMessage, Status, encode_id
from voicebot.messages.senders.smpp.sender import SmppAccount, SmppSender
from voicebot.messages.senders.smpp.session import Timing

QUICK = Timing(connect_seconds=2, response_seconds=0.6, enquire_seconds=0.3, closing_seconds=1)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CYRILLIC = "Ждём вас в среду, 25 ноября, в 10:30. Улица Лесная, дом 12. Перенести или отменить: https://clinic.example/v/x"


def a_sender(server: SmppServer, **changed: object) -> SmppSender:
    values: dict[str, object] = {
        "provider": "main", "host": "127.0.0.1", "port": server.port, "system_id": "clinic", "password": "secret",
        "source": "CLINIC", "per_second": 500.0, "timing": QUICK,
    }  # fmt: skip
    return SmppSender(SmppAccount(**(values | changed)), VirtualClock(NOW), jitter=lambda: 0.0)  # type: ignore[arg-type]


def sms(key: str = "k1", text: str = "Hello", **changed: object) -> Outgoing:
    return Outgoing(key=key, address="+79161234567", text=text, **changed)  # type: ignore[arg-type]


async def with_sender(server: SmppServer, work: Callable[[SmppSender, Heard], Awaitable[None]], **changed: object) -> None:
    async with server:
        sender, heard = a_sender(server, **changed), Heard()
        await sender.open(heard)
        try:
            await work(sender, heard)
        finally:
            await sender.close()


async def test_a_short_text_and_its_receipt() -> None:
    server = SmppServer()

    async def work(sender: SmppSender, heard: Heard) -> None:
        accepted = await sender.send(sms(expires_at=NOW + timedelta(hours=3)))
        assert (accepted.provider, accepted.provider_id, accepted.parts) == ("main", "id1", 1)
        taken = server.taken[0]
        assert taken.destination == Address("79161234567", 1, 1)
        assert taken.source == Address("CLINIC", 5, 0)
        assert (taken.message, taken.data_coding, taken.registered_delivery) == (b"Hello", 0, 1)
        assert taken.validity == "000000030000000R"
        status = await server.connections[0].receipt("id:id1 sub:001 dlvrd:001 done date:2611231159 stat:DELIVRD err:000 text:")
        assert status == Status.OK
        assert [(one.provider_id, one.status) for one in heard.receipts] == [("id1", ReceiptStatus.DELIVERED)]
        assert heard.receipts[0].at == datetime(2026, 11, 23, 8, 59, tzinfo=UTC)

    await with_sender(server, work)
    assert server.unbound == 1


async def test_a_long_text_is_joined_from_parts_on_the_patients_phone() -> None:
    server = SmppServer(piece_octets=7)  # every PDU comes in pieces

    async def work(sender: SmppSender, heard: Heard) -> None:
        accepted = await sender.send(sms(text=CYRILLIC))
        assert accepted.parts == len(server.taken) == 2
        headers = [one.message[:6] for one in server.taken]
        assert {header[:5] for header in headers} == {bytes((5, 0, 3, headers[0][3], 2))}
        assert "".join(one.message[6:].decode("utf-16-be") for one in server.taken) == CYRILLIC
        assert all(one.esm_class == 0x40 and one.data_coding == 8 for one in server.taken)
        connection = server.connections[0]
        await connection.receipt("id:id2 stat:DELIVRD")
        await connection.receipt("id:id1 stat:DELIVRD")
        assert [(one.provider_id, one.status.value) for one in heard.receipts] == [("id1", "sent"), ("id1", "delivered")]

    await with_sender(server, work)


async def test_a_long_text_as_one_payload() -> None:
    server = SmppServer()

    async def work(sender: SmppSender, _heard: Heard) -> None:
        accepted = await sender.send(sms(text=CYRILLIC))
        assert (len(server.taken), accepted.parts) == (1, 2)  # charged for as two all the same
        assert server.taken[0].octets.decode("utf-16-be") == CYRILLIC
        assert server.taken[0].message == b""

    await with_sender(server, work, long_texts="payload")


@pytest.mark.parametrize("status", [Status.THROTTLED, Status.QUEUE_FULL])
async def test_throttling_doubles_and_is_not_run_against(status: Status) -> None:
    server = SmppServer(answer=refuse(status))

    async def work(sender: SmppSender, _heard: Heard) -> None:
        with pytest.raises(Throttled) as first:
            await sender.send(sms())
        assert first.value.after_seconds == 1.0
        for _ in range(5):
            with pytest.raises(Throttled) as again:
                await sender.send(sms())
            assert 0 < again.value.after_seconds <= 1.0
        assert len(server.taken) == 1  # the provider was left in peace

    await with_sender(server, work)


async def test_throttled_in_the_middle_of_a_text() -> None:
    """The first part has gone, so the second is tried until it goes too."""
    calls = 0

    async def answer(connection: Connection, pdu: Pdu, message: ShortMessage, number: int) -> None:
        nonlocal calls
        calls += 1
        await (refuse(Status.THROTTLED) if calls == 2 else accept)(connection, pdu, message, number)

    server = SmppServer(answer=answer)

    async def work(sender: SmppSender, _heard: Heard) -> None:
        accepted = await sender.send(sms(text=CYRILLIC))
        assert (accepted.parts, len(server.taken)) == (2, 3)
        assert server.taken[1].message == server.taken[2].message

    await with_sender(server, work)


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (Status.INVALID_DESTINATION, Refused),
        (Status.SYSTEM_ERROR, Unavailable),
        (Status.SUBMIT_FAILED, Unavailable),
        (0x40F, Unavailable),  # a provider's own: no money, say
    ],
)
async def test_what_statuses_mean(status: int, failure: type[Exception]) -> None:
    server = SmppServer(answer=refuse(status))

    async def work(sender: SmppSender, _heard: Heard) -> None:
        with pytest.raises(failure):
            await sender.send(sms())

    await with_sender(server, work)


async def test_no_answer_is_uncertain_and_a_late_one_is_told() -> None:
    late: list[tuple[Connection, Pdu]] = []

    async def answer(connection: Connection, pdu: Pdu, _message: ShortMessage, _number: int) -> None:
        late.append((connection, pdu))

    server = SmppServer(answer=answer)

    async def work(sender: SmppSender, heard: Heard) -> None:
        with pytest.raises(Uncertain):
            await sender.send(sms(key="mine"))
        connection, pdu = late[0]
        await connection.respond(pdu, encode_id("late7"))
        await heard.until(receipts=1)
        assert (heard.receipts[0].provider_id, heard.receipts[0].key) == ("late7", "mine")
        assert heard.receipts[0].status is ReceiptStatus.SENT

    await with_sender(server, work)


async def test_a_cut_connection_in_the_middle_is_uncertain_and_bound_again() -> None:
    async def answer(connection: Connection, pdu: Pdu, message: ShortMessage, number: int) -> None:
        if number == 1:
            connection.drop()
        else:
            await accept(connection, pdu, message, number)

    server = SmppServer(answer=answer)

    async def work(sender: SmppSender, heard: Heard) -> None:
        with pytest.raises(Uncertain):
            await sender.send(sms("k1"))
        await server.next_bound()
        second = await server.next_bound()
        assert (await sender.send(sms("k2"))).provider_id == "id2"
        # A receipt of the message that nobody knew the fate of comes over the new connection.
        await second.receipt("id:id1 stat:DELIVRD")
        await heard.until(receipts=1)
        assert heard.receipts[0].provider_id == "id1"

    await with_sender(server, work)


async def test_nobody_there_is_surely_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.messages.senders.smpp.sender._BIND_WAIT_SECONDS", 0.2)
    server = SmppServer()
    async with server:
        port = server.port
    sender = a_sender(SmppServer(port=port))
    await sender.open(Heard())
    try:
        with pytest.raises(Unavailable):
            await sender.send(sms())
        # It comes up on the same port: the sender finds it by itself.
        late = SmppServer(port=port)
        async with late:
            await late.next_bound()
            assert (await sender.send(sms())).provider_id == "id1"
    finally:
        await sender.close()


async def test_a_wrong_password_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.messages.senders.smpp.sender._BIND_WAIT_SECONDS", 0.2)
    server = SmppServer(password="another")

    async def work(sender: SmppSender, _heard: Heard) -> None:
        with pytest.raises(Unavailable):
            await sender.send(sms())
        assert server.taken == []

    await with_sender(server, work)


async def test_a_deaf_connection_is_left_for_a_new_one() -> None:
    """enquire_link gets no answer: the cable is cut somewhere, though the socket does not know."""
    server = SmppServer()

    async def work(sender: SmppSender, _heard: Heard) -> None:
        await sender.send(sms("first"))
        await server.next_bound()
        server.is_deaf = True
        await wait_for(lambda: not sender.is_bound)
        server.is_deaf = False
        await server.next_bound()
        assert (await sender.send(sms())).provider_id == "id2"

    await with_sender(server, work)


async def test_both_ask_whether_the_other_lives() -> None:
    server = SmppServer()

    async def work(_sender: SmppSender, _heard: Heard) -> None:
        connection = await server.next_bound()
        assert (await connection.ask(Command.ENQUIRE_LINK)).status == Status.OK
        await wait_for(lambda: server.enquired)
        answer = await connection.ask(0x00000103)  # data_sm, which we do not take
        assert (answer.command, answer.status) == (Command.GENERIC_NACK, Status.INVALID_COMMAND)

    await with_sender(server, work)


async def test_the_other_side_unbinds_in_the_middle() -> None:
    """What was sent before is still answered, in the same piece as the unbind or after it; then we bind anew."""
    held: list[Pdu] = []

    async def answer(connection: Connection, pdu: Pdu, message: ShortMessage, number: int) -> None:
        held.append(pdu)
        if number > 2:
            await accept(connection, pdu, message, number)
        elif number == 2:
            unbind = Pdu(Command.UNBIND, 5).encode()
            first = Pdu(Command.SUBMIT_SM | 0x80000000, held[0].sequence, body=encode_id("one")).encode()
            await connection.write(unbind + first)
            await asyncio.sleep(0.05)
            await connection.respond(held[1], encode_id("two"))

    server = SmppServer(answer=answer)

    async def work(sender: SmppSender, _heard: Heard) -> None:
        await server.next_bound()
        both = await asyncio.gather(sender.send(sms("k1")), sender.send(sms("k2")))
        assert sorted(one.provider_id for one in both) == ["one", "two"]
        await server.next_bound()
        assert (await sender.send(sms("k3"))).provider_id == "id3"

    await with_sender(server, work)


async def test_a_receipt_is_acknowledged_only_when_it_is_stored() -> None:
    server = SmppServer()

    async def work(_sender: SmppSender, heard: Heard) -> None:
        connection = await server.next_bound()
        heard.failures = 1
        assert await connection.receipt("id:9 stat:DELIVRD") == Status.TEMPORARY_APP_ERROR
        assert heard.receipts == []
        assert await connection.receipt("id:9 stat:DELIVRD") == Status.OK  # the centre repeats it
        assert [one.provider_id for one in heard.receipts] == ["9"]

    await with_sender(server, work)


@pytest.mark.parametrize("text", ["", "id: stat:", "stat:DELIVRD", "\xff\xfe nonsense", "id:1 stat:PURPLE"])
async def test_wrong_receipts_are_taken_and_do_no_harm(text: str) -> None:
    server = SmppServer()

    async def work(sender: SmppSender, heard: Heard) -> None:
        connection = await server.next_bound()
        assert await connection.receipt(text) == Status.OK
        answer = await connection.ask(Command.DELIVER_SM, b"\x00\x01")  # not even a body
        assert answer.status == Status.OK
        assert heard.receipts == []
        assert (await sender.send(sms())).provider_id == "id1"

    await with_sender(server, work)


async def test_ids_that_are_hexadecimal_first_and_decimal_then() -> None:
    async def answer(connection: Connection, pdu: Pdu, _message: ShortMessage, _number: int) -> None:
        await connection.respond(pdu, encode_id("00FF"))

    server = SmppServer(answer=answer)

    async def work(sender: SmppSender, heard: Heard) -> None:
        accepted = await sender.send(sms())
        await server.connections[0].receipt("id:0000000255 stat:DELIVRD")
        assert heard.receipts[0].provider_id == accepted.provider_id == "255"

    await with_sender(server, work, id_form="hex_then_decimal")


async def test_patients_answer() -> None:
    server = SmppServer()

    async def work(_sender: SmppSender, heard: Heard) -> None:
        connection = await server.next_bound()

        def from_patient(octets: bytes, coding: int, esm_class: int = 0) -> ShortMessage:
            return ShortMessage(Address("79161234567"), Address("1234", 3, 0), octets, coding, esm_class)

        await connection.deliver(from_patient("Перенести".encode("utf-16-be"), 8))
        await connection.deliver(from_patient(b"1", 0))
        await connection.deliver(from_patient(b"\x05\x00\x03\x07\x02\x02" + "завтра".encode("utf-16-be"), 8, 0x40))
        await connection.deliver(from_patient(b"\x05\x00\x03\x07\x02\x01" + "Не смогу ".encode("utf-16-be"), 8, 0x40))
        await connection.deliver(from_patient(b"1", 0))  # the centre repeats itself
        assert [one.text for one in heard.answers] == ["Перенести", "1", "Не смогу завтра", "1"]
        assert {one.address for one in heard.answers} == {"+79161234567"}
        keys = [one.key for one in heard.answers]
        assert keys[1] == keys[3]
        assert len(set(keys)) == 3

    await with_sender(server, work)


async def test_the_window_is_kept() -> None:
    """Never more than so many submits without an answer."""
    running = most = 0

    async def answer(connection: Connection, pdu: Pdu, message: ShortMessage, number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        await accept(connection, pdu, message, number)

    server = SmppServer(answer=answer)

    async def work(sender: SmppSender, _heard: Heard) -> None:
        accepted = await asyncio.gather(*(sender.send(sms(f"k{number}")) for number in range(40)))
        assert len({one.provider_id for one in accepted}) == 40
        assert 1 < most <= 4

    await with_sender(server, work, window=4)


async def test_closing_waits_for_what_is_under_way() -> None:
    async def answer(connection: Connection, pdu: Pdu, message: ShortMessage, number: int) -> None:
        await asyncio.sleep(0.1)
        await accept(connection, pdu, message, number)

    server = SmppServer(answer=answer)
    async with server:
        sender = a_sender(server)
        await sender.open(Heard())
        await server.next_bound()
        sending = asyncio.create_task(sender.send(sms()))
        await wait_for(lambda: server.taken)
        await sender.close()
        assert (await sending).provider_id == "id1"
        assert server.unbound == 1


async def test_a_peer_that_says_nothing_at_all_does_not_hang_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.messages.senders.smpp.sender._BIND_WAIT_SECONDS", 0.2)
    server = SmppServer(is_deaf=True, answer=never)

    async def work(sender: SmppSender, _heard: Heard) -> None:
        with pytest.raises(Unavailable):
            await sender.send(sms())

    await with_sender(server, work)


async def test_nothing_personal_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    server = SmppServer(answer=refuse(Status.INVALID_DESTINATION, times=1))

    async def work(sender: SmppSender, heard: Heard) -> None:
        with pytest.raises(Refused) as refused:
            await sender.send(sms(text="Код 4321"))
        assert "4321" not in str(refused.value)
        connection = await server.next_bound()
        heard.failures = 1
        await connection.deliver(ShortMessage(Address("79161234567"), Address("1"), b"diagnosis"))
        await connection.receipt("id:1 text:diagnosis")

    await with_sender(server, work)
    said = "".join(capsys.readouterr())
    assert "smpp_" in said
    for secret in ("79161234567", "4321", "diagnosis"):
        assert secret not in said


async def test_with_another_implementation_of_the_protocol() -> None:
    """smpp34's server, in Rust: what we write is understood by others, and we understand them."""
    smpp34 = pytest.importorskip("smpp34", reason="the second SMPP implementation (dev dependency) is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = smpp34.Server(host="127.0.0.1", port=port, system_id="CENTRE")
    await server.start()
    sender, heard = a_sender(SmppServer(port=port)), Heard()
    await sender.open(heard)
    try:
        sending = asyncio.create_task(sender.send(sms(text=CYRILLIC)))
        esme, texts = None, []
        while len(texts) < 2:
            async with asyncio.timeout(10):
                event = await server.next()
            if isinstance(event, smpp34.Esme):
                esme = event
            elif isinstance(event, smpp34.SubmitSmEvent):
                assert (event.source_addr, event.source_addr_ton, event.destination_addr) == ("CLINIC", 5, "79161234567")
                assert event.esm_class == 0x40
                texts.append(bytes(event.short_message)[6:].decode("utf-16-be"))
                event.accept(message_id=f"r{len(texts)}")
        assert "".join(texts) == CYRILLIC
        assert (await sending).provider_id == "r1"
        assert esme is not None
        for message_id in ("r1", "r2"):
            text = f"id:{message_id} sub:001 dlvrd:001 stat:DELIVRD err:000 text:"
            answer = await esme.deliver_sm("CLINIC", text.encode(), source_addr="79161234567", esm_class=4)
            assert answer.is_success
        await heard.until(receipts=2)
        assert (heard.receipts[-1].provider_id, heard.receipts[-1].status) == ("r1", ReceiptStatus.DELIVERED)
    finally:
        await sender.close()
        await server.stop()
