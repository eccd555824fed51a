"""The story of one call, written as it happens: dialog, turns, recording.

Every write goes through one executor and is awaited, so that a turn is stored before the robot speaks. A failing store
spools (records.store), what even the spool cannot take raises an alarm; a failing recording stops alone: none ends a call.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from voicebot import dialog_id as dialog_ids
from voicebot.audio.pcm import FRAME_MS, TELEPHONE_HZ
from voicebot.clock import Clock
from voicebot.dialog.engine import Meaning
from voicebot.dialog.talking import Alternative, Event, HandOver, Heard, Keyed
from voicebot.link import messages as line
from voicebot.records.dialogs import Dialog, HeardAs, Turn, Who, without_stress
from voicebot.records.played import Piece, played_text
from voicebot.records.recorder import Recorder, recording_path
from voicebot.records.sealing import Recipients
from voicebot.records.store import DuplicateDialogId, RecordStore
from voicebot.talk.speech import Utterance
from voicebot.talk.waiting_calls import began_at, take_over
from voicebot.trouble import where

log = structlog.get_logger(__name__)

_DRAWS = 5
_CLOSE_SECONDS = 5.0  # a disk that hangs must not keep a call from being finished in the records


@dataclass(slots=True)
class Chronicle:
    """Writes one dialog. Use from one task."""

    store: RecordStore
    executor: Executor
    clock: Clock
    dialplan: str
    versions: Mapping[str, str]
    rename: Callable[[str], None]
    recordings_folder: Path | None
    """None: calls are not recorded."""
    minimum_free_mb: int = 200
    recipients: Recipients = ()
    """Public keys the recording is sealed for."""
    notice_prompts: Sequence[str] = ()
    """Names of the prompts that tell of the recording; none: the first words of the call."""
    on_alarm: Callable[[str], None] = lambda _name: None
    served_by: str = ""
    dialog_id: str = ""
    is_transferred: bool = False
    _numbers: int = 0
    _notice_turn: int | None = None
    _recorder: Recorder | None = None
    _recording: asyncio.Future[None] | None = None
    _waiting_ticks: list[line.Tick] = field(default_factory=list)

    async def open(self, started: line.CallStarted) -> None:
        """Store the head of the dialog and begin the recording. A taken ID is replaced, and line is told."""
        self.dialog_id = started.dialog_id
        at = began_at(started, self.clock.now())
        for _ in range(_DRAWS):
            try:
                await self._in_executor(self.store.open_dialog, self._head(started, at))
                break
            except DuplicateDialogId:
                self.dialog_id = dialog_ids.new()
                self.rename(self.dialog_id)
            except Exception as error:  # noqa: BLE001 - the caller is served all the same
                self._lost(error)
                break
        if started.waited_seconds is not None:
            await self._do(take_over, self.store, self._head(started, at))
            await self.happened("waited in the queue", seconds=round(started.waited_seconds))
        if self.recordings_folder is None:
            return
        path = recording_path(at, self.dialog_id, is_sealed=bool(self.recipients))
        self._recorder = await self._in_executor(
            Recorder,
            self.recordings_folder / path,
            self.minimum_free_mb,
            lambda _why: self.on_alarm("recording_stopped"),
            self.recipients,
        )
        if self._recorder.stopped is None:
            await self._do(self.store.set_recording, self.dialog_id, str(path))

    def _head(self, started: line.CallStarted, at: Any) -> Dialog:
        return Dialog(
            id=self.dialog_id,
            direction="in" if started.order is None else "out",
            started_at=at,
            caller_phone=started.caller,
            called=started.called,
            sip_call_id=started.sip_call_id,
            dialplan=self.dialplan,
            versions=dict(self.versions),
            served_by=self.served_by,
        )

    def record(self, ticks: Sequence[line.Tick]) -> None:
        """Add sound to the recording; the disk is written beside the conversation, in order."""
        if self._recorder is None:
            return
        self._waiting_ticks.extend(ticks)
        if len(self._waiting_ticks) >= 25 and (self._recording is None or self._recording.done()):
            self._write_waiting()

    def _write_waiting(self) -> None:
        recorder = self._recorder
        assert recorder is not None
        ticks, self._waiting_ticks = self._waiting_ticks, []

        def write() -> None:
            for tick in ticks:
                recorder.write(tick.caller, tick.robot, tick.frame)

        self._recording = asyncio.get_running_loop().run_in_executor(self.executor, write)

    async def caller_turn(self, event: Event, meaning: Meaning | None, start_frame: int | None, end_frame: int | None) -> None:
        """Store what the caller said or did (silence and keys too)."""
        alternatives: tuple[HeardAs, ...] = ()
        text, digits = "", ""
        if isinstance(event, Heard):
            text = (meaning.text if meaning else "") or event.text
            alternatives = tuple(HeardAs(text=a.text, confidence=a.confidence, source=a.source) for a in event.alternatives)
        elif isinstance(event, Keyed):
            digits = event.digits
        await self._turn(
            Turn(
                number=self._number(),
                who=Who.CALLER,
                text=text,
                at=self.clock.now(),
                offset_start_ms=None if start_frame is None else start_frame * FRAME_MS,
                offset_end_ms=None if end_frame is None else end_frame * FRAME_MS,
                alternatives=alternatives,
                confidence=meaning.confidence if meaning and text else None,
                intent=meaning.intent if meaning else type(event).__name__.lower(),
                slots=dict(meaning.slots) if meaning else {},
                is_bargein=isinstance(event, Heard) and event.is_bargein,
                digits=digits,
            )
        )

    async def greeted(self, words: str, start_frame: int | None, end_frame: int, who: str, reason: str) -> None:
        """Store who answered a call of ours, by what was told, and with what words."""
        if words:
            heard = Heard((Alternative(words),))
            await self.caller_turn(heard, Meaning("greeting", {}, 1.0, words), start_frame, end_frame)
        await self.happened(f"answered by {who}", reason=reason)

    def _is_notice(self, prompt: str) -> bool:
        return not self.notice_prompts or prompt in self.notice_prompts

    async def robot_turns(self, utterances: Sequence[Utterance], handing_over: HandOver | None) -> None:
        """Store what the robot is about to say, before it does."""
        for utterance in utterances:
            utterance.turn = self._number()
            if self._notice_turn is None and self._is_notice(utterance.prompt):
                self._notice_turn = utterance.turn
            await self._turn(
                Turn(
                    number=utterance.turn,
                    who=Who.ROBOT,
                    text=without_stress(utterance.text),
                    at=self.clock.now(),
                    prompt=utterance.prompt,
                )
            )
        if handing_over is not None:
            await self._do(
                self.store.update_dialog,
                self.dialog_id,
                transfer_target=handing_over.target,
                reason=handing_over.reason,
                summary=dict(handing_over.summary),
            )

    async def responded(self, utterance: Utterance, total_ms: float) -> None:
        """Store how long the caller waited for this answer, by stage."""
        if utterance.turn < 0 or utterance.latency is None:
            return
        latency = utterance.latency.stored(utterance.first_piece_ms or 0.0, total_ms)
        await self._do(self.store.update_turn, self.dialog_id, utterance.turn, latency_ms=latency)

    async def played(self, utterance: Utterance) -> None:
        """Store what of an utterance really left for the caller."""
        if utterance.turn < 0:
            return
        text = without_stress(utterance.text)
        if utterance.is_cut:
            text = played_text([Piece(text, utterance.total_samples)], utterance.played_samples)
        start_ms = None if utterance.started_frame is None else utterance.started_frame * FRAME_MS
        played_ms = utterance.played_samples * 1000 // TELEPHONE_HZ
        await self._do(
            self.store.update_turn,
            self.dialog_id,
            utterance.turn,
            offset_start_ms=start_ms,
            offset_end_ms=None if start_ms is None else start_ms + played_ms,
            played_text=text,
            played_ms=played_ms,
        )
        if utterance.turn == self._notice_turn and not utterance.is_cut:
            version = hashlib.sha256(text.encode()).hexdigest()[:12]
            await self._do(self.store.set_notice, self.dialog_id, version, text)

    async def happened(self, what: str, **facts: Any) -> None:
        """Store an event of the call (transfer, hold, trouble) as a system turn."""
        await self._turn(Turn(number=self._number(), who=Who.SYSTEM, text=what, at=self.clock.now(), slots=facts))

    async def transfer(self, state: str, sip_status: int) -> None:
        self.is_transferred = self.is_transferred or state in ("completed", "bridged")
        await self.happened(f"transfer {state}", sip_status=sip_status)
        await self._do(self.store.update_dialog, self.dialog_id, transfer_result=state)

    async def finish(self, outcome: str, reason: str, ended_by: str, handling_seconds: float) -> None:
        """Store how it ended and complete the recording."""
        await self.close()
        await self._do(
            partial(
                self.store.finish_dialog,
                self.dialog_id,
                outcome,
                reason,
                ended_by=ended_by,
                handling_seconds=round(handling_seconds, 2),
            )
        )

    async def close(self) -> None:
        """Complete the recording; harmless when called again."""
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        ticks, self._waiting_ticks = self._waiting_ticks, []
        earlier, self._recording = self._recording, None

        def complete() -> None:
            for tick in ticks:
                recorder.write(tick.caller, tick.robot, tick.frame)
            recorder.close()

        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                if earlier is not None:
                    await earlier
                await self._in_executor(complete)
        except Exception as error:  # noqa: BLE001 - the recording is lost in part, the call's end must be stored
            log.error("recording_not_completed", error=type(error).__name__, where=where(error))
            self.on_alarm("recording_not_completed")

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    async def _turn(self, turn: Turn) -> None:
        await self._do(self.store.add_turn, self.dialog_id, turn)

    async def _do(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Write; what cannot be written raises an alarm and not the call's end."""
        try:
            await self._in_executor(function, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - a call is worth more than its record
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        log.error("record_lost", dialog_id=self.dialog_id, error=type(error).__name__, where=where(error))
        self.on_alarm("record_lost")

    async def _in_executor(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.executor, lambda: function(*args, **kwargs))
