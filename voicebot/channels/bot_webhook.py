"""Webhooks of bots: /bots/CHANNEL. The secret in the header tells a messenger's updates from anybody else's."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable

import structlog
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse

from voicebot.channels.bot import Bot
from voicebot.channels.bot_store import BotStore
from voicebot.errors import StorageError
from voicebot.messages.senders.sender import SendFailure

log = structlog.get_logger(__name__)

BODY_LIMIT_BYTES = 1024 * 1024
_AGAIN_SECONDS = 3600.0  # a messenger that could not reach us for hours has dropped the subscription
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 300.0


def secret_of(token: str) -> str:
    """The webhook's secret, made of the bot's token: nothing more is to be set, kept and told to several machines."""
    return hmac.new(token.encode(), b"voicebot webhook", hashlib.sha256).hexdigest()


def router(bot: Bot, secret: str) -> APIRouter:
    found = APIRouter()
    channel = bot.messenger.channel

    @found.post(f"/bots/{channel}")
    async def take(request: Request) -> JSONResponse:
        given = request.headers.get(bot.messenger.secret_header, "")
        if not hmac.compare_digest(given.encode(), secret.encode()):
            raise HTTPException(403)
        try:
            raw = json.loads(await _body(request))
        except (ValueError, RecursionError):
            raise HTTPException(400) from None
        try:
            await bot.handle(raw)
        except (StorageError, SendFailure) as error:
            # Not 200: the messenger delivers it again, later and later.
            log.warning("bot_update_not_done", channel=channel, problem=type(error).__name__)
            raise HTTPException(503, headers={"retry-after": "5"}) from None
        return JSONResponse({})

    return found


class Subscription:
    """Keeps the webhook set, until cancelled."""

    def __init__(
        self, bot: Bot, store: BotStore, url: str, secret: str, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._bot = bot
        self._store = store
        self._url = url
        self._secret = secret
        self._sleep = sleep

    async def run(self) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._bot.messenger.use_webhook(self._url, self._secret)
                await asyncio.to_thread(self._store.forget_old)
                pause_seconds = _FIRST_PAUSE_SECONDS
                await self._sleep(_AGAIN_SECONDS)
            except (SendFailure, StorageError) as error:
                code = getattr(error, "code", "")
                log.warning("webhook_not_set", channel=self._bot.messenger.channel, problem=type(error).__name__, code=code)
                await self._sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)


async def _body(request: Request) -> bytes:
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > BODY_LIMIT_BYTES:
            raise HTTPException(413)
    return bytes(found)
