"""A patient writes: booked as on the phone, once, in order, whatever dies in between; people come and go."""

import asyncio
import re
from pathlib import Path

import pytest
from chat_stage import TEXTS, ChatStage, demo_dialogs, said, stage
from sqlalchemy import select, update

from voicebot.channels import store
from voicebot.channels.contact import Incoming, Mode
from voicebot.channels.store import Place
from voicebot.dialog.talking import Alternative
from voicebot.privacy.erase import Eraser
from voicebot.privacy.patients import Subject
from voicebot.records.chat_tables import ChatRow
from voicebot.records.queue import Queue, Result
from voicebot.settings import Settings
from voicebot.storage.database import Database

__all__ = ["demo_dialogs", "stage"]

pytestmark = pytest.mark.timeout(400)  # the first run teaches the understanding


async def test_a_visit_is_booked_in_writing(stage: ChatStage) -> None:
    reply = await stage.book()
    assert "24 ноября, в 13:20" in said(reply)
    assert "+7 (916) 123-45-67" in said(reply)
    assert [button.label for button in reply.buttons] == ["Да", "Нет"]
    reply = await stage.press(reply, "Да")
    assert "записала" in said(reply)
    reply = await stage.press(reply, "Нет")
    assert reply.is_over
    assert reply.outcome == "booked"
    dialog = stage.dialog(reply.dialog_id)
    assert (dialog.channel, dialog.outcome, dialog.ended_by) == ("web", "booked", "robot")
    turns = stage.turns(reply.dialog_id)
    assert [number for number, _, _ in turns] == list(range(1, len(turns) + 1))
    assert turns[0][1:] == ("caller", "хочу записаться к терапевту")
    assert ("caller", "Да") in [turn[1:] for turn in turns]


async def test_the_greeting_does_not_ask_what_was_told_already(stage: ChatStage) -> None:
    reply = await stage.say("сколько стоит приём кардиолога")
    assert said(reply).startswith("Здравствуйте!")
    assert "Чем могу помочь" not in said(reply)
    assert "2\u00a0400\u00a0₽" in said(reply)


async def test_the_same_message_twice_is_answered_alike_and_done_once(stage: ChatStage) -> None:
    reply = await stage.book()
    payload = reply.buttons[0].payload
    first = await stage.say(button=payload, message_id="booking-message")
    again = await stage.say(button=payload, message_id="booking-message")
    stage.restart()
    later = await stage.say(button=payload, message_id="booking-message")
    assert first == again == later
    assert sum(text == "Да" for _, _, text in stage.turns(first.dialog_id)) == 1


async def test_a_dialog_outlives_its_process_at_every_question(stage: ChatStage) -> None:
    reply = await stage.say("хочу записаться к терапевту")
    for answer in ("завтра после обеда", "1", "Иванов Пётр", "8 916 123-45-67", "да"):
        stage.restart()
        reply = await stage.say(answer)
    assert "записала" in said(reply)
    numbers = [number for number, _, _ in stage.turns(reply.dialog_id)]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_two_processes_may_serve_one_patient(stage: ChatStage) -> None:
    await stage.book("фамилию")
    other = ChatStage(stage.dialogs, stage.database, stage.clock)
    try:
        await other.say("Иванов Пётр", message_id="other-process-1")
        reply = await stage.say("8 916 123-45-67")
        assert "Всё верно" in said(reply)
        assert "Иванов Пётр" in said(reply)
    finally:
        other.conversations.close()


async def test_two_first_messages_in_two_processes_are_one_dialog(stage: ChatStage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await stage.say("здравствуйте")
    stage.conversations.forget("web", "patient")
    load, read = store.load, []

    def too_early(database: Database, channel: str, address: str) -> Place:
        """The first look is of before the other process wrote."""
        read.append(address)
        return Place(channel, address) if len(read) == 1 else load(database, channel, address)

    monkeypatch.setattr(store, "load", too_early)
    second = await stage.say("хочу записаться к терапевту")
    assert second.dialog_id == first.dialog_id
    assert len(read) == 2
    assert [text for _, who, text in stage.turns(first.dialog_id) if who == "caller"][-1] == "хочу записаться к терапевту"


async def test_a_button_of_an_older_question_is_no_answer_to_the_new_one(stage: ChatStage) -> None:
    offers = await stage.book("Какой вариант")
    await stage.press(offers, "13:20")
    stale = await stage.say(button=offers.buttons[1].payload)
    assert said(stale) == TEXTS.stale_button
    assert stage.turns(offers.dialog_id)[-1][1] == "robot"
    reply = await stage.say("Иванов Пётр")
    reply = await stage.say("89161234567")
    assert "13:20" in said(reply)


async def test_messages_at_once_are_taken_one_after_another(stage: ChatStage) -> None:
    await stage.say("здравствуйте")
    replies = await asyncio.gather(*(stage.say(text, seconds=0) for text in ("часы работы", "на Лесной", "где вы находитесь")))
    turns = stage.turns(replies[0].dialog_id)
    assert [number for number, _, _ in turns] == list(range(1, len(turns) + 1))
    assert [text for _, who, text in turns if who == "caller"] == [
        "здравствуйте",
        "часы работы",
        "на Лесной",
        "где вы находитесь",
    ]


async def test_there_is_no_hurry_in_writing(stage: ChatStage) -> None:
    """A phone call would have been handed over after 210 s."""
    await stage.book("фамилию")
    reply = await stage.say("Иванов Пётр", seconds=290)
    reply = await stage.say("8 916 123-45-67", seconds=290)
    assert "Всё верно" in said(reply)
    assert reply.mode is Mode.ROBOT


async def test_what_is_too_long_is_not_taken(stage: ChatStage) -> None:
    reply = await stage.say("хочу записаться")
    long = await stage.say("а" * 1001)
    assert said(long) == TEXTS.too_long
    assert len([turn for turn in stage.turns(reply.dialog_id) if turn[1] == "caller"]) == 1


async def test_a_voice_note_is_text_with_alternatives(stage: ChatStage) -> None:
    heard = (Alternative("хочу записаться к терапевту", 0.9), Alternative("хочу записать терапевта", 0.3))
    reply = await stage.say(alternatives=heard)
    assert "Любое время" in [button.label for button in reply.buttons]
    assert stage.turns(reply.dialog_id)[0][2] == "хочу записаться к терапевту"


async def test_a_number_the_channel_knows_is_not_asked_for(stage: ChatStage) -> None:
    await stage.say("хочу записаться к терапевту", phone="+79161234567")
    await stage.say("завтра после обеда")
    await stage.say("1")
    reply = await stage.say("Иванов Пётр")
    assert not reply.wants_phone or "Да" in [button.label for button in reply.buttons]


# -- operators ----------------------------------------------------------------------------------------------------------


async def test_an_operator_takes_over_in_the_same_window_and_closes(stage: ChatStage) -> None:
    await stage.say("хочу записаться к терапевту")
    reply = await stage.say("оператор")
    assert reply.mode is Mode.WAITING
    assert TEXTS.waiting in said(reply)
    queue = Queue(stage.database, stage.clock)
    assert [one.dialog_id for one in queue.open()] == [reply.dialog_id]
    assert (await stage.say("вы тут?")).messages == ()
    queue.take(reply.dialog_id, "oper")
    (came,) = await stage.wait()
    assert said(came) == TEXTS.taken
    stage.desk.say(reply.dialog_id, "oper", "Здравствуйте, <b>Анна</b>!", key="k1")
    (words,) = await stage.wait()
    assert [(one.who, one.text) for one in words.messages] == [("operator", "Здравствуйте, <b>Анна</b>!")]
    assert await stage.wait() == []
    reply = await stage.say("Спасибо")
    assert reply.mode is Mode.OPERATOR
    queue.settle(reply.dialog_id, "oper", Result.SOLVED)
    (end,) = await stage.wait()
    assert end.is_over
    dialog = stage.dialog(reply.dialog_id)
    assert (dialog.outcome, dialog.ended_by, dialog.transfer_result) == ("transferred", "operator", "completed")
    fresh = await stage.say("ещё вопрос")
    assert fresh.dialog_id != reply.dialog_id


async def test_nobody_comes_and_the_robot_offers_to_call_back(stage: ChatStage) -> None:
    reply = await stage.say("оператор")
    await stage.say("жду", seconds=100)
    assert await stage.wait(60) == []
    (gone_on,) = await stage.wait(30)
    assert gone_on.mode is Mode.ROBOT
    assert "заняты" in said(gone_on)
    assert "Перезвонить" in [button.label for button in gone_on.buttons]
    assert Queue(stage.database, stage.clock).open() == ()
    reply = await stage.press(gone_on, "Перезвонить")
    assert reply.wants_phone
    reply = await stage.say("8 916 123-45-67")
    assert reply.outcome == "callback"


async def test_out_of_hours_nobody_is_promised(stage: ChatStage) -> None:
    stage.clock.advance(14 * 3600)
    reply = await stage.say("оператор")
    assert reply.mode is Mode.ROBOT
    assert "не работают" in said(reply)


async def test_an_operator_may_take_what_the_robot_holds_and_give_it_back(stage: ChatStage) -> None:
    reply = await stage.book("фамилию")
    with stage.database.session() as session:
        from voicebot.records import handed

        handed.ask(session, stage.clock.now(), reply.dialog_id)
    Queue(stage.database, stage.clock).take(reply.dialog_id, "oper")
    (came,) = await stage.wait()
    assert came.mode is Mode.OPERATOR
    assert (await stage.say("Иванов Пётр")).messages == ()
    stage.desk.give_back(reply.dialog_id, "oper")
    (back,) = await stage.wait()
    assert back.mode is Mode.ROBOT
    assert TEXTS.given_back in said(back)
    assert "фамилию" in said(back)
    assert "номер" in said(await stage.say("Иванов Пётр"))


async def test_a_given_back_dialog_that_was_handed_over_goes_on_with_anything_else(stage: ChatStage) -> None:
    reply = await stage.say("оператор")
    Queue(stage.database, stage.clock).take(reply.dialog_id, "oper")
    await stage.wait()
    stage.desk.give_back(reply.dialog_id, "oper")
    (back,) = await stage.wait()
    assert back.mode is Mode.ROBOT
    assert "помочь" in said(back)


async def test_the_operators_words_wait_for_the_patient(stage: ChatStage) -> None:
    reply = await stage.say("оператор")
    Queue(stage.database, stage.clock).take(reply.dialog_id, "oper")
    await stage.wait()
    stage.is_patient_there = False
    stage.desk.say(reply.dialog_id, "oper", "Вы здесь?", key="k1")
    assert await stage.wait() == []
    stage.restart()
    stage.is_patient_there = True
    assert [said(one) for one in await stage.wait(40)] == ["Вы здесь?"]
    assert await stage.wait() == []


async def test_where_no_operator_can_write_the_dialog_says_so(stage: ChatStage) -> None:
    reply = await stage.say("оператор", channel="alice")
    assert reply.mode is not Mode.WAITING
    assert Queue(stage.database, stage.clock).open() == ()


# -- silence ------------------------------------------------------------------------------------------------------------


async def test_who_falls_silent_is_asked_once_and_then_closed(stage: ChatStage) -> None:
    reply = await stage.book("фамилию")
    assert await stage.wait(299) == []
    (asked,) = await stage.wait(2)
    assert said(asked) == TEXTS.remind
    assert await stage.wait(1000) == []
    (closed,) = await stage.wait(600)
    assert closed.is_over
    dialog = stage.dialog(reply.dialog_id)
    assert (dialog.outcome, dialog.reason) == ("abandoned", "inactive")


async def test_a_result_stands_when_the_patient_just_goes(stage: ChatStage) -> None:
    reply = await stage.press(await stage.book(), "Да")
    await stage.conversations.leave("web", "patient")
    assert stage.dialog(reply.dialog_id).outcome == "booked"
    assert (await stage.say("спасибо")).dialog_id != reply.dialog_id


async def test_a_new_beginning_closes_what_went_on(stage: ChatStage) -> None:
    old = await stage.book("фамилию")
    new = await stage.say("где вы находитесь", is_new=True)
    assert new.dialog_id != old.dialog_id
    assert stage.dialog(old.dialog_id).outcome == "abandoned"
    assert stage.dialog(new.dialog_id).ended_at is None


async def test_nothing_shown_has_stress_marks(stage: ChatStage) -> None:
    reply = await stage.press(await stage.book(), "Да")
    shown = " ".join(text for _, who, text in stage.turns(reply.dialog_id) if who == "robot")
    assert not re.search(r"\+(?!7)", shown)
    spoken = await stage.say("где вы находитесь", channel="alice")
    assert any("+" in one.speech for one in spoken.messages)


def test_an_address_is_needed(stage: ChatStage) -> None:
    with pytest.raises(ValueError, match="address"):
        asyncio.run(stage.conversations.receive(Incoming("web", "")))


# -- trouble ------------------------------------------------------------------------------------------------------------


async def test_a_place_that_another_version_wrote_begins_anew(stage: ChatStage) -> None:
    old = await stage.book("фамилию")
    with stage.database.session() as session:
        session.execute(update(ChatRow).values(state='{"$class": "voicebot.dialog.state:Gone", "v": {}}'))
    stage.restart()
    new = await stage.say("где вы находитесь")
    assert new.dialog_id != old.dialog_id
    assert "Лесной" in said(new)


async def test_a_step_that_breaks_is_answered_and_the_next_one_works(stage: ChatStage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.book("фамилию")
    with monkeypatch.context() as patch:
        patch.setattr("voicebot.dialog.caller.heard", lambda *_: 1 // 0)
        assert said(await stage.say("Иванов Пётр")) == TEXTS.unavailable
    assert "номер" in said(await stage.say("Иванов Пётр"))


# -- privacy ------------------------------------------------------------------------------------------------------------


async def test_a_patients_chat_is_found_by_the_number_given_and_erased_whole(stage: ChatStage, tmp_path: Path) -> None:
    reply = await stage.press(await stage.book(), "Да")
    await stage.press(reply, "Нет")
    assert stage.dialog(reply.dialog_id).caller_phone == "+79161234567"
    stage.clock.advance(3 * 86400)
    eraser = Eraser(stage.database, Settings(data_dir=tmp_path), stage.clock)
    erased = eraser.erase(Subject("+79161234567"), "root", with_visits=True)
    assert erased.removed["dialogs"] == 1
    left = stage.database.run(lambda session: session.scalars(select(ChatRow)).all(), is_readonly=True)
    assert left == []
    stage.restart()
    fresh = await stage.say("где вы находитесь")
    assert fresh.dialog_id != reply.dialog_id
    assert stage.turns(reply.dialog_id) == []


async def test_a_number_that_was_only_typed_proves_nothing(stage: ChatStage) -> None:
    """Visits of a number are told to who calls from it, not to who types it."""
    await stage.press(await stage.book(), "Да")
    other = await stage.say("на какое время я записан", address="somebody else")
    assert "13:20" not in said(other)
    asked = await stage.say("8 916 123-45-67", address="somebody else")
    assert "13:20" not in said(asked)
