"""One phone conversation: what line sends goes in, orders to line come out.

An actor: one task takes items from an inbox in order, so there are no locks. Work that takes the processor or the disk
runs in executors and is awaited; slow services run beside it and come back as items. Every failure ends in a human.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ParamSpec, TypeVar

import structlog

from voicebot.audio.pcm import FRAME_MS
from voicebot.dialog import talking
from voicebot.dialog.engine import Step
from voicebot.dialog.state import Phase, State
from voicebot.hearing import ear as hearing
from voicebot.link import messages as line
from voicebot.records.dialogs import without_stress
from voicebot.talk.chronicle import Chronicle
from voicebot.talk.deadair import DeadAir, DeadAirWatch
from voicebot.talk.ending import outcome_of
from voicebot.talk.hours import is_open
from voicebot.talk.keys import KeyBuffer
from voicebot.talk.latency import Latency
from voicebot.talk.plan import plan_of
from voicebot.talk.rescue import REASON, Rescue
from voicebot.talk.service_calls import Answer, ServiceCalls
from voicebot.talk.shared import Shared
from voicebot.talk.speech import Mouth, Utterance
from voicebot.talk.trouble import where

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

Item = line.Message | Answer | Exception

_BUDGET_CHECK_FRAMES = 1000 // FRAME_MS
_LONGEST_PAUSE_FRAMES = 2000 // FRAME_MS  # noise without an end must not silence the robot
_STUCK_SECONDS = 10.0  # for one item of the inbox: a disk, a database or a recogniser that hangs
_LONGEST_TURN_SECONDS = 30.0  # hearing ends a caller's turn before that


def _patience_seconds(item: Item) -> float | None:
    """Nobody waits any more when the call has ended: then all is written down, however slowly."""
    return None if isinstance(item, line.CallEnded) else _STUCK_SECONDS


@dataclass(slots=True)
class Conversation:
    """Runs one call from CallStarted to CallEnded."""

    shared: Shared
    started: line.CallStarted
    chronicle: Chronicle
    send: Callable[[line.FromBrain], None]
    inbox: asyncio.Queue[Item] = field(default_factory=asyncio.Queue)
    _state: State = field(init=False)
    _ear: hearing.Ear = field(init=False)
    _mouth: Mouth = field(init=False)
    _services: ServiceCalls = field(init=False)
    _keys: KeyBuffer = field(default_factory=KeyBuffer)
    _silence: DeadAirWatch = field(default_factory=DeadAirWatch)
    _expect: talking.Expect | None = None
    _is_listening: bool = False
    _frame: int = 0
    _last_budget_frame: int = 0
    _paused_frame: int = 0
    _transferred_frame: int | None = None
    _is_held: bool = False
    _is_over: bool = False
    _is_caller_speaking: bool = False
    _handing_over: talking.HandOver | None = None
    _ended: talking.End | None = None
    _rescue: Rescue | None = None
    _latency: Latency | None = None
    """Of the answer that the caller waits for."""
    _put_back: Item | None = None

    def __post_init__(self) -> None:
        shared = self.shared
        self._state = shared.engine.begin(self.started.dialog_id)
        self._mouth = Mouth(self.started.call_id, shared.say, self.send, shared.voice_pool, on_failure=self.inbox.put_nowait)
        self._services = ServiceCalls(
            shared.services, shared.service_pool, self.chronicle, self.inbox.put_nowait, shared.background, shared.on_alarm,
            shared.service_timeout_seconds,
        )  # fmt: skip

    async def run(self) -> None:
        """Hold the conversation; returns when the call is over and stored. Never raises but on cancellation."""
        self._mouth.start()
        try:
            try:
                async with asyncio.timeout(_STUCK_SECONDS):
                    await self._open()
                while not self._is_over:
                    item = await self._next()
                    async with asyncio.timeout(_patience_seconds(item)):
                        await self._take(item)
            except Exception as error:  # noqa: BLE001 - whatever broke, the caller reaches a human
                await self._guarded(self._begin_rescue(error), _STUCK_SECONDS)
            while not self._is_over:
                item = await self._next()
                await self._guarded(self._after_rescue(item), _patience_seconds(item))
        finally:
            self._services.cancel()
            await self._mouth.close()
            await self.chronicle.close()

    async def _open(self) -> None:
        await self.chronicle.open(self.started)
        self._ear = self.shared.new_ear()
        self._state = self.shared.engine.begin(self.chronicle.dialog_id)  # the ID may have been taken, and another drawn
        await self._step(talking.Started(caller_phone=self.started.caller, are_operators_open=self._is_open()))

    # -- what comes in --------------------------------------------------------------------------------------------------

    async def _take(self, item: Item) -> None:
        match item:
            case line.Tick():
                await self._hear(self._drain_ticks(item))
            case line.PlayStarted():
                await self._on_play_started(item)
            case line.PlayEnded():
                await self._on_play_ended(item)
            case line.Digit():
                await self._on_digit(item)
            case line.Transferring():
                await self._on_transferring(item)
            case line.Held():
                self._is_held = item.is_held
                await self.chronicle.happened("hold" if item.is_held else "unhold")
                await self._on_heard(self._ear.held(item.is_held))
            case line.CallEnded():
                await self._on_call_ended(item)
            case Answer(act, returned):
                await self._on_answer(act, returned)
            case Exception():
                raise item
            case _:
                log.warning("unexpected message", type=type(item).__name__)

    async def _next(self) -> Item:
        if self._put_back is not None:
            item, self._put_back = self._put_back, None
            return item
        return await self.inbox.get()

    def _drain_ticks(self, first: line.Tick) -> list[line.Tick]:
        """Take the ticks that wait already: hearing them in one go costs one thread switch."""
        ticks = [first]
        while not self.inbox.empty():
            item = self.inbox.get_nowait()
            if not isinstance(item, line.Tick):
                self._put_back = item
                break
            ticks.append(item)
        return ticks

    async def _hear(self, ticks: list[line.Tick]) -> None:
        self._frame = ticks[-1].frame
        self.chronicle.record(ticks)
        self._check_silence(ticks)
        if self._mouth.is_paused and self._frame - self._paused_frame >= _LONGEST_PAUSE_FRAMES:
            self._mouth.resume()
        await self._on_heard(await self._in(self.shared.hearing_pool, self._feed, ticks))
        keyed = self._keys.due(self._frame)
        if keyed is not None:
            await self._on_keyed(keyed)
        await self._check_budget()

    async def _on_heard(self, events: list[hearing.HearingEvent]) -> None:
        for event in events:
            match event:
                case hearing.SpeechBegan():
                    self._is_caller_speaking = True
                case hearing.SpeechSuspected():
                    self._paused_frame = event.frame
                    self._mouth.pause()
                case hearing.SuspicionDismissed():
                    self._mouth.resume()
                case hearing.BargeIn():
                    await self._fall_silent()
                case hearing.TurnEnded():
                    self._is_caller_speaking = self._is_listening = False
                    await self._on_turn(event)
                case hearing.NoInputElapsed():
                    self._is_listening = False
                    if not self._keys.is_collecting:
                        await self._step(talking.NoInput())

    def _feed(self, ticks: list[line.Tick]) -> list[hearing.HearingEvent]:
        events: list[hearing.HearingEvent] = []
        for tick in ticks:
            events.extend(self._ear.feed(tick.frame, tick.caller, tick.robot))
        return events

    async def _on_turn(self, turn: hearing.TurnEnded) -> None:
        self._latency = Latency(
            turn.speech_end_frame, (turn.decided_frame - turn.speech_end_frame) * FRAME_MS, recognise_ms=turn.final_ms
        )
        if self._mouth.is_speaking:
            await self._fall_silent()
        await self._step(turn.event, turn.speech_start_frame, turn.speech_end_frame)

    async def _on_digit(self, message: line.Digit) -> None:
        if self._expect is None or self._handing_over is not None or self._ended is not None:
            return
        if self._mouth.is_speaking and self._expect.is_bargein_allowed:
            await self._fall_silent()
        self._ear.restart_noinput()
        digits = self._keys.press(message.digit, message.frame, self._expect.digits)
        if digits is not None:
            await self._on_keyed(digits)

    async def _on_keyed(self, digits: str) -> None:
        self._stop_listening()
        self._latency = Latency(self._frame)
        await self._step(talking.Keyed(digits), self._frame, self._frame)

    async def _on_play_started(self, message: line.PlayStarted) -> None:
        utterance = self._mouth.on_started(message)
        if utterance is None:
            return
        self._ear.prompt_started(message.frame)
        if utterance.latency is not None:
            total_ms = (message.frame - utterance.latency.speech_end_frame) * FRAME_MS
            await self.chronicle.responded(utterance, total_ms)

    async def _on_play_ended(self, message: line.PlayEnded) -> None:
        utterance = self._mouth.on_ended(message)
        if utterance is not None:
            await self._on_silent([utterance])

    async def _fall_silent(self) -> None:
        await self._on_silent(self._mouth.stop(self._frame))

    async def _on_silent(self, over: list[Utterance]) -> None:
        for utterance in over:
            await self.chronicle.played(utterance)
        if over and not self._mouth.is_speaking:
            await self._prompt_ended()

    async def _prompt_ended(self) -> None:
        await self._on_heard(await self._in(self.shared.hearing_pool, self._ear.prompt_ended, self._frame))

    async def _on_transferring(self, message: line.Transferring) -> None:
        log.info("transfer", dialog_id=self.chronicle.dialog_id, state=message.state.value, sip_status=message.sip_status)
        await self.chronicle.transfer(message.state.value, message.sip_status)
        if message.state.is_final and message.state.is_success:
            self._transferred_frame = self._frame
        elif message.state.is_final:
            self._silence.alive(self._frame)
            self._handing_over = None
            if self._rescue is not None:
                await self._rescue.transfer_failed()
            else:
                await self._step(talking.TransferEnded(message.state.value))

    async def _on_answer(self, act: talking.Invoke, returned: talking.Returned) -> None:
        """A service's answer counts while the engine waits for it; what it did unasked-for by now is undone."""
        if self._is_awaited(act):
            await self._step(returned)
        else:
            await self._services.undo(act, returned)

    def _is_awaited(self, act: talking.Invoke) -> bool:
        pending = self._state.pending
        return (
            self._rescue is None
            and self._state.phase is Phase.WAITING
            and pending is not None
            and pending.service == act.service
        )

    async def _on_call_ended(self, message: line.CallEnded) -> None:
        self._is_over = True
        for utterance in self._mouth.hung_up(self._frame):
            await self.chronicle.played(utterance)
        await self._guarded(self._hear_last_answers(), None)
        outcome, reason = outcome_of(
            message.ended_by,
            end=self._ended,
            settled=self._state.outcome,
            handing_over=self._handing_over,
            is_transferred=self.chronicle.is_transferred,
            is_rescued=self._rescue is not None,
        )
        frame = self._frame if self._transferred_frame is None else self._transferred_frame
        await self.chronicle.finish(outcome, reason, message.ended_by.value, frame * FRAME_MS / 1000)
        if outcome != "transferred":  # an operator may still want what was held
            await self._services.release()

    async def _hear_last_answers(self) -> None:
        """The caller hung up while a service was at work: what it did counts as asked for, as nothing else was said."""
        await self._services.settle()
        while self._put_back is not None or not self.inbox.empty():
            item = await self._next()
            if not isinstance(item, Answer):
                continue
            if self._is_awaited(item.act):
                self._state = (await self._think(item.returned)).state
            else:
                await self._services.undo(item.act, item.returned)

    # -- what goes out --------------------------------------------------------------------------------------------------

    def _check_silence(self, ticks: list[line.Tick]) -> None:
        is_robot_heard = any(tick.robot for tick in ticks)
        is_lines_turn = (self._handing_over is not None or self._ended is not None) and not self._mouth.is_speaking
        if is_robot_heard or is_lines_turn or self._is_held or self._services.is_pending:
            self._silence.alive(self._frame)
            return
        allowed_seconds = _LONGEST_TURN_SECONDS if self._is_caller_speaking else 0.0
        if self._is_listening and self._expect is not None and not self._mouth.is_speaking:
            allowed_seconds += self._expect.noinput_seconds
        if self._silence.is_dead(self._frame, allowed_seconds):
            raise DeadAir

    async def _check_budget(self) -> None:
        """Also while the robot speaks: a long prompt begun just in time would end long after it."""
        if self._services.is_pending or self._is_held or self._is_caller_speaking:
            return
        if self._frame - self._last_budget_frame >= _BUDGET_CHECK_FRAMES:
            self._last_budget_frame = self._frame
            await self._step(talking.BudgetCheck())

    def _now(self) -> datetime:
        return self.shared.clock.now().astimezone(self.shared.zone)

    def _is_open(self) -> bool:
        return is_open(self.shared.operator_hours, self._now())

    async def _think(self, event: talking.Event) -> Step:
        return await self._in(self.shared.hearing_pool, self.shared.engine.step, self._state, event, self._now())

    async def _step(self, event: talking.Event, start_frame: int | None = None, end_frame: int | None = None) -> None:
        """Ask the engine, store the caller's turn and the robot's answer, then speak."""
        if self._ended is not None or (self._handing_over is not None and not isinstance(event, talking.TransferEnded)):
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        step = await self._think(event)
        self._state = step.state
        if isinstance(event, talking.Heard | talking.Keyed | talking.NoInput | talking.NotHeard):
            if self._latency is not None:
                self._latency.think_ms = (loop.time() - began) * 1000
            await self.chronicle.caller_turn(event, step.understood, start_frame, end_frame)
        if step.acts:
            if isinstance(event, talking.BudgetCheck) and self._mouth.is_speaking:
                await self._fall_silent()
            self._silence.alive(self._frame)
            await self._perform(step.acts)

    async def _perform(self, acts: tuple[talking.Act, ...]) -> None:
        plan = plan_of(acts)
        utterances = [self._mouth.new_utterance(say.text, say.prompt, say.is_bargein_allowed) for say in plan.says]
        last_order: line.FromBrain | None = None
        for invoke in plan.invokes:
            self._services.begin(invoke)
        if plan.hand_over is not None:
            self._handing_over = plan.hand_over
            if self._is_open():
                target, reason = plan.hand_over.target, plan.hand_over.reason
                last_order = line.Transfer(call_id=self.started.call_id, target=target, reason=reason)
        if plan.end is not None:
            self._ended = plan.end
            last_order = line.Hangup(call_id=self.started.call_id)
        if utterances:
            utterances[0].latency, self._latency = self._latency, None
        await self.chronicle.robot_turns(utterances, self._handing_over)
        if self._handing_over is not None and last_order is None:
            self._mouth.order(utterances)
            await self.chronicle.transfer("closed", 0)
            self._handing_over = None
            await self._step(talking.TransferEnded("closed"))
            return
        if plan.expect is not None:
            self._listen(plan.expect, utterances)
        else:
            self._stop_listening()
        self._mouth.order(utterances, last_order)
        if self._mouth.is_speaking:
            self._ear.prompt_started(self._frame)  # it is on its way: the caller's silence does not count yet
        else:
            await self._prompt_ended()

    def _listen(self, expect: talking.Expect, utterances: list[Utterance]) -> None:
        self._expect = expect
        self._keys.clear()
        self._is_listening, self._is_caller_speaking = True, False
        is_bargein_allowed = expect.is_bargein_allowed and all(u.is_bargein_allowed for u in utterances)
        echo_text = " ".join([self._mouth.current_text, *(u.text for u in utterances)])
        self._ear.listen(replace(expect, is_bargein_allowed=is_bargein_allowed), echo_text=without_stress(echo_text))

    def _stop_listening(self) -> None:
        self._ear.stop()
        self._keys.clear()
        self._is_listening = self._is_caller_speaking = False

    # -- when something broke -------------------------------------------------------------------------------------------

    async def _begin_rescue(self, error: Exception) -> None:
        """From here the engine, the ear and the voice are not asked any more."""
        if self._is_over:
            log.error("call not finished", dialog_id=self.chronicle.dialog_id, error=type(error).__name__, where=where(error))
            return
        shared = self.shared
        self._rescue = Rescue(self.started.call_id, self.send, self._mouth, self.chronicle, shared.apology, shared.goodbye)
        if self._handing_over is None and self._is_open():
            known = {name: slot.label for name, slot in self._state.slots.items() if slot.label}
            self._handing_over = talking.HandOver("operator", REASON, {**self._state.last_summary, **known})
        await self._rescue.begin(error, self._frame, self._handing_over, has_ended=self._ended is not None)

    async def _guarded(self, work: Awaitable[None], limit_seconds: float | None) -> None:
        try:
            async with asyncio.timeout(limit_seconds):
                await work
        except Exception as error:  # noqa: BLE001 - line has its orders; what comes next must be taken all the same
            log.error("trouble at the end", dialog_id=self.chronicle.dialog_id, error=type(error).__name__, where=where(error))

    async def _after_rescue(self, item: Item) -> None:
        match item:
            case line.Tick():
                self._frame = item.frame
                self.chronicle.record([item])
            case line.PlayStarted() | line.PlayEnded():
                assert self._rescue is not None
                await self._rescue.played(item)
            case line.Transferring():
                await self._on_transferring(item)
            case line.CallEnded():
                await self._on_call_ended(item)
            case Answer(act, returned):
                await self._services.undo(act, returned)
            case _:
                pass  # nothing else matters now

    async def _in(self, pool: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, lambda: function(*args, **kwargs))
