"""One phone conversation: what line sends goes in, orders to line come out.

An actor: one task takes items from an inbox in order, so there are no locks. Work that takes the processor or the disk
runs in executors and is awaited; slow services run beside it and come back as items. Every failure ends in a human.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any, ParamSpec, Protocol, TypeVar

import structlog

from voicebot.audio.pcm import FRAME_MS, Pcm
from voicebot.clock import Clock
from voicebot.dialog.engine import Engine, Step
from voicebot.dialog.state import State
from voicebot.dialog.talking import (
    Act,
    BudgetCheck,
    End,
    Event,
    Expect,
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
from voicebot.hearing.ear import (
    BargeIn,
    Ear,
    HearingEvent,
    NoInputElapsed,
    SpeechBegan,
    SpeechSuspected,
    SuspicionDismissed,
    TurnEnded,
)
from voicebot.link import messages as line
from voicebot.link.messages import EndedBy
from voicebot.records.dialogs import without_stress
from voicebot.talk.chronicle import Chronicle, Latency
from voicebot.talk.hours import is_open
from voicebot.talk.keys import KeyBuffer
from voicebot.talk.speech import Mouth, Utterance

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_BUDGET_CHECK_FRAMES = 1000 // FRAME_MS
_SERVICE_TIMEOUT_SECONDS = 8.0


class Services(Protocol):
    """Named services of the clinic (blocking)."""

    def call(self, name: str, arguments: Mapping[str, Any], dialog_id: str, key: str) -> Returned: ...


@dataclass(frozen=True, slots=True)
class Shared:
    """What all conversations of a brain use."""

    engine: Engine
    new_ear: Callable[[], Ear]
    say: Callable[[str], Iterator[Pcm]]
    services: Services
    clock: Clock
    zone: tzinfo
    operator_hours: Mapping[str, str]
    hearing_pool: Executor
    voice_pool: Executor
    disk_pool: Executor
    apology: Pcm
    """Prepared sound for when the voice itself has failed."""


@dataclass(slots=True)
class Conversation:
    """Runs one call from CallStarted to CallEnded."""

    shared: Shared
    started: line.CallStarted
    chronicle: Chronicle
    send: Callable[[line.FromBrain], None]
    inbox: asyncio.Queue[line.Message | Returned | Exception] = field(default_factory=asyncio.Queue)
    _state: State = field(init=False)
    _ear: Ear = field(init=False)
    _mouth: Mouth = field(init=False)
    _keys: KeyBuffer = field(default_factory=KeyBuffer)
    _expect: Expect | None = None
    _frame: int = 0
    _last_budget_frame: int = 0
    _is_held: bool = False
    _is_over: bool = False
    _is_caller_speaking: bool = False
    _handing_over: HandOver | None = None
    _ended: End | None = None
    _is_rescued: bool = False
    _speech_end_frame: int | None = None
    _pending: set[asyncio.Task[None]] = field(default_factory=set)
    _put_back: line.Message | Returned | Exception | None = None

    def __post_init__(self) -> None:
        self._state = self.shared.engine.begin(self.started.dialog_id)
        self._ear = self.shared.new_ear()
        self._mouth = Mouth(
            self.started.call_id, self.shared.say, self.send, self.shared.voice_pool, on_failure=self.inbox.put_nowait
        )

    async def run(self) -> None:
        """Hold the conversation; returns when the call is over and stored. Never raises but on cancellation."""
        self._mouth.start()
        try:
            await self.chronicle.open(self.started)
            await self._step(Started(caller_phone=self.started.caller))
            while not self._is_over:
                await self._take(await self._next())
        except Exception as error:  # noqa: BLE001 - whatever broke, the caller reaches a human
            await self._rescue(error)
            while not self._is_over:
                item = await self._next()
                if isinstance(item, line.Message):
                    await self._after_rescue(item)
        finally:
            for task in self._pending:
                task.cancel()
            await self._mouth.close()
            await self.chronicle.close()

    # -- what comes in --------------------------------------------------------------------------------------------------

    async def _take(self, item: line.Message | Returned | Exception) -> None:
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
                self._ear.held(item.is_held)
                await self.chronicle.happened("hold" if item.is_held else "unhold")
            case line.CallEnded():
                await self._on_call_ended(item)
            case Returned():
                await self._step(item)
            case Exception():
                raise item
            case _:
                log.warning("unexpected message", type=type(item).__name__)

    async def _next(self) -> line.Message | Returned | Exception:
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
        await self._on_heard(await self._in(self.shared.hearing_pool, self._feed, ticks))
        keyed = self._keys.due(self._frame)
        if keyed is not None:
            await self._on_keyed(keyed)
        await self._check_budget()

    async def _on_heard(self, events: list[HearingEvent]) -> None:
        for event in events:
            match event:
                case SpeechBegan():
                    self._is_caller_speaking = True
                case SpeechSuspected():
                    self._mouth.pause()
                case SuspicionDismissed():
                    self._mouth.resume()
                case BargeIn():
                    await self._fall_silent()
                case TurnEnded():
                    self._is_caller_speaking = False
                    await self._on_turn(event)
                case NoInputElapsed():
                    if not self._keys.is_collecting:
                        await self._step(NoInput())

    def _feed(self, ticks: list[line.Tick]) -> list[HearingEvent]:
        events: list[HearingEvent] = []
        for tick in ticks:
            events.extend(self._ear.feed(tick.frame, tick.caller, tick.robot))
        return events

    async def _on_turn(self, turn: TurnEnded) -> None:
        self._speech_end_frame = turn.speech_end_frame
        self.chronicle.latency = Latency(
            endpoint_ms=(turn.decided_frame - turn.speech_end_frame) * FRAME_MS, recognise_ms=turn.final_ms
        )
        heard = turn.event
        if isinstance(heard, Heard):
            if self._mouth.is_speaking:
                await self._fall_silent()
            await self._step(heard, turn.speech_start_frame, turn.speech_end_frame)
        else:
            await self._step(NotHeard(), turn.speech_start_frame, turn.speech_end_frame)

    async def _on_digit(self, message: line.Digit) -> None:
        if self._expect is None or self._handing_over is not None or self._ended is not None:
            return
        if self._mouth.is_speaking and self._expect.is_bargein_allowed:
            await self._fall_silent()
        self._ear.restart_noinput()
        digits = self._keys.press(message.digit, message.frame, self._expect.digits)
        if digits is not None:
            self._ear.stop()
            await self._on_keyed(digits)

    async def _on_keyed(self, digits: str) -> None:
        self._speech_end_frame = self._frame
        self.chronicle.latency = Latency()
        await self._step(Keyed(digits), self._frame, self._frame)

    async def _on_play_started(self, message: line.PlayStarted) -> None:
        utterance = self._mouth.on_started(message)
        if utterance is None:
            return
        if self._speech_end_frame is not None:
            total_ms = (message.frame - self._speech_end_frame) * FRAME_MS
            self._speech_end_frame = None
            await self.chronicle.responded(utterance, total_ms)
        self._ear.prompt_started(message.frame)

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
            self._last_budget_frame = self._frame
            await self._on_heard(self._ear.prompt_ended(self._frame))

    async def _on_transferring(self, message: line.Transferring) -> None:
        log.info("transfer", dialog_id=self.chronicle.dialog_id, state=message.state.value, sip_status=message.sip_status)
        await self.chronicle.transfer(message.state.value, message.sip_status)
        if message.state.is_final and not message.state.is_success:
            self._handing_over = None
            await self._step(TransferEnded(message.state.value))

    async def _on_call_ended(self, message: line.CallEnded) -> None:
        self._is_over = True
        for utterance in self._mouth.utterances.values():
            if utterance.started_frame is not None and not utterance.is_over:
                utterance.ended_frame = self._frame
                utterance.played_samples = (self._frame - utterance.started_frame) * FRAME_MS * 8
                utterance.is_cut = True
                await self.chronicle.played(utterance)
        outcome, reason = self._outcome(message)
        handling_seconds = self._frame * FRAME_MS / 1000
        await self.chronicle.finish(outcome, reason, message.ended_by.value, handling_seconds)

    def _outcome(self, message: line.CallEnded) -> tuple[str, str]:
        if self._ended is not None:
            return self._ended.outcome, self._ended.reason
        if message.ended_by in (EndedBy.TRANSFERRED, EndedBy.OPERATOR) or self.chronicle.is_transferred:
            return "transferred", self._handing_over.reason if self._handing_over else "brain_error"
        if self._handing_over is not None:
            return "abandoned", "during_transfer"
        return "abandoned", message.ended_by.value

    # -- what goes out --------------------------------------------------------------------------------------------------

    async def _check_budget(self) -> None:
        if self._mouth.is_speaking or self._pending or self._frame - self._last_budget_frame < _BUDGET_CHECK_FRAMES:
            return
        if self._is_caller_speaking or self._handing_over is not None or self._ended is not None:
            return
        self._last_budget_frame = self._frame
        await self._step(BudgetCheck())

    async def _step(self, event: Event, start_frame: int | None = None, end_frame: int | None = None) -> None:
        """Ask the engine, store the caller's turn and the robot's answer, then speak."""
        if self._ended is not None or (self._handing_over is not None and not isinstance(event, TransferEnded)):
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        now = self.shared.clock.now().astimezone(self.shared.zone)
        step: Step = await self._in(self.shared.hearing_pool, self.shared.engine.step, self._state, event, now)
        self._state = step.state
        self.chronicle.latency.think_ms = (loop.time() - began) * 1000
        if isinstance(event, Heard | Keyed | NoInput | NotHeard):
            await self.chronicle.caller_turn(event, step.understood, start_frame, end_frame)
        if step.acts:
            await self._perform(step.acts)

    async def _perform(self, acts: tuple[Act, ...] | list[Act]) -> None:
        utterances: list[Utterance] = []
        last_order: line.FromBrain | None = None
        call_id = self.started.call_id
        for act in acts:
            match act:
                case Say():
                    utterances.append(self._mouth.new_utterance(act.text, act.prompt, act.is_bargein_allowed))
                case Listen():
                    self._expect = act.expect
                case Invoke():
                    self._invoke(act)
                case HandOver():
                    self._handing_over = act
                    if is_open(self.shared.operator_hours, self.shared.clock.now().astimezone(self.shared.zone)):
                        last_order = line.Transfer(call_id=call_id, target=act.target, reason=act.reason)
                case End():
                    self._ended = act
                    last_order = line.Hangup(call_id=call_id)
        await self.chronicle.robot_turns(utterances, self._handing_over)
        if self._handing_over is not None and last_order is None:
            self._mouth.order(utterances)
            await self.chronicle.transfer("closed", 0)
            self._handing_over = None
            await self._step(TransferEnded("closed"))
            return
        if any(isinstance(act, Listen) for act in acts):
            self._listen(utterances)
        else:
            self._ear.stop()
        self._mouth.order(utterances, last_order)
        if self._mouth.is_speaking:
            self._ear.prompt_started(self._frame)  # it is on its way: the caller's silence does not count yet
        else:
            await self._on_heard(self._ear.prompt_ended(self._frame))

    def _listen(self, utterances: list[Utterance]) -> None:
        assert self._expect is not None
        self._keys.clear()
        self._is_caller_speaking = False
        is_bargein_allowed = self._expect.is_bargein_allowed and all(u.is_bargein_allowed for u in utterances)
        echo_text = " ".join([self._mouth.current_text, *(u.text for u in utterances)])
        self._ear.listen(replace(self._expect, is_bargein_allowed=is_bargein_allowed), echo_text=without_stress(echo_text))

    def _invoke(self, act: Invoke) -> None:
        task = asyncio.create_task(self._call_service(act))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _call_service(self, act: Invoke) -> None:
        dialog_id = self.chronicle.dialog_id
        try:
            async with asyncio.timeout(_SERVICE_TIMEOUT_SECONDS):
                returned: Returned = await self._in(
                    self.shared.disk_pool, self.shared.services.call, act.service, act.arguments, dialog_id, act.key
                )
        except TimeoutError:
            returned = Returned(act.service, error="unavailable")
        except Exception as error:  # noqa: BLE001 - the engine decides what the caller hears
            log.error("service failed", dialog_id=dialog_id, service=act.service, error=type(error).__name__)
            returned = Returned(act.service, error="unavailable")
        self._pending.discard(asyncio.current_task())
        self.inbox.put_nowait(returned)

    # -- when something broke -------------------------------------------------------------------------------------------

    async def _rescue(self, error: Exception) -> None:
        """Apologise with prepared sound and hand over; the dialog engine and the voice are not asked any more."""
        if self._is_over:
            return
        log.error(
            "conversation failed, handing over", dialog_id=self.chronicle.dialog_id, error=type(error).__name__, exc_info=error
        )
        self._is_rescued = True
        call_id = self.started.call_id
        self._mouth.stop(self._frame)
        utterance = self._mouth.new_utterance("(apology)", "apology", is_bargein_allowed=False)
        self._handing_over = HandOver("operator", "robot_failed")
        await self.chronicle.happened("robot failed", error=type(error).__name__)
        self.send(line.Play(call_id=call_id, utterance=utterance.number, pcm=self.shared.apology.to_bytes(), is_last=True))
        self.send(line.Transfer(call_id=call_id, target="operator", reason="robot_failed"))

    async def _after_rescue(self, message: line.Message) -> None:
        if isinstance(message, line.Tick):
            self._frame = message.frame
            self.chronicle.record([message])
        elif isinstance(message, line.CallEnded):
            await self._on_call_ended(message)
        elif isinstance(message, line.Transferring) and message.state.is_final and not message.state.is_success:
            await self.chronicle.transfer(message.state.value, message.sip_status)
            self.send(line.Hangup(call_id=self.started.call_id))

    async def _in(self, pool: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, lambda: function(*args, **kwargs))
