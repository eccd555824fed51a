"""Who of the patients is connected to this process, and what is sent to them unasked."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import select

from voicebot.channels import web_protocol as protocol
from voicebot.channels.conversations import TextConversations
from voicebot.records.chat_tables import ChatRow
from voicebot.records.dialogs import Who
from voicebot.records.tables import TurnRow
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

CHANNEL = "web"
_SYNC_SECONDS = 2.0
_MOST_LINES = 200
_MOST_AT_ONCE = 500

Send = Callable[[bytes], Awaitable[None]]


class Hub:
    """The open connections of a process. One patient may have several (tabs)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._there: defaultdict[str, list[Send]] = defaultdict(list)
        self._shown: dict[str, int] = {}  # the newest version that an address was shown

    @property
    def count(self) -> int:
        return sum(map(len, self._there.values()))

    def join(self, address: str, send: Send) -> None:
        self._there[address].append(send)

    def leave(self, address: str, send: Send) -> None:
        several = self._there.get(address, [])
        if send in several:
            several.remove(send)
        if not several:
            self._there.pop(address, None)
            self._shown.pop(address, None)

    def has_others(self, address: str) -> bool:
        return len(self._there.get(address, ())) > 1

    def is_there(self, address: str) -> bool:
        return address in self._there

    def showed(self, address: str, version: int) -> None:
        """The patient sees the dialog as of this version."""
        if address in self._there:
            self._shown[address] = max(version, self._shown.get(address, 0))

    async def push(self, address: str, message: bytes, but: Send | None = None) -> bool:
        """Send to all of a patient's connections; False if there is none."""
        several = [send for send in self._there.get(address, ()) if send is not but]
        for send in several:
            try:
                await send(message)
            except Exception:  # noqa: BLE001 - that tab is gone; its own task finds out
                log.debug("connection_gone")
        return bool(several)

    async def whole(self, conversations: TextConversations, address: str) -> protocol.Update:
        """All of a patient's dialog."""
        place = await conversations.place(CHANNEL, address)
        said = await asyncio.to_thread(_said, self._database, place.dialog_id) if place.version else []
        reply = conversations.steps.as_it_stands(place)
        self.showed(address, place.version)
        done = [message_id for message_id, _ in place.replies if message_id]
        return protocol.whole(reply, said, done, place.version)

    async def run(self, conversations: TextConversations) -> None:
        """Show what other processes did to the dialogs of those who are here, for ever."""
        while True:
            await asyncio.sleep(_SYNC_SECONDS)
            try:
                for address in await self._behind(conversations):
                    update = await self.whole(conversations, address)
                    await self.push(address, protocol.encode(update))
            except Exception as error:  # noqa: BLE001 - tried again
                log.warning("hub_waits", problem=type(error).__name__)

    async def _behind(self, conversations: TextConversations) -> list[str]:
        """Those whose dialog is newer in the database than what they were shown and what this process knows."""
        addresses = list(self._there)
        behind = []
        for start in range(0, len(addresses), _MOST_AT_ONCE):
            some = addresses[start : start + _MOST_AT_ONCE]
            versions = await asyncio.to_thread(_versions, self._database, some)
            behind += [
                address
                for address, version in versions
                if version > max(self._shown.get(address, 0), conversations.known_version(CHANNEL, address))
            ]
        for address in behind:
            conversations.forget(CHANNEL, address)
        return behind


def _versions(database: Database, addresses: Sequence[str]) -> list[tuple[str, int]]:
    query = select(ChatRow.address, ChatRow.version).where(ChatRow.channel == CHANNEL, ChatRow.address.in_(addresses))
    return database.run(lambda session: [(row[0], row[1]) for row in session.execute(query)], is_readonly=True)


def _said(database: Database, dialog_id: str) -> list[tuple[int, str, str, datetime]]:
    """What patient, robot and operators said, the last lines of it."""
    query = (
        select(TurnRow.number, TurnRow.who, TurnRow.text, TurnRow.at)
        .where(TurnRow.dialog_id == dialog_id, TurnRow.who != Who.SYSTEM.value, TurnRow.text != "")
        .order_by(TurnRow.number.desc())
        .limit(_MOST_LINES)
    )
    rows = database.run(lambda session: [tuple(row) for row in session.execute(query)], is_readonly=True)
    return rows[::-1]  # type: ignore[return-value]
