"""How a messenger becomes a channel: the bot, its way of getting updates, its rules."""

import asyncio

from voicebot.channels.bot import Bot
from voicebot.channels.bot_notices import BotNotices
from voicebot.channels.bot_polling import Poller
from voicebot.channels.bot_store import BotStore
from voicebot.channels.bot_webhook import Subscription, router, secret_of
from voicebot.channels.door import Context, Door, Run
from voicebot.channels.messenger import Messenger
from voicebot.channels.rules import Rules
from voicebot.clinic.contact_points import ContactPoints
from voicebot.errors import ConfigurationError
from voicebot.settings import Bot as BotSettings

#: A chat stays on the phone: who comes back after an hour goes on where he was.
RULES = Rules(has_operators=True, remind_seconds=0, close_seconds=6 * 3600, says_inactive=False)


def bot_door(context: Context, messenger: Messenger, settings: BotSettings) -> Door:
    """Return the channel of a messenger. Raises ConfigurationError where a webhook has no address."""
    store = BotStore(context.database, context.clock, messenger.channel)
    bot = Bot(
        messenger,
        lambda: context.conversations,
        ContactPoints(context.database, context.clock),
        store,
        context.voice_notes,
        context.texts,
        notices=BotNotices.of(context, messenger.channel),
    )
    address = context.settings.channels.public_url.rstrip("/")
    is_webhook = settings.updates == "webhook" or (settings.updates == "auto" and bool(address))
    if is_webhook and not address.startswith("https://"):
        raise ConfigurationError(
            f"{messenger.channel} posts its updates to https only.",
            'Set channels.public_url to https://..., or updates = "polling".',
        )
    if is_webhook:
        secret = secret_of(settings.word())
        keeper = Subscription(bot, store, f"{address}/bots/{messenger.channel}", secret)
        return Door(messenger.channel, RULES, router(bot, secret), bot.push, _closing(keeper.run, messenger))
    return Door(messenger.channel, RULES, None, bot.push, _closing(Poller(bot, store).run, messenger))


def _closing(work: Run, messenger: Messenger) -> Run:
    """Close the messenger's connections when the process ends; after an error it is tried again, so they stay."""

    async def run() -> None:
        try:
            await work()
        except asyncio.CancelledError:
            await messenger.close()
            raise

    return run
