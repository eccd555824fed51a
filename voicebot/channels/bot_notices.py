"""What chats answer to: reminders and offers of ours. Blocking: from a thread."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from voicebot.channels.door import Context
from voicebot.clock import Clock
from voicebot.messages.prices import prices_of
from voicebot.messages.receipts import Receipts
from voicebot.messages.senders.sender import Receipt, ReceiptStatus
from voicebot.reminders.answers import Answers


@dataclass(frozen=True, slots=True)
class Asked:
    """What a notice asked. `form`, `given`: where a dialog about it begins (as `Started`)."""

    message_id: int
    form: str
    given: Mapping[str, Any]


class Notices(Protocol):
    """Raises StorageError. `message`: of ours within the chat, "" for the last one that still waits for an answer."""

    def asked(self, chat: str, message: str) -> Asked | None: ...

    def answered(self, asked: Asked, outcome: str) -> None: ...

    def seen(self, chat: str, message: str) -> None:
        """The patient has reacted to a notice, so it was read; the messenger itself never says so."""
        ...


class BotNotices:
    """The notices of one messenger, as the courier wrote them down: provider_id is "chat:message"."""

    def __init__(self, channel: str, answers: Answers, receipts: Receipts, clock: Clock) -> None:
        self._channel = channel
        self._answers = answers
        self._receipts = receipts
        self._clock = clock

    @staticmethod
    def of(context: Context, channel: str) -> "BotNotices":
        settings = context.settings
        answers = Answers(context.database, context.clock, settings.reminders.answer_hours)
        receipts = Receipts(context.database, context.clock, prices_of(settings.messages))
        return BotNotices(channel, answers, receipts, context.clock)

    def asked(self, chat: str, message: str) -> Asked | None:
        question = self._answers.open_question(self._channel, chat, f"{chat}:{message}" if message else "")
        return None if question is None else Asked(question.message_id, question.form, question.given)

    def answered(self, asked: Asked, outcome: str) -> None:
        self._answers.note(asked.message_id, outcome or "answered", self._channel)

    def seen(self, chat: str, message: str) -> None:
        if message:
            self._receipts.record(Receipt(self._channel, f"{chat}:{message}", ReceiptStatus.READ, self._clock.now()))
