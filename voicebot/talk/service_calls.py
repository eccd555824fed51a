"""Calls of the clinic's services beside the conversation: each is answered in time, and none works in secret.

A thread cannot be stopped. So a service that answers after the caller was told "unavailable" may still have booked: what
nobody was told of is undone, and the records say so.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from voicebot.dialog.talking import Invoke, Returned
from voicebot.talk.chronicle import Chronicle
from voicebot.trouble import where

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 8.0
# Service -> the service that undoes it, and its arguments made from the answer.
_UNDO: Mapping[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "book": ("cancel", lambda appointment: {"appointment_id": appointment.id, "phone": appointment.phone}),
    "hold": ("release", lambda hold: {"slot_id": hold.slot_id}),
}
_CHANGING = frozenset({*_UNDO, "cancel", "reschedule"})


class Services(Protocol):
    """Named services of the clinic (blocking)."""

    def call(self, name: str, arguments: Mapping[str, Any], dialog_id: str, key: str) -> Returned: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer, or "unavailable" where it failed or took too long."""

    act: Invoke
    returned: Returned


@dataclass(slots=True)
class ServiceCalls:
    """The service calls of one conversation. `report` gets exactly one Answer for each `begin`."""

    services: Services
    executor: Executor
    chronicle: Chronicle
    report: Callable[[Answer], None]
    background: "set[asyncio.Task[None]]"
    """Keeps what outlives the conversation: the undoing of late answers."""
    on_alarm: Callable[[str], None]
    timeout_seconds: float = TIMEOUT_SECONDS
    is_holding: bool = False
    _pending: "set[asyncio.Task[None]]" = field(default_factory=set)

    @property
    def is_pending(self) -> bool:
        return bool(self._pending)

    def begin(self, act: Invoke) -> None:
        """Call a service; the answer is reported."""
        if act.service in ("hold", "book", "release"):
            self.is_holding = act.service == "hold"
        task = asyncio.create_task(self._call(act))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def settle(self) -> None:
        """Wait until everything begun was reported (no longer than the time-out)."""
        if self._pending:
            await asyncio.wait(self._pending)

    def cancel(self) -> None:
        """Wait no longer; what runs is undone if it changes anything."""
        for task in self._pending:
            task.cancel()

    async def undo(self, act: Invoke, returned: Returned) -> None:
        """Take back what a service did, as the caller was not told of it."""
        if returned.error or act.service not in _CHANGING:
            return
        is_undone = False
        if act.service in _UNDO:
            service, arguments_of = _UNDO[act.service]
            try:
                undone = await self._in_pool(service, arguments_of(returned.value), f"{act.key}:undo")
                is_undone = not undone.error
            except Exception as error:  # noqa: BLE001 - a human must look at it, whatever it was
                log.error("undo failed", service=service, error=type(error).__name__, where=where(error))
        if not is_undone:
            self.on_alarm("untold_change")
        log.warning("late_answer", dialog_id=self.chronicle.dialog_id, service=act.service, is_undone=is_undone)
        await self.chronicle.happened("late answer undone" if is_undone else "late answer stands", service=act.service)

    async def release(self) -> None:
        """Give back what is still held for a caller who is gone."""
        if self.is_holding:
            try:
                await self._in_pool("release", {}, "")
            except Exception as error:  # noqa: BLE001 - it lapses by itself in minutes
                log.error("release failed", error=type(error).__name__, where=where(error))

    async def _call(self, act: Invoke) -> None:
        dialog_id = self.chronicle.dialog_id
        running = self.executor.submit(self.services.call, act.service, act.arguments, dialog_id, act.key)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                # shield: a cancelled wait must not hide the answer of a thread that goes on.
                returned = await asyncio.shield(asyncio.wrap_future(running))
        except (TimeoutError, asyncio.CancelledError) as error:
            self._await_late(act, running)
            if isinstance(error, asyncio.CancelledError):
                raise
            log.error("service too slow", dialog_id=dialog_id, service=act.service)
            returned = Returned(act.service, error="unavailable")
        except Exception as error:  # noqa: BLE001 - the engine decides what the caller hears
            log.error(
                "service failed", dialog_id=dialog_id, service=act.service, error=type(error).__name__, where=where(error)
            )
            returned = Returned(act.service, error="unavailable")
        self._pending.discard(asyncio.current_task())
        self.report(Answer(act, returned))

    def _await_late(self, act: Invoke, running: "Future[Returned]") -> None:
        if running.cancel() or act.service not in _CHANGING:
            return
        task = asyncio.create_task(self._undo_late(act, running))
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    async def _undo_late(self, act: Invoke, running: "Future[Returned]") -> None:
        try:
            returned = await asyncio.wrap_future(running)
        except Exception:  # noqa: BLE001 - it failed late: nothing was changed
            return
        await self.undo(act, returned)

    async def _in_pool(self, service: str, arguments: Mapping[str, Any], key: str) -> Returned:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.timeout_seconds):
            return await loop.run_in_executor(
                self.executor, self.services.call, service, arguments, self.chronicle.dialog_id, key
            )
