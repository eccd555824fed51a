"""One phone conversation: what line sends goes in, orders to line come out.

An actor: one task takes items from an inbox in order, so there are no locks. Work that takes the processor or the disk
runs in executors and is awaited; slow services run beside it and come back as items. Every failure ends in a human.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from voicebot.audio.pcm import FRAME_MS
from voicebot.dialog import talking
from voicebot.link import messages as line
from voicebot.talk.answering import Who
from voicebot.talk.chronicle import Chronicle
from voicebot.talk.ending import outcome_of
from voicebot.talk.exchange import Exchange
from voicebot.talk.greeting import Greeting
from voicebot.talk.opening import Opening
from voicebot.talk.rescue import REASON, Rescue
from voicebot.talk.service_calls import Answer
from voicebot.talk.shared import Shared
from voicebot.trouble import where

log = structlog.get_logger(__name__)


class EarDue:
    """The ear has work to do after a frame that was noticed already."""


Item = line.Message | Answer | EarDue | Exception

_STUCK_SECONDS = 10.0  # for one item of the inbox: a disk, a database or a recogniser that hangs


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
    opening: Opening = field(default_factory=Opening)
    greeting: Greeting | None = None
    """Of a call of ours: tells whether a patient or a machine answered, before a word is said."""

    inbox: asyncio.Queue[Item] = field(default_factory=asyncio.Queue)
    outcome: str = ""
    was_heard: bool = False
    _exchange: Exchange = field(init=False)
    _transferred_frame: int | None = None
    _is_over: bool = False
    _is_at_rest: bool = False
    """Waits for the next item: no frame can overtake another."""
    _rescue: Rescue | None = None
    _put_back: Item | None = None

    def __post_init__(self) -> None:
        self._exchange = Exchange(self.shared, self.started.call_id, self.chronicle, self.send, self.inbox.put_nowait)

    @property
    def dialog_id(self) -> str:
        """What callers and operators are told."""
        return self._exchange.state.dialog_id

    def deliver(self, message: line.Message) -> None:
        """Take what line sends. A frame that asks for nothing is done with at once, all else waits its turn in the inbox."""
        item: Item = message
        if isinstance(message, line.Tick) and self._is_at_rest and self.inbox.empty():
            try:
                if self._exchange.notice(message):
                    if not self._exchange.is_ear_due:
                        return
                    item = EarDue()
            except Exception as error:  # noqa: BLE001 - it is this call's trouble, not that of the others on the link
                item = error
        self.inbox.put_nowait(item)

    async def run(self) -> None:
        """Hold the conversation; returns when the call is over and stored. Never raises but on cancellation."""
        self._exchange.mouth.start()
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
            self._exchange.services.cancel()
            await self._exchange.mouth.close()
            await self.chronicle.close()

    async def _open(self) -> None:
        await self.chronicle.open(self.started)
        if self.greeting is None:
            await self._exchange.open(self.started.caller, self.opening)

    # -- what comes in --------------------------------------------------------------------------------------------------

    async def _take(self, item: Item) -> None:
        exchange = self._exchange
        match item:
            case line.Tick():
                await self._hear(self._drain_ticks(item))
            case EarDue():
                await exchange.hear([])
            case line.PlayStarted():
                await exchange.play_started(item)
            case line.PlayEnded():
                await exchange.play_ended(item)
            case line.Digit():
                await exchange.digit(item)
            case line.Transferring():
                await self._on_transferring(item)
            case line.Held():
                if exchange.is_begun:
                    await exchange.held(item.is_held)
            case line.CallEnded():
                await self._on_call_ended(item)
            case Answer(act, returned):
                await exchange.answered(act, returned)
            case Exception():
                raise item
            case _:
                log.warning("unexpected message", type=type(item).__name__)

    async def _next(self) -> Item:
        if self._put_back is not None:
            item, self._put_back = self._put_back, None
            return item
        self._is_at_rest = self._rescue is None and (self.greeting is None or self.greeting.is_over)
        item = await self.inbox.get()
        self._is_at_rest = False
        return item

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
        exchange, greeting = self._exchange, self.greeting
        if exchange.is_begun:
            await exchange.hear(ticks)
        else:
            exchange.frame = ticks[-1].frame
            self.chronicle.record(ticks)
        if greeting is None or greeting.is_over or exchange.caller_turns:
            return
        verdict = await asyncio.get_running_loop().run_in_executor(self.shared.hearing_pool, greeting.feed, ticks)
        if verdict is None:
            return
        log.info("call_answered", dialog_id=self.chronicle.dialog_id, by=verdict.who.value, reason=verdict.reason)
        await self.chronicle.greeted(
            greeting.words, greeting.first_frame, greeting.last_frame, str(verdict.who), verdict.reason
        )
        if verdict.who is Who.HUMAN:
            await exchange.open(self.started.caller, self.opening)
        else:
            await exchange.hang_up(talking.End("machine", verdict.reason))

    async def _on_transferring(self, message: line.Transferring) -> None:
        log.info("transfer", dialog_id=self.chronicle.dialog_id, state=message.state.value, sip_status=message.sip_status)
        await self.chronicle.transfer(message.state.value, message.sip_status)
        if message.state.is_final and message.state.is_success:
            self._transferred_frame = self._exchange.frame
        elif message.state.is_final:
            await self._exchange.transfer_failed(message.state.value)
            if self._rescue is not None:
                await self._rescue.transfer_failed()

    async def _on_call_ended(self, message: line.CallEnded) -> None:
        exchange = self._exchange
        self._is_over = True
        self.was_heard = exchange.was_heard
        for utterance in exchange.mouth.hung_up(exchange.frame):
            await self.chronicle.played(utterance)
        await self._guarded(self._hear_last_answers(), None)
        outcome, reason = outcome_of(
            message.ended_by,
            end=exchange.ended,
            settled=exchange.state.outcome,
            handing_over=exchange.handing_over,
            is_transferred=self.chronicle.is_transferred,
            is_rescued=self._rescue is not None,
        )
        self.outcome = outcome
        frame = exchange.frame if self._transferred_frame is None else self._transferred_frame
        await self.chronicle.finish(outcome, reason, message.ended_by.value, frame * FRAME_MS / 1000)
        if outcome != "transferred":  # an operator may still want what was held
            await exchange.services.release()

    async def _hear_last_answers(self) -> None:
        """The caller hung up while a service was at work: what it did counts as asked for, as nothing else was said."""
        await self._exchange.services.settle()
        while self._put_back is not None or not self.inbox.empty():
            item = await self._next()
            if isinstance(item, Answer):
                await self._exchange.answered_too_late(item.act, item.returned)

    # -- when something broke -------------------------------------------------------------------------------------------

    async def _begin_rescue(self, error: Exception) -> None:
        """From here the engine, the ear and the voice are not asked any more."""
        if self._is_over:
            log.error("call not finished", dialog_id=self.chronicle.dialog_id, error=type(error).__name__, where=where(error))
            return
        shared, exchange = self.shared, self._exchange
        exchange.is_given_up = True
        self._rescue = Rescue(self.started.call_id, self.send, exchange.mouth, self.chronicle, shared.apology, shared.goodbye)
        if exchange.handing_over is None and exchange.is_open():
            known = {name: slot.label for name, slot in exchange.state.slots.items() if slot.label}
            exchange.handing_over = talking.HandOver("operator", REASON, {**exchange.state.last_summary, **known})
        await self._rescue.begin(error, exchange.frame, exchange.handing_over, has_ended=exchange.ended is not None)

    async def _guarded(self, work: Awaitable[None], limit_seconds: float | None) -> None:
        try:
            async with asyncio.timeout(limit_seconds):
                await work
        except Exception as error:  # noqa: BLE001 - line has its orders; what comes next must be taken all the same
            log.error("trouble at the end", dialog_id=self.chronicle.dialog_id, error=type(error).__name__, where=where(error))

    async def _after_rescue(self, item: Item) -> None:
        match item:
            case line.Tick():
                self._exchange.frame = item.frame
                self.chronicle.record([item])
            case line.PlayStarted() | line.PlayEnded():
                assert self._rescue is not None
                await self._rescue.played(item)
            case line.Transferring():
                await self._on_transferring(item)
            case line.CallEnded():
                await self._on_call_ended(item)
            case Answer(act, returned):
                await self._exchange.services.undo(act, returned)
            case _:
                pass  # nothing else matters now
