"""Telegram's and MAX's bots over their APIs on a real socket, with the real dialogs: nothing lost, nothing doubled."""

import asyncio
import io
import math
import shutil
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from bot_servers import TOKEN, BotServer, Sent, max_server, telegram_server
from bot_stage import BotStage, Patient, asks_for_number, buttons_of, messenger_of, simple_dialogs
from chat_stage import TEXTS, DemoDialogs
from demo_clinic import MONDAY_NINE
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voicebot.channels.bot_polling import Poller
from voicebot.channels.contact import Reply, Said
from voicebot.clinic.tables import AppointmentRow, MessageRow
from voicebot.clock import VirtualClock
from voicebot.dialog.talking import Alternative
from voicebot.errors import StorageError
from voicebot.messages.senders.bot_sender import BotSender
from voicebot.messages.senders.max import MaxSender
from voicebot.messages.senders.max_api import MaxApi
from voicebot.messages.senders.sender import Button, Channel, Outgoing, SendFailure, Uncertain
from voicebot.messages.senders.telegram import TelegramSender
from voicebot.messages.senders.telegram_api import TelegramApi
from voicebot.messages.tables import DeliveryRow
from voicebot.records.handed import Handed
from voicebot.records.queue import Queue
from voicebot.records.tables import DialogRow, TurnRow
from voicebot.reminders.tables import ReminderRow
from voicebot.storage.database import open_database

__all__ = ["simple_dialogs"]

PHONE = "+79161234567"


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, BotServer]]:
    with telegram_server() as telegram, max_server() as of_max:
        yield {"telegram": telegram, "max": of_max}


@pytest.fixture(params=["telegram", "max"])
async def stage(
    request: pytest.FixtureRequest, servers: dict[str, BotServer], simple_dialogs: DemoDialogs, tmp_path: Path
) -> AsyncIterator[BotStage]:
    server = servers[request.param]
    server.forget()
    shutil.copy(simple_dialogs.diary, tmp_path / "bots.db")
    database = open_database(f"sqlite:///{tmp_path / 'bots.db'}")
    one = BotStage(request.param, server, simple_dialogs, database, VirtualClock(MONDAY_NINE))
    yield one
    await one.close()
    database.close()


@pytest.fixture
def patient(stage: BotStage) -> Patient:
    return Patient(stage.channel, stage.server)


def dialogs(stage: BotStage) -> list[DialogRow]:
    return stage.database.run(lambda session: list(session.scalars(select(DialogRow).order_by(DialogRow.started_at))))


def said_by_patient(stage: BotStage) -> list[str]:
    query = select(TurnRow.text).where(TurnRow.who == "caller").order_by(TurnRow.dialog_id, TurnRow.number)
    return stage.database.run(lambda session: list(session.scalars(query)))


def visits(stage: BotStage) -> int:
    return stage.database.run(lambda session: session.scalar(select(func.count()).select_from(AppointmentRow)) or 0)


async def book(stage: BotStage, patient: Patient) -> None:
    """Book a visit to the therapist by writing, pressing and sharing the number."""
    patient.write("хочу записаться к терапевту")
    await stage.round()
    patient.write("завтра утром")
    await stage.round()
    patient.press(next(iter(buttons_of(patient.last))))
    await stage.round()
    patient.write("Иванов Пётр")
    await stage.round()
    assert asks_for_number(patient.last)
    patient.share()
    await stage.round()
    patient.press("Да")
    await stage.round()


async def test_a_visit_is_booked_from_the_first_word_to_the_last(stage: BotStage, patient: Patient) -> None:
    patient.start()
    await stage.round()
    assert patient.last.text.startswith("Здравствуйте!")
    assert buttons_of(patient.last)
    await book(stage, patient)
    assert "записала" in patient.last.text
    assert "24 ноября" in patient.last.text
    patient.press("Нет")
    await stage.round()
    assert visits(stage) == 1
    (dialog,) = dialogs(stage)
    assert (dialog.channel, dialog.outcome) == (stage.channel, "booked")
    assert stage.points.phone_of(stage.channel, str(patient.chat)) == PHONE
    (point,) = stage.points.of(PHONE)
    assert point.verified_at is not None
    assert point.consent_at is not None


async def test_a_number_shared_once_is_known_from_then_on(stage: BotStage, patient: Patient) -> None:
    patient.share()
    await stage.round()
    assert "номер сохранён" in patient.last.text
    assert not dialogs(stage)  # sharing alone begins no dialog
    patient.write("на какое время я записан")
    await stage.round()
    assert dialogs(stage)[0].caller_phone == PHONE
    assert not asks_for_number(patient.last)


async def test_a_number_that_is_only_written_proves_nothing(stage: BotStage, patient: Patient) -> None:
    for text in ("запишите к терапевту на завтра утром", "1", "Иванов Пётр", "8 916 123-45-67"):
        patient.write(text)
        await stage.round()
    assert "+7 (916) 123-45-67" in patient.last.text
    assert stage.points.phone_of(stage.channel, str(patient.chat)) is None


async def test_somebody_elses_card_is_no_proof_but_may_be_an_answer(stage: BotStage, patient: Patient) -> None:
    patient.share("79035554433", owner=1)
    await stage.round()
    assert "другого человека" in patient.last.text
    assert asks_for_number(patient.last)
    for text in ("запишите к терапевту на завтра утром", "1", "Иванов Пётр"):
        patient.write(text)
        await stage.round()
    patient.share("79035554433", owner=1)
    await stage.round()
    assert "+7 (903) 555-44-33" in patient.last.text
    assert stage.points.phone_of(stage.channel, str(patient.chat)) is None
    assert not stage.points.of("+79035554433")


async def test_an_update_that_comes_twice_is_answered_once(stage: BotStage, patient: Patient) -> None:
    update = patient.write("сколько стоит приём кардиолога")
    await asyncio.gather(*(stage.bot.handle(update) for _ in range(5)))
    await stage.round()
    assert len(patient.own) == 1
    assert said_by_patient(stage) == ["сколько стоит приём кардиолога"]


async def test_a_process_that_dies_before_it_let_go_answers_nothing_twice(stage: BotStage, patient: Patient) -> None:
    update = patient.write("сколько стоит приём кардиолога")
    await stage.bot.handle(update)  # and now it dies: the messenger was not told
    await stage.close()
    stage.start()
    await stage.round()
    patient.write("а терапевта")
    await stage.round()
    assert len(patient.own) == 2
    assert said_by_patient(stage) == ["сколько стоит приём кардиолога", "а терапевта"]


async def test_a_process_that_dies_before_the_answer_left_leaves_it_to_the_next(
    stage: BotStage, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    patient.write("сколько стоит приём кардиолога")
    monkeypatch.setattr(stage.messenger, "send", die)
    with pytest.raises(asyncio.CancelledError):
        await stage.poller.round()
    assert said_by_patient(stage) == ["сколько стоит приём кардиолога"]  # done and stored, but not told
    assert not patient.own
    await stage.close()
    stage.clock.advance(120)  # the lease of who died runs out
    stage.start()
    await stage.round()
    assert len(patient.own) == 1
    assert "2\u00a0400" in patient.last.text
    assert said_by_patient(stage) == ["сколько стоит приём кардиолога"]


async def test_a_database_that_is_away_loses_no_message(
    stage: BotStage, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bool:
        raise StorageError("away", "")

    patient.write("сколько стоит приём кардиолога")
    patient.write("спасибо")
    with monkeypatch.context() as patch:
        patch.setattr(stage.store, "is_answered", away)
        for _ in range(3):
            with pytest.raises(StorageError):
                await stage.round()
    assert not patient.own
    await stage.round()
    assert said_by_patient(stage) == ["сколько стоит приём кардиолога", "спасибо"]
    assert len(patient.own) == 2


async def test_an_api_that_fails_and_throttles_gets_each_answer_in_the_end(stage: BotStage, patient: Patient) -> None:
    throttled = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 7}}
    stage.server.fail_sends.extend([(500, {}), (429, throttled), (502, {})])
    patient.write("сколько стоит приём кардиолога")
    await stage.round()
    assert len(patient.own) == 1
    assert len(stage.slept) == 3
    assert stage.slept[1] == (7.0 if stage.channel == "telegram" else 2.0)
    stage.server.fail_sends.extend([(500, {})] * 4)
    patient.write("а терапевта")
    with pytest.raises(Uncertain):
        await stage.round()
    await stage.round()
    assert len(patient.own) == 2
    assert said_by_patient(stage) == ["сколько стоит приём кардиолога", "а терапевта"]


async def test_one_chat_that_cannot_be_answered_does_not_hold_the_others_for_ever(stage: BotStage, patient: Patient) -> None:
    other = Patient(stage.channel, stage.server, chat=55)
    patient.write("сколько стоит приём кардиолога")
    other.write("адрес")
    failing: list[float] = []

    async def send(chat: str, text: str, *rest: object, **more: object) -> None:
        if chat == str(patient.chat):
            failing.append(1)
            raise Uncertain("nobody knows")
        await messenger_send(chat, text, *rest, **more)  # type: ignore[arg-type]

    messenger_send = stage.messenger.send
    stage.messenger.send = send  # type: ignore[method-assign]
    run = asyncio.create_task(stage.poller.run())
    async with asyncio.timeout(100):
        while not stage.server.calls or len(failing) < 28 or len(other.own) < 2:
            if len(other.own) == 1 and len(failing) >= 28:
                other.write("как доехать")
            await asyncio.sleep(0.05)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert len(other.own) == 2
    assert max(stage.slept) <= 60


async def test_a_patient_who_blocked_the_bot_gets_no_notices_there(stage: BotStage, patient: Patient) -> None:
    patient.share()
    patient.write("сколько стоит приём кардиолога")
    await stage.round()
    stage.server.blocked.add(str(patient.chat))
    patient.write("а терапевта")
    await stage.round()
    (point,) = stage.points.of(PHONE)
    assert not point.is_usable
    assert dialogs(stage)[0].ended_at is not None
    assert not await stage.bot.push(str(patient.chat), Reply("X", (Said(0, "operator", "Вы здесь?"),)))


async def test_who_stops_the_bot_is_believed(stage: BotStage, patient: Patient) -> None:
    patient.share()
    patient.write("запишите к терапевту")
    patient.block()
    await stage.round()
    assert not stage.points.of(PHONE)[0].is_usable
    assert dialogs(stage)[0].ended_at is not None
    patient.share()
    await stage.round()
    assert stage.points.of(PHONE)[0].is_usable  # and who comes back is welcome


async def test_stop_is_about_notices_only(stage: BotStage, patient: Patient) -> None:
    patient.share()
    patient.write("/stop")
    patient.write("сколько стоит приём кардиолога")
    await stage.round()
    assert not stage.points.of(PHONE)[0].is_usable
    assert "2\u00a0400" in patient.last.text


async def test_commands_help_along(stage: BotStage, patient: Patient) -> None:
    for command, words in (("/help", "записываю к врачам"), ("/phone", "Нажмите кнопку"), ("/operator", "оператор")):
        patient.write(command)
        await stage.round()
        assert words in patient.last.text.lower() or words in patient.last.text


async def test_what_is_no_word_is_answered_politely(stage: BotStage, patient: Patient) -> None:
    patient.send_sticker()
    await stage.round()
    assert "понимаю текст" in patient.last.text
    patient.edit("исправлено")
    await stage.round()
    assert "Изменённое сообщение" in patient.last.text
    assert not dialogs(stage)


def opus_note(seconds: float) -> bytes:
    """A tone as messengers record it: Opus in Ogg."""
    import av

    out = io.BytesIO()
    with av.open(out, mode="w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono")
        samples = [int(8000 * math.sin(2 * math.pi * 300 * n / 48000)) for n in range(int(48000 * seconds))]
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
        frame.sample_rate = 48000
        frame.planes[0].update(struct.pack(f"<{len(samples)}h", *samples))
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return out.getvalue()


async def test_a_voice_note_is_a_message(stage: BotStage, patient: Patient) -> None:
    stage.heard = (Alternative("сколько стоит приём кардиолога", 0.9),)
    patient.speak(opus_note(1))
    await stage.round()
    assert "2\u00a0400" in patient.last.text
    assert said_by_patient(stage) == ["сколько стоит приём кардиолога"]
    stage.heard = ()
    patient.speak(opus_note(1))
    await stage.round()
    assert patient.last.text == TEXTS.not_heard
    patient.speak(opus_note(8))
    await stage.round()
    assert patient.last.text == TEXTS.voice_too_long
    patient.speak(b"no sound at all")
    await stage.round()
    assert patient.last.text == TEXTS.not_heard
    patient.speak(b"OggS" + bytes(3_000_000))
    await stage.round()
    assert patient.last.text == TEXTS.voice_too_long


async def test_an_old_button_is_not_taken_for_an_answer(stage: BotStage, patient: Patient) -> None:
    patient.write("запишите к терапевту на завтра утром")
    await stage.round()
    offers = patient.last
    patient.press(next(iter(buttons_of(offers))))
    await stage.round()
    patient.press(next(iter(buttons_of(offers))), offers)
    await stage.round()
    assert patient.last.text == TEXTS.stale_button
    if stage.channel == "telegram":
        assert "answerCallbackQuery" in stage.server.methods()
    else:
        assert "answers" in stage.server.methods()


async def test_an_operator_answers_in_the_same_chat(stage: BotStage, patient: Patient) -> None:
    patient.write("позовите оператора")
    await stage.round()
    assert TEXTS.waiting in patient.last.text
    (dialog,) = dialogs(stage)
    desk = Handed(stage.database, stage.clock)
    Queue(stage.database, stage.clock).take(dialog.id, "olga")
    await stage.attendance.look()
    assert patient.last.text == TEXTS.taken
    desk.say(dialog.id, "olga", "Добрый день! Чем помочь?", "k1")
    await stage.attendance.look()
    assert patient.last.text == "Оператор: Добрый день! Чем помочь?"
    patient.write("перенесите меня на пятницу")
    await stage.round()
    assert patient.last.text == "Оператор: Добрый день! Чем помочь?"  # the robot is silent
    assert said_by_patient(stage)[-1] == "перенесите меня на пятницу"


async def test_only_one_process_polls(stage: BotStage, patient: Patient) -> None:
    await stage.round()
    second = Poller(stage.bot, stage.store, sleep=stage._sleep)
    patient.write("адрес")
    await second.round()
    assert not patient.own
    stage.clock.advance(120)  # the first one has died
    await second.round()
    assert len(patient.own) == 1
    calls = len(stage.server.calls)
    await stage.poller.round()  # it lives after all, and waits for its turn
    assert len(stage.server.calls) == calls


async def test_many_patients_at_once_each_in_their_order(stage: BotStage) -> None:
    patients = [Patient(stage.channel, stage.server, chat=1000 + n) for n in range(12)]
    for text in ("запишите к терапевту", "завтра утром", "1"):
        for one in patients:
            one.write(text)
    for _ in range(3):
        await stage.round()
    rows = {row.id: row for row in dialogs(stage)}
    assert len(rows) == 12
    assert said_by_patient(stage) == ["запишите к терапевту", "завтра утром", "1"] * 12
    assert all(len(one.own) == 3 for one in patients)


async def send_notice(stage: BotStage, patient: Patient) -> Sent:
    """A reminder of the only visit, as the courier sends it and writes it down."""
    token, url = TOKEN, stage.server.url
    sender: BotSender = (
        TelegramSender(TelegramApi(token, url), stage.clock)
        if stage.channel == "telegram"
        else MaxSender(MaxApi(token, url), stage.clock)
    )
    buttons = (Button("Подтверждаю", "подтверждаю"), Button("Отменить", "отменить"))
    text = "Напоминаем о визите завтра в 10:30."
    accepted = await sender.send(Outgoing("r-1", str(patient.chat), text, Channel(stage.channel), buttons))
    await sender.close()
    now = stage.clock.now()

    def write(session: Session) -> None:
        visit = session.scalars(select(AppointmentRow)).one()
        session.add(
            MessageRow(
                id=1,
                key="r-1",
                dialog_id="",
                phone=PHONE,
                template="reminder_day",
                values={},
                status="sent",
                created_at=now,
                appointment_id=visit.id,
            )
        )
        session.flush()
        session.add(
            ReminderRow(appointment_id=visit.id, step="24h", start=visit.start, planned_at=now, message_id=1, created_at=now)
        )
        session.add(
            DeliveryRow(
                message_id=1,
                template="reminder_day",
                attempt=1,
                channel=stage.channel,
                address=str(patient.chat),
                provider=stage.channel,
                key="r-1",
                provider_id=accepted.provider_id,
                status="delivered",
                created_at=now,
            )
        )

    stage.database.run(write)
    return patient.last


async def booked_by_words(stage: BotStage, patient: Patient) -> None:
    patient.share()
    for text in ("запишите к терапевту на завтра утром", "1", "Иванов Пётр", "да", "нет"):
        patient.write(text)
        await stage.round()
    assert visits(stage) == 1, patient.server.texts()


@pytest.mark.parametrize("how", ["button", "reply", "words"])
async def test_the_answer_to_a_notice_is_about_its_visit(stage: BotStage, patient: Patient, how: str) -> None:
    await booked_by_words(stage, patient)
    notice = await send_notice(stage, patient)
    if how == "button":
        patient.press("Подтверждаю", notice)
    elif how == "reply":
        patient.reply("подтверждаю", notice.number)
    else:
        patient.write("да")
    with structlog.testing.capture_logs() as events:
        await stage.round()
    confirmed = stage.database.run(lambda session: session.scalar(select(AppointmentRow.confirmed_at)))
    assert confirmed is not None
    assert dialogs(stage)[-1].outcome == "confirmed"
    if how == "button":
        read = {"event": "receipt", "provider": stage.channel, "status": "read", "is_known": True}
        assert any(read.items() <= event.items() for event in events)  # who presses has read
    patient.write("сколько стоит приём кардиолога")  # the question is answered: what follows is no answer to it
    await stage.round()
    assert "2\u00a0400" in patient.last.text


async def test_a_visit_is_cancelled_from_its_notice_while_another_dialog_goes_on(stage: BotStage, patient: Patient) -> None:
    await booked_by_words(stage, patient)
    notice = await send_notice(stage, patient)
    patient.write("сколько стоит приём кардиолога")
    await stage.round()
    patient.press("Отменить", notice)
    await stage.round()
    while "?" in patient.last.text and "Да" in buttons_of(patient.last):
        patient.press("Да")
        await stage.round()
        if dialogs(stage)[-1].ended_at is not None:
            break
    status = stage.database.run(lambda session: session.scalar(select(AppointmentRow.status)))
    assert status == "cancelled"


async def test_nothing_of_a_patient_and_no_token_is_logged(stage: BotStage, patient: Patient) -> None:
    with structlog.testing.capture_logs() as events:
        await book(stage, patient)
        stage.server.fail_sends.extend([(500, {"description": "Иванов"})] * 4)
        patient.write("секретное слово")
        with pytest.raises(SendFailure):
            await stage.round()
        stage.server.blocked.add(str(patient.chat))
        await stage.round()
    told = str(events)
    assert events
    for secret in ("Иванов", "Пётр", "терапевт", "секретное", PHONE, PHONE[1:], str(patient.chat), TOKEN, TOKEN[:9]):
        assert secret not in told


async def test_a_bot_takes_over_from_its_webhook(stage: BotStage) -> None:
    await stage.messenger.use_webhook("https://chat.clinic.example/bots/x", "s" * 64)
    assert stage.server.webhook is not None
    assert stage.server.webhook["url"] == "https://chat.clinic.example/bots/x"
    again = messenger_of(stage.channel, stage.server)
    await again.use_polling()
    await again.close()
    assert stage.server.webhook is None
