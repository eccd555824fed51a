"""Who is served now, who waits, who goes to the operators: load, roster and queue brought together. No pjsua2 here."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from voicebot.line.admission import Situation
from voicebot.line.gate import GateRules
from voicebot.line.own_load import OwnLoad
from voicebot.line.roster import LoadLimits, Roster
from voicebot.line.waiting import WaitRules
from voicebot.line.waiting_room import WaitingRoom
from voicebot.link import waiting_sounds
from voicebot.link.messages import CallStarted, TransferState
from voicebot.settings import Admission

_NO_OPERATORS_SECONDS = 30.0  # after none could be reached, a call that has no place at all is refused rather than answered
_UNREACHABLE = (TransferState.UNREACHABLE, TransferState.WRONG_EXTENSION)


@dataclass(frozen=True, slots=True)
class Held:
    """What the line holds: calls that are served, calls that wait (or will, once their ACK has come), and its means."""

    served: int
    waiting: int
    has_leg: bool
    has_apology: bool
    is_draining: bool


class Reception:
    """Asked for each call that comes, and each few milliseconds while callers wait."""

    def __init__(
        self,
        settings: Admission,
        sounds: Path,
        lines: int,
        *,
        has_operator: bool,
        now: float,
        goes: Callable[[CallStarted, str], None],
    ) -> None:
        """`sounds`: folder of what callers hear who wait; `goes(who, reason)` is told whom the operators are to take."""
        self._settings = settings
        self._sounds = sounds
        self._lines = lines
        self._has_operator = has_operator
        rules = GateRules(always_calls=settings.always_calls) if settings.is_measured else None
        self.roster = Roster(LoadLimits(settings.busy_share, settings.behind_ms, settings.answer_ms), rules)
        self._load = OwnLoad(settings.line_busy_share, settings.late_share, rules, now, time.process_time())
        wait_rules = WaitRules(settings.wait_seconds, settings.tell_seconds)
        self.room = WaitingRoom(wait_rules, waiting_sounds.load(sounds), goes)
        self._no_operators_until = 0.0

    def situation(self, held: Held, now: float, *, takes_refer: bool = False) -> Situation:
        """Return what is decided upon. `takes_refer`: the caller may be sent to the operators without a leg of ours."""
        wanted, sounds = self._settings.when_full, self.room.sounds
        can_queue = wanted == "queue" and held.has_leg and sounds.is_complete
        is_reachable = self._has_operator and now >= self._no_operators_until and (held.has_leg or takes_refer)
        return Situation(
            calls=held.served,
            lines=self._lines,
            living_brains=len(self.roster),
            has_room=self.roster.has_room(now) and self._load.is_open(held.served, now),
            # Where refused calls go on to another robot, that one is better than our apology (this one may just be starting).
            has_apology=held.has_apology and wanted != "refuse",
            is_draining=held.is_draining,
            waiting=held.waiting,
            places=self._settings.places if can_queue else 0,
            can_hand_over=wanted != "refuse" and is_reachable and bool(sounds.to_operator),
        )

    def take(self, now: float) -> int | None:
        """Give a call to a brain; return its link, None where all are full."""
        link = self.roster.take(now)
        if link is not None:
            self._load.let_in(now)
        return link

    def take_this(self, link: int, served: int, now: float) -> bool:
        """Give a call to the brain that asked for it, if line and brain carry one more."""
        if not self._load.is_open(served, now) or not self.roster.take_this(link, now):
            return False
        self._load.let_in(now)
        return True

    def serve_next(self, served: int, now: float) -> tuple[str, int, float] | None:
        """Return the caller who is served now, by which link, and how long he waited; None while nobody can be."""
        call_id = self.room.next()
        if call_id is None or served >= self._lines or not self._load.is_open(served, now):
            return None
        link = self.take(now)
        return None if link is None else (call_id, link, self.room.serve(call_id, now))

    def measured(self, now: float, late_frames: int, calls: int) -> None:
        """Each second: so many frames were late since the start, so many calls are held."""
        self._load.measured(now, time.process_time(), late_frames, calls)

    def operators_answered(self, state: TransferState | None, now: float) -> None:
        """A call without a brain has ended so."""
        if state in _UNREACHABLE:
            self._no_operators_until = now + _NO_OPERATORS_SECONDS

    def reload_sounds(self) -> None:
        """A brain may have made them anew."""
        self.room.use(waiting_sounds.load(self._sounds))

    def facts(self) -> dict[str, object]:
        """What the status file shows."""
        room = self.room
        return {
            "can_queue": room.sounds.is_complete,
            "waiting": len(room),
            "waited_seconds": round(room.waited_seconds, 1),
            "admitted_from_queue": room.served,
            "passed_to_operators": room.passed,
            "left_the_queue": room.left,
            "load": round(max(self._load.figure, self.roster.figure), 3),
        }
