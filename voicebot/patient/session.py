"""One call of the patient on its own media clock: what it says, what it hears, when. No SIP here."""

import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from voicebot.audio.levels import frame_level_db
from voicebot.audio.pcm import FRAME_BYTES, FRAME_MS, TELEPHONE_HZ, Pcm
from voicebot.patient.measure import Span
from voicebot.patient.script import LOUD_DB, HangUp, Press, Script, Speak
from voicebot.patient.sound import LineSound
from voicebot.patient.steered import RobotEnded, SteeredScript

_SILENCE = bytes(FRAME_BYTES)


@dataclass(frozen=True, slots=True)
class Acted:
    """The patient did a step: spoke (over `span` of the recording) or pressed keys."""

    number: int
    span: Span


@dataclass(frozen=True, slots=True)
class RobotBegan:
    at_ms: int


News = Acted | RobotBegan | RobotEnded | Press | HangUp


@dataclass(slots=True)
class Session:
    """`requested` and `received` are called by the clock thread in turn, each 20 ms; `take_news` by the main loop."""

    script: Script | SteeredScript
    sounds: list[Pcm | None]
    line: LineSound
    acted: list[Acted] = field(default_factory=list)
    _speech: bytes = b""
    _position: int = 0
    _sent: bytes = b""
    _clean: bytearray = field(default_factory=bytearray)
    _wire: bytearray = field(default_factory=bytearray)
    _robot: bytearray = field(default_factory=bytearray)
    _news: deque[News] = field(default_factory=deque)
    _onset: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_closed: bool = False

    @property
    def duration_ms(self) -> int:
        return len(self._robot) // FRAME_BYTES * FRAME_MS

    def requested(self) -> bytes:
        """Return the next 20 ms for the wire."""
        frame = self._speech[self._position : self._position + FRAME_BYTES]
        self._position += len(frame)
        if frame and len(frame) < FRAME_BYTES:
            frame += _SILENCE[len(frame) :]
        self._sent = self.line.mixed(frame)
        with self._lock:
            if not self._is_closed:
                self._clean += frame or _SILENCE
                self._wire += self._sent
        return self._sent

    def received(self, robot: bytes) -> None:
        """Take 20 ms of the robot (empty: nothing came) and decide what comes next."""
        heard = robot if len(robot) == FRAME_BYTES else _SILENCE
        with self._lock:
            if self._is_closed:
                return
            self._robot += heard
        self.line.heard(heard)
        orders = self.script.tick(frame_level_db(heard) > LOUD_DB)
        if self.script.ear.onset_frame is not None and self.script.ear.onset_frame != self._onset:
            self._onset = self.script.ear.onset_frame
            self._news.append(RobotBegan(self._onset * FRAME_MS))
        for order in orders:
            if isinstance(order, Speak):
                self._speak(order.number)
            else:
                self._news.append(order)
                if isinstance(order, Press):
                    self._note(Acted(order.number, Span(self.duration_ms, self.duration_ms)))

    def take_news(self) -> list[News]:
        """Return what happened since the last call, in order."""
        news: list[News] = []
        while self._news:
            news.append(self._news.popleft())
        return news

    def close(self) -> None:
        """The call is over: record nothing more."""
        with self._lock:
            self._is_closed = True

    def clean(self) -> NDArray[np.int16]:
        """The patient's own speech, without noise and echo."""
        return self._samples(self._clean)

    def robot(self) -> NDArray[np.int16]:
        return self._samples(self._robot)

    def save(self, path: Path) -> None:
        """Write what was on the wire: left the patient (with noise and echo), right the robot."""
        wire, robot = self._samples(self._wire), self.robot()
        count = min(len(wire), len(robot))
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.stack([wire[:count], robot[:count]], axis=1), TELEPHONE_HZ, subtype="PCM_16")

    def _speak(self, number: int) -> None:
        sound = self.sounds[number]
        if sound is None:
            return
        self._speech, self._position = sound.to_bytes(), 0
        start_ms = self.duration_ms  # the next frame
        self._note(Acted(number, Span(start_ms, start_ms + -(-int(sound.duration_ms) // FRAME_MS) * FRAME_MS)))

    def _note(self, acted: Acted) -> None:
        self.acted.append(acted)
        self._news.append(acted)

    def _samples(self, data: bytearray) -> NDArray[np.int16]:
        with self._lock:
            return np.frombuffer(bytes(data), dtype="<i2").astype(np.int16)
