"""What happens in text dialogs while their patients say nothing: operators come, write and go; times run out.

The database is asked a few times a second, once for all dialogs: another process, the desk, writes there.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import structlog

from voicebot.channels import store
from voicebot.channels.contact import Mode, Reply, Said
from voicebot.channels.conversations import Key, TextConversations
from voicebot.channels.door import Door
from voicebot.channels.steps import StepOf
from voicebot.channels.store import Place
from voicebot.clock import Clock
from voicebot.records import handed
from voicebot.records.handed import Handed
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

_CLAIM = timedelta(seconds=30)
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 120.0


class Attendance:
    """Looks after the dialogs of all channels of a process."""

    def __init__(self, conversations: TextConversations, database: Database, clock: Clock, doors: Mapping[str, Door]) -> None:
        self._conversations = conversations
        self._database = database
        self._handed = Handed(database, clock)
        self._clock = clock
        self._doors = doors
        self._pauses: dict[Key, tuple[float, float]] = {}  # until when not to try again, and how long the next pause is

    async def run(self, every_seconds: float) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - tried again: without this task no operator's word would arrive
                log.error("attendance_waits", problem=type(error).__name__)
            await asyncio.sleep(every_seconds)

    async def look(self) -> None:
        """Do all that is due now."""
        now = self._clock.now()
        places = {place.dialog_id: place for place in await asyncio.to_thread(store.looked_after, self._database, now)}
        with_people = {one.dialog_id: one.delivered for one in places.values() if one.mode is not Mode.ROBOT}
        seen = {one.dialog_id: one for one in await asyncio.to_thread(self._handed.look, with_people)}
        taken = [one for one in seen if one not in places and seen[one].state is handed.State.TAKEN]
        if taken:
            places |= {place.dialog_id: place for place in await asyncio.to_thread(store.of_dialogs, self._database, taken)}
        for place in places.values():
            if place.channel in self._doors and self._may_try(place.key):
                try:
                    await self._attend(place, seen.get(place.dialog_id))
                except Exception as error:  # noqa: BLE001 - one patient's dialog must not keep the others waiting
                    self._pause(place.key)
                    log.error("dialog_not_attended", dialog_id=place.dialog_id, problem=type(error).__name__)

    async def _attend(self, place: Place, seen: handed.Place | None) -> None:
        steps = self._conversations.steps
        if seen is not None and seen.state is handed.State.TAKEN and place.mode is not Mode.OPERATOR:
            await self._tell(place, steps.taken)
        if seen is not None and seen.said:
            await self._deliver(place, seen)
        if place.mode is Mode.ROBOT and (seen is None or seen.state is not handed.State.TAKEN):
            await self._tell(place, steps.due)
            return
        match seen.state if seen is not None else None:
            case handed.State.CLOSED:
                await self._tell(place, steps.closed)
            case handed.State.WITH_ROBOT | None:
                await self._tell(place, steps.given_back)
            case handed.State.WAITING if place.mode is Mode.OPERATOR:
                await self._tell(place, steps.back_in_queue)
            case handed.State.WAITING:
                await self._tell(place, steps.due)

    async def _tell(self, place: Place, step: StepOf) -> None:
        reply = await self._conversations.change(place.key, step)
        if reply is not None:
            await self._push(place, reply)

    async def _deliver(self, place: Place, seen: handed.Place) -> None:
        """The operator's words, at least once: marked as delivered when the channel has taken them."""
        door = self._doors[place.channel]
        if not door.is_local:
            now = self._clock.now()
            if not await asyncio.to_thread(store.claim, self._database, place, now, now + _CLAIM):
                return
        said = tuple(Said(turn.number, "operator", turn.text) for turn in seen.said)
        if await self._push(place, Reply(place.dialog_id, said, mode=Mode.OPERATOR)):
            number = max(one.number for one in said)
            await self._conversations.change(place.key, partial(self._conversations.steps.delivered, number))

    async def _push(self, place: Place, reply: Reply) -> bool:
        door = self._doors[place.channel]
        if door.push is None:
            return False
        is_there = await door.push(place.address, reply)
        self._pauses.pop(place.key, None)
        return is_there

    def _may_try(self, key: Key) -> bool:
        return key not in self._pauses or self._clock.monotonic_seconds() >= self._pauses[key][0]

    def _pause(self, key: Key) -> None:
        pause = self._pauses.get(key, (0.0, _FIRST_PAUSE_SECONDS))[1]
        self._pauses[key] = (self._clock.monotonic_seconds() + pause, min(2 * pause, _LONGEST_PAUSE_SECONDS))
