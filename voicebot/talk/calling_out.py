"""The calls that a brain makes: taken from the queue one at a time, dialled by line, settled when they are over.

Whatever fails here, the row in the queue gets its outcome: from us, or, when we die, by its lease.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from voicebot import dialog_id
from voicebot.clinic.outgoing_calls import LEASE_SECONDS, CallResult, OutgoingCall, OutgoingCalls
from voicebot.errors import StorageError
from voicebot.link import messages as line
from voicebot.trouble import where

log = structlog.get_logger(__name__)

_NO_LINE_SECONDS = 5.0
_STATES: Mapping[line.DialState, CallResult] = {
    line.DialState.BUSY: CallResult.BUSY,
    line.DialState.NO_ANSWER: CallResult.NO_ANSWER,
    line.DialState.DECLINED: CallResult.DECLINED,
    line.DialState.WRONG_NUMBER: CallResult.WRONG_NUMBER,
    line.DialState.UNREACHABLE: CallResult.UNREACHABLE,
    line.DialState.FORBIDDEN: CallResult.FORBIDDEN,
}
_OUTCOMES = {
    result.value: result
    for result in (
        CallResult.CONFIRMED,
        CallResult.MOVED,
        CallResult.CANCELLED,
        CallResult.REFUSED,
        CallResult.WRONG_NUMBER,
        CallResult.MACHINE,
        CallResult.FAILED,
    )
}


def result_of(outcome: str, *, was_heard: bool) -> CallResult:
    """What a dialog's outcome is for whoever wanted the call. Who hung up before the first question ended did decline."""
    known = _OUTCOMES.get(outcome)
    if known is not None:
        return known
    return CallResult.ANSWERED if was_heard else CallResult.DECLINED


def holder_of(brain: str) -> str:
    """A name that no other process has, nor this one after a restart."""
    return f"{socket.gethostname()[:30]}:{brain[:12]}:{os.getpid()}:{secrets.token_hex(3)}"


@dataclass(slots=True)
class CallingOut:
    """One brain's. `can_begin`: forms that a dialog of ours may begin with; `has_room`: for one more conversation."""

    queue: OutgoingCalls
    holder: str
    executor: Executor
    poll_seconds: float
    can_begin: Collection[str]
    has_room: Callable[[], bool]
    _held: dict[int, OutgoingCall] = field(default_factory=dict)
    _talking: set[int] = field(default_factory=set)
    _unsettled: dict[int, CallResult] = field(default_factory=dict)
    """What could not be written yet."""

    _pause_until: float = 0.0
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def run(self, send: Callable[[line.FromBrain], None]) -> None:
        """Look for calls to be made until cancelled; for the life of one link to line."""
        renewed = asyncio.get_running_loop().time()
        while True:
            try:
                await self._settle()
                now = asyncio.get_running_loop().time()
                if self._held and now - renewed >= LEASE_SECONDS / 4:
                    renewed = now
                    await self._do(self.queue.renew, self.holder, list(self._held))
                if now >= self._pause_until and self.has_room():
                    await self._begin_one(send)
            except Exception as error:  # noqa: BLE001 - patients who call are served all the same
                log.warning("calling_out_waits", problem=type(error).__name__, where=where(error))
                await asyncio.sleep(_NO_LINE_SECONDS)
            await asyncio.sleep(self.poll_seconds)

    async def _begin_one(self, send: Callable[[line.FromBrain], None]) -> None:
        for call in await self._do(self.queue.claim, self.holder):
            self._held[call.id] = call
            if call.form not in self.can_begin:
                log.error("call_cannot_begin", call=call.id, form=call.form, cure="name the form under application.also_start")
                await self._end(call.id, CallResult.FAILED)
                continue
            own = dialog_id.new()
            if await self._do(self.queue.dial, call.id, self.holder, own):
                send(line.Dial(order=call.id, phone=call.phone, dialog_id=own))
            else:
                self._held.pop(call.id, None)

    # -- news of line ---------------------------------------------------------------------------------------------------

    def dialing(self, message: line.Dialing) -> None:
        """Take line's news of a call that nobody has answered."""
        if not message.state.is_final or message.order not in self._held:
            return
        if message.state is line.DialState.NO_LINE:
            self._pause_until = asyncio.get_running_loop().time() + _NO_LINE_SECONDS
            self._spawn(self._put_back(message.order))
        else:
            self.settle(message.order, _STATES.get(message.state, CallResult.FAILED))

    def answered(self, started: line.CallStarted) -> OutgoingCall | None:
        """Somebody picked up; return what the call is about, None if it is none of ours any more."""
        call = None if started.order is None else self._held.get(started.order)
        if call is not None:
            self._talking.add(call.id)
            self._spawn(self._do(partial(self.queue.talk, call.id, self.holder, started.dialog_id)))
        return call

    def settle(self, order: int, result: CallResult) -> None:
        """Write down what came of a call; tried again while the database is away."""
        self._unsettled[order] = result
        self._spawn(self._settle())

    def link_lost(self) -> None:
        """Line is gone, and with it whoever was being dialled; conversations are told of it themselves."""
        for order in [order for order in self._held if order not in self._talking and order not in self._unsettled]:
            self._unsettled[order] = CallResult.UNREACHABLE
        self._spawn(self._settle())

    async def close(self) -> None:
        """Write down what is still to be written."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._settle()

    # -- inside ---------------------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        for order, result in list(self._unsettled.items()):
            try:
                await self._end(order, result)
            except StorageError as error:
                log.warning("call_not_settled_yet", call=order, problem=type(error).__name__)
                return

    async def _end(self, order: int, result: CallResult) -> None:
        await self._do(self.queue.finish, order, self.holder, result)
        self._held.pop(order, None)
        self._talking.discard(order)
        self._unsettled.pop(order, None)

    async def _put_back(self, order: int) -> None:
        await self._do(self.queue.put_back, order, self.holder, _NO_LINE_SECONDS)
        self._held.pop(order, None)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("call_not_settled", problem=type(error).__name__)  # its lease will

    async def _do(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.executor, partial(function, *args))
