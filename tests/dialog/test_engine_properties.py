"""Whatever callers, keys, noise, services and operators do, in any order: the engine keeps its promises.

A state machine talks to the demo clinic's dialplans over its real services, which sometimes fail.
"""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from demo_clinic import MONDAY_NINE
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.failures import ServiceFailure
from voicebot.clinic.services import ClinicServices
from voicebot.clock import VirtualClock
from voicebot.dialog.engine import Engine
from voicebot.dialog.state import Phase, State
from voicebot.dialog.talking import (
    Act,
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
from voicebot.storage.database import Database, open_database

BUDGET_SECONDS = 210.0
LONGEST_TURN_SECONDS = 20.0
PHRASES = [
    "запишите к кардиологу", "к доктору соколовой", "на завтра после обеда", "в пятницу", "на ближайшее время",
    "первый", "второе", "другое время", "другой врач", "пораньше", "иванов пётр", "смирнова", "да", "нет",
    "нет лучше в среду", "запишите сына к лору",
    "восемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь", "девятьсот шестнадцать", "повторите",
    "стоп", "назад", "подождите", "не поняла", "сколько это стоит", "где вы находитесь", "любой", "узи",
    "фамилия неправильная", "тополь рояль", "алло", "перенесите запись", "отмените запись", "все равно", "время",
    "ничего", "к соколову или соколовой", "двадцать пятое марта восемьдесят пятого года", "готовы ли мои анализы",
    "сколько делается ферритин", "какая завтра погода", "нужна справка для налоговой", "до свидания", "оператор",
    "на какое время я записан", "пришлите адрес смской",
]  # fmt: skip
ANSWERS = {
    "request": ["запишите к терапевту", "запишите к терапевту", "отмените мою запись", "сколько стоит узи почек"],
    "subject": ["к терапевту", "к доктору орлову"],
    "datetime": ["на ближайшее время", "в среду"],
    "choice": ["первый", "второй", "да", "другое время"],
    "name": ["иванов пётр сергеевич", "смирнова анна"],
    "phone": ["восемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь"],
    "birth_date": ["двадцать пятое марта тысяча девятьсот восемьдесят пятого года"],
    "yes_no": ["да", "да", "нет"],
    "service": ["узи почек"],
    "test": ["ферритин"],
}
FAULTS = ["", "", "", "", "", "slot_taken", "hold_expired", "unavailable", "not_found", "too_late", "bad_phone", "unheard_of"]
KEYS = ["1", "2", "3", "9", "*", "#", "0", "89161234567", "12", "A", "25031985", "31021985"]


class AnyDialog(RuleBasedStateMachine):
    """One dialog, driven at random. `world` is set by the test."""

    world: ClassVar[tuple[Engine, Catalogue, Path, Path]]
    #: What all dialogs together called: a machine that never holds a time proves nothing about holding.
    called: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.engine, catalogue, diary, folder = self.world
        self.zone = catalogue.zone
        self.clock = VirtualClock(MONDAY_NINE)
        own = folder / "own.db"
        shutil.copy(diary, own)
        self.database: Database = open_database(f"sqlite:///{own}")
        self.services = ClinicServices(Bookings(self.database, catalogue, self.clock), catalogue, self.clock)
        self.state = self.engine.begin("7A3KM05X")
        self.last: list[Act] = []
        self.held: set[int] = set()
        self.turn_began: float = 0.0

    def teardown(self) -> None:
        self.database.close()

    # -- what happens ---------------------------------------------------------------------------------------------------

    @initialize(caller=st.sampled_from(["+79161234567", "", "anonymous"]), are_operators_open=st.booleans())
    def start(self, caller: str, are_operators_open: bool) -> None:
        self.happen(Started(caller, are_operators_open=are_operators_open))

    @rule(text=st.sampled_from(PHRASES), seconds=st.floats(1, LONGEST_TURN_SECONDS), fault=st.sampled_from(FAULTS))
    def speak(self, text: str, seconds: float, fault: str) -> None:
        self.talk(Heard((Alternative(text),)), seconds, fault)

    @rule(
        texts=st.lists(st.sampled_from(PHRASES), min_size=2, max_size=3),
        confidence=st.floats(0, 1),
        fault=st.sampled_from(FAULTS),
    )
    def mumble(self, texts: list[str], confidence: float, fault: str) -> None:
        self.talk(Heard(tuple(Alternative(text, confidence) for text in texts)), 3.0, fault)

    @rule(digits=st.sampled_from(KEYS), fault=st.sampled_from(FAULTS))
    def press(self, digits: str, fault: str) -> None:
        self.talk(Keyed(digits), 2.0, fault)

    @rule(event=st.sampled_from([NoInput(), NotHeard()]), seconds=st.floats(4, 8))
    def say_nothing(self, event: Event, seconds: float) -> None:
        self.wait(seconds)
        self.talk(event, 0.0, "")

    @rule(result=st.sampled_from(["busy", "no_answer", "closed", "unreachable"]))
    def no_human(self, result: str) -> None:
        was = self.state.phase
        self.happen(TransferEnded(result))
        if was is Phase.TRANSFERRING:
            assert self.state.phase in (Phase.LISTENING, Phase.ENDED)

    @rule(seconds=st.floats(1, 40))
    def wait(self, seconds: float) -> None:
        """Nobody speaks; the budget is looked at once a second."""
        while seconds > 0 and self.state.phase is Phase.LISTENING:
            self.clock.advance(min(1.0, seconds))
            seconds -= 1.0
            self.turn_began = self.clock.elapsed_seconds
            self.happen(BudgetCheck())

    @precondition(lambda self: self.state.phase is Phase.LISTENING)
    @rule(picks=st.lists(st.integers(0, 3), min_size=1, max_size=9), fault=st.sampled_from(FAULTS))
    def answer(self, picks: list[int], fault: str) -> None:
        """What was asked for, some times in a row: so dialogs get far, and come to their ends too."""
        for pick in picks:
            if self.state.phase is Phase.LISTENING and self.state.expect is not None:
                texts = ANSWERS.get(self.state.expect.type, ["да"])
                self.talk(Heard((Alternative(texts[pick % len(texts)]),)), 4.0, fault)

    @precondition(lambda self: self.state.phase in (Phase.LISTENING, Phase.WAITING))
    @rule(rank=st.integers(0, 1), confidence=st.floats(0, 1), chance=st.integers(0, 3))
    def danger(self, rank: int, confidence: float, chance: int) -> None:
        if chance:
            return  # it ends the dialog: not too often
        texts = ["да завтра утром", "давайте завтра"]
        texts[rank] = "у него сильная боль в груди"
        self.happen(Heard(tuple(Alternative(text, confidence) for text in texts)))
        assert [act.reason for act in self.last if isinstance(act, HandOver)] == ["emergency"]
        assert any("сто три" in act.text.replace("+", "") for act in self.last if isinstance(act, Say))

    @rule(service=st.sampled_from(["release", "hold", "book", "unheard_of"]))
    def late_answer(self, service: str) -> None:
        """An answer nobody waits for: of an undo, or of a call given up."""
        before = self.state
        self.happen(Returned(service, 1))
        assert self.last == []
        assert self.state.phase is before.phase

    # -- how it is carried out ------------------------------------------------------------------------------------------

    def talk(self, event: Event, seconds: float, fault: str) -> None:
        was = self.state.phase
        if was is Phase.LISTENING:
            self.clock.advance(seconds)
        self.happen(event, fault)
        if was is Phase.LISTENING:
            assert any(isinstance(act, Listen | HandOver | End) for act in self.last), event
            assert any(isinstance(act, Say | HandOver | End) for act in self.last), event
        else:
            assert self.last == []

    def happen(self, event: Event, fault: str = "") -> None:
        """Let the engine take a step, and the services answer, until somebody else must act."""
        self.last = []
        queue: list[Event] = [event]
        while queue:
            before = self.state.to_json()
            step = self.engine.step(self.state, queue.pop(0), self.clock.now().astimezone(self.zone))
            assert self.state.to_json() == before, "a step changed the state it was given"
            self.state = State.from_json(step.state.to_json())
            assert self.state == step.state
            self.last += step.acts
            for act in step.acts:
                if isinstance(act, Invoke):
                    queue.append(self.call(act, fault))
                    fault = ""

    def call(self, act: Invoke, fault: str) -> Returned:
        if fault and act.service != "release":
            return Returned(act.service, error=fault)
        try:
            self.called.add(act.service)
            value: Any = self.services.call(act.service, act.arguments, self.state.dialog_id, act.key)
        except ServiceFailure as failure:
            return Returned(act.service, error=failure.code)
        slot = act.arguments.get("slot_id")
        if act.service == "hold":
            self.held.add(slot)
        elif act.service in ("release", "book", "reschedule"):
            self.held.discard(slot)
        return Returned(act.service, value)

    # -- what always holds ----------------------------------------------------------------------------------------------

    @invariant()
    def somebody_is_to_act(self) -> None:
        assert self.state.phase in (Phase.NEW, Phase.LISTENING, Phase.TRANSFERRING, Phase.ENDED)
        if self.state.phase is Phase.LISTENING:
            assert self.state.expect is not None

    @invariant()
    def everything_spoken_is_words(self) -> None:
        for act in self.last:
            if isinstance(act, Say):
                assert act.text.strip(), act
                assert not any(character.isdigit() or character in "{}|_" for character in act.text), act

    @invariant()
    def the_budget_is_kept(self) -> None:
        """While the robot goes on with a request, its time is not over by more than the turn that was just spoken."""
        started = self.state.request_started_at
        if self.state.phase is Phase.LISTENING and started is not None:
            elapsed = (self.clock.now() - started) / timedelta(seconds=1)
            assert elapsed <= BUDGET_SECONDS + LONGEST_TURN_SECONDS

    @invariant()
    def nothing_held_is_lost(self) -> None:
        """Who said goodbye, or leaves a form, leaves no time blocked for others; with a human on the way it stays held."""
        if self.state.phase is Phase.ENDED:
            assert not self.held
        elif self.state.phase is Phase.LISTENING:
            known = [*self.state.stack, self.state]
            slots = [name for place in known for name in place.slots if "hold" in name]
            assert len(self.held) <= len(slots), (self.held, self.state.form)


@pytest.fixture
def world(engine: Engine, catalogue: Catalogue, filled_diary: Path, tmp_path: Path) -> Iterator[None]:
    AnyDialog.world = (engine, catalogue, filled_diary, tmp_path)
    yield
    del AnyDialog.world


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.usefixtures("world")
def test_any_dialog_keeps_the_promises() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        AnyDialog,
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert "find_slots" in AnyDialog.called  # chance led deep enough to say something
