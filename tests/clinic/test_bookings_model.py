"""Hypothesis plays callers against a plain model of the diary: whatever they do, both agree."""

import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from small_clinic import PHONE, Name, assert_consistent, catalogue, clock
from sqlalchemy import select

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.failures import ServiceFailure
from voicebot.clinic.setup import prepare
from voicebot.clinic.tables import SlotRow
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

DIALOGS = st.sampled_from(["d1", "d2", "d3"])
SERVICES = st.sampled_from(["look", "filling"])
CLARA_SLOTS = 8  # a day of the dentist: 09:00-12:00 and 13:00-14:00
SLOTS = st.integers(0, CLARA_SLOTS - 1)


_KEPT = tempfile.TemporaryDirectory(prefix="voicebot-model-")  # removed when the interpreter ends


@cache
def _template() -> Path:
    path = Path(_KEPT.name) / "diary.db"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    prepare(database, catalogue(), clock(), days=1)
    database.close()
    return path


def needed(slot: int, service: str) -> list[int] | None:
    """The slots a service takes, None where lunch or the day's end is in the way."""
    run = [slot] if service == "look" else [slot, slot + 1]
    return run if run[-1] < CLARA_SLOTS and run != [5, 6] else None


@dataclass
class Held:
    dialog: str
    until: float


@dataclass
class Model:
    held: dict[int, Held] = field(default_factory=dict)
    booked: dict[int, int] = field(default_factory=dict)  # slot -> appointment
    service: dict[int, str] = field(default_factory=dict)  # appointment -> service

    def is_free_for(self, slots: list[int], dialog: str, now: float, apart_from: int | None = None) -> bool:
        for slot in slots:
            if self.booked.get(slot, apart_from) != apart_from:
                return False
            hold = self.held.get(slot)
            if hold is not None and hold.dialog != dialog and hold.until > now:
                return False
        return True


class Diary(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="voicebot-model-"))
        shutil.copy(_template(), self.folder / "diary.db")
        self.database = open_database(f"sqlite:///{self.folder / 'diary.db'}")
        self.clock = clock()
        self.bookings = Bookings(self.database, catalogue(), self.clock)
        self.model = Model()
        self.keys: list[SimpleNamespace] = []
        with self.database.session(is_readonly=True) as session:
            query = select(SlotRow.id).where(SlotRow.doctor_id == "clara").order_by(SlotRow.start)
            self.ids = list(session.scalars(query))
        assert len(self.ids) == CLARA_SLOTS

    def attempt(self, should_work: bool, act):
        try:
            result = act()
        except ServiceFailure:
            assert not should_work
            return None
        assert should_work
        return result

    @property
    def now(self) -> float:
        return self.clock.elapsed_seconds

    @rule(slot=SLOTS, dialog=DIALOGS, service=SERVICES, seconds=st.sampled_from([30, 180]))
    def hold(self, slot: int, dialog: str, service: str, seconds: int) -> None:
        slots = needed(slot, service)
        can = slots is not None and self.model.is_free_for(slots, dialog, self.now)
        self.attempt(can, lambda: self.bookings.hold(self.ids[slot], dialog, seconds, service))
        if can:
            self.model.held = {s: hold for s, hold in self.model.held.items() if hold.dialog != dialog}
            for taken in slots:
                self.model.held[taken] = Held(dialog, self.now + seconds)

    @rule(dialog=DIALOGS)
    def release(self, dialog: str) -> None:
        self.bookings.release(dialog)
        self.model.held = {s: hold for s, hold in self.model.held.items() if hold.dialog != dialog}

    @rule(slot=SLOTS, dialog=DIALOGS, service=SERVICES)
    def book(self, slot: int, dialog: str, service: str) -> None:
        slots = needed(slot, service)
        can = slots is not None and self.model.is_free_for(slots, dialog, self.now)
        key = f"book{len(self.keys)}"
        result = self.attempt(can, lambda: self.bookings.book(self.ids[slot], dialog, Name(), PHONE, service, key))
        if can:
            self.take(result.id, slots, service)
            self.keys.append(SimpleNamespace(slot=self.ids[slot], key=key, id=result.id))

    def take(self, appointment: int, slots: list[int], service: str) -> None:
        for taken in slots:
            self.model.held.pop(taken, None)
            self.model.booked[taken] = appointment
        self.model.service[appointment] = service

    def free(self, appointment: int) -> None:
        self.model.booked = {s: a for s, a in self.model.booked.items() if a != appointment}

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def book_again(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.keys))
        assert self.bookings.book(order.slot, "late", Name("Чужая"), PHONE, None, order.key).id == order.id

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        appointment = data.draw(st.sampled_from(sorted(self.model.service)))
        is_live = appointment in self.model.booked.values()
        self.attempt(is_live, lambda: self.bookings.cancel(appointment, f"cancel{appointment}/{is_live}"))
        self.free(appointment)

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), slot=SLOTS)
    def move(self, data: st.DataObject, slot: int) -> None:
        appointment = data.draw(st.sampled_from(sorted(self.model.service)))
        service = self.model.service[appointment]
        slots = needed(slot, service)
        is_live = appointment in self.model.booked.values()
        can = is_live and slots is not None and self.model.is_free_for(slots, "d1", self.now, apart_from=appointment)
        key = f"move{len(self.keys)}/{appointment}/{slot}/{self.now}/{len(self.model.service)}"
        result = self.attempt(can, lambda: self.bookings.reschedule(appointment, self.ids[slot], key, "d1"))
        if can:
            self.free(appointment)
            self.take(result.id, slots, service)

    @rule(seconds=st.sampled_from([10, 30, 180]))
    def wait(self, seconds: int) -> None:
        if self.now + seconds < 3600:  # the first slot must not pass
            self.clock.advance(seconds)

    @rule()
    def sweep(self) -> None:
        ran_out = [slot for slot, hold in self.model.held.items() if hold.until <= self.now]
        assert self.bookings.expire_holds() == len(ran_out)
        for slot in ran_out:
            del self.model.held[slot]

    @invariant()
    def tables_agree(self) -> None:
        if not hasattr(self, "database"):
            return
        assert_consistent(self.database)
        assert {a.id for a in self.bookings.appointments_of(PHONE)} == set(self.model.booked.values())

    @invariant()
    def what_is_offered_can_be_had(self) -> None:
        if not hasattr(self, "database"):
            return
        offered = {o.slot_id for o in self.bookings.find_slots(service="filling", limit=CLARA_SLOTS)}
        expected = {
            self.ids[slot]
            for slot in range(CLARA_SLOTS)
            if (slots := needed(slot, "filling"))
            and self.model.is_free_for(slots, "", self.now)
            and slot * 1800 >= self.now  # an hour of lead: the clock starts an hour before the first slot
        }
        assert offered == expected

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            shutil.rmtree(self.folder, ignore_errors=True)


# A failure is shown as it was found, 25 steps at most: shrinking it would take minutes of database work.
Diary.TestCase.settings = settings(
    phases=[Phase.generate],
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestDiary = Diary.TestCase
