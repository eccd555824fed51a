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

from voicebot.channels.contact import Incoming
from voicebot.channels.door import Context, Door
from voicebot.channels.rules import Rules
from voicebot.clinic.outbox import Outbox
from voicebot.errors import StorageError
from voicebot.messages.prices import prices_of
from voicebot.messages.providers import webhooks
from voicebot.messages.receipts import Receipts
from voicebot.messages.senders.sender import IncomingText
from voicebot.messages.webhook import NotGenuine, NotUnderstood, Told, Webhook
from voicebot.reminders.answers import Answers

log = structlog.get_logger(__name__)

_BODY_OCTETS = 1_000_000
_FORGED_PER_MINUTE = RateLimitItemPerMinute(20)  # of one address; then it is not even listened to
_SILENT_SECONDS = 1800.0
_LONGEST_REPLY = 500
_REPLY = "dialog_reply"


class AnsweredMessages:
    """What patients write to an SMS or Viber message becomes a dialog; its replies are queued as messages."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._answers = Answers(context.database, context.clock, context.settings.reminders.answer_hours)
        self._lock = asyncio.Lock()

    async def take(self, incoming: IncomingText) -> None:
        """Raises StorageError: the provider is to tell again; the same key makes no second step."""
        channel, conversations = incoming.channel.value, self._context.conversations
        async with self._lock:  # they are few, and a dialog's turns keep their order
            question = await asyncio.to_thread(self._answers.open_question, channel, incoming.address)
            reply = await conversations.receive(
                Incoming(
                    channel,
                    incoming.address,
                    message_id=incoming.key,
                    text=incoming.text,
                    phone=incoming.address,
                    form=question.form if question is not None else "",
                    given=question.given if question is not None else {},
                )
            )
            if question is not None:
                await asyncio.to_thread(self._answers.note, question.message_id, reply.outcome or "answered", channel)
            text = " ".join(said.text for said in reply.messages if said.who == "robot")
            if text:
                await asyncio.to_thread(self._say, incoming, text[:_LONGEST_REPLY], reply.dialog_id)

    def _say(self, incoming: IncomingText, text: str, dialog_id: str) -> None:
        key = f"reply/{incoming.provider}/{incoming.key}"[:200]
        outbox = Outbox(self._context.database, self._context.clock)
        outbox.put(_REPLY, incoming.address, {"text": text}, dialog_id, key, channels=[incoming.channel.value])


def router(known: Mapping[str, Webhook], receipts: Receipts, answers: AnsweredMessages, context: Context) -> APIRouter:
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
            told = webhook.read(body, context.clock.now())
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
    """The webhooks; none where no provider has one. Raises ConfigurationError."""
    known = webhooks(context.settings)
    if not known:
        return None
    receipts = Receipts(context.database, context.clock, prices_of(context.settings.messages))
    # Answers are dialogs of the channel "sms": nobody of the desk can answer there, and nothing is said unasked.
    rules = Rules(has_operators=False, close_seconds=_SILENT_SECONDS, says_inactive=False)
    return Door("sms", rules, router=router(known, receipts, AnsweredMessages(context), context))
