"""How a channel is entered: what its module offers, and what it gets to work with. A new messenger is one more module."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import APIRouter

from voicebot.channels.contact import Reply
from voicebot.channels.conversations import TextConversations
from voicebot.channels.rules import Rules
from voicebot.channels.texts import Texts
from voicebot.channels.voice_notes import VoiceNotes
from voicebot.clinic.catalogue import Catalogue
from voicebot.clock import Clock
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding
from voicebot.settings import Settings
from voicebot.storage.database import Database

#: Takes what nobody asked for (an operator's words, a reminder) to a patient; False: the patient is not here now.
Push = Callable[[str, Reply], Awaitable[bool]]
Run = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Context:
    """What all channels of a process share. `conversations` is there once all doors are open; `renew` brings new dialogs."""

    settings: Settings
    clock: Clock
    database: Database
    catalogue: Catalogue
    dialplans: Dialplans
    understanding: Understanding
    texts: Texts
    voice_notes: VoiceNotes
    _conversations: list[TextConversations] = field(default_factory=list)

    @property
    def conversations(self) -> TextConversations:
        return self._conversations[0]

    def renew(self, catalogue: Catalogue, dialplans: Dialplans, understanding: Understanding, texts: Texts) -> None:
        """The clinic's files were read anew. What a door took out of here when it was opened stays as it was."""
        self.catalogue, self.dialplans, self.understanding, self.texts = catalogue, dialplans, understanding, texts

    def connect(self, conversations: TextConversations) -> None:
        self._conversations.append(conversations)


@dataclass(frozen=True, slots=True)
class Door:
    """A channel that is open. `rules` None: it holds no dialogs of its own (a webhook for receipts). `run` goes on until it is
    cancelled. `is_local`: what it pushes reaches only patients connected to this very process.
    """

    channel: str
    rules: Rules | None = None
    router: APIRouter | None = None
    push: Push | None = None
    run: Run | None = None
    is_local: bool = False
