"""Webhooks of message providers: what became of messages, and what patients answered, by POST /deliveries/{provider}/{secret}.

A receipt is answered with 204 only when it is stored: a provider that got a 503 tells again. Whoever is not the provider
learns nothing, not even which providers there are.
"""

import asyncio
from collections.abc import Mapping

import structlog
from fastapi import APIRouter, Request, Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from voicebot.channels.door import Context, Door
from voicebot.channels.sms_answers import RULES, SmsAnswers
from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.messages.prices import prices_of
from voicebot.messages.providers import webhooks
from voicebot.messages.receipts import Receipts
from voicebot.messages.senders.sender import Channel
from voicebot.messages.webhook import NotGenuine, NotUnderstood, Told, Webhook

log = structlog.get_logger(__name__)

_BODY_OCTETS = 1_000_000
_FORGED_PER_MINUTE = RateLimitItemPerMinute(20)  # of one address; then it is not even listened to


def router(known: Mapping[str, Webhook], receipts: Receipts, answers: SmsAnswers, clock: Clock) -> APIRouter:
    """The routes under /deliveries/."""
    routes = APIRouter()
    limiter = MovingWindowRateLimiter(MemoryStorage())

    async def take(request: Request, provider: str, secret: str) -> Response:
        address = request.client.host if request.client is not None else ""
        if not limiter.test(_FORGED_PER_MINUTE, address):
            return Response(status_code=429)
        body = await _body(request)
        webhook = known.get(provider)
        try:
            if webhook is None or body is None:
                raise NotGenuine
            webhook.check(secret, request.headers, body)
        except NotGenuine:
            limiter.hit(_FORGED_PER_MINUTE, address)
            log.warning("delivery_webhook_forged")
            return Response(status_code=404)
        try:
            told = webhook.read(body, clock.now())
        except NotUnderstood:
            log.warning("delivery_webhook_not_understood", provider=provider)
            return Response(status_code=400)
        try:
            await _store(told)
        except StorageError as error:
            log.error("delivery_webhook_failed", provider=provider, reason=error.message, cure=error.cure)
            return Response(status_code=503, headers={"retry-after": "10"})
        return Response(status_code=204)

    async def _store(told: Told) -> None:
        for receipt in told.receipts:
            await asyncio.to_thread(receipts.record, receipt)
        for incoming in told.answers:
            await answers.take(incoming)

    @routes.post("/deliveries/{provider}")
    async def signed(request: Request, provider: str) -> Response:
        return await take(request, provider, "")

    @routes.post("/deliveries/{provider}/{secret}")
    async def by_secret(request: Request, provider: str, secret: str) -> Response:
        return await take(request, provider, secret)

    return routes


async def _body(request: Request) -> bytes | None:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _BODY_OCTETS:
            return None
    return body


def open_door(context: Context) -> Door | None:
    """The webhooks, and the dialogs of those who answer an SMS; none where nobody can. Raises ConfigurationError.

    Answers by SMPP come to the process of reminders: their dialogs are looked after (and closed) here all the same.
    """
    known = webhooks(context.settings)
    if not known:
        is_answered = Channel.SMS.value in context.settings.messages.answered
        return Door(Channel.SMS.value, RULES) if is_answered else None
    database, clock, settings = context.database, context.clock, context.settings
    receipts = Receipts(database, clock, prices_of(settings.messages))
    answers = SmsAnswers(database, clock, lambda: context.conversations, settings.reminders.answer_hours)
    return Door(Channel.SMS.value, RULES, router=router(known, receipts, answers, clock))


def open_viber_door(context: Context) -> Door | None:
    """The dialogs of those who answer in Viber, where a provider tells of answers."""
    is_answered = any(one.channel is Channel.VIBER and one.tells_answers for one in webhooks(context.settings).values())
    return Door(Channel.VIBER.value, RULES) if is_answered else None
