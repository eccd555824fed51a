"""A skill of Alice over the clinic's dialogs: each request is answered within its time, whatever the database does.

What takes too long goes on behind an honest «ещё ищу»; its result is given at the patient's next word. Requests are
idempotent by session and message: the same one again is answered alike, in this process or another.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import structlog

from voicebot.channels.alice_protocol import AliceButton, AliceReply, AliceRequest
from voicebot.channels.alice_text import Piece, pieces
from voicebot.channels.alice_words import AliceWords, is_exit, is_help, is_no, is_on
from voicebot.channels.contact import Incoming, Reply
from voicebot.errors import StorageError

log = structlog.get_logger(__name__)

CHANNEL = "alice"
_LATE_LIMIT = 2000  # answers sought at once; the oldest are given up
_HOLDS = 4  # after so many «ещё ищу» the patient hears the truth: it does not work now
_ELSEWHERE = "elsewhere."  # prompts of the form that sends patients where humans are
_SAID_LIMIT = 300  # characters of an utterance that travel in the session's state


class Conversations(Protocol):
    """The part of TextConversations that is needed here."""

    async def receive(self, incoming: Incoming) -> Reply: ...

    async def leave(self, channel: str, address: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session stands, between two requests. Travels in Yandex's session_state.

    `at`: the message whose reply was last given, `part` of `parts` of it. `late`: a message that is not answered yet, with its
    words (`said`, or the payload of what `is_pressed`) in case the process that began it is gone. `holds`: how often the
    patient was asked to wait.
    """

    at: int = -1
    part: int = 0
    parts: int = 1
    late: int = -1
    said: str = ""
    is_pressed: bool = False
    holds: int = 0

    @property
    def has_more(self) -> bool:
        return self.at >= 0 and self.part + 1 < self.parts

    def to_state(self) -> dict[str, Any]:
        found: dict[str, Any] = {"at": self.at, "part": self.part, "parts": self.parts}
        if self.late >= 0:
            found |= {"late": self.late, "said": self.said, "is_pressed": self.is_pressed, "holds": self.holds}
        return found

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> "Place":
        """Read a state; what somebody else wrote counts as none."""

        def number(name: str, otherwise: int) -> int:
            value = state.get(name, otherwise)
            return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else otherwise

        said = state.get("said", "")
        return Place(
            at=number("at", -1),
            part=number("part", 0),
            parts=number("parts", 1),
            late=number("late", -1),
            said=said[:_SAID_LIMIT] if isinstance(said, str) else "",
            is_pressed=state.get("is_pressed") is True,
            holds=min(number("holds", 0), _HOLDS),
        )


class AliceSkill:
    """Answers requests. One for all sessions of a process; lives in one event loop."""

    def __init__(
        self, conversations: Conversations, words: AliceWords, *, answer_seconds: float = 2.2, chat_url: str = ""
    ) -> None:
        self._conversations = conversations
        self._words = words
        self._answer_seconds = answer_seconds
        self._chat_url = chat_url
        self._running: OrderedDict[tuple[str, int], asyncio.Task[Reply]] = OrderedDict()

    async def answer(self, asked: AliceRequest) -> AliceReply:
        """Never raises for what a request says or the dialog's rooms do; takes `answer_seconds` at the most."""
        if asked.is_ping:
            return self._fixed(self._words.pong(), Place())
        until = asyncio.get_running_loop().time() + self._answer_seconds
        try:
            reply = await self._answer(asked, until)
        except Exception as error:  # noqa: BLE001 - Alice would say "the skill does not answer", and the patient would be lost
            log.error("alice_failed", problem=type(error).__name__)
            reply = self._fixed(self._words.trouble(), Place())
        if asked.request.markup.dangerous_context and "112" not in reply.text:
            reply = _after(self._words.danger(), reply)
        return reply

    async def close(self) -> None:
        """Let go of what is still running."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- one request ----------------------------------------------------------------------------------------------------

    async def _answer(self, asked: AliceRequest, until: float) -> AliceReply:
        address = address_of(asked)
        said, button = _said(asked)
        place = Place() if asked.session.new else Place.of_state(asked.state.session)
        if not button and is_exit(said):
            await self._leave(address, until)
            return replace(self._fixed(self._words.farewell(), place), is_over=True)
        if not button and is_help(said):
            return self._fixed(self._words.help(), place)
        number = asked.session.message_id
        if place.late >= 0:
            # Whatever was said meanwhile was said before the answer was heard.
            return await self._late(address, place, until)
        if place.has_more and not button and (is_on(said) or is_no(said)):
            # «Нет»: the rest is not wanted, but the question at its end is what comes next.
            part = place.part + 1 if is_on(said) else place.parts - 1
            return await self._reread(address, replace(place, part=part), place, until)
        if not said and not button and not asked.session.new:
            if place.at < 0:
                return self._fixed(self._words.not_heard(), place)
            return await self._reread(address, place, place, until)
        incoming = Incoming(
            channel=CHANNEL, address=address, message_id=str(number), text=said, button=button, is_new=asked.session.new
        )
        reply = await self._within(incoming, number, until)
        if reply is None:
            words = (button or said)[:_SAID_LIMIT]
            waiting = replace(place, late=number, said=words, is_pressed=bool(button), holds=1)
            return self._fixed(self._words.hold(0), waiting)
        return self._given(reply, number, 0)

    async def _late(self, address: str, place: Place, until: float) -> AliceReply:
        """Give what the patient was asked to wait for, or ask once more."""
        text, button = ("", place.said) if place.is_pressed else (place.said, "")
        incoming = Incoming(channel=CHANNEL, address=address, message_id=str(place.late), text=text, button=button)
        reply = await self._within(incoming, place.late, until)
        if reply is not None:
            return self._given(reply, place.late, 0)
        if place.holds >= _HOLDS:
            log.warning("alice_answer_never_came", holds=place.holds)
            return self._fixed(self._words.trouble(), replace(place, late=-1))
        return self._fixed(self._words.hold(place.holds), replace(place, holds=place.holds + 1))

    async def _reread(self, address: str, wanted: Place, place: Place, until: float) -> AliceReply:
        """Give a part of a reply that was given before."""
        incoming = Incoming(channel=CHANNEL, address=address, message_id=str(wanted.at))
        reply = await self._within(incoming, wanted.at, until)
        if reply is None:
            return self._fixed(self._words.hold(0), place)
        return self._given(reply, wanted.at, wanted.part)

    async def _within(self, incoming: Incoming, number: int, until: float) -> Reply | None:
        """Return the reply if it comes in time. What comes later stays for whoever asks for the same message again."""
        key = (incoming.address, number)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._conversations.receive(incoming))
        seconds = max(0.0, until - asyncio.get_running_loop().time())
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            task.add_done_callback(partial(self._finished, key))
            self._forget_oldest()
            return None
        self._running.pop(key, None)
        reply = task.result()
        if not reply.dialog_id and not reply.is_over:
            raise StorageError("The dialog could not be stored.", "Look at the database.")  # nothing was done
        return reply

    async def _leave(self, address: str, until: float) -> None:
        """End the dialog; the farewell does not wait for it longer than it may."""
        task = asyncio.create_task(self._conversations.leave(CHANNEL, address))
        task.add_done_callback(_tell_failure)
        await asyncio.wait({task}, timeout=max(0.0, until - asyncio.get_running_loop().time()))

    def _finished(self, key: tuple[str, int], task: "asyncio.Task[Reply]") -> None:
        """A late reply is stored with its dialog, so nothing of it is kept here."""
        if self._running.get(key) is task:
            del self._running[key]
            _tell_failure(task)

    def _forget_oldest(self) -> None:
        """A database that stands still for long must not fill the memory."""
        while len(self._running) > _LATE_LIMIT:
            _, task = self._running.popitem(last=False)
            task.cancel()
            task.add_done_callback(_tell_failure)

    # -- replies --------------------------------------------------------------------------------------------------------

    def _given(self, reply: Reply, number: int, part: int) -> AliceReply:
        """One part of a reply. Buttons belong to the question, so to the last part."""
        found = _pieces(reply)
        part = min(part, len(found) - 1)
        piece = found[part]
        is_last = part == len(found) - 1
        if not piece.text:
            text, tts = self._words.not_heard() if not reply.is_over else self._words.farewell()
            piece = Piece(text, tts)
        buttons = [AliceButton("Дальше", {"say": "дальше"})] if not is_last else self._buttons(reply)
        return AliceReply(
            piece.text,
            piece.tts,
            tuple(buttons),
            is_over=is_last and reply.is_over,
            state=Place(number, part, len(found)).to_state(),
        )

    def _buttons(self, reply: Reply) -> list[AliceButton]:
        found = [AliceButton(button.label, {"say": button.payload}) for button in reply.buttons]
        if self._chat_url and any(said.prompt.startswith(_ELSEWHERE) for said in reply.messages):
            found.append(AliceButton("Открыть чат", url=self._chat_url))
        return found

    def _fixed(self, words: tuple[str, str], place: Place) -> AliceReply:
        text, tts = words
        waits = place.late >= 0
        buttons = (AliceButton("Дальше", {"say": "дальше"}),) if waits else ()
        return AliceReply(text, tts, buttons, state=place.to_state())


def address_of(asked: AliceRequest) -> str:
    """The session's name in our storage: a hash, so that nothing of Yandex's identifiers is kept.

    A session is a dialog: on a speaker in a kitchen the next one may be somebody else's.
    """
    session = asked.session
    return hashlib.sha256(f"{session.skill_id}\n{session.owner}\n{session.session_id}".encode()).hexdigest()[:40]


def _said(asked: AliceRequest) -> tuple[str, str]:
    """Return what was said and what was pressed (our own payload), one of them at the most."""
    request = asked.request
    if request.type == "ButtonPressed" and isinstance(request.payload, Mapping):
        pressed = request.payload.get("say")
        if isinstance(pressed, str) and pressed:
            return (pressed, "") if pressed == "дальше" else ("", pressed)
    return (request.command or request.original_utterance).strip(), ""


def _pieces(reply: Reply) -> tuple[Piece, ...]:
    return pieces((said.text, said.speech) for said in reply.messages)


def _after(first: tuple[str, str], reply: AliceReply) -> AliceReply:
    """Put words before a reply; where there is no room for both, the reply gives way."""
    found = pieces([first, (reply.text, reply.tts)])
    if len(found) == 1:
        return replace(reply, text=found[0].text, tts=found[0].tts)
    text, tts = first
    return replace(reply, text=text, tts=tts, is_over=False)


def _tell_failure(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("alice_late_failure", problem=type(error).__name__)
