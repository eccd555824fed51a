"""What the robot says: texts become sound piece by piece, go to line, and what was really played comes back.

Speech can be paused at the first suspicion that the caller speaks, and go on from the same sample if it was a cough.

One `Mouth` per call. Orders (texts, then perhaps "transfer" or "hang up") are carried out in the order they were given,
in one task: nothing overtakes the last word.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field

import structlog

from voicebot.audio.pcm import FRAME_MS, TELEPHONE_HZ, Pcm
from voicebot.link.messages import FromBrain, Play, PlayEnded, PlayStarted, StopPlaying
from voicebot.talk.latency import Latency

log = structlog.get_logger(__name__)

_CHARACTERS_A_SECOND = 14
_CHUNK_BYTES = 2 * TELEPHONE_HZ  # one second a message: the socket never holds a whole prompt at once


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text whose sound was made at start, for when the voice itself has failed."""

    text: str
    sound: Pcm


@dataclass(slots=True)
class Utterance:
    """One text on its way to the caller's ear."""

    number: int
    text: str
    prompt: str = ""
    is_bargein_allowed: bool = True
    turn: int = -1  # its number in the records
    sound: bytearray = field(default_factory=bytearray)
    """Its PCM so far, kept until it is over: a pause may need it again."""
    sent_samples: int = 0
    is_sent: bool = False
    """All of its sound was made."""
    is_in_line: bool = False
    """Line has sound of it; its PlayEnded is still to come."""
    is_open_in_line: bool = False
    """Line waits for more of it."""
    started_frame: int | None = None
    flows_from_frame: int = 0
    """Where it began to sound, or went on after a pause."""
    ended_frame: int | None = None
    played_samples: int = 0
    resumed_from: int = 0
    """Samples that had been played when it was last paused: line counts from there."""
    is_cut: bool = False
    first_piece_ms: float | None = None  # order -> first sound handed to line
    latency: Latency | None = None
    """Of the answer that begins with it."""

    @property
    def total_samples(self) -> int:
        """Its length in sound; estimated from the text when it was cut before all of it was made."""
        if self.is_sent:
            return self.sent_samples
        return max(self.sent_samples, len(self.text) * TELEPHONE_HZ // _CHARACTERS_A_SECOND)

    @property
    def is_over(self) -> bool:
        return self.ended_frame is not None


@dataclass(slots=True)
class _Batch:
    utterances: list[Utterance]
    last_order: FromBrain | None = None


class VoiceFailed(Exception):
    """The voice could not make sound of a text."""


@dataclass(slots=True)
class Mouth:
    """Speaks for one call.

    `say` turns a text into pieces of 8 kHz sound (blocking, run in `executor`); `send` hands messages to line;
    `on_failure` is told once when the voice fails.
    """

    call_id: str
    say: Callable[[str], Iterator[Pcm]]
    send: Callable[[FromBrain], None]
    executor: Executor
    on_failure: Callable[[Exception], None]
    utterances: dict[int, Utterance] = field(default_factory=dict)
    """Those whose end was not told yet."""
    _orders: asyncio.Queue[_Batch] = field(default_factory=asyncio.Queue)
    _task: asyncio.Task[None] | None = None
    _generation: int = 0
    _next_number: int = 1
    _is_paused: bool = False
    _is_resume_wanted: bool = False
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self) -> None:
        self._flowing.set()
        self._task = asyncio.create_task(self._work(), name=f"mouth-{self.call_id}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def new_utterance(self, text: str, prompt: str = "", is_bargein_allowed: bool = True) -> Utterance:
        utterance = Utterance(self._next_number, text, prompt, is_bargein_allowed)
        self._next_number += 1
        return utterance

    def order(self, utterances: list[Utterance], last_order: FromBrain | None = None) -> None:
        """Queue texts, and what line shall do after the last word. A pause that nobody ended ends here."""
        self.resume()
        for utterance in utterances:
            self.utterances[utterance.number] = utterance
        self._orders.put_nowait(_Batch(utterances, last_order))

    def play(self, prepared: Prepared, prompt: str) -> Utterance:
        """Play ready sound at once, without the voice and past all orders."""
        utterance = self.new_utterance(prepared.text, prompt, is_bargein_allowed=False)
        self.utterances[utterance.number] = utterance
        self._send_piece(utterance, prepared.sound)
        utterance.is_sent = True
        self._send_end(utterance)
        return utterance

    def pause(self) -> None:
        """Fall silent, but be ready to go on: perhaps the caller speaks."""
        self._is_resume_wanted = False
        if not self._is_paused and self.is_speaking:
            self._is_paused = True
            self._flowing.clear()
            self._stop_line()

    def resume(self) -> None:
        """It was nothing: go on from the sample where the pause came."""
        if not self._is_paused:
            return
        if any(u.is_in_line for u in self.utterances.values()):
            self._is_resume_wanted = True  # line has not told yet how far it came
            return
        self._end_pause()
        for utterance in self.utterances.values():
            if utterance.is_over or not utterance.sound:
                continue
            utterance.resumed_from = utterance.played_samples
            self._send_pcm(utterance, bytes(utterance.sound[utterance.resumed_from * 2 :]))
            if utterance.is_sent:
                self._send_end(utterance)

    def stop(self, frame: int) -> list[Utterance]:
        """Fall silent for good: what is queued here or in line is dropped. Returns what is over already.

        For what line has, `on_ended` will tell how much of it was heard.
        """
        self._generation += 1
        was_paused = self._is_paused
        self._end_pause()
        while not self._orders.empty():
            self._orders.get_nowait()
        if not was_paused:
            self._stop_line()
        over = []
        for utterance in list(self.utterances.values()):
            if utterance.started_frame is None:  # a PlayStarted still under way corrects this
                self._never_played(utterance)
            if not utterance.is_in_line:
                utterance.ended_frame, utterance.is_cut = frame, True
                over.append(self._told(utterance))
        return over

    def hung_up(self, frame: int) -> list[Utterance]:
        """The call is over, line tells nothing more: return what was not told yet, with what must have been played."""
        self._generation += 1
        for utterance in self.utterances.values():
            if utterance.is_in_line and utterance.started_frame is not None:
                flowed = max(0, frame + 1 - utterance.flows_from_frame) * TELEPHONE_HZ * FRAME_MS // 1000
                utterance.played_samples = min(utterance.resumed_from + flowed, utterance.sent_samples)
            utterance.ended_frame = frame
            utterance.is_cut = not utterance.is_sent or utterance.played_samples < utterance.sent_samples
        return [self._told(utterance) for utterance in list(self.utterances.values())]

    def _told(self, utterance: Utterance) -> Utterance:
        """Forget an utterance that is over: calls are long, sound is big."""
        utterance.sound.clear()
        self.utterances.pop(utterance.number, None)
        return utterance

    def _stop_line(self) -> None:
        self.send(StopPlaying(call_id=self.call_id))
        for utterance in self.utterances.values():
            if utterance.is_open_in_line:  # line drops late pieces of what it cut until that is closed
                self._send_end(utterance)

    def _end_pause(self) -> None:
        self._is_paused = self._is_resume_wanted = False
        self._flowing.set()

    @staticmethod
    def _never_played(utterance: Utterance) -> None:
        if not utterance.is_over:
            utterance.ended_frame = utterance.started_frame or 0
            utterance.is_cut = True

    @property
    def is_paused(self) -> bool:
        """Silent in mid-speech, until `resume` or `stop`."""
        return self._is_paused and not self._is_resume_wanted

    @property
    def is_speaking(self) -> bool:
        """Whether anything is still to be said or played."""
        return not self._orders.empty() or any(not u.is_over for u in self.utterances.values())

    @property
    def current_text(self) -> str:
        """The words that may come back as echo."""
        return " ".join(u.text for u in self.utterances.values() if not u.is_over)

    def on_started(self, message: PlayStarted) -> Utterance | None:
        """Return the utterance that begins to sound; None for one that goes on after a pause."""
        utterance = self.utterances.get(message.utterance)
        if utterance is None:
            return None
        utterance.flows_from_frame = message.frame
        if utterance.started_frame is not None:
            return None
        utterance.started_frame = message.frame
        return utterance

    def on_ended(self, message: PlayEnded) -> Utterance | None:
        """Return the utterance that is over; None for one that was only paused."""
        utterance = self.utterances.get(message.utterance)
        if utterance is None:
            return None
        utterance.is_in_line = utterance.is_open_in_line = False
        utterance.played_samples = utterance.resumed_from + message.played_samples
        is_over = message.is_complete or not self._is_paused
        if is_over:
            utterance.ended_frame = message.frame
            utterance.is_cut = not message.is_complete
            self._told(utterance)
        if self._is_resume_wanted:
            self.resume()
        return utterance if is_over else None

    async def _work(self) -> None:
        while True:
            batch = await self._orders.get()
            generation = self._generation
            try:
                for utterance in batch.utterances:
                    await self._speak(utterance, generation)
                await self._flowing.wait()  # an order must not reach line before the sound that a pause holds back
                if batch.last_order is not None and generation == self._generation:
                    self.send(batch.last_order)
            except Exception as error:  # noqa: BLE001 - whatever it was, the conversation must hear of it
                log.error("voice failed", call_id=self.call_id, error=type(error.__cause__ or error).__name__)
                for utterance in batch.utterances:
                    self._never_played(utterance)
                self.on_failure(error)

    async def _speak(self, utterance: Utterance, generation: int) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            pieces = await loop.run_in_executor(self.executor, self.say, utterance.text)
            while generation == self._generation:
                piece = await loop.run_in_executor(self.executor, next, pieces, None)
                if piece is None:
                    break
                if utterance.first_piece_ms is None:
                    utterance.first_piece_ms = (loop.time() - began) * 1000
                if generation == self._generation:
                    self._send_piece(utterance, piece)
        except Exception as error:
            raise VoiceFailed("no sound for a text") from error
        if generation == self._generation:
            if not utterance.sent_samples:
                raise VoiceFailed("a text gave no sound")
            utterance.is_sent = True
            if not self._is_paused:
                self._send_end(utterance)

    def _send_piece(self, utterance: Utterance, piece: Pcm) -> None:
        if piece.rate_hz != TELEPHONE_HZ:
            raise ValueError(f"line plays {TELEPHONE_HZ} Hz, got {piece.rate_hz} Hz")
        data = piece.to_bytes()
        utterance.sound += data
        utterance.sent_samples += len(piece.samples)
        if not self._is_paused:
            self._send_pcm(utterance, data)

    def _send_pcm(self, utterance: Utterance, data: bytes) -> None:
        for start in range(0, len(data), _CHUNK_BYTES):
            chunk = data[start : start + _CHUNK_BYTES]
            utterance.is_in_line = utterance.is_open_in_line = True
            self.send(Play(call_id=self.call_id, utterance=utterance.number, pcm=chunk, is_last=False))

    def _send_end(self, utterance: Utterance) -> None:
        utterance.is_in_line, utterance.is_open_in_line = True, False
        self.send(Play(call_id=self.call_id, utterance=utterance.number, pcm=b"", is_last=True))
