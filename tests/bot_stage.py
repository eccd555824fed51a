"""A clinic's bot and a patient in its chat, over a messenger's API on a real socket and the real dialogs."""

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from bot_servers import TOKEN, BotServer, Sent
from chat_stage import HOURS, TEXTS, DemoDialogs
from demo_clinic import DAYS, DEMO, MONDAY_NINE

from voicebot.channels.attendance import Attendance
from voicebot.channels.bot import Bot
from voicebot.channels.bot_door import RULES
from voicebot.channels.bot_notices import BotNotices
from voicebot.channels.bot_polling import Poller
from voicebot.channels.bot_store import BotStore
from voicebot.channels.conversations import TextConversations
from voicebot.channels.door import Door
from voicebot.channels.max import MaxMessenger
from voicebot.channels.messenger import Messenger
from voicebot.channels.telegram import TelegramMessenger
from voicebot.channels.thinking import Thinker
from voicebot.channels.voice_notes import NoteLimits, VoiceNotes
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.contact_points import ContactPoints
from voicebot.clinic.services import SERVICES, ClinicServices
from voicebot.clinic.setup import prepare
from voicebot.clock import VirtualClock
from voicebot.dialog.engine import Engine
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.opening import understanding_of
from voicebot.dialog.talking import Alternative
from voicebot.messages.prices import prices_of
from voicebot.messages.receipts import Receipts
from voicebot.messages.senders.max_api import MaxApi
from voicebot.messages.senders.telegram_api import TelegramApi
from voicebot.reminders.answers import Answers
from voicebot.settings import Messages
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade


@pytest.fixture(scope="session")
def simple_dialogs(tmp_path_factory: pytest.TempPathFactory) -> DemoDialogs:
    """The demo clinic, understood by rules alone: what patients say here is simple, and nothing is to be learnt first."""
    catalogue = load_catalogue(DEMO / "clinic")
    plans = load_dialplans(DEMO / "dialplans", SERVICES)
    diary = tmp_path_factory.mktemp("diary") / "diary.db"
    database = open_database(f"sqlite:///{diary}")
    upgrade(database)
    prepare(database, catalogue, VirtualClock(MONDAY_NINE), days=DAYS)
    database.close()
    return DemoDialogs(catalogue, Engine(plans, catalogue, understanding_of(catalogue, plans)), diary)


@dataclass
class BotStage:
    """One process with one bot. `heard`: what voice notes are heard as."""

    channel: str
    server: BotServer
    dialogs: DemoDialogs
    database: Database
    clock: VirtualClock
    heard: tuple[Alternative, ...] = ()
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.points = ContactPoints(self.database, self.clock)
        self.start()

    def start(self) -> None:
        """Begin as a new process does: with what is in the database."""
        catalogue = self.dialogs.catalogue
        services = ClinicServices(Bookings(self.database, catalogue, self.clock), catalogue, self.clock)
        thinker = Thinker(self.dialogs.engine, services, self.clock, catalogue.zone, HOURS)
        self.conversations = TextConversations(thinker, self.database, {self.channel: RULES}, TEXTS, "demo")
        self.store = BotStore(self.database, self.clock, self.channel)
        notes = VoiceNotes(lambda: lambda _sound: self.heard, NoteLimits(seconds=5))
        receipts = Receipts(self.database, self.clock, prices_of(Messages()))
        self.messenger = messenger_of(self.channel, self.server)
        self.bot = Bot(
            self.messenger,
            lambda: self.conversations,
            self.points,
            self.store,
            notes,
            TEXTS,
            notices=BotNotices(self.channel, Answers(self.database, self.clock), receipts, self.clock),
            sleep=self._sleep,
        )
        self.poller = Poller(self.bot, self.store, sleep=self._sleep)
        door = Door(self.channel, RULES, push=self.bot.push)
        self.attendance = Attendance(self.conversations, self.database, self.clock, {self.channel: door})

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def round(self) -> None:
        """Poll once, some seconds later."""
        self.clock.advance(5)
        await self.poller.round()

    async def close(self) -> None:
        await self.messenger.close()
        await asyncio.to_thread(self.conversations.close)


def messenger_of(channel: str, server: BotServer) -> Messenger:
    if channel == "telegram":
        return TelegramMessenger(TelegramApi(TOKEN, server.url))
    return MaxMessenger(MaxApi(TOKEN, server.url))


@dataclass
class Patient:
    """Somebody in a private chat with the bot. What she does waits at the messenger until the bot asks for it."""

    channel: str
    server: BotServer
    chat: int = 700_100_200
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def own(self) -> list[Sent]:
        return [one for one in self.server.sent if one.chat == str(self.chat)]

    @property
    def last(self) -> Sent:
        return self.own[-1]

    def write(self, text: str, **more: Any) -> dict[str, Any]:
        return self._push(self._message(text=text, **more))

    def reply(self, text: str, to: str) -> dict[str, Any]:
        """Answer a message by its arrow."""
        if self.channel == "telegram":
            return self.write(text, reply_to_message={"message_id": int(to)})
        update = self._message(text=text)
        update["message"]["link"] = {"type": "reply", "message": {"mid": to, "text": "..."}}
        return self._push(update)

    def start(self, payload: str = "") -> dict[str, Any]:
        if self.channel == "telegram":
            return self.write(f"/start {payload}".strip())
        return self._push({**self._event("bot_started"), "payload": payload or None})

    def share(self, phone: str = "79161234567", owner: int | None = None) -> dict[str, Any]:
        """Send a contact; by default one's own."""
        owner = self.chat if owner is None else owner
        if self.channel == "telegram":
            return self._push(self._message(contact={"phone_number": phone, "first_name": "И", "user_id": owner}))
        card = f"BEGIN:VCARD\r\nVERSION:3.0\r\nTEL;TYPE=cell:{phone}\r\nFN:И\r\nEND:VCARD\r\n"
        contact = {"type": "contact", "payload": {"vcf_info": card, "max_info": {"user_id": owner, "first_name": "И"}}}
        return self._push(self._message(attachments=[contact]))

    def speak(self, note: bytes) -> dict[str, Any]:
        name = f"note{next(self._numbers)}"
        self.server.files[name] = note
        if self.channel == "telegram":
            voice = {"file_id": name, "duration": 2, "mime_type": "audio/ogg", "file_size": len(note)}
            return self._push(self._message(voice=voice))
        audio = {"type": "audio", "payload": {"url": f"{self.server.url}/files/{name}", "token": "t"}}
        return self._push(self._message(attachments=[audio]))

    def send_sticker(self) -> dict[str, Any]:
        if self.channel == "telegram":
            return self._push(self._message(sticker={"file_id": "s", "emoji": "🙂"}))
        return self._push(self._message(attachments=[{"type": "sticker", "payload": {"url": "https://x/", "code": "1"}}]))

    def edit(self, text: str) -> dict[str, Any]:
        update = self._message(text=text)
        if self.channel == "telegram":
            return self._push({"edited_message": update["message"]})
        return self._push({**update, "update_type": "message_edited"})

    def block(self) -> dict[str, Any]:
        if self.channel == "telegram":
            chat = {"id": self.chat, "type": "private"}
            member = {"user": {"id": 1, "is_bot": True}, "status": "kicked", "until_date": 0}
            return self._push(
                {"my_chat_member": {"chat": chat, "from": {"id": self.chat}, "date": 1, "new_chat_member": member}}
            )
        return self._push(self._event("bot_stopped"))

    def press(self, label: str, sent: Sent | None = None) -> dict[str, Any]:
        """Press a button under a message, the last one if none is given."""
        sent = sent or self.last
        payload = buttons_of(sent)[label]
        if self.channel == "telegram":
            message = {"message_id": int(sent.number), "chat": {"id": self.chat, "type": "private"}, "date": 1}
            query = {
                "id": f"q{next(self._numbers)}",
                "from": {"id": self.chat, "is_bot": False},
                "message": message,
                "data": payload,
            }
            return self._push({"callback_query": query})
        stamp = next(self._numbers)
        user = {"user_id": self.chat, "is_bot": False}
        callback = {"timestamp": stamp, "callback_id": f"k{sent.number}", "payload": payload, "user": user}
        recipient = {"chat_id": self.chat, "chat_type": "dialog", "user_id": self.chat}
        message = {"recipient": recipient, "timestamp": 1, "body": {"mid": sent.number, "seq": 1, "text": sent.text}}
        return self._push({"update_type": "message_callback", "timestamp": stamp, "callback": callback, "message": message})

    def _message(self, **content: Any) -> dict[str, Any]:
        number = next(self._numbers)
        if self.channel == "telegram":
            chat, sender = {"id": self.chat, "type": "private"}, {"id": self.chat, "is_bot": False, "first_name": "Пётр"}
            return {"message": {"message_id": number, "from": sender, "chat": chat, "date": number, **content}}
        body = {"mid": f"mid.{number:032x}", "seq": number, "text": None, "attachments": None, **content}
        recipient = {"chat_id": self.chat, "chat_type": "dialog", "user_id": 1}
        sender = {"user_id": self.chat, "first_name": "Пётр", "is_bot": False}
        message = {"sender": sender, "recipient": recipient, "timestamp": number, "body": body}
        return {"update_type": "message_created", "timestamp": number, "message": message, "user_locale": "ru"}

    def _event(self, kind: str) -> dict[str, Any]:
        user = {"user_id": self.chat, "is_bot": False}
        return {"update_type": kind, "timestamp": next(self._numbers), "chat_id": self.chat, "user": user}

    def _push(self, update: dict[str, Any]) -> dict[str, Any]:
        number = self.server.push(update)
        return {"update_id": number, **update} if self.channel == "telegram" else update


def buttons_of(sent: Sent) -> Mapping[str, str]:
    """The buttons that send something back: label -> payload."""
    if isinstance(sent.markup, dict):
        rows = sent.markup.get("inline_keyboard", [])
        return {button["text"]: button["callback_data"] for row in rows for button in row if "callback_data" in button}
    rows = [row for one in sent.markup or [] for row in one["payload"]["buttons"]]
    return {button["text"]: button["payload"] for row in rows for button in row if button["type"] == "callback"}


def asks_for_number(sent: Sent) -> bool:
    return "request_contact" in str(sent.markup)
