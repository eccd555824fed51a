"""A call on a stage: the real Conversation, engine, services and records; ear, voice and line are played by scripts.

Time is the call's frames: nothing sleeps. The line uses the real play queue, so that cuts and pauses behave as on the wire.
"""

import asyncio
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from voicebot.audio.pcm import FRAME_BYTES, FRAME_MS, TELEPHONE_HZ, Pcm
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.failures import ServiceFailure
from voicebot.clinic.services import ClinicServices
from voicebot.clock import VirtualClock
from voicebot.dialog.engine import Engine
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.talking import Alternative, Expect, Heard, NotHeard, Returned
from voicebot.dialog.understanding import Understanding
from voicebot.hearing.ear import (
    BargeIn,
    HearingEvent,
    NoInputElapsed,
    SpeechBegan,
    SpeechSuspected,
    SuspicionDismissed,
    TurnEnded,
)
from voicebot.hearing.orders import EndReason
from voicebot.line.playqueue import Began, PlayQueue
from voicebot.link import messages as line
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.store import RecordStore
from voicebot.storage.database import Database, open_database
from voicebot.talk.chronicle import Chronicle
from voicebot.talk.conversation import Conversation
from voicebot.talk.shared import Shared
from voicebot.talk.speech import Prepared

DEMO = Path(__file__).parents[2] / "dialplans" / "demo"
MONDAY_NINE = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # 9:00 in Moscow
MOSCOW = ZoneInfo("Europe/Moscow")
CHARACTERS_A_SECOND = 28
DIALOG_ID = "7A3KM05X"
CALLER = "+79161234567"

_THINK_FRAMES = 25
_TALK_FRAMES = 40
_ENDPOINT_FRAMES = 20
_SUSPICION_FRAMES = 10


# -- what the caller does ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """Waits for the robot to finish, then speaks."""

    text: str


@dataclass(frozen=True, slots=True)
class Over:
    """Interrupts the robot after so long of its prompt."""

    text: str
    after_ms: int = 600


@dataclass(frozen=True, slots=True)
class Cough:
    """A suspicion that comes to nothing; the next of the script follows in the same question."""

    after_ms: int = 600


@dataclass(frozen=True, slots=True)
class Roar:
    """A suspicion about which hearing never comes to a verdict."""

    after_ms: int = 600


@dataclass(frozen=True, slots=True)
class Noise:
    """Speech without words."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Says nothing until the no-input time is over."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The ear throws: at its work, or already when it notes a frame."""

    words: str
    is_at_once: bool = False


Script = Reply | Over | Cough | Roar | Noise | Silence | Broken


class ScriptedEar:
    """Stands for the Ear: emits its events on the frame clock. An empty script is a deaf ear: nothing, for ever."""

    def __init__(self, script: "deque[Script]") -> None:
        self.script = script
        self.expects: list[Expect] = []
        self.echo_texts: list[str] = []
        self.is_open = False
        self._is_prompt = False
        self._heard_frames = 0  # of the robot, in this question
        self._quiet_from = 0
        self._began: int | None = None
        self._events: list[HearingEvent] = []
        self._broken: Broken | None = None

    @property
    def expect(self) -> Expect:
        return self.expects[-1]

    def listen(self, expect: Expect, echo_text: str = "") -> None:
        self.expects.append(expect)
        self.echo_texts.append(echo_text)
        self.is_open, self._heard_frames, self._began = True, 0, None

    def stop(self) -> None:
        self.is_open, self._began = False, None

    def prompt_started(self, frame: int) -> None:
        self._is_prompt = True

    def prompt_ended(self, frame: int) -> list[HearingEvent]:
        self._is_prompt, self._quiet_from = False, frame
        return []

    def held(self, is_held: bool) -> list[HearingEvent]:
        return []

    def restart_noinput(self) -> None:
        pass

    def take(self, frame: int, caller: bytes, robot: bytes) -> bool:
        first = self.script[0] if self.is_open and self.script else None
        self._broken = first if isinstance(first, Broken) else None
        if self._broken is not None and self._broken.is_at_once:
            raise RuntimeError(self._broken.words)
        self._events = [] if self._broken else self._feed(frame, robot)
        return self._broken is not None or bool(self._events)

    def work(self) -> list[HearingEvent]:
        if self._broken is not None:
            raise RuntimeError(self._broken.words)
        return self._events

    def feed(self, frame: int, caller: bytes, robot: bytes) -> list[HearingEvent]:
        return self.work() if self.take(frame, caller, robot) else []

    def _feed(self, frame: int, robot: bytes) -> list[HearingEvent]:
        if not self.is_open or not self.script:
            return []
        self._heard_frames += bool(robot)
        match self.script[0]:
            case Silence():
                quiet_ms = (frame - self._quiet_from) * FRAME_MS
                if not self._is_prompt and quiet_ms >= self.expect.noinput_seconds * 1000:
                    self._done()
                    return [NoInputElapsed(frame)]
            case Reply(text):
                return self._reply(frame, Heard((Alternative(text, 0.95),)))
            case Noise():
                return self._reply(frame, NotHeard())
            case Over(text, after_ms):
                return self._over(frame, after_ms, text)
            case Cough(after_ms):
                return self._cough(frame, after_ms)
            case Roar(after_ms):
                if self._began is None and self._heard_frames * FRAME_MS >= after_ms:
                    self._began = frame
                    self.script.popleft()
                    return [SpeechSuspected(frame)]
        return []

    def _reply(self, frame: int, event: Heard | NotHeard) -> list[HearingEvent]:
        if self._began is None:
            if self._is_prompt or frame - self._quiet_from < _THINK_FRAMES:
                return []
            self._began = frame
            return [SpeechBegan(frame)]
        return self._finish(frame, event)

    def _over(self, frame: int, after_ms: int, text: str) -> list[HearingEvent]:
        if self._began is None:
            if self._heard_frames * FRAME_MS < after_ms:
                return []
            self._began = frame
            return [SpeechSuspected(frame)]
        if frame == self._began + _SUSPICION_FRAMES:
            return [SpeechBegan(self._began), BargeIn(frame)]
        return self._finish(frame, Heard((Alternative(text, 0.95),), is_bargein=True))

    def _cough(self, frame: int, after_ms: int) -> list[HearingEvent]:
        if self._began is None:
            if self._heard_frames * FRAME_MS < after_ms:
                return []
            self._began = frame
            return [SpeechSuspected(frame)]
        if frame < self._began + _SUSPICION_FRAMES:
            return []
        self.script.popleft()
        self._began = None
        return [SuspicionDismissed(frame)]

    def _finish(self, frame: int, event: Heard | NotHeard) -> list[HearingEvent]:
        assert self._began is not None
        if frame < self._began + _TALK_FRAMES + _ENDPOINT_FRAMES:
            return []
        began = self._began
        self._done()
        return [TurnEnded(event, began, frame - _ENDPOINT_FRAMES, frame, 1.0, 5.0, EndReason.FINISHED)]

    def _done(self) -> None:
        self.script.popleft()
        self.stop()


# -- what runs elsewhere ----------------------------------------------------------------------------------------------------


class Inline(Executor):
    """Runs work at once, in the loop's thread: the same order every time."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001
            future.set_exception(error)
        return future


class Hanging(Inline):
    """Runs work at once but for those named (by the first argument): they run when the test says so, like a hanging thread."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.waiting: list[Callable[[], None]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        if not args or args[0] not in self.names:
            return super().submit(fn, *args, **kwargs)
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self.waiting.append(lambda: future.set_result(fn(*args, **kwargs)))
        return future

    def go_on(self) -> None:
        """The hanging services come back."""
        while self.waiting:
            self.waiting.pop(0)()


@dataclass(slots=True)
class ClinicCalls:
    """As the brain calls them; notes which."""

    services: ClinicServices
    called: list[str] = field(default_factory=list)

    def call(self, name: str, arguments: Mapping[str, Any], dialog_id: str, key: str) -> Returned:
        self.called.append(name)
        try:
            return Returned(name, self.services.call(name, arguments, dialog_id=dialog_id, key=key))
        except ServiceFailure as failure:
            return Returned(name, error=failure.code)


def say(text: str, characters_a_second: int = CHARACTERS_A_SECOND) -> Iterator[Pcm]:
    """Sound of the text's length, a second at a time."""
    left_ms = len(text) * 1000 // characters_a_second
    while left_ms > 0:
        piece_ms = min(1000, left_ms)
        left_ms -= piece_ms
        yield Pcm(TELEPHONE_HZ, np.full(TELEPHONE_HZ * piece_ms // 1000, 1000, dtype=np.int16))


class StagedLine:
    """Line's side of one call: plays on the frame clock; transfers and hang-ups follow when the queue is empty."""

    def __init__(self, transfers: "deque[line.TransferState]") -> None:
        self.news: deque[line.Message] = deque()
        self.sent: list[line.FromBrain] = []
        self.frame = 0
        self.is_ended = False
        self.watch: Callable[[line.FromBrain], None] = lambda _message: None
        self._transfers = transfers
        self._queue = PlayQueue()
        self._waiting: line.FromBrain | None = None
        self._operator_at: int | None = None
        self._idle_frames = 0

    def send(self, message: line.FromBrain) -> None:
        self.sent.append(message)
        self.watch(message)
        match message:
            case line.Play():
                self._tell(self._queue.add(message.utterance, message.pcm, message.is_last, self.frame))
                self._idle_frames = 0
            case line.StopPlaying():
                self._tell(self._queue.stop(self.frame))
            case line.Transfer() | line.Hangup():
                self._waiting = message

    def tick(self) -> None:
        """Let 20 ms pass."""
        sound, news = self._queue.next_frame(self.frame)
        self._tell(news)
        self._idle_frames = 0 if sound else self._idle_frames + 1
        self.news.append(line.Tick(call_id="c1", frame=self.frame, caller=b"\x01\x00" * (FRAME_BYTES // 2), robot=sound))
        self.frame += 1
        if self._waiting is not None and not self._queue.left_bytes and self._idle_frames >= 10:
            self._carry_out()
        if self._operator_at is not None and self.frame >= self._operator_at:
            self._operator_at = None
            self._operator(self._transfers.popleft())

    def end(self, ended_by: line.EndedBy) -> None:
        if not self.is_ended:
            self.is_ended = True
            self.news.append(line.CallEnded(call_id="c1", ended_by=ended_by))

    def press(self, digit: str) -> None:
        self.news.append(line.Digit(call_id="c1", digit=digit, frame=self.frame))

    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.sent]

    def _carry_out(self) -> None:
        order, self._waiting = self._waiting, None
        if isinstance(order, line.Hangup):
            self.end(line.EndedBy.ROBOT)
        else:
            self.news.append(line.Transferring(call_id="c1", state=line.TransferState.RINGING, sip_status=180))
            self._operator_at = self.frame + 100 if self._transfers else None

    def _operator(self, state: line.TransferState) -> None:
        self.news.append(line.Transferring(call_id="c1", state=state, sip_status=200 if state.is_success else 486))
        if state is line.TransferState.COMPLETED:
            self.end(line.EndedBy.TRANSFERRED)

    def _tell(self, news: list[Any]) -> None:
        for item in news:
            if isinstance(item, Began):
                self.news.append(line.PlayStarted(call_id="c1", utterance=item.utterance, frame=item.frame))
            else:
                self.news.append(
                    line.PlayEnded(
                        call_id="c1", utterance=item.utterance, frame=item.frame,
                        played_samples=item.played_samples, is_complete=item.is_complete,
                    )
                )  # fmt: skip


# -- the call ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clinic:
    catalogue: Catalogue
    dialplans: Dialplans
    understanding: Understanding
    filled: Path

    def engine(self, budget_seconds: float = 210.0) -> Engine:
        return Engine(self.dialplans, self.catalogue, self.understanding, budget_seconds)


class Call:
    """One call to a robot whose parts may be replaced. Use as a context manager, so that files are closed."""

    def __init__(
        self,
        clinic: Clinic,
        folder: Path,
        *script: Script,
        transfers: tuple[line.TransferState, ...] = (line.TransferState.COMPLETED,),
        engine: Engine | None = None,
        say: Callable[[str], Iterator[Pcm]] = say,
        service_pool: Executor | None = None,
        voice_pool: Executor | None = None,
        service_timeout_seconds: float = 8.0,
        hours: Mapping[str, str] | None = None,
        caller: str = CALLER,
        recordings: Path | None = None,
        new_store: Callable[[Database, Path, VirtualClock], RecordStore] = RecordStore,
        start: datetime = MONDAY_NINE,
    ) -> None:
        database_file = folder / "voicebot.db"
        shutil.copy(clinic.filled, database_file)
        url = f"sqlite:///{database_file}"
        self.clock = VirtualClock(start)
        self._databases = [open_database(url), open_database(url, busy_seconds=0.05, retry_seconds=0.05)]
        self.bookings = Bookings(self._databases[0], clinic.catalogue, self.clock)
        self.services = ClinicCalls(ClinicServices(self.bookings, clinic.catalogue, self.clock))
        self.store = new_store(self._databases[1], folder / "spool", self.clock)
        self.reader = RecordStore(self._databases[0], folder / "unused", self.clock)
        self.alarms: list[str] = []
        self.script: deque[Script] = deque(script)
        self.ear = ScriptedEar(self.script)
        self.line = StagedLine(deque(transfers))
        self.line.watch = self._note_stored
        self.stored_before: dict[int, int] = {}
        inline = Inline()
        self.shared = Shared(
            engine=engine or clinic.engine(),
            new_ear=lambda: self.ear,  # type: ignore[arg-type, return-value]
            say=say,
            services=self.services,
            clock=self.clock,
            zone=MOSCOW,
            operator_hours=hours or {"mon-sun": "00:00-24:00"},
            hearing_pool=inline,
            dialog_pool=inline,
            voice_pool=voice_pool or inline,
            disk_pool=inline,
            service_pool=service_pool or inline,
            apology=Prepared("Соединяю с оператором.", Pcm.silence(TELEPHONE_HZ, 1000)),
            goodbye=Prepared("Перезвоните позже.", Pcm.silence(TELEPHONE_HZ, 1000)),
            on_alarm=self.alarms.append,
            service_timeout_seconds=service_timeout_seconds,
        )
        chronicle = Chronicle(
            store=self.store,
            executor=inline,
            clock=self.clock,
            dialplan="demo",
            versions={"voice": "silence"},
            rename=lambda new: self.line.send(line.Rename(call_id="c1", dialog_id=new)),
            recordings_folder=recordings,
            minimum_free_mb=0,
            on_alarm=self.alarms.append,
        )
        started = line.CallStarted(
            call_id="c1", dialog_id=DIALOG_ID, caller=caller, called="100", source_host="127.0.0.1", sip_call_id="sip-1"
        )
        self.conversation = Conversation(self.shared, started, chronicle, self.line.send)
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> "Call":
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()
        for database in self._databases:
            database.close()

    # -- driving --------------------------------------------------------------------------------------------------------

    async def until(self, is_reached: Callable[[], bool], limit_seconds: float = 240.0) -> None:
        """Let frames pass until something is so; looks ten times a second."""
        if self._task is None:
            self._task = asyncio.create_task(self.conversation.run())
            await self.idle()
        for _ in range(round(limit_seconds * 10)):
            if is_reached():
                return
            for _ in range(100 // FRAME_MS):
                await self.frame()
        raise AssertionError(f"not reached in {limit_seconds} s:\n{self.story()}")

    async def frame(self) -> None:
        self.clock.advance(FRAME_MS / 1000)
        if not self.line.is_ended:
            self.line.tick()
        while self.line.news:
            self.conversation.deliver(self.line.news.popleft())
            await self.idle()
        await self.idle()

    async def idle(self) -> None:
        """Let the conversation do all that it can do without time passing (all executors are inline)."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        while loop._ready:  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    async def to_the_end(self, limit_seconds: float = 240.0) -> Dialog:
        await self.until(lambda: self.is_finished, limit_seconds)
        return self.dialog

    async def for_seconds(self, seconds: float) -> None:
        end = self.line.frame + round(seconds * 1000 / FRAME_MS)
        await self.until(lambda: self.line.frame >= end)

    async def hang_up(self) -> Dialog:
        self.line.end(line.EndedBy.CALLER)
        return await self.to_the_end(1)

    @property
    def is_finished(self) -> bool:
        assert self._task is not None
        if self._task.done():
            self._task.result()
            return True
        return False

    # -- what came of it ------------------------------------------------------------------------------------------------

    @property
    def dialog(self) -> Dialog:
        found = self.reader.get(self.conversation.chronicle.dialog_id)
        assert found is not None
        return found

    @property
    def turns(self) -> tuple[Turn, ...]:
        return self.dialog.turns

    def robot_turns(self) -> list[Turn]:
        return [turn for turn in self.turns if turn.who is Who.ROBOT]

    def prompt(self, name: str) -> Turn:
        return next(turn for turn in reversed(self.robot_turns()) if turn.prompt == name)

    def has_said(self, name: str) -> bool:
        return any(turn.prompt == name and turn.played_text is not None for turn in self.robot_turns())

    def happened(self) -> list[str]:
        return [turn.text for turn in self.turns if turn.who is Who.SYSTEM]

    def transfers(self) -> list[line.Transfer]:
        return [message for message in self.line.sent if isinstance(message, line.Transfer)]

    def booked(self) -> tuple[Any, ...]:
        return self.bookings.appointments_of(CALLER)

    def story(self) -> str:
        found = self.reader.get(self.conversation.chronicle.dialog_id)
        turns = found.turns if found is not None else ()
        return "\n".join(f"{turn.who}: {turn.text or turn.digits} ({turn.prompt or turn.intent})" for turn in turns)

    def _note_stored(self, message: line.FromBrain) -> None:
        if isinstance(message, line.Play) and message.utterance not in self.stored_before:
            found = self.reader.get(self.conversation.chronicle.dialog_id)
            self.stored_before[message.utterance] = sum(t.who is Who.ROBOT for t in found.turns) if found else 0
