"""A meaning is as sure as all the hypotheses that share it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from voicebot.dialog.engine import Engine, Step
from voicebot.dialog.talking import Alternative, Expect, Heard, Profile, Started
from voicebot.dialog.understanding import Understanding, Understood

NOW = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Europe/Moscow"))
NUMBER = "восемь девятьсот двадцать шесть пятьсот пятьдесят пять сорок четыре тридцать три"


def asked_for_a_number(engine: Engine) -> Step:
    """A caller whose own number is withheld wants to know of an order."""
    step = engine.step(engine.begin("7A3KM05X"), Started(""), NOW)
    return engine.step(step.state, Heard((Alternative("готовы ли мои анализы"),)), NOW)


def told(engine: Engine, *texts: str, source: str = "open") -> Step:
    several = tuple(Alternative(text, 0.18, source) for text in texts)
    return engine.step(asked_for_a_number(engine).state, Heard(several), NOW)


def test_a_number_spelled_in_several_ways_is_one_number(engine: Engine) -> None:
    step = told(engine, NUMBER, f"да {NUMBER}", f"а {NUMBER}", f"ну {NUMBER}", f"вот {NUMBER}")
    assert step.state.slots["phone"].value == "+79265554433"
    assert step.understood is not None
    assert step.understood.confidence == pytest.approx(0.9, abs=0.01)


def test_different_numbers_lend_one_another_nothing(engine: Engine) -> None:
    others = [NUMBER.replace("тридцать три", last) for last in ("двадцать три", "тридцать", "тринадцать")]
    assert "phone" not in told(engine, NUMBER, *others).state.slots


def test_two_recognisers_hear_the_same_sound_and_are_not_added(engine: Engine) -> None:
    one = tuple(Alternative(text, 0.09, source) for text in (NUMBER, f"да {NUMBER}") for source in ("open", "grammar"))
    step = engine.step(asked_for_a_number(engine).state, Heard(one), NOW)
    assert "phone" not in step.state.slots  # 0.18, not 0.36


def test_a_wish_counts_over_all_hypotheses_that_have_it(understanding: Understanding) -> None:
    meant = understanding.understand("перенесите запись к павловой", Expect(type="yes_no", profile=Profile.YES_NO), NOW)
    alone = meant.as_heard(0.3, 1.0)
    shared = meant.as_heard(0.3, 1.0, lambda _slot, _value: 0.9, 0.8)
    assert alone.intent_confidence == alone.confidence == 0.3
    assert shared.intent_confidence == 0.8
    assert shared.confidence == shared.sure_of("doctor") == 0.9


def test_what_is_surely_heard_is_as_sure_as_it_was_understood() -> None:
    said = Understood("book", {"doctor": "pavlova"}, 0.6, 0.9, {"doctor": 0.6})
    assert said.as_heard(1.0, 1.0) == said


def test_an_open_questions_wish_is_the_one_that_most_hypotheses_have(engine: Engine) -> None:
    begun = engine.step(engine.begin("7A3KM05X"), Started(""), NOW)
    heard = (
        Alternative("до скольки сегодня работает", 0.36),
        Alternative("сколько стоит приём терапевта", 0.33),
        Alternative("сколько стоит приёма терапевта", 0.31),
    )
    step = engine.step(begun.state, Heard(heard), NOW)
    assert step.understood is not None
    assert step.understood.intent == "price"


def test_a_second_hypothesis_may_name_the_danger(engine: Engine) -> None:
    begun = engine.step(engine.begin("7A3KM05X"), Started(""), NOW)
    heard = (Alternative("мама упала не тише", 0.6), Alternative("мама упала не дышит", 0.4))
    step = engine.step(begun.state, Heard(heard), NOW)
    assert step.understood is not None
    assert step.understood.intent == "emergency"
