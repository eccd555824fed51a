"""A bot over the clinic's dialogs: what a patient does in a chat becomes a message of the dialog, the reply goes back.

An update that comes twice is answered once; one whose answer could not be sent comes again and gets the same answer. One
update of a chat is done at a time, many chats at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import structlog

from voicebot.channels.bot_notices import Asked, Notices
from voicebot.channels.bot_store import BotStore
from voicebot.channels.bot_text import join, parts
from voicebot.channels.bot_words import BotWords
from voicebot.channels.contact import Button, Incoming, Mode, Reply
from voicebot.channels.conversations import TextConversations
from voicebot.channels.locks import KeyedLocks
from voicebot.channels.messenger import (
    Began,
    Edited,
    Messenger,
    Pressed,
    SentOther,
    Shared,
    Spoke,
    Stopped,
    Update,
    Wrote,
)
from voicebot.channels.store import Place
from voicebot.channels.texts import Texts
from voicebot.channels.voice_notes import NoteTooLong, NoteUnreadable, VoiceNotes
from voicebot.clinic.contact_points import ContactPoints
from voicebot.clinic.failures import BadPhone
from voicebot.dialog.state import Phase
from voicebot.errors import ModelError, StorageError
from voicebot.messages.senders.bot_http import Gone
from voicebot.messages.senders.bot_sender import REPLY
from voicebot.messages.senders.sender import Refused, SendFailure, Throttled, Unavailable, Uncertain

log = structlog.get_logger(__name__)

_TRIES = 4  # of one message; the last failure is told to the transport, which has the update come again
_LONGEST_PAUSE_SECONDS = 30.0
_COMMANDS = {"/operator": "оператор", "/cancel": "отменить запись"}


Sleep = Callable[[float], Awaitable[None]]


class Bot:
    """Lives in one event loop. `sleep`: for tests."""

    def __init__(
        self,
        messenger: Messenger,
        conversations: Callable[[], TextConversations],
        points: ContactPoints,
        store: BotStore,
        voice_notes: VoiceNotes,
        texts: Texts,
        *,
        notices: Notices | None = None,
        words: BotWords | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.messenger = messenger
        self._conversations = conversations
        self._points = points
        self._store = store
        self._voice_notes = voice_notes
        self._texts = texts
        self._notices = notices
        self._words = words or BotWords()
        self._sleep = sleep
        self._locks: KeyedLocks[str] = KeyedLocks()

    async def handle(self, raw: Any) -> None:
        """Do an update and answer it. Raises StorageError and SendFailure: it is to come again; nothing else."""
        update = self.messenger.parse(raw)
        if update is None:
            return
        async with self._locks.of(update.chat):
            key = f"{update.chat} {update.key}"
            if await asyncio.to_thread(self._store.is_answered, key):
                return
            try:
                await self._do(update)
            except Gone:
                await self._gone(update.chat)
            except Refused as refusal:
                log.error("bot_reply_refused", channel=self.messenger.channel, code=refusal.code)
            except (StorageError, SendFailure):
                raise
            except Exception as error:  # noqa: BLE001 - an update that always fails must not stop all those after it
                log.error("bot_update_failed", channel=self.messenger.channel, kind=type(update).__name__, problem=_name(error))
            await asyncio.to_thread(self._store.answered, key)

    async def push(self, chat: str, reply: Reply) -> bool:
        """Send what nobody asked for; False: the patient cannot be reached here. Raises SendFailure: try again later."""
        try:
            await self._tell(chat, reply, tries=1)  # who pushes looks after others meanwhile, and tries again itself
        except Gone:
            await self._gone(chat)
            return False
        except Refused as refusal:
            log.error("bot_push_refused", channel=self.messenger.channel, code=refusal.code)
            return False
        return True

    # -- what patients do -----------------------------------------------------------------------------------------------

    async def _do(self, update: Update) -> None:
        match update:
            case Began():
                await self._receive(update, is_new=True)
            case Wrote():
                await self._wrote(update)
            case Pressed():
                await self._pressed(update)
            case Spoke():
                await self._spoke(update)
            case Shared():
                await self._shared(update)
            case Edited():
                await self._say(update.chat, self._words.edited)
            case SentOther():
                await self._say(update.chat, self._words.other)
            case Stopped():
                await asyncio.to_thread(self._points.withdraw_address, self.messenger.channel, update.chat)
                await self._conversations().leave(self.messenger.channel, update.chat)

    async def _wrote(self, update: Wrote) -> None:
        command = update.text.split(maxsplit=1)[0].casefold() if update.text.startswith("/") else ""
        if command == "/help":
            await self._say(update.chat, self._words.help)
        elif command == "/stop":
            await asyncio.to_thread(self._points.withdraw_address, self.messenger.channel, update.chat)
            await self._say(update.chat, self._words.stopped)
        elif command == "/phone":
            await self._send(update.chat, self._words.ask_phone, (), wants_phone=True)
        elif command in _COMMANDS:
            await self._receive(update, text=_COMMANDS[command])
        else:
            await self._receive(update, text=update.text, asked=await self._asked(update.chat, update.reply_to))

    async def _pressed(self, update: Pressed) -> None:
        await self._quietly(self.messenger.acknowledge(update))
        if not update.payload.startswith(REPLY):
            await self._receive(update, button=update.payload)
            return
        asked = await self._question(update.chat, update.message)
        if self._notices is not None:
            await asyncio.to_thread(self._notices.seen, update.chat, update.message)
        await self._receive(update, text=update.payload.removeprefix(REPLY), asked=asked)

    async def _spoke(self, update: Spoke) -> None:
        if update.size_bytes > self._voice_notes.limits.bytes:
            await self._say(update.chat, self._texts.voice_too_long)
            return
        await self._quietly(self.messenger.show_typing(update.chat))
        try:
            heard = await self._voice_notes.heard(await self.messenger.fetch(update))
        except (NoteTooLong, Refused):
            await self._say(update.chat, self._texts.voice_too_long)
            return
        except (NoteUnreadable, ModelError, Unavailable) as error:
            log.warning("bot_note_not_heard", channel=self.messenger.channel, problem=_name(error))
            heard = ()
        if not heard:
            await self._say(update.chat, self._texts.not_heard)
            return
        await self._receive(update, alternatives=heard, asked=await self._asked(update.chat, ""))

    async def _shared(self, update: Shared) -> None:
        place = await self._conversations().place(self.messenger.channel, update.chat)
        is_asked = _asks_for_phone(place)
        if not update.is_own:
            # Somebody else's number proves nothing, but may be the answer to the question.
            if is_asked and update.phone:
                await self._receive(update, text=update.phone)
            else:
                await self._send(update.chat, self._words.not_own, (), wants_phone=True)
            return
        try:
            point = await asyncio.to_thread(
                self._points.link,
                update.phone,
                self.messenger.channel,
                update.chat,
                is_verified=True,
                has_consent=True,
                source=place.dialog_id,
            )
        except BadPhone:
            await self._say(update.chat, self._words.bad_phone)
            return
        if is_asked:
            await self._receive(update, text=point.phone)
        else:
            await self._say(update.chat, self._words.linked)

    # -- the dialog -----------------------------------------------------------------------------------------------------

    async def _receive(self, update: Update, *, asked: Asked | None = None, **said: Any) -> None:
        phone = await asyncio.to_thread(self._points.phone_of, self.messenger.channel, update.chat)
        incoming = Incoming(
            channel=self.messenger.channel, address=update.chat, message_id=update.key, phone=phone or "", **said
        )
        if asked is not None:
            incoming = replace(incoming, form=asked.form, given=asked.given)
        reply = await self._conversations().receive(incoming)
        if not reply.dialog_id and reply.mode is not Mode.OVER:
            raise StorageError("A message could not be stored.", "The messenger delivers it again.")
        if asked is not None and self._notices is not None:
            await asyncio.to_thread(self._notices.answered, asked, reply.outcome)
        await self._tell(update.chat, reply, knows_phone=phone is not None)

    async def _asked(self, chat: str, reply_to: str) -> Asked | None:
        """What a text answers: the notice it replies to, or, while no dialog goes on, the last notice that asked."""
        if not reply_to:
            place = await self._conversations().place(self.messenger.channel, chat)
            if place.mode is not Mode.OVER:
                return None
        return await self._question(chat, reply_to)

    async def _question(self, chat: str, message: str) -> Asked | None:
        return None if self._notices is None else await asyncio.to_thread(self._notices.asked, chat, message)

    async def _tell(self, chat: str, reply: Reply, *, knows_phone: bool = False, tries: int = _TRIES) -> None:
        text = join((f"{self._words.operator}{one.text}" if one.who == "operator" else one.text) for one in reply.messages)
        if text:
            await self._send(chat, text, reply.buttons, wants_phone=reply.wants_phone and not knows_phone, tries=tries)

    async def _say(self, chat: str, text: str) -> None:
        await self._send(chat, text, ())

    async def _send(
        self, chat: str, text: str, buttons: tuple[Button, ...], *, wants_phone: bool = False, tries: int = _TRIES
    ) -> None:
        *first, last = parts(text, self.messenger.text_limit)
        for part in first:
            await self._surely(chat, part, (), tries, wants_phone=False)
        await self._surely(chat, last, buttons, tries, wants_phone=wants_phone)

    async def _surely(self, chat: str, text: str, buttons: tuple[Button, ...], tries: int, *, wants_phone: bool) -> None:
        """Send, again where it did not work: in a dialog a sentence twice is better than silence."""
        for attempt in range(tries):
            try:
                await self.messenger.send(chat, text, buttons, wants_phone=wants_phone)
                return
            except Throttled as failure:
                pause_seconds = failure.after_seconds
                if attempt + 1 == tries or pause_seconds > _LONGEST_PAUSE_SECONDS:
                    raise
            except (Unavailable, Uncertain):
                pause_seconds = 0.5 * 2**attempt
                if attempt + 1 == tries:
                    raise
            await self._sleep(pause_seconds)

    async def _gone(self, chat: str) -> None:
        """The patient has blocked the bot: no notices there, and the dialog is over."""
        log.info("bot_blocked", channel=self.messenger.channel)
        await asyncio.to_thread(self._points.refused, self.messenger.channel, chat)
        await self._conversations().leave(self.messenger.channel, chat)

    async def _quietly(self, work: Awaitable[None]) -> None:
        """What is only for the looks may fail."""
        try:
            await work
        except SendFailure as failure:
            log.debug("bot_nicety_failed", channel=self.messenger.channel, problem=_name(failure))


def _asks_for_phone(place: Place) -> bool:
    state = place.state
    if place.mode is not Mode.ROBOT or state is None or state.phase is not Phase.LISTENING:
        return False
    return state.expect is not None and state.expect.type == "phone"


def _name(error: Exception) -> str:
    return type(error).__name__
