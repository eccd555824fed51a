"""The queue of callers whom no brain can serve yet: music, words about the place, and the way out. No pjsua2 here."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from voicebot.line.caller import CallerCall, Farewell
from voicebot.line.media import MediaSession
from voicebot.line.waiting import Waiting, WaitRules, Way, Word
from voicebot.link.messages import CallStarted
from voicebot.link.waiting_sounds import WaitingSounds

log = structlog.get_logger(__name__)

LEFT, FULL, TOO_LONG, ASKED, CLOSED = "queue_left", "queue_full", "queue_too_long", "queue_operator", "queue_closed"
_THANKED_SECONDS = 2.0  # who waited less has not noticed
_NUMBER_DIGITS = 10  # of a caller who can be called back


@dataclass(slots=True)
class Waiter:
    """A caller in the queue. `reason`: why his call has no brain, if it ends so."""

    call: CallerCall
    media: MediaSession
    started: CallStarted
    machine: Waiting
    reason: str = LEFT


class WaitingRoom:
    """First come, first served. `step` is called every few milliseconds, by the line's one thread."""

    def __init__(
        self, rules: WaitRules, sounds: WaitingSounds, goes: Callable[[CallStarted, str], None] = lambda _who, _why: None
    ) -> None:
        """`goes(who, reason)` is told whom the operators are to take."""
        self._rules = rules
        self._goes = goes
        self._waiters: dict[str, Waiter] = {}
        self._music: tuple[bytes, ...] = ()
        self.sounds = WaitingSounds()
        self.use(sounds)
        self.served = self.passed = self.left = 0
        self.waited_seconds = 0.0
        """Of all who wait no more."""

    def __len__(self) -> int:
        return len(self._waiters)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._waiters

    def use(self, sounds: WaitingSounds) -> None:
        """Speak so from now on."""
        if sounds != self.sounds:
            self.sounds, self._music = sounds, sounds.music_frames()

    @property
    def waiters(self) -> list[Waiter]:
        return list(self._waiters.values())

    def farewell(self, who: CallStarted) -> Farewell:
        """What is said on the way to the operators, and where none is reached."""
        sounds = self.sounds
        has_number = sum(character.isdigit() for character in who.caller) >= _NUMBER_DIGITS
        return Farewell(apology=sounds.to_operator, goodbye=sounds.call_back if has_number else sounds.goodbye)

    def enter(self, call: CallerCall, media: MediaSession, started: CallStarted, now: float) -> None:
        """The caller hears us and waits from now on."""
        waiter = self._waiters[call.call_id] = Waiter(call, media, started, Waiting(self._rules, now))
        place = len(self._waiters)
        waiter.machine.step(place, is_speaking=False, now=now)
        call.say_own(self._words(Word.GREETING, place))  # before the music begins
        media.fill(self._music)
        log.info("call_waits", dialog=call.dialog_id, place=place)

    def pressed(self, call_id: str, digit: str) -> None:
        self._waiters[call_id].machine.pressed(digit)

    def next(self) -> str | None:
        """Return who is to be served first; whoever is being put through keeps his place and is passed over."""
        return next((call_id for call_id, one in self._waiters.items() if not one.machine.is_asking), None)

    def serve(self, call_id: str, now: float) -> float:
        """A brain takes this caller; return how long he has waited."""
        waiter = self._waiters.pop(call_id)
        waited = self._count(waiter, now)
        self.served += 1
        waiter.media.stop()
        waiter.media.fill(None)
        if waited >= _THANKED_SECONDS and self.sounds.served:
            waiter.call.say_own(self.sounds.served)
        log.info("call_waited", dialog=waiter.call.dialog_id, seconds=round(waited, 1))
        return waited

    def ended(self, call_id: str, now: float) -> str:
        """The call is over; return why it had no brain, "" if it was not waiting."""
        waiter = self._waiters.pop(call_id, None)
        if waiter is None:
            return ""
        self._count(waiter, now)
        self.left += 1
        return waiter.reason

    def step(self, now: float) -> list[tuple[str, str]]:
        """Say and do what is due; return (call, reason) of those who are the operators' now and wait no more."""
        gone: list[tuple[str, str]] = []
        for place, (call_id, waiter) in enumerate(list(self._waiters.items()), start=1):
            if waiter.call.is_ended:
                continue
            self._look_after_operator(waiter)
            match waiter.machine.step(place, is_speaking=not waiter.media.is_drained, now=now):
                case Word() as word:
                    waiter.call.say_own(self._words(word, place))
                case Way.ASK_OPERATOR:
                    waiter.reason = ASKED
                    waiter.media.stop()
                    self._goes(waiter.started, ASKED)
                    waiter.call.say_own(self.sounds.to_operator)
                    waiter.call.ask_operator(now)
                case Way.LEAVE:
                    gone.append((call_id, self._give_away(call_id, TOO_LONG, now)))
                case None:
                    pass
            if waiter.call.is_with_operator:
                del self._waiters[call_id]
                self._count(waiter, now)
                self.passed += 1
                gone.append((call_id, ASKED))
        return gone

    def give_all_away(self, reason: str, now: float) -> list[tuple[str, str]]:
        """Nobody here can be served any more: all go to the operators."""
        return [(call_id, self._give_away(call_id, reason, now)) for call_id in list(self._waiters)]

    def _give_away(self, call_id: str, reason: str, now: float) -> str:
        waiter = self._waiters.pop(call_id)
        self._count(waiter, now)
        self.passed += 1
        waiter.media.fill(None)
        self._goes(waiter.started, reason)
        waiter.call.alone(self.farewell(waiter.started), now)
        return reason

    def _look_after_operator(self, waiter: Waiter) -> None:
        if waiter.machine.is_asking and waiter.call.has_no_operator:
            waiter.machine.no_operator()
            waiter.reason = LEFT
            waiter.media.fill(self._music)

    def _words(self, word: Word, place: int) -> bytes:
        sounds = self.sounds
        match word:
            case Word.GREETING:
                return sounds.greeting + sounds.place(place) + sounds.hint
            case Word.PLACE:
                return sounds.place(place)
            case Word.NO_OPERATOR:
                return sounds.no_operator + sounds.place(place)

    def _count(self, waiter: Waiter, now: float) -> float:
        waited = waiter.machine.waited_seconds(now)
        self.waited_seconds += waited
        return waited
