"""Yandex Alice as a channel: no operators there, a session ends by itself."""

from voicebot.channels.alice_skill import CHANNEL, AliceSkill
from voicebot.channels.alice_webhook import router
from voicebot.channels.alice_words import AliceWords
from voicebot.channels.contact import Incoming, Reply
from voicebot.channels.door import Context, Door
from voicebot.channels.rules import Rules
from voicebot.errors import ConfigurationError
from voicebot.russian.phones import parse_phone_digits, say_phone
from voicebot.russian.written import write_phone

#: Alice closes the microphone after seconds and a session after minutes; nobody can be reminded there.
RULES = Rules(has_operators=False, remind_seconds=0, close_seconds=15 * 60, says_inactive=False)
_SECRET_LENGTH = 16


def open_door(context: Context) -> Door | None:
    """None: there is no secret. Raises ConfigurationError for one that can be guessed."""
    settings = context.settings.channels.alice
    secret = settings.word()
    if not secret:
        return None
    if len(secret) < _SECRET_LENGTH or not secret.isalnum() or not secret.isascii():
        raise ConfigurationError(
            f"channels.alice.secret is not {_SECRET_LENGTH} or more letters and digits.", "Make one: openssl rand -hex 24."
        )
    clinic = context.catalogue.clinic
    phone = parse_phone_digits(clinic.phone) or ""
    words = AliceWords(clinic.spoken or clinic.name, write_phone(phone), say_phone(phone) if phone else "")
    skill = AliceSkill(_Late(context), words, answer_seconds=settings.answer_seconds, chat_url=settings.chat_url)
    return Door(CHANNEL, RULES, router(skill, secret, frozenset(settings.skills)))


class _Late:
    """The conversations, which are there once all doors are open."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def receive(self, incoming: Incoming) -> Reply:
        return await self._context.conversations.receive(incoming)

    async def leave(self, channel: str, address: str) -> None:
        await self._context.conversations.leave(channel, address)
