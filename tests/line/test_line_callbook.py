"""The book of calls with legs that do nothing: what breaks in one call, who lets go of whom, who is told at the end."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from voicebot.line.admission import Verdict
from voicebot.line.brainless import Brainless
from voicebot.line.callbook import CallBook
from voicebot.line.caller import CallRules, Farewell
from voicebot.line.leg import Confirmed, Ended, MediaChanged
from voicebot.line.media import MediaSession
from voicebot.line.reception import Reception
from voicebot.link import waiting_sounds
from voicebot.link.messages import CallEnded, CallStarted, EndedBy, FromLine, Hello, Orphaned, Transfer, TransferMode, Waiting
from voicebot.link.waiting_sounds import WaitingSounds
from voicebot.settings import Admission

SOUND = b"\1\0" * 160
RULES = CallRules(TransferMode.BRIDGE, 30, 30, 300, frozenset({"operator"}))


@dataclass(eq=False)
class Leg:
    call_id: str


@dataclass
class Legs:
    """A wire whose legs are names; what the library would do at `breaks` it does not survive."""

    caller: Leg | None
    operator: Leg | None = None
    deeds: list[str] = field(default_factory=list)
    given_back: list[Leg] = field(default_factory=list)
    breaks: str = ""

    def _do(self, what: str) -> None:
        self.deeds.append(what)
        if what == self.breaks:
            raise KeyError("+79161234567")

    def hang_up(self) -> None:
        self._do("hang_up")

    def dial_operator(self, target: str, dialog_id: str) -> None:
        assert self.caller is not None
        self.operator = Leg(self.caller.call_id)
        self._do("dial")

    def hang_up_operator(self) -> None:
        self._do("hang_up_operator")

    def join(self, is_joined: bool) -> None:
        self._do("join")

    def refer_replaces(self, dialog_id: str) -> None: ...

    def refer_blind(self, target: str, dialog_id: str) -> None: ...

    def has_free_leg(self) -> bool:
        return True

    def packets_received(self) -> int:
        return 0

    def connect(self, leg: Leg, now: float) -> bool:
        self._do("connect")
        return False

    def guard_sound(self, now: float) -> None:
        self._do("guard")

    def leg_ended(self, leg: Leg) -> None:
        self.given_back.append(leg)
        if leg is self.operator:
            self.operator = None
        else:
            self.caller = None


class Line:
    """A book, a reception, and what each brain was told."""

    def __init__(self, folder: Path) -> None:
        sounds = WaitingSounds(
            greeting=SOUND, hint=SOUND, more=SOUND, to_operator=SOUND, music=SOUND, goodbye=SOUND, places=(SOUND,)
        )
        waiting_sounds.save(folder, sounds)
        self.told: dict[int, list[FromLine]] = {1: [], 2: []}
        self.wires: dict[str, Legs] = {}
        self.now = 100.0
        self.reception = Reception(
            Admission(), folder, 10, has_operator=True, now=self.now, goes=lambda who, why: self.brainless.waits(who, why)
        )
        self.brainless = Brainless(self.reception.roster, self._send)
        self.book = CallBook(RULES, self.reception, self.brainless, self._send, self._wire_of, Farewell(SOUND, SOUND))

    def _send(self, link: int, message: FromLine) -> None:
        self.told[link].append(message)

    def _wire_of(self, leg: Leg, media: MediaSession) -> Legs:
        return self.wires.setdefault(leg.call_id, Legs(leg))

    def joined(self, link: int, capacity: int = 5) -> None:
        hello = Hello(brain_id=f"b{link}", pid=1, capacity_calls=capacity, apology=b"")
        self.reception.roster.join(link, hello)

    def lost(self, link: int) -> None:
        self.reception.roster.leave(link)
        self.book.brain_lost(link, Farewell(SOUND, SOUND), self.now)

    def call(self, call_id: str, verdict: Verdict = Verdict.ANSWER, *, is_acknowledged: bool = True) -> Leg:
        leg = Leg(call_id)
        started = CallStarted(
            call_id=call_id, dialog_id=f"ID{call_id}", caller="", called="", source_host="", sip_call_id=call_id
        )
        entry = self.book.enter(leg, started, verdict, self.now, takes_refer=True)
        if verdict is Verdict.ANSWER:
            entry.call.brain = self.reception.take(self.now)
        if is_acknowledged:
            self.book.take(Confirmed(leg), self.now)  # type: ignore[arg-type]
        return leg

    def event(self, kind: Any, leg: Leg | None, *more: Any) -> bool:
        return self.book.take(kind(leg, *more), self.now)

    def goes_on(self, seconds: float = 1.0) -> None:
        for _ in range(round(seconds * 50)):
            self.now += 0.02
            for entry in list(self.book._entries.values()):
                entry.media.requested()
                entry.media.received(b"")
            self.book.step(0, self.now)

    def ends(self, link: int) -> list[tuple[str, EndedBy]]:
        return [(one.call_id, one.ended_by) for one in self.told[link] if isinstance(one, CallEnded)]

    def orphans(self, link: int) -> list[tuple[str, str]]:
        return [(one.started.call_id, one.reason) for one in self.told[link] if isinstance(one, Orphaned)]


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


@pytest.mark.parametrize("breaks", ["connect", "guard", "dial"])
def test_what_breaks_in_one_call_ends_that_call_only(line: Line, breaks: str) -> None:
    line.joined(1)
    first, second = line.call("c1"), line.call("c2")
    line.wires["c1"].breaks = breaks
    with capture_logs() as logs:
        for leg in (first, second):
            line.event(MediaChanged, leg)
            line.book.order(1, Transfer(call_id=leg.call_id, target="operator"), line.now)
        line.goes_on()
    assert line.wires["c1"].deeds.count(breaks) == 1, "nothing more is tried with it"
    assert line.wires["c1"].deeds[-1] == "hang_up"
    assert "hang_up" not in line.wires["c2"].deeds
    assert line.book.broken == 1
    assert [one["error"] for one in logs if one["event"] == "call_broke"] == ["KeyError"]
    assert "7916" not in str(logs)
    line.event(Ended, first, 200)
    line.event(Ended, second, 200)
    assert line.ends(1) == [("c1", EndedBy.ERROR), ("c2", EndedBy.CALLER)]
    assert len(line.book) == 0
    assert line.reception.roster.summary()[0]["calls"] == 0


def test_an_operators_leg_that_ends_later_gives_its_port_back_then(line: Line) -> None:
    line.joined(1)
    caller = line.call("c1")
    line.book.order(1, Transfer(call_id="c1", target="operator"), line.now)
    line.goes_on()
    wire = line.wires["c1"]
    operator = wire.operator
    assert operator is not None
    line.event(Confirmed, operator)
    assert "join" in wire.deeds
    line.event(Ended, caller, 200)
    assert wire.given_back == [caller]
    assert line.event(MediaChanged, operator)
    assert line.event(Ended, operator, 200)
    assert wire.given_back == [caller, operator]
    assert not line.event(Ended, operator, 200), "nobody's any more"


def test_who_acknowledges_after_the_last_brain_died_does_not_wait_for_nobody(line: Line) -> None:
    line.joined(1)
    leg = line.call("c1", Verdict.QUEUE, is_acknowledged=False)
    line.lost(1)
    line.event(Confirmed, leg)
    line.goes_on()
    assert line.reception.facts()["waiting"] == 0
    assert "dial" in line.wires["c1"].deeds
    line.joined(2)
    line.event(Ended, leg, 200)
    line.goes_on()
    assert line.orphans(2) == [("c1", "brain_died")]


def test_the_reason_of_who_came_while_line_ends_is_that(line: Line) -> None:
    line.joined(1)
    leg = line.call("c1", Verdict.QUEUE, is_acknowledged=False)
    line.book.close_queue(line.now)
    line.event(Confirmed, leg)
    assert [one.reason for one in line.told[1] if isinstance(one, Waiting)] == ["queue_closed"]


def test_at_the_end_every_call_has_an_outcome(line: Line) -> None:
    """Those too whose phones have not answered our BYE by then, with a brain or without."""
    line.joined(1, capacity=1)
    line.call("c1")
    line.call("c2", Verdict.QUEUE)
    line.call("c3", Verdict.OPERATORS)
    line.goes_on()
    line.book.close(line.now)
    assert line.ends(1) == [("c1", EndedBy.ROBOT)]
    assert line.orphans(1) == [("c2", "queue_left"), ("c3", "queue_full")]
    assert all(wire.caller is wire.operator is None for wire in line.wires.values())
