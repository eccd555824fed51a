"""Answers by SMS: a text conversation like the chat's, whose replies go out as messages."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from voicebot.channels.contact import Incoming, Mode, Reply
from voicebot.channels.conversations import TextConversations
from voicebot.channels.rules import Rules
from voicebot.channels.store import Place
from voicebot.clinic.outbox import enqueue
from voicebot.clock import Clock
from voicebot.messages.senders.sender import IncomingText
from voicebot.reminders.answers import Question, note_answer, open_question
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

#: What the dialog says to an SMS goes out by this template.
REPLY_TEMPLATE = "dialog_reply"
_LONGEST_REPLY = 500
CHANNELS = ("sms", "viber")
SILENT_SECONDS = 1800.0
RULES = Rules(has_operators=False, close_seconds=SILENT_SECONDS, says_inactive=False)


class SmsAnswers:
    """Takes patients' texts in, in the order they come. `conversations` is asked for at the first one: it may take seconds."""

    def __init__(
        self, database: Database, clock: Clock, conversations: Callable[[], TextConversations], answer_hours: float = 48.0
    ) -> None:
        self._database = database
        self._clock = clock
        self._open = conversations
        self._conversations: TextConversations | None = None
        self._since = timedelta(hours=answer_hours)
        self._lock = asyncio.Lock()

    async def take(self, incoming: IncomingText) -> None:
        """Answer a text. Raises nothing: the provider must not be made to repeat what we cannot read."""
        try:
            async with self._lock:
                if self._conversations is None:
                    self._conversations = await asyncio.to_thread(self._open)
                place = await self._conversations.place(incoming.channel.value, incoming.address)
                question = await asyncio.to_thread(self._question, incoming)
                if question is not None and _goes_on_after(place, question):
                    question = None
                reply = await self._conversations.receive(_asked(incoming, question))
                await asyncio.to_thread(self._answered, incoming, question, reply)
        except Exception:
            log.exception("answer_not_taken", provider=incoming.provider)

    def _question(self, incoming: IncomingText) -> Question | None:
        now = self._clock.now()
        return self._database.run(
            lambda session: open_question(session, now, incoming.channel.value, incoming.address, since=self._since),
            is_readonly=True,
        )

    def _answered(self, incoming: IncomingText, question: Question | None, reply: Reply) -> None:
        text = " ".join(said.text for said in reply.messages if said.who == "robot")
        now, channel = self._clock.now(), incoming.channel.value

        def work(session: Session) -> None:
            if question is not None:
                note_answer(session, now, question.message_id, reply.outcome or "answered", channel)
            if text:
                values = {"text": text[:_LONGEST_REPLY]}
                key = f"reply/{incoming.provider}/{incoming.key}"[:200]
                enqueue(session, now, REPLY_TEMPLATE, incoming.address, values, reply.dialog_id, key, channels=[channel])

        self._database.run(work)


def _goes_on_after(place: Place, question: Question) -> bool:
    """Whether a dialog goes on in which something was said since that message went out: then the text is for the dialog."""
    if place.mode is Mode.OVER or place.updated_at is None or question.at is None:
        return False
    return place.updated_at >= question.at


def _asked(incoming: IncomingText, question: Question | None) -> Incoming:
    return Incoming(
        incoming.channel.value,
        incoming.address,
        message_id=incoming.key,
        text=incoming.text,
        phone=incoming.address,
        form=question.form if question is not None else "",
        given=question.given if question is not None else {},
    )
