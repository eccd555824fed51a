"""The engine as a machine: pure, total, never silent, never stuck."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from demo_clinic import ServicesAt

from voicebot.clinic.offers import Offer
from voicebot.dialog.engine import Engine, Step
from voicebot.dialog.state import Phase, State
from voicebot.dialog.talking import (
    Alternative,
    BudgetCheck,
    End,
    Event,
    HandOver,
    Heard,
    Invoke,
    Keyed,
    Listen,
    NoInput,
    NotHeard,
    Returned,
    Say,
    Started,
    TransferEnded,
)

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 23, 9, tzinfo=MOSCOW)
OFFERS = tuple(
    Offer(
        number,
        datetime(2026, 11, 24, 9 + number, tzinfo=MOSCOW),
        30,
        "orlov",
        "lesnaya",
        "cardiologist",
        "visit_cardiologist",
        2400,
    )
    for number in range(3)
)


def heard(*texts: str, confidence: float = 1.0) -> Heard:
    return Heard(tuple(Alternative(text, confidence) for text in texts))


def play(engine: Engine, *events: Event, state: State | None = None, seconds: float = 5) -> Step:
    """Step through events, some seconds apart; the last step is returned."""
    step = Step(state or engine.begin("7A3KM05X"), ())
    for number, event in enumerate(events):
        step = engine.step(step.state, event, NOW + timedelta(seconds=number * seconds))
    return step


def said(step: Step) -> str:
    return " ".join(act.text for act in step.acts if isinstance(act, Say)).replace("+", "").lower()


def test_a_step_changes_nothing_but_what_it_returns(engine: Engine) -> None:
    started = play(engine, Started("+79161234567"))
    before = started.state.to_json()
    event = heard("запишите к кардиологу на завтра")
    first = engine.step(started.state, event, NOW)
    assert started.state.to_json() == before
    assert engine.step(started.state, event, NOW) == first
    assert engine.step(State.from_json(before), event, NOW) == first


def test_the_hypothesis_that_answers_the_question_wins_with_less_confidence(engine: Engine) -> None:
    asked = play(engine, Started(), heard("к кардиологу"))
    step = engine.step(asked.state, heard("заварки бы", "в среду", "в пятницу"), NOW)
    assert step.understood is not None
    assert step.understood.text == "в среду"
    assert step.understood.confidence == pytest.approx(0.92, abs=0.01)


def test_words_that_the_question_lists_are_an_answer_before_other_meanings(engine: Engine) -> None:
    asked = play(engine, Started(), heard("скажите ваш адрес"))
    step = engine.step(asked.state, Heard((Alternative("всё", 0.89), Alternative("в семь", 0.05))), NOW)
    assert step.understood is not None
    assert step.understood.text == "всё"
    assert "branch" in step.state.slots


def test_the_same_half_heard_name_does_not_settle_which_is_meant(engine: Engine) -> None:
    step = play(engine, Started(), *[heard("сколько стоит попасть к соколовы")] * 2)
    assert step.state.doubt is not None
    step = engine.step(step.state, heard("к анне сергеевне"), NOW)
    assert step.state.slots["doctor"].value == "sokolova"


@pytest.mark.parametrize("rank", [0, 1])
def test_danger_in_the_second_hypothesis_is_heard(engine: Engine, rank: int) -> None:
    texts = ["завтра утром", "завтра утром"]
    texts[rank] = "боль в груди"
    step = play(engine, Started(), heard("к терапевту"), heard(*texts))
    handed = [act for act in step.acts if isinstance(act, HandOver)]
    assert [act.reason for act in handed] == ["emergency"]
    assert "сто три" in said(step)


def test_danger_does_not_wait_for_the_clinic(engine: Engine) -> None:
    waiting = play(engine, Started(), heard("к кардиологу на завтра"))
    assert waiting.state.phase is Phase.WAITING
    step = engine.step(waiting.state, heard("он потерял сознание"), NOW)
    assert step.state.phase is Phase.TRANSFERRING
    # The clinic's answer comes too late and must not start anything.
    late = engine.step(step.state, Returned("find_slots", OFFERS), NOW)
    assert late.acts == ()
    assert late.state.phase is Phase.TRANSFERRING


def test_other_words_while_the_clinic_is_asked_change_nothing(engine: Engine) -> None:
    waiting = play(engine, Started(), heard("к кардиологу на завтра"))
    step = engine.step(waiting.state, heard("алло"), NOW)
    assert step.acts == ()
    offered = engine.step(step.state, Returned("find_slots", OFFERS), NOW)
    assert isinstance(offered.acts[-1], Listen)


def test_an_answer_of_another_service_is_not_taken_for_ours(engine: Engine) -> None:
    waiting = play(engine, Started(), heard("к кардиологу на завтра"))
    step = engine.step(waiting.state, Returned("release", 1), NOW)
    assert step.state.pending == waiting.state.pending
    assert step.acts == ()


def test_each_order_has_its_own_key_and_a_replay_has_the_same(engine: Engine) -> None:
    waiting = play(engine, Started(), heard("к кардиологу на завтра"))
    held = play(engine, Returned("find_slots", OFFERS), heard("первый"), state=waiting.state)
    again = play(engine, Returned("find_slots", OFFERS), heard("первый"), state=waiting.state)
    orders = [act for step in (waiting, held) for act in step.acts if isinstance(act, Invoke)]
    assert [act.service for act in orders] == ["find_slots", "hold"]
    assert len({act.key for act in orders}) == 2
    assert [act.key for act in again.acts if isinstance(act, Invoke)] == [orders[1].key]
    assert orders[1].key.startswith("7A3KM05X:")


def test_an_offer_is_chosen_by_its_time(engine: Engine) -> None:
    waiting = play(engine, Started(), heard("к кардиологу на завтра"))
    step = play(engine, Returned("find_slots", OFFERS), heard("давайте в одиннадцать"), state=waiting.state)
    assert [act.arguments["slot_id"] for act in step.acts if isinstance(act, Invoke)] == [2]


def test_a_key_chooses_and_a_wrong_key_asks_again(engine: Engine) -> None:
    waiting = play(engine, Started(), heard("к кардиологу на завтра"))
    offered = play(engine, Returned("find_slots", OFFERS), state=waiting.state)
    wrong = engine.step(offered.state, Keyed("7"), NOW)
    assert isinstance(wrong.acts[-1], Listen)
    right = engine.step(wrong.state, Keyed("3"), NOW)
    assert [act.arguments["slot_id"] for act in right.acts if isinstance(act, Invoke)] == [2]


def test_what_is_keyed_is_not_in_the_transcript(engine: Engine) -> None:
    step = play(engine, Started(), heard("к кардиологу"), Keyed("89161234567"))
    assert step.understood is not None
    assert "9161" not in str(step.understood)


def test_goodbye_gives_the_held_time_back(engine: Engine) -> None:
    waiting = play(engine, Started(), heard("к кардиологу на завтра"))
    held = play(
        engine, Returned("find_slots", OFFERS), heard("первый"), Returned("hold", replace(OFFERS[0])), state=waiting.state
    )
    step = engine.step(held.state, heard("до свидания"), NOW)
    assert [act.service for act in step.acts if isinstance(act, Invoke)] == ["release"]
    assert isinstance(step.acts[-1], End)
    assert step.acts[-1].outcome == "abandoned"


def test_withheld_and_odd_numbers_are_not_offered(engine: Engine) -> None:
    for caller, is_known in (("+79161234567", True), ("89161234567", True), ("", False), ("anonymous", False), ("204", False)):
        state = play(engine, Started(caller)).state
        assert (state.session["caller_phone"] is not None) is is_known


def test_operators_out_of_reach_never_make_a_circle(engine: Engine) -> None:
    step = play(engine, Started("+79161234567"), heard("оператор"))
    for _ in range(10):
        if step.state.phase is Phase.ENDED:
            break
        step = engine.step(step.state, TransferEnded("busy"), NOW)
        assert isinstance(step.acts[-1], Listen)
        step = engine.step(step.state, heard("оператор"), NOW)
    assert isinstance(step.acts[-1], End)
    assert step.acts[-1].outcome == "callback"


def test_time_is_looked_at_only_while_listening(engine: Engine) -> None:
    waiting = play(engine, Started(), heard("к кардиологу на завтра"))
    late = NOW + timedelta(seconds=500)
    assert engine.step(waiting.state, BudgetCheck(), late).acts == ()
    listening = play(engine, Started())
    step = engine.step(listening.state, BudgetCheck(), late)
    assert [act.reason for act in step.acts if isinstance(act, HandOver)] == ["budget"]
    assert engine.step(step.state, BudgetCheck(), late).acts == ()


def test_the_last_yes_counts_even_when_time_is_over(engine: Engine, services_at: ServicesAt) -> None:
    """A booking that needs nothing but this answer is made, not handed over."""
    state = play(engine, Started("+79161234567"), heard("к кардиологу на завтра")).state
    for event in (
        Returned("find_slots", OFFERS), heard("первый"), Returned("hold", OFFERS[0]), heard("иванова мария"),
    ):  # fmt: skip
        state = engine.step(state, event, NOW + timedelta(seconds=60)).state
    assert state.item == "confirm"
    step = engine.step(state, heard("да"), NOW + timedelta(seconds=205))
    assert [act.service for act in step.acts if isinstance(act, Invoke)] == ["book"]


def test_prompts_get_shorter_as_time_shrinks(engine: Engine) -> None:
    state = play(engine, Started("+79161234567"), heard("к кардиологу")).state
    early = engine.step(state, heard("завтра"), NOW + timedelta(seconds=20))
    late = engine.step(state, heard("завтра"), NOW + timedelta(seconds=140))
    longer = engine.step(early.state, Returned("find_slots", OFFERS), NOW + timedelta(seconds=20))
    shorter = engine.step(late.state, Returned("find_slots", OFFERS), NOW + timedelta(seconds=140))
    assert len(said(shorter)) < len(said(longer))


def test_a_human_is_announced_once(engine: Engine) -> None:
    state = play(engine, Started("+79161234567"), heard("к кардиологу")).state
    late = NOW + timedelta(seconds=175)
    first = engine.step(state, NoInput(), late)
    assert "оператор" in said(first)
    assert [act.prompt for act in first.acts if isinstance(act, Say)].count("messages.budget_offer") == 1
    second = engine.step(first.state, NotHeard(), late)
    assert "messages.budget_offer" not in [act.prompt for act in second.acts if isinstance(act, Say)]
