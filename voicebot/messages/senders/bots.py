"""The bots of the settings: their APIs, and their senders for notices."""

from voicebot.clock import Clock
from voicebot.messages.senders.bot_sender import BotSender
from voicebot.messages.senders.max import MaxSender
from voicebot.messages.senders.max_api import MaxApi
from voicebot.messages.senders.sender import Channel
from voicebot.messages.senders.telegram import TelegramSender
from voicebot.messages.senders.telegram_api import TelegramApi
from voicebot.settings import Bot, Settings


def telegram_api(bot: Bot) -> TelegramApi | None:
    """None: switched off, for there is no token."""
    token = bot.word()
    if not token:
        return None
    address = {"base_url": bot.base_url} if bot.base_url else {}
    return TelegramApi(token, ca_file=bot.ca_file, proxy=bot.proxy, **address)


def max_api(bot: Bot) -> MaxApi | None:
    """None: switched off, for there is no token."""
    token = bot.word()
    if not token:
        return None
    address = {"base_url": bot.base_url} if bot.base_url else {}
    return MaxApi(token, ca_file=bot.ca_file, proxy=bot.proxy, **address)


def open_bot_senders(settings: Settings, clock: Clock) -> dict[Channel, BotSender]:
    """Return a sender for each bot that has a token."""
    found: dict[Channel, BotSender] = {}
    of_telegram, of_max = settings.channels.telegram, settings.channels.max
    if (telegram := telegram_api(of_telegram)) is not None:
        counts = of_telegram.accepted_is_delivered
        found[Channel.TELEGRAM] = TelegramSender(telegram, clock, accepted_is_delivered=counts)
    if (max_ := max_api(of_max)) is not None:
        found[Channel.MAX] = MaxSender(max_, clock, accepted_is_delivered=of_max.accepted_is_delivered)
    return found
