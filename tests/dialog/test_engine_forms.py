"""Forms of one's own in the engine: wishes asked back, subdialogs, digressions, keys, off-target calls, closed hours."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from small_dialog import small_engine, small_plans

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.engine import Engine, Step
from voicebot.dialog.state import Phase, State
from voicebot.dialog.talking import (
    Alternative,
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
from voicebot.dialog.understanding import Understanding, Understood
from voicebot.errors import ConfigurationError

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 23, 9, tzinfo=MOSCOW)
FORMS = """
forms:
  - form: booking
    intents: [book]
    request: запись
    items:
      - field: doctor
        type: doctor
        label: врач
        prompt: К кому?
        confirm: auto
        confirm_prompt: "Доктор {doctor}?"
        replaces: [speciality]
        any: [любой, все]
      - {field: speciality, type: speciality}
      - object: kept
        service: keep
        arguments: {slot: "7"}
        undo: {object: give_back, arguments: {slot: kept.slot}}
      - {field: phone, type: phone, prompt: Какой телефон?}
      - object: booked
        service: book
        arguments: {slot: kept.slot}
        filled: [{settle: booked}, {prompt: Записала.}, {goto: menu}]

  - form: cancelling
    intents: [cancel]
    request: отмена
    cost: high
    confirm_prompt: Отменить запись?
    items:
      - {subdialog: who, form: identify, arguments: {phone: caller_phone}}
      - block: done
        prompt: "Отменила. {who.born|date}."
        filled: [{settle: cancelled}, {goto: menu}]

  - form: identify
    items:
      - {field: phone, type: phone, label: телефон, prompt: Номер?}
      - {field: born, type: birth_date, label: дата рождения, prompt: Когда вы родились?}

  - form: price
    intents: [price]
    digression: true
    request: цена
    cost: low
    items:
      - {field: service, type: service, label: услуга, prompt: Цена чего?}
      - block: told
        prompt: Недорого.
        filled: [{settle: informed}, {return: true}]

  - form: tests
    intents: [ready]
    request: анализ
    items:
      - object: found
        service: look
      - field: one
        type: choice
        from: found
        of: doctor
        page: 2
        prompt:
          - {text: Один., cond: count(found) == 1}
          - {text: Два., cond: count(found) == 2}
        exhausted: [{transfer: {reason: no_more}}]
      - block: last
        prompt: "{one|doctor}."
        filled: [{disconnect: informed}]
"""


def meant(intent: str, confidence: float, slots: dict[str, Any] | None = None) -> Understood:
    return Understood(intent, slots or {}, confidence, intent_confidence=confidence)


MEANINGS = {
    "book": meant("book", 1.0),
    "book to orlov": meant("book", 1.0, {"doctor": "orlov"}),
    "to orlov": meant("book", 1.0, {"doctor": "orlov"}),
    "any therapist": Understood("book", {"speciality": "therapist"}, 1.0, is_any=True, intent_confidence=1.0),
    "orlov perhaps": meant("book", 0.4, {"doctor": "orlov"}),
    "cancel": meant("cancel", 1.0),
    "cancel perhaps": meant("cancel", 0.6),
    "cancel hardly": meant("cancel", 0.1),
    "price": meant("price", 0.4),
    "price of a visit": meant("price", 0.9, {"service": "visit_cardiologist"}),
    "pizza": meant("off_topic", 0.95),
    "pizza perhaps": meant("off_topic", 0.8),
    "stop": meant("stop", 1.0),
    "ready": meant("ready", 0.9),
    "mumble": Understood(),
    "two prices": meant("price", 0.9, {"service": "visit_cardiologist"}),
    "все": meant("goodbye", 1.0),
    "danger": meant("emergency", 1.0),
}


@dataclass(slots=True)
class Talk:
    """A dialog with the small engine; services answer as told."""

    engine: Engine
    state: State
    now: datetime = NOW
    acts: tuple[Any, ...] = ()
    calls: tuple[str, ...] = ()

    def do(self, event: Event, **answers: Any) -> "Talk":
        """Let something happen, then let the services answer: keep=..., look=..."""
        self.now += timedelta(seconds=3)
        step: Step = self.engine.step(self.state, event, self.now)
        acts = list(step.acts)
        while step.state.phase is Phase.WAITING:
            assert step.state.pending is not None
            service = step.state.pending.service
            step = self.engine.step(step.state, Returned(service, answers.get(service, {"slot": 7})), self.now)
            acts += step.acts
        self.state = State.from_json(step.state.to_json())
        self.acts = tuple(acts)
        self.calls += tuple(act.service for act in acts if isinstance(act, Invoke))
        return self

    def say(self, text: str, **answers: Any) -> "Talk":
        return self.do(Heard((Alternative(text),)), **answers)

    @property
    def said(self) -> str:
        return " ".join(act.text for act in self.acts if isinstance(act, Say)).replace("+", "")

    @property
    def ended(self) -> str:
        return next((act.outcome for act in self.acts if isinstance(act, End)), "")

    @property
    def handed_over(self) -> str:
        return next((act.reason for act in self.acts if isinstance(act, HandOver)), "")


@pytest.fixture
def talk(tmp_path: Path, catalogue: Catalogue, understanding: Understanding) -> Callable[..., Talk]:
    engine = small_engine(tmp_path, FORMS, catalogue, understanding, MEANINGS)

    def start(caller: str = "+79161234567", *, are_operators_open: bool = True) -> Talk:
        return Talk(engine, engine.begin("7A3KM05X")).do(Started(caller, are_operators_open=are_operators_open))

    return start


# -- wishes and their cost ------------------------------------------------------------------------------------------------


def test_a_dear_wish_half_heard_is_asked_back(talk: Callable[..., Talk]) -> None:
    asked = talk().say("cancel perhaps")
    assert asked.said == "Отменить запись?"
    assert asked.state.form == "menu"
    assert asked.say("да").state.form == "identify"
    assert talk().say("cancel").state.form == "identify"


def test_a_wish_denied_leaves_the_caller_where_he_was(talk: Callable[..., Talk]) -> None:
    denied = talk().say("cancel perhaps").say("нет")
    assert denied.state.form == "menu"
    assert denied.said == "Чем помочь?"
    assert denied.say("book").state.form == "booking"


def test_a_wish_asked_back_is_answered_by_keys_too(talk: Callable[..., Talk]) -> None:
    assert talk().say("cancel perhaps").do(Keyed("1")).state.form == "identify"
    assert talk().say("cancel perhaps").do(Keyed("2")).state.form == "menu"
    again = talk().say("cancel perhaps").do(Keyed("7"))
    assert again.said.endswith("Отменить запись?")
    assert again.state.wish is not None


def test_silence_and_noise_at_a_wish_asked_back_ask_it_again(talk: Callable[..., Talk]) -> None:
    for event in (NoInput(), NotHeard()):
        again = talk().say("cancel perhaps").do(event)
        assert again.said.endswith("Отменить запись?")
        assert isinstance(again.acts[-1], Listen)
        assert again.acts[-1].expect.type == "yes_no"


def test_another_wish_instead_of_the_yes(talk: Callable[..., Talk]) -> None:
    assert talk().say("cancel perhaps").say("book").state.form == "booking"


def test_a_cheap_wish_opens_at_once_and_a_guess_opens_nothing(talk: Callable[..., Talk]) -> None:
    assert talk().say("price").state.form == "price"
    guess = talk().say("cancel hardly")
    assert guess.state.form == "menu"
    assert guess.state.nomatches == 1


def test_a_value_the_caller_denied_is_not_asked_back_again(talk: Callable[..., Talk]) -> None:
    asked = talk().say("book").say("orlov perhaps")
    assert "орлов" in asked.said.lower()
    denied = asked.say("нет")
    assert denied.said == "К кому?"
    again = denied.say("orlov perhaps")
    assert again.state.doubt is None
    assert "doctor" not in again.state.slots
    assert again.say("to orlov").state.slots["doctor"].value == "orlov"


def test_what_else_a_phrase_says_counts_beside_no_matter(talk: Callable[..., Talk]) -> None:
    taken = talk().say("book").say("any therapist")
    assert taken.state.slots["doctor"].value is None
    assert taken.state.slots["speciality"].value == "therapist"


def test_an_answer_that_sounds_like_a_command_is_an_answer(talk: Callable[..., Talk]) -> None:
    assert talk().say("book").say("все").state.slots["doctor"].value is None
    assert talk().say("все").ended == "abandoned"


def test_what_was_named_side_by_side_stays_at_hand(talk: Callable[..., Talk]) -> None:
    asked = talk().say("two prices")
    assert asked.state.session["said_services"] == ("visit_cardiologist",)
    assert asked.say("book to orlov").state.session["said_services"] == ("visit_cardiologist",)


# -- subdialogs and digressions -------------------------------------------------------------------------------------------


def test_a_subdialog_gives_back_what_it_learned(talk: Callable[..., Talk]) -> None:
    asked = talk().say("cancel")
    assert asked.said == "Когда вы родились?"  # the phone was given as an argument
    done = asked.do(Keyed("25031985"))
    assert "двадцать пят" in done.said
    assert done.state.outcome == "cancelled"


def test_a_subdialog_gives_its_labels_to_the_operator(talk: Callable[..., Talk]) -> None:
    inside = talk().say("cancel").say("оператор")
    over = next(act for act in inside.acts if isinstance(act, HandOver))
    assert over.summary["request"] == "отмена"
    assert over.summary["телефон"]


def test_leaving_a_digression_gives_back_what_the_form_under_it_held(talk: Callable[..., Talk]) -> None:
    held = talk().say("book to orlov")
    assert held.calls == ("keep",)
    left = held.say("price").say("cancel")
    assert left.calls == ("keep", "give_back")
    ended = talk().say("book to orlov").say("price").say("до свидания")
    assert ended.calls == ("keep", "give_back")


def test_what_was_booked_is_not_given_back(talk: Callable[..., Talk]) -> None:
    booked = talk().say("book to orlov").do(Keyed("89161234567"))
    assert booked.calls == ("keep", "book")
    assert booked.say("до свидания").calls == ("keep", "book")


def test_a_second_hold_is_given_back_though_something_was_booked_before(talk: Callable[..., Talk]) -> None:
    second = talk().say("book to orlov").do(Keyed("89161234567")).say("book to orlov")
    assert second.calls == ("keep", "book", "keep")
    assert second.say("до свидания").calls == ("keep", "book", "keep", "give_back")


def test_a_digression_comes_back_to_the_doubt_it_interrupted(talk: Callable[..., Talk]) -> None:
    doubtful = talk().say("book").say("orlov perhaps").say("price of a visit")
    assert doubtful.said.startswith("Недорого. Доктор")
    assert doubtful.say("да").state.slots["doctor"].value == "orlov"


def test_a_wish_for_the_interrupted_form_goes_back_to_it(talk: Callable[..., Talk]) -> None:
    back = talk().say("book to orlov").say("price").say("book")
    assert back.state.form == "booking"
    assert back.state.slots["doctor"].value == "orlov"
    assert back.calls == ("keep",)
    assert back.said == "Какой телефон?"


# -- commands -------------------------------------------------------------------------------------------------------------


def test_stop_gives_up_what_was_begun(talk: Callable[..., Talk]) -> None:
    stopped = talk().say("book to orlov").say("stop")
    assert stopped.calls == ("keep", "give_back")
    assert stopped.said == "Хорошо, не будем. Чем помочь?"
    assert stopped.say("stop").ended == "abandoned"


def test_stop_in_a_digression_stops_only_the_digression(talk: Callable[..., Talk]) -> None:
    stopped = talk().say("book to orlov").say("price").say("stop")
    assert stopped.state.form == "booking"
    assert stopped.calls == ("keep",)


def test_off_target_calls_are_closed_and_counted(talk: Callable[..., Talk]) -> None:
    first = talk().say("pizza")
    assert first.said == "Я только о клинике. Чем помочь?"
    second = first.say("pizza")
    assert second.said == "Это не к нам."
    assert second.ended == "off_topic"


def test_what_may_only_be_misheard_is_no_reason_to_close_a_call(talk: Callable[..., Talk]) -> None:
    third = talk().say("pizza perhaps").say("pizza perhaps").say("pizza perhaps")
    assert third.ended == ""
    assert third.handed_over == "nomatch"


def test_a_better_outcome_stands(talk: Callable[..., Talk]) -> None:
    informed = talk().say("price of a visit")
    assert informed.state.outcome == "informed"
    booked = informed.say("book to orlov").do(Keyed("89161234567"))
    assert booked.state.outcome == "booked"
    assert booked.say("price of a visit").say("до свидания").ended == "booked"


def test_the_wish_with_its_object_wins_over_the_bare_one(talk: Callable[..., Talk]) -> None:
    texts = ("book", "to orlov")
    asked = talk().do(Heard(tuple(Alternative(text, 0.8) for text in texts)))
    assert asked.state.slots["doctor"].value == "orlov"


def test_a_patient_who_strays_is_not_closed(talk: Callable[..., Talk]) -> None:
    held = talk().say("book to orlov").say("pizza").say("pizza")
    assert held.said == "Я только о клинике. Какой телефон?"
    assert held.state.form == "booking"
    assert held.calls == ("keep",)


def test_who_hears_the_same_again_and_again_gets_a_human(talk: Callable[..., Talk]) -> None:
    asked = talk().say("book")
    for _ in range(3):
        asked.say("повторите")
        assert asked.said == "К кому?"
    assert asked.say("повторите").handed_over == "confused"


def test_asking_once_more_for_what_is_being_done_is_no_riddle(talk: Callable[..., Talk]) -> None:
    asked = talk().say("book").say("book")
    assert asked.said == "К кому?"
    assert "Не поняла" not in asked.said


@pytest.mark.parametrize(
    "before",
    [
        [],
        ["book"],
        ["book", "orlov perhaps"],
        ["book to orlov", "price"],
        ["cancel perhaps"],
        ["cancel"],
        ["pizza"],
        ["оператор", TransferEnded("busy")],
    ],
)
def test_danger_is_served_anywhere(talk: Callable[..., Talk], before: list[Any]) -> None:
    dialog = talk("")
    for one in before:
        dialog = dialog.say(one) if isinstance(one, str) else dialog.do(one)
    danger = dialog.say("danger")
    assert danger.said.startswith("Звоните сто три.")
    assert danger.handed_over == "emergency"


# -- keys and lists -------------------------------------------------------------------------------------------------------


def test_a_key_may_stand_for_a_phrase(talk: Callable[..., Talk]) -> None:
    assert talk().do(Keyed("1")).state.form == "booking"


def test_a_birth_date_by_keys(talk: Callable[..., Talk]) -> None:
    asked = talk().say("cancel")
    listen = next(act for act in asked.acts if isinstance(act, Listen))
    assert listen.expect.digits is not None
    assert listen.expect.digits.maximum == 8
    assert asked.do(Keyed("31021985")).said.startswith("Не поняла.")
    asked.do(Keyed("29022024"))
    assert asked.state.last_summary["дата рождения"]


def test_a_list_of_the_catalogues_entries_by_page(talk: Callable[..., Talk]) -> None:
    found = ("orlov", "vasileva", "morozov")
    asked = talk().say("ready", look=found)
    assert asked.said == "Два."
    next_page = asked.say("другие варианты")
    assert next_page.said == "Один."  # conditions speak of the page that is offered
    assert "морозов" in next_page.say("да").said.lower()
    assert "васильева" in talk().say("ready", look=found).do(Keyed("2")).said.lower()
    assert "васильева" in talk().say("ready", look=found).say("к васильевой").said.lower()
    assert talk().say("ready", look=found).say("другие варианты").say("другие варианты").handed_over == "no_more"


# -- operators out of hours -----------------------------------------------------------------------------------------------


def test_in_closed_hours_no_connection_is_promised(talk: Callable[..., Talk]) -> None:
    assert talk().say("оператор").said == "Соединяю."
    closed = talk(are_operators_open=False).say("оператор")
    assert closed.said == ""
    assert closed.handed_over == "requested"
    assert closed.do(TransferEnded("closed")).said.startswith("Никого нет.")


def test_once_told_closed_the_dialplan_remembers(talk: Callable[..., Talk]) -> None:
    closed = talk("").say("оператор").do(TransferEnded("closed"))
    assert closed.state.session["operators_open"] is False
    busy = talk("").say("оператор").do(TransferEnded("busy"))
    assert busy.state.session["operators_open"] is True


# -- what the loader says of them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("{subdialog: who, form: nowhere}", "there is no form 'nowhere' to call"),
        ("{subdialog: who, form: own}", "leads back to 'own'"),
        ("{subdialog: who, form: menu, arguments: {phone: caller_phone}}", "has no field and no variable 'phone'"),
        ("{field: a, type: phone, prompt: Телефон?, anytime: true}", "has no options to be said at any time"),
        ('{field: a, type: yes_no, prompt: Да?, dtmf: {"0": "да"}}', "key '0'"),
        ('{field: a, type: phone, prompt: Телефон?, dtmf: {"1": "да"}}', "collects"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, item: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        small_plans(tmp_path, f"forms:\n  - form: own\n    items:\n      - {item}\n")
    assert "own.yaml:4: " in caught.value.message
    assert message in caught.value.message


def test_a_forms_examples_are_its_own_wish(tmp_path: Path) -> None:
    plans = small_plans(
        tmp_path,
        "forms:\n  - form: parking\n    examples: [где поставить машину, есть ли парковка]\n"
        "    items:\n      - {block: told, prompt: Во дворе.}\n",
    )
    assert plans.examples() == {"parking": ("где поставить машину", "есть ли парковка")}
    form = plans.form_for("parking")
    assert form is not None
    assert form.form == "parking"
