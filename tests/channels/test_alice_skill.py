"""The skill over conversations that answer at once, late, never, or badly; in virtual time."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from alice_rules import broken_rules, requests
from virtual_loop import run_virtually

from voicebot.channels.alice_protocol import AliceRequest, read, write
from voicebot.channels.alice_skill import AliceSkill, address_of
from voicebot.channels.alice_words import AliceWords
from voicebot.channels.contact import Button, Incoming, Mode, Reply, Said
from voicebot.storage.failures import DatabaseUnreachableError

WORDS = AliceWords("Д+обрый д+октор", "+7 495 000-00-00", "семь, четыреста девяносто пять")
RECORDED = requests()
IN_TIME = 2.2 + 1e-6  # what floats add up to


def text_reply(*texts: str, mode: Mode = Mode.ROBOT, buttons: Sequence[Button] = (), prompt: str = "a.b") -> Reply:
    said = tuple(Said(number, "robot", text, prompt=prompt) for number, text in enumerate(texts, 1))
    return Reply("3F7K2QW8", said, tuple(buttons), mode=mode)


@dataclass
class Slow:
    """Conversations that take their time; as the real ones, they answer the same message with the same reply."""

    answer: Callable[[Incoming], Reply] = lambda incoming: text_reply(f"На «{incoming.text or incoming.button}».")
    seconds: Callable[[Incoming], float] = lambda _: 0.01
    steps: list[Incoming] = field(default_factory=list)  # what was really done
    left: list[str] = field(default_factory=list)
    _stored: dict[tuple[str, str], Reply] = field(default_factory=dict)

    async def receive(self, incoming: Incoming) -> Reply:
        key = (incoming.address, incoming.message_id)
        if key not in self._stored:
            await asyncio.sleep(self.seconds(incoming))
            self.steps.append(incoming)
            self._stored[key] = self.answer(incoming)
        return self._stored[key]

    async def leave(self, channel: str, address: str) -> None:
        await asyncio.sleep(self.seconds(Incoming(channel, address)))
        self.left.append(address)


class Device:
    """A patient's Alice: numbers the messages, keeps the state, checks every reply by Yandex's rules."""

    def __init__(self, skill: AliceSkill, session: str = "s1") -> None:
        self.skill = skill
        self.session = session
        self.number = 0
        self.state: dict[str, Any] = {}
        self.seconds: list[float] = []

    def request(self, said: str, *, pressed: Any = None, dangerous: bool = False) -> AliceRequest:
        body = json.loads(json.dumps(RECORDED["utterance"]))
        body["session"] |= {"message_id": self.number, "session_id": self.session, "new": self.number == 0}
        body["request"] |= {"command": said, "original_utterance": said, "markup": {"dangerous_context": dangerous}}
        if pressed is not None:
            body["request"] = {"type": "ButtonPressed", "payload": pressed}
        body["state"] = {"session": self.state}
        return read(json.dumps(body).encode())

    async def say(self, said: str = "", **how: Any) -> dict[str, Any]:
        asked = self.request(said, **how)
        self.number += 1
        return await self.send(asked)

    async def send(self, asked: AliceRequest) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        reply = write(await self.skill.answer(asked))
        self.seconds.append(loop.time() - began)
        assert broken_rules(reply) == []
        self.state = reply.get("session_state", {})
        response: dict[str, Any] = reply["response"]
        return response


def test_every_recorded_request_gets_a_valid_reply() -> None:
    async def replay() -> None:
        skill = AliceSkill(Slow(), WORDS)
        for name, body in RECORDED.items():
            reply = write(await skill.answer(read(json.dumps(body).encode())))
            assert broken_rules(reply) == [], name

    run_virtually(replay())


def test_a_session_is_a_dialog_of_its_own_and_no_identifier_of_yandex_is_stored() -> None:
    async def work() -> None:
        conversations = Slow()
        skill = AliceSkill(conversations, WORDS)
        for session in ("s1", "s2"):
            await Device(skill, session).say("адрес")
        addresses = {one.address for one in conversations.steps}
        assert len(addresses) == 2
        for identifier in ("s1", "6C91DA5198D1", "47C73714B580"):
            assert not any(identifier in address for address in addresses)
        assert all(one.is_new and one.channel == "alice" for one in conversations.steps)

    run_virtually(work())


def test_who_is_not_logged_in_is_known_by_the_device() -> None:
    def address(name: str, **session: Any) -> str:
        body = json.loads(json.dumps(RECORDED[name]))
        body["session"] |= session
        return address_of(read(json.dumps(body).encode()))

    assert address("anonymous") == address("anonymous")
    assert address("anonymous") != address("utterance")
    assert address("anonymous") != address("anonymous", application={"application_id": "another"})
    assert address("old_client") == address("old_client", message_id=9)


def test_whatever_takes_too_long_is_promised_and_given_at_the_next_word() -> None:
    async def work() -> None:
        conversations = Slow(seconds=lambda incoming: 6.0 if incoming.text == "к терапевту" else 0.1)
        device = Device(AliceSkill(conversations, WORDS, answer_seconds=2.2))
        await device.say("")
        held = await device.say("к терапевту")
        assert held["text"] == "Секунду, ещё ищу. Скажите: дальше."
        assert held["buttons"] == [{"title": "Дальше", "payload": {"say": "дальше"}, "hide": True}]
        assert "продолжаю искать" in (await device.say("дальше"))["text"]
        given = await device.say("", pressed={"say": "дальше"})
        assert given["text"] == "На «к терапевту»."
        assert (await device.say("завтра"))["text"] == "На «завтра»."
        assert [one.text for one in conversations.steps] == ["", "к терапевту", "завтра"]  # nothing done twice
        assert max(device.seconds) <= IN_TIME

    run_virtually(work())


def test_another_process_gives_the_late_answer() -> None:
    async def work() -> None:
        conversations = Slow(seconds=lambda incoming: 3.0 if incoming.text == "к терапевту" else 0.1)
        device = Device(AliceSkill(conversations, WORDS))
        await device.say("")
        assert "ещё ищу" in (await device.say("к терапевту"))["text"]
        await asyncio.sleep(5)
        device.skill = AliceSkill(conversations, WORDS)
        assert (await device.say("дальше"))["text"] == "На «к терапевту»."

    run_virtually(work())


def test_a_process_that_died_over_a_message_loses_it_to_nobody() -> None:
    async def work() -> None:
        conversations = Slow(seconds=lambda _: 3.0)
        first = AliceSkill(conversations, WORDS)
        device = Device(first)
        device.number = 1
        assert "ещё ищу" in (await device.say("", pressed={"say": "o2"}))["text"]
        await first.close()  # nothing was stored
        conversations.seconds = lambda _: 0.1
        device.skill = AliceSkill(conversations, WORDS)
        assert (await device.say("дальше"))["text"] == "На «o2»."
        assert [one.button for one in conversations.steps] == ["o2"]

    run_virtually(work())


def test_an_answer_that_never_comes_ends_in_the_truth_and_the_number() -> None:
    async def work() -> None:
        device = Device(AliceSkill(Slow(seconds=lambda incoming: 1e9 if incoming.message_id != "0" else 0.1), WORDS))
        await device.say("")
        await device.say("к терапевту")
        said = [(await device.say("дальше"))["text"] for _ in range(4)]
        assert "+7 495 000-00-00" in said[-1]
        assert all("+7" not in text for text in said[:-1])
        assert max(device.seconds) <= IN_TIME

    run_virtually(work())


def test_the_same_request_twice_is_one_step_and_the_same_reply() -> None:
    async def work() -> None:
        conversations = Slow(seconds=lambda _: 1.0)
        device = Device(AliceSkill(conversations, WORDS))
        asked = device.request("к терапевту")
        first, second = await asyncio.gather(device.send(asked), device.send(asked))
        assert first == second == await device.send(asked)
        assert len(conversations.steps) == 1

    run_virtually(work())


def test_a_long_answer_comes_in_parts_and_no_leads_to_its_question() -> None:
    long = " ".join(["Общий анализ крови готов на следующий рабочий день после десяти часов утра."] * 30)

    async def work() -> None:
        conversations = Slow(
            answer=lambda _: text_reply(long, "Записать вас?", buttons=[Button("Да", "y"), Button("Нет", "n")])
        )
        skill = AliceSkill(conversations, WORDS)
        device = Device(skill)
        first = await device.say("")
        assert first["text"].endswith("Сказать дальше?")
        assert [button["title"] for button in first["buttons"]] == ["Дальше"]
        second = await device.say("да")
        assert second["text"].endswith("Сказать дальше?")
        last = await device.say("дальше")
        assert last["text"].endswith("Записать вас?")
        assert [button["title"] for button in last["buttons"]] == ["Да", "Нет"]
        assert len(conversations.steps) == 1
        await device.say("да")  # now an answer to the question
        assert conversations.steps[-1].text == "да"

        other = Device(skill, "s2")
        await other.say("")
        assert (await other.say("нет"))["text"].endswith("Записать вас?")
        third = Device(skill, "s3")
        await third.say("")
        await third.say("сколько стоит")  # a wish of its own needs no rest of the last answer
        assert conversations.steps[-1].text == "сколько стоит"

    run_virtually(work())


def test_help_and_the_end_are_always_there() -> None:
    async def work() -> None:
        conversations = Slow()
        device = Device(AliceSkill(conversations, WORDS))
        await device.say("")
        for words in ("помощь", "Что ты умеешь?", "справка", "помощь, пожалуйста"):
            helped = await device.say(words)
            assert "Добрый доктор" in helped["text"]
            assert "хватит" in helped["text"]
            assert not helped["end_session"]
        assert len(conversations.steps) == 1
        assert not conversations.left
        for number, words in enumerate(("хватит", "выход", "Алиса, хватит!", "закрой навык"), 1):
            ended = await device.say(words)
            assert ended["end_session"]
            assert len(conversations.left) == number

    run_virtually(work())


def test_a_slow_farewell_is_said_all_the_same() -> None:
    async def work() -> None:
        conversations = Slow(seconds=lambda _: 30.0)
        device = Device(AliceSkill(conversations, WORDS))
        assert (await device.say("хватит"))["end_session"]
        assert max(device.seconds) <= IN_TIME
        await asyncio.sleep(60)
        assert conversations.left  # and the dialog is closed in the end

    run_virtually(work())


def test_what_is_said_while_an_answer_is_sought_does_not_overtake_it() -> None:
    async def work() -> None:
        conversations = Slow(seconds=lambda incoming: 3.0 if incoming.text == "к терапевту" else 0.1)
        device = Device(AliceSkill(conversations, WORDS))
        await device.say("")
        await device.say("к терапевту")
        assert (await device.say("ну к терапевту же"))["text"] == "На «к терапевту»."
        assert (await device.say("помощь"))["text"].startswith("Это робот")

    run_virtually(work())


def test_danger_is_met_with_the_emergency_numbers_first() -> None:
    async def work() -> None:
        device = Device(AliceSkill(Slow(), WORDS))
        assert (await device.say("я не хочу жить", dangerous=True))["text"].startswith(
            "Если есть угроза жизни, сразу звоните 103"
        )
        long = Slow(answer=lambda _: text_reply("Длинный ответ без конца. " * 39))
        reply = await Device(AliceSkill(long, WORDS), "s2").say("я не хочу жить", dangerous=True)
        assert "112" in reply["text"]
        known = Slow(answer=lambda _: text_reply("Это опасно: звоните 103 или 112."))
        reply = await Device(AliceSkill(known, WORDS), "s3").say("мне плохо", dangerous=True)
        assert reply["text"] == "Это опасно: звоните 103 или 112."

    run_virtually(work())


@pytest.mark.parametrize("error", [DatabaseUnreachableError("no database"), RuntimeError("a dialplan goes in circles")])
def test_what_breaks_behind_it_is_an_apology_with_the_number(error: Exception) -> None:
    def fail(_: Incoming) -> Reply:
        raise error

    async def work() -> None:
        conversations = Slow(answer=fail)
        device = Device(AliceSkill(conversations, WORDS))
        reply = await device.say("запишите меня")
        assert "не получается" in reply["text"]
        assert "+7 495 000-00-00" in reply["text"]
        assert not reply["end_session"]
        conversations.answer = lambda _: text_reply("Снова здесь.")
        assert (await device.say("запишите меня"))["text"] == "Снова здесь."

    run_virtually(work())


def test_the_end_of_a_dialog_ends_the_session_after_its_last_part() -> None:
    async def work() -> None:
        conversations = Slow(answer=lambda _: text_reply("Очень длинное прощание. " * 60, mode=Mode.OVER))
        device = Device(AliceSkill(conversations, WORDS))
        assert not (await device.say("до свидания"))["end_session"]
        assert (await device.say("дальше"))["end_session"]

    run_virtually(work())


def test_silence_repeats_what_was_said_last() -> None:
    async def work() -> None:
        conversations = Slow(answer=lambda _: text_reply("К какому врачу?"))
        device = Device(AliceSkill(conversations, WORDS))
        await device.say("запиши")
        assert (await device.say(""))["text"] == "К какому врачу?"
        assert len(conversations.steps) == 1
        device.state = {}
        assert (await device.say(""))["text"] == "Я вас слушаю. Чем помочь?"

    run_virtually(work())


def test_where_no_operator_can_come_the_chat_is_one_press_away() -> None:
    async def work() -> None:
        conversations = Slow(answer=lambda _: text_reply("Позвоните нам.", prompt="elsewhere.told"))
        device = Device(AliceSkill(conversations, WORDS, chat_url="https://clinic.example/chat"))
        buttons = (await device.say("оператор"))["buttons"]
        assert buttons == [{"title": "Открыть чат", "url": "https://clinic.example/chat", "hide": True}]

    run_virtually(work())


def test_thousands_of_sessions_on_a_slow_database_are_all_answered_in_time() -> None:
    """Delays as of a database in trouble: most short, every tenth long, some that never end."""

    def delay(incoming: Incoming) -> float:
        place = int(incoming.address[:6], 16) + int(incoming.message_id)
        return (0.05, 0.4, 1.1, 2.0, 2.19, 2.21, 3.5, 8.0, 30.0, 1e9)[place % 10]

    async def session(skill: AliceSkill, number: int) -> list[float]:
        device = Device(skill, f"s{number}")
        for words in ("", "к терапевту", "дальше", "завтра", "дальше", "да"):
            await device.say(words)
        return device.seconds

    async def work() -> None:
        skill = AliceSkill(Slow(seconds=delay), WORDS, answer_seconds=2.2)
        taken = sorted(second for found in await asyncio.gather(*(session(skill, n) for n in range(500))) for second in found)
        assert len(taken) == 3000
        assert taken[-1] <= IN_TIME  # not only the 99th of a hundred: all of them
        await skill.close()

    run_virtually(work())
