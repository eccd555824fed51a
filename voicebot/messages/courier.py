"""Carries messages from the outbox to patients: claims what is due, writes the intent down, sends, notes the result.

The intent is written before a provider is asked. So whoever finds it without a result knows that the process died in between,
and repeats it under the same key where the provider knows repetitions, or waits for a receipt where it does not
(`cascade`; docs/reminders.md says what that means for exactly-once).
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.messages import progress
from voicebot.messages.cascade import advance
from voicebot.messages.claims import claim, has_due, is_ours, release
from voicebot.messages.intents import Intents, Means, Work, event_of, note_failure
from voicebot.messages.senders import sender as ways
from voicebot.messages.tables import DeliveryRow
from voicebot.settings import Cascade
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)


Result = ways.Accepted | ways.SendFailure


class Courier:
    """One worker. Several in one process or in many do not disturb each other. Nothing but StorageError is raised.

    `at` is told of each point at which a process may die; tests let it die there.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Cascade,
        means: Means,
        name: str = "",
        at: Callable[[str], object] = str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._means = means
        self._intents = Intents(clock, settings, means)
        self._name = name or secrets.token_hex(4)
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._at = at

    async def run(self, stop: asyncio.Event, poll_seconds: float = 0.5) -> None:
        """Work until told to stop; what is being sent then is ended first."""
        running: set[asyncio.Task[None]] = set()
        while not stop.is_set():
            free = self._settings.at_once - len(running)
            works: Sequence[Work] = ()
            try:
                works = await asyncio.to_thread(self.take, free) if free > 0 else ()
            except StorageError as error:
                log.warning("courier_waits", problem=error.message, cure=error.cure)
            for work in works:
                task = asyncio.create_task(self._carry_surely(work))
                running.add(task)
                task.add_done_callback(running.discard)
            if not works:
                await _first_of(stop, running, poll_seconds, is_full=free <= 0)
        if running:
            await asyncio.wait(running, timeout=self._settings.send_seconds + 5)

    async def tick(self, limit: int | None = None) -> int:
        """Claim once, and carry out what was claimed; return how many intents that were."""
        works = await asyncio.to_thread(self.take, limit or self._settings.at_once)
        await asyncio.gather(*(self.carry(work) for work in works))
        return len(works)

    def take(self, limit: int) -> Sequence[Work]:
        """Claim what is due, and write the intents to send; what needs no sending (late, cancelled, at night) is settled."""
        now = self._clock.now()
        if not self._database.run(lambda session: has_due(session, now), is_readonly=True):
            return ()
        claims = self._database.run(lambda session: claim(session, self._name, now, self._lease, limit))
        self._at("claimed")
        works = self._database.run(lambda session: [self._intents.begin(session, one) for one in claims])
        self._at("intended")
        return [work for work in works if work is not None]

    async def carry(self, work: Work | None) -> None:
        """Send, note the result, and go on with the next provider or channel where that is due at once."""
        while work is not None:
            result = await self._hand_over(work)
            self._at("sent")
            current, done = work, result
            work = await asyncio.to_thread(self._settle, current, done)
            self._at("settled")

    async def _carry_surely(self, work: Work) -> None:
        try:
            await self.carry(work)
        except StorageError as error:
            # The intent stands: when the lease has run out it is taken for what it is, a message of unknown fate.
            log.warning("result_not_stored", message_id=work.claim.message_id, problem=error.message, cure=error.cure)
        except Exception:
            log.exception("courier_failed", message_id=work.claim.message_id)

    # -- doing ------------------------------------------------------------------------------------------------------------

    async def _hand_over(self, work: Work) -> Result:
        """Ask the provider; whatever goes wrong becomes one of the four failures."""
        waited_seconds = self._clock.monotonic_seconds() - work.began_seconds
        if waited_seconds > self._settings.lease_seconds - self._settings.send_seconds:
            return ways.Throttled("This process slept: the message may be somebody else's by now.", 1.0, code="overslept")
        result: Result
        route = self._means.routes[work.outgoing.channel]
        route.begin(work.sender.provider)
        began = self._clock.monotonic_seconds()
        try:
            async with asyncio.timeout(self._settings.send_seconds):
                result = await work.sender.send(work.outgoing)
        except ways.SendFailure as error:
            result = error
        except TimeoutError:
            result = ways.Uncertain("The provider did not answer in time.", code="timeout")
        except Exception as error:  # a fault of ours: it may have sent
            log.exception("sender_failed", provider=work.sender.provider)
            result = ways.Uncertain("The sender failed.", code=type(error).__name__)
        seconds = self._clock.monotonic_seconds() - began
        failure = result if isinstance(result, ways.SendFailure) else None
        route.note(work.sender.provider, failure, seconds)
        return result

    def _settle(self, work: Work, result: Result) -> Work | None:
        """Note what came of an intent; return the next one where it is due at once."""

        def note(session: Session) -> bool:
            now = self._clock.now()
            row = progress.locked(session, work.claim.message_id)
            delivery = session.get(DeliveryRow, work.delivery_id, with_for_update=True, populate_existing=True)
            state = None if row is None else progress.state_of(row)
            if row is None or delivery is None or state is None:
                return False  # erased meanwhile
            is_mine = is_ours(row, work.claim)
            if isinstance(result, ways.Accepted):  # a fact, whoever works on the message now
                state = progress.accepted(session, delivery, state, result.provider_id, result.parts, self._means.price, now)
            elif is_mine:
                note_failure(session, delivery, result, now)
                state, _ = advance(state, event_of(work, result), now)
            if isinstance(result, ways.Accepted) or is_mine:
                progress.write(row, state, now)
            if not is_mine:
                return False
            goes_on = not state.is_done and state.due_at <= now
            if not goes_on:
                release(row)
            return goes_on

        goes_on = self._database.run(note)
        log.info(
            "message_handed_over", message_id=work.claim.message_id, channel=work.outgoing.channel.value,
            provider=work.sender.provider, result=type(result).__name__.lower(), code=getattr(result, "code", ""),
        )  # fmt: skip
        return self._database.run(lambda session: self._intents.begin(session, work.claim)) if goes_on else None


async def _first_of(stop: asyncio.Event, running: set[asyncio.Task[None]], seconds: float, *, is_full: bool) -> None:
    """Wait until told to stop, until something is due again, or, with all hands full, until one is free."""
    stopping = asyncio.create_task(stop.wait())
    try:
        waited = {stopping, *running} if is_full else {stopping}
        await asyncio.wait(waited, timeout=None if is_full else seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
