"""The director follows a file by what the engine did, repeats what was not understood, and fails what went elsewhere."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from voicebot.dialog.conversation_files import Conversation
from voicebot.dialog.meaning import Meaning
from voicebot.dialog.state import Doubt, Phase, Slot, State, Wish
from voicebot.dialog.talking import Act, Alternative, End, Expect, HandOver, Heard, Listen, NoInput, Say, Started
from voicebot.dialog.understanding import Understood
from voicebot.rehearsal.director import MOST_REPAIRS_A_TURN, Director, Do, HangUp, Stay
from voicebot.rehearsal.fitness import scenario_of, why_not
from voicebot.rehearsal.questions import Question, question_of


def conversation(*turns: dict[str, Any], **more: Any) -> Conversation:
    return Conversation.model_validate({"conversation": "test", "turns": list(turns), **more})


BOOKING = conversation(
    {"robot": "request.wish"},
    {"caller": "запишите к терапевту", "robot": "booking.when", "understood": {"intent": "book"}},
    {"caller": "завтра", "ends": "booked"},
)


def heard(text: str) -> Heard:
    return Heard((Alternative(text),))


def ask(prompt: str, text: str = "Вопрос?") -> Sequence[Act]:
    return [Say(text, prompt=prompt), Listen(Expect())]


def test_the_file_is_followed_to_its_end() -> None:
    director = Director(BOOKING)
    director.saw(Started(), ask("request.wish"), None)
    assert director.decide() == Do(0)
    director.saw(heard("запишите к терапевту"), ask("booking.when"), Meaning("book", {}, 1.0))
    assert director.decide() == Do(1)
    director.saw(heard("завтра"), [Say("Готово.", prompt="x"), End("booked")], Meaning("none", {}, 1.0))
    assert director.decide() == HangUp()
    director.ended()
    assert director.failures == []
    assert (director.outcome, director.caller_turns, director.repairs) == ("booked", 2, 0)


def test_a_robot_that_hung_up_itself_is_checked_too() -> None:
    director = Director(BOOKING)
    director.saw(Started(), ask("request.wish"), None)
    director.decide()
    director.saw(heard("запишите к терапевту"), ask("booking.when"), Meaning("book", {}, 1.0))
    director.decide()
    director.saw(heard("завтра"), [End("booked")], None)
    director.ended()
    assert director.failures == []


def test_nothing_is_decided_while_the_robot_looks_things_up() -> None:
    director = Director(BOOKING)
    director.saw(Started(), [Say("Здравствуйте!", prompt="welcome")], None)
    assert not director.is_settled
    assert director.decide() == Stay()


def test_what_was_not_understood_is_repeated_and_counted() -> None:
    director = Director(BOOKING)
    director.saw(Started(), ask("request.wish"), None)
    director.decide()
    director.saw(heard("за пить е"), ask("request.wish.nomatch"), Meaning("none", {}, 0.0), Question.AGAIN)
    assert director.decide() == Do(0)
    director.saw(heard("запишите к терапевту"), ask("booking.when"), Meaning("book", {}, 1.0))
    assert director.decide() == Do(1)
    assert (director.repairs, director.caller_turns) == (1, 3)


def test_a_question_back_is_answered_by_what_was_said() -> None:
    named = conversation({"robot": "x"}, {"caller": "кузнецова мария", "robot": "next"})
    for asked, answer in (("Кузнецова Мария. Я правильно поняла?", Do(1)), ("Медведев Юрий. Я правильно поняла?", Do(2))):
        director = Director(named)
        director.saw(Started(), ask("x"), None)
        assert director.decide() == Do(0)
        director.saw(heard("кузнецова мария"), ask("booking.patient.confirm", asked), None, Question.BACK)
        assert director.decide() == answer


def test_too_many_repairs_and_other_ways_fail() -> None:
    director = Director(BOOKING)
    director.saw(Started(), ask("request.wish"), None)
    director.decide()
    for _ in range(MOST_REPAIRS_A_TURN):
        director.saw(heard("а"), ask("request.wish.nomatch"), None, Question.AGAIN)
        assert director.decide() == Do(0)
    director.saw(heard("а"), ask("request.wish.nomatch"), None, Question.AGAIN)
    assert director.decide() == HangUp()
    assert director.failures[0].startswith("turn 2: ")

    director = Director(BOOKING)
    director.saw(Started(), ask("request.wish"), None)
    director.decide()
    director.saw(heard("цена"), ask("price.subject"), Meaning("price", {}, 1.0))
    assert director.decide() == HangUp()
    assert director.failures


def test_silence_waits_for_the_robot() -> None:
    director = Director(conversation({"robot": "x"}, {"silence": True, "robot": "x.noinput"}))
    director.saw(Started(), ask("x"), None)
    assert director.decide() == Stay()
    assert not director.is_settled
    director.saw(NoInput(), ask("x.noinput"), None)
    assert director.decide() == HangUp()
    assert director.failures == []


def test_what_follows_a_transfer_to_nobody_is_no_part_of_the_file() -> None:
    director = Director(conversation({"robot": "x"}, {"caller": "оператор", "hands_over": "requested"}))
    director.saw(Started(), ask("x"), None)
    director.decide()
    director.saw(heard("оператор"), [HandOver("operator", "requested")], Meaning("operator", {}, 1.0))
    director.saw(Started(), [Say("Никого нет.", prompt="y"), End("abandoned")], None)
    assert director.decide() == HangUp()
    assert director.failures == []
    assert director.outcome == "handed over: requested"


def test_a_call_that_ends_early_fails() -> None:
    director = Director(BOOKING)
    director.saw(Started(), ask("request.wish"), None)
    director.decide()
    director.ended()
    assert director.failures == ["turn 2: the call ended before this turn"]


def test_files_that_only_text_can_play_say_why() -> None:
    assert why_not(BOOKING) == ""
    assert "transfer" in why_not(conversation({"caller": "да"}, {"transfer": "busy"}))
    assert "hears" in why_not(conversation({"caller": ["да", "нет"]}))
    assert "digits" in why_not(conversation({"caller": "в 15 часов"}))


def test_the_scenario_has_a_step_for_each_turn_of_the_caller() -> None:
    scenario = scenario_of(conversation({"robot": "x"}, {"caller": "да"}, {"silence": True}, {"keys": "12"}), "name")
    assert [step.text or step.digits for step in scenario.steps] == ["да", "12", "да", "нет"]


def test_a_question_that_is_only_called_confirm_is_no_question_back() -> None:
    """The name read back was misheard: the script goes elsewhere, and that is said at once."""
    director = Director(conversation({"robot": "x"}, {"caller": "да", "robot": "booking.confirm", "says": ["иванова"]}))
    director.saw(Started(), ask("x"), None)
    director.decide()
    director.saw(heard("да"), ask("booking.confirm", "Пациентка Иваново Мария. Всё верно?"), None, Question.NEW)
    assert director.decide() == HangUp()
    assert director.failures[0].startswith("turn 2: words")


def test_the_kind_of_question_is_told_by_the_state() -> None:
    at = State("ABCD2345", phase=Phase.LISTENING, item="patient")
    assert question_of(at) is Question.NEW
    one = Doubt("patient", "name", (Slot("a"),))
    assert question_of(replace(at, doubt=one)) is Question.BACK
    assert question_of(replace(at, doubt=replace(one, candidates=(Slot("a"), Slot("b"))))) is Question.AGAIN
    assert question_of(replace(at, wish=Wish("cancel", Understood(), "отмените"))) is Question.BACK
    assert question_of(replace(at, nomatches=1)) is Question.AGAIN
    assert question_of(replace(at, session={"partial": "916"})) is Question.AGAIN
    assert question_of(replace(at, doubt=one, phase=Phase.ENDED)) is Question.NEW


def test_another_hypothesis_than_the_first_is_shown() -> None:
    director = Director(BOOKING)
    director.saw(heard("до перенесите запись"), ask("x"), Meaning("reschedule", {}, 0.41, "да перенесите запись"))
    assert director.lines[:2] == [
        "C heard: до перенесите запись",
        "C taken as: да перенесите запись (open 1.00 of 1; reschedule 0.41)",
    ]
