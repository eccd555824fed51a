"""What is said to and fro in one call: the ear's events in, the engine asked, its acts out to the mouth and to line.

Called from one task, in order (`conversation`); whatever it raises ends with a human there.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ParamSpec, TypeVar

from voicebot.audio.pcm import FRAME_MS
from voicebot.clock import SteadyClock
from voicebot.dialog import talking
from voicebot.dialog.engine import Step
from voicebot.dialog.state import Phase, State
from voicebot.hearing import ear as hearing
from voicebot.link import messages as line
from voicebot.records.dialogs import without_stress
from voicebot.talk.chronicle import Chronicle
from voicebot.talk.deadair import DeadAir, DeadAirWatch
from voicebot.talk.hours import is_open
from voicebot.talk.keys import KeyBuffer
from voicebot.talk.latency import Latency
from voicebot.talk.opening import Opening
from voicebot.talk.plan import plan_of
from voicebot.talk.service_calls import Answer, ServiceCalls
from voicebot.talk.shared import Shared
from voicebot.talk.speech import Mouth, Utterance

P = ParamSpec("P")
T = TypeVar("T")

_BUDGET_CHECK_FRAMES = 1000 // FRAME_MS
_LONGEST_PAUSE_FRAMES = 2000 // FRAME_MS  # noise without an end must not silence the robot
_LONGEST_TURN_SECONDS = 30.0  # hearing ends a caller's turn before that


@dataclass(slots=True)
class Exchange:
    """The state of one call's talk. `report` takes the services' answers and the voice's failures."""

    shared: Shared
    call_id: str
    chronicle: Chronicle
    send: Callable[[line.FromBrain], None]
    report: Callable[[Answer | Exception], None]
    state: State = field(init=False)
    mouth: Mouth = field(init=False)
    services: ServiceCalls = field(init=False)
    frame: int = 0
    handing_over: talking.HandOver | None = None
    ended: talking.End | None = None
    is_begun: bool = False
    caller_turns: int = 0
    is_given_up: bool = False
    """The robot itself failed: the engine is not asked any more."""

    _ear: hearing.Ear = field(init=False)
    _clock: SteadyClock = field(init=False)
    """The budget of a call is not spent, and not refunded, by somebody who sets the machine's clock."""
    _keys: KeyBuffer = field(default_factory=KeyBuffer)
    _silence: DeadAirWatch = field(default_factory=DeadAirWatch)
    _expect: talking.Expect | None = None
    _is_listening: bool = False
    is_ear_due: bool = False
    """A frame was noticed whose work is still to be done, by `hear`."""
    _last_budget_frame: int = 0
    _paused_frame: int = 0
    _is_held: bool = False
    _is_caller_speaking: bool = False
    _latency: Latency | None = None
    """Of the answer that the caller waits for."""

    def __post_init__(self) -> None:
        shared = self.shared
        self._clock = SteadyClock(shared.clock)
        self.state = shared.engine.begin(self.chronicle.dialog_id)
        self.mouth = Mouth(self.call_id, shared.say, self.send, shared.voice_pool, on_failure=self.report)
        self.services = ServiceCalls(
            shared.services, shared.service_pool, self.chronicle, self.report, shared.background, shared.on_alarm,
            shared.service_timeout_seconds,
        )  # fmt: skip

    async def open(self, caller: str, opening: Opening) -> None:
        """Greet. The dialog's ID is the chronicle's: the one that line drew may have been taken."""
        self._ear = self.shared.new_ear()
        self.is_begun = True
        self.state = self.shared.engine.begin(self.chronicle.dialog_id)
        started = talking.Started(
            caller_phone=caller, are_operators_open=self.is_open(), form=opening.form, given=opening.given
        )
        await self.step(started)

    async def hang_up(self, end: talking.End) -> None:
        """Leave without a word more: there is nobody to talk to."""
        if self.ended is not None or self.handing_over is not None:
            return
        self.ended = end
        if self.is_begun:
            await self._fall_silent()
            self._stop_listening()
        self.send(line.Hangup(call_id=self.call_id))

    @property
    def was_heard(self) -> bool:
        """Somebody heard the first question to its end, or answered before."""
        return self.is_begun and (self.caller_turns > 0 or not self.mouth.is_speaking)

    # -- what comes in --------------------------------------------------------------------------------------------------

    def notice(self, tick: line.Tick) -> bool:
        """Take a frame at once where that costs microseconds: nothing is due. Returns False where `hear` must take it.

        Most frames are such, and neither a task nor a thread need wake for them. `is_ear_due` tells whether this one asks
        for `hear([])` nevertheless.
        """
        is_more = (
            not self.is_begun
            or self.is_ear_due
            or self._keys.is_collecting
            or self.mouth.is_paused
            or self._is_budget_due(tick.frame)
            or self._is_dead_air(tick.frame, is_robot_heard=bool(tick.robot))
        )
        if is_more:
            return False
        self.frame = tick.frame
        self.chronicle.record((tick,))
        self.is_ear_due = self._ear.take(tick.frame, tick.caller, tick.robot)
        return True

    async def hear(self, ticks: list[line.Tick]) -> None:
        """Take frames of both directions; none: only the work of a noticed one is due."""
        if ticks:
            self.frame = ticks[-1].frame
            self.chronicle.record(ticks)
            if self._is_dead_air(self.frame, is_robot_heard=any(tick.robot for tick in ticks)):
                raise DeadAir
        if self.mouth.is_paused and self.frame - self._paused_frame >= _LONGEST_PAUSE_FRAMES:
            self.mouth.resume()
        left = self._glance(ticks)
        if self.is_ear_due:
            self.is_ear_due = False
            await self._on_heard(await self._in(self.shared.hearing_pool, self._listen_to, left))
        keyed = self._keys.due(self.frame)
        if keyed is not None:
            await self._on_keyed(keyed)
        await self._check_budget()

    def _glance(self, ticks: list[line.Tick]) -> list[line.Tick]:
        """Let the ear take frames until one is work; return those behind it."""
        for position, tick in enumerate(ticks):
            if self.is_ear_due:
                return ticks[position:]
            self.is_ear_due = self._ear.take(tick.frame, tick.caller, tick.robot)
        return []

    async def _on_heard(self, events: list[hearing.HearingEvent]) -> None:
        for event in events:
            match event:
                case hearing.SpeechBegan():
                    self._is_caller_speaking = True
                case hearing.SpeechSuspected():
                    self._paused_frame = event.frame
                    self.mouth.pause()
                case hearing.SuspicionDismissed():
                    self.mouth.resume()
                case hearing.BargeIn():
                    await self._fall_silent()
                case hearing.TurnEnded():
                    self._is_caller_speaking = self._is_listening = False
                    await self._on_turn(event)
                case hearing.NoInputElapsed():
                    self._is_listening = False
                    if not self._keys.is_collecting:
                        await self.step(talking.NoInput())

    def _listen_to(self, ticks: list[line.Tick]) -> list[hearing.HearingEvent]:
        events = self._ear.work()
        for tick in ticks:
            events.extend(self._ear.feed(tick.frame, tick.caller, tick.robot))
        return events

    async def _on_turn(self, turn: hearing.TurnEnded) -> None:
        self._latency = Latency(
            turn.speech_end_frame, (turn.decided_frame - turn.speech_end_frame) * FRAME_MS, recognise_ms=turn.final_ms
        )
        if self.mouth.is_speaking:
            await self._fall_silent()
        await self.step(turn.event, turn.speech_start_frame, turn.speech_end_frame)

    async def digit(self, message: line.Digit) -> None:
        if self._expect is None or self.handing_over is not None or self.ended is not None:
            return
        if self.mouth.is_speaking and self._expect.is_bargein_allowed:
            await self._fall_silent()
        self._ear.restart_noinput()
        digits = self._keys.press(message.digit, message.frame, self._expect.digits)
        if digits is not None:
            await self._on_keyed(digits)

    async def _on_keyed(self, digits: str) -> None:
        self._stop_listening()
        self._latency = Latency(self.frame)
        await self.step(talking.Keyed(digits), self.frame, self.frame)

    async def play_started(self, message: line.PlayStarted) -> None:
        utterance = self.mouth.on_started(message)
        if utterance is None:
            return
        self._ear.prompt_started(message.frame)
        if utterance.latency is not None:
            total_ms = (message.frame - utterance.latency.speech_end_frame) * FRAME_MS
            self.shared.on_answer(utterance.latency.worked_ms + (utterance.first_piece_ms or 0.0))
            await self.chronicle.responded(utterance, total_ms)

    async def play_ended(self, message: line.PlayEnded) -> None:
        utterance = self.mouth.on_ended(message)
        if utterance is not None:
            await self._on_silent([utterance])

    async def _fall_silent(self) -> None:
        await self._on_silent(self.mouth.stop(self.frame))

    async def _on_silent(self, over: list[Utterance]) -> None:
        for utterance in over:
            await self.chronicle.played(utterance)
        if over and not self.mouth.is_speaking:
            await self._prompt_ended()

    async def _prompt_ended(self) -> None:
        await self._on_heard(await self._in(self.shared.hearing_pool, self._ear.prompt_ended, self.frame))

    async def held(self, is_held: bool) -> None:
        """The caller's side put the call on hold, or took it back."""
        self._is_held = is_held
        await self.chronicle.happened("hold" if is_held else "unhold")
        await self._on_heard(self._ear.held(is_held))

    async def transfer_failed(self, result: str) -> None:
        """No human took the call: the robot goes on."""
        self._silence.alive(self.frame)
        self.handing_over = None
        if not self.is_given_up:
            await self.step(talking.TransferEnded(result))

    async def answered(self, act: talking.Invoke, returned: talking.Returned) -> None:
        """A service's answer counts while the engine waits for it; what it did unasked-for by now is undone."""
        if self._is_awaited(act):
            await self.step(returned)
        else:
            await self.services.undo(act, returned)

    async def answered_too_late(self, act: talking.Invoke, returned: talking.Returned) -> None:
        """The caller is gone: what he asked for last counts as asked for, but nobody is told."""
        if self._is_awaited(act):
            self.state = (await self._think(returned)).state
        else:
            await self.services.undo(act, returned)

    def _is_awaited(self, act: talking.Invoke) -> bool:
        pending = self.state.pending
        return (
            not self.is_given_up
            and self.state.phase is Phase.WAITING
            and pending is not None
            and pending.service == act.service
        )

    # -- what goes out --------------------------------------------------------------------------------------------------

    def _is_dead_air(self, frame: int, *, is_robot_heard: bool) -> bool:
        if is_robot_heard or self._is_held or self.services.is_pending:
            self._silence.alive(frame)
            return False
        is_lines_turn = (self.handing_over is not None or self.ended is not None) and not self.mouth.is_speaking
        if is_lines_turn:
            self._silence.alive(frame)
            return False
        allowed_seconds = _LONGEST_TURN_SECONDS if self._is_caller_speaking else 0.0
        if self._is_listening and self._expect is not None and not self.mouth.is_speaking:
            allowed_seconds += self._expect.noinput_seconds
        return self._silence.is_dead(frame, allowed_seconds)

    def _is_budget_due(self, frame: int) -> bool:
        """Also while the robot speaks: a long prompt begun just in time would end long after it."""
        if frame - self._last_budget_frame < _BUDGET_CHECK_FRAMES:
            return False
        return not (self.services.is_pending or self._is_held or self._is_caller_speaking)

    async def _check_budget(self) -> None:
        if self._is_budget_due(self.frame):
            self._last_budget_frame = self.frame
            await self.step(talking.BudgetCheck())

    def _now(self) -> datetime:
        return self._clock.now().astimezone(self.shared.zone)

    def is_open(self) -> bool:
        return is_open(self.shared.operator_hours, self._now())

    async def _think(self, event: talking.Event) -> Step:
        return await self._in(self.shared.dialog_pool, self.shared.engine.step, self.state, event, self._now())

    async def step(self, event: talking.Event, start_frame: int | None = None, end_frame: int | None = None) -> None:
        """Ask the engine, store the caller's turn and the robot's answer, then speak."""
        if self.ended is not None or (self.handing_over is not None and not isinstance(event, talking.TransferEnded)):
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        step = await self._think(event)
        self.state = step.state
        if isinstance(event, talking.Heard | talking.Keyed | talking.NoInput | talking.NotHeard):
            if self._latency is not None:
                self._latency.think_ms = (loop.time() - began) * 1000
            self.caller_turns += isinstance(event, talking.Heard | talking.Keyed)
            await self.chronicle.caller_turn(event, step.understood, start_frame, end_frame)
        if step.acts:
            if isinstance(event, talking.BudgetCheck) and self.mouth.is_speaking:
                await self._fall_silent()
            self._silence.alive(self.frame)
            await self._perform(step.acts)

    async def _perform(self, acts: tuple[talking.Act, ...]) -> None:
        plan = plan_of(acts)
        utterances = [self.mouth.new_utterance(say.text, say.prompt, say.is_bargein_allowed) for say in plan.says]
        last_order: line.FromBrain | None = None
        for invoke in plan.invokes:
            self.services.begin(invoke)
        if plan.hand_over is not None:
            self.handing_over = plan.hand_over
            if self.is_open():
                target, reason = plan.hand_over.target, plan.hand_over.reason
                last_order = line.Transfer(call_id=self.call_id, target=target, reason=reason)
        if plan.end is not None:
            self.ended = plan.end
            last_order = line.Hangup(call_id=self.call_id)
        if utterances:
            utterances[0].latency, self._latency = self._latency, None
        await self.chronicle.robot_turns(utterances, self.handing_over)
        if self.handing_over is not None and last_order is None:
            self.mouth.order(utterances)
            await self.chronicle.transfer("closed", 0)
            self.handing_over = None
            await self.step(talking.TransferEnded("closed"))
            return
        if plan.expect is not None:
            self._listen(plan.expect, utterances)
        else:
            self._stop_listening()
        self.mouth.order(utterances, last_order)
        if self.mouth.is_speaking:
            self._ear.prompt_started(self.frame)  # it is on its way: the caller's silence does not count yet
        else:
            await self._prompt_ended()

    def _listen(self, expect: talking.Expect, utterances: list[Utterance]) -> None:
        self._expect = expect
        self._keys.clear()
        self._is_listening, self._is_caller_speaking = True, False
        is_bargein_allowed = expect.is_bargein_allowed and all(u.is_bargein_allowed for u in utterances)
        echo_text = " ".join([self.mouth.current_text, *(u.text for u in utterances)])
        self._ear.listen(replace(expect, is_bargein_allowed=is_bargein_allowed), echo_text=without_stress(echo_text))

    def _stop_listening(self) -> None:
        self._ear.stop()
        self._keys.clear()
        self._is_listening = self._is_caller_speaking = False

    async def _in(self, pool: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, lambda: function(*args, **kwargs))
