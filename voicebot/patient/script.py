"""The patient's decisions, frame by frame: a pure state machine.

Each 20 ms it is told whether the robot is loud; it answers with what to do now. The patient knows no text: it speaks when the
robot has spoken and fallen silent, as people do.
"""

from dataclasses import dataclass, field

from voicebot.audio.pcm import FRAME_MS
from voicebot.patient.scenario import Scenario, Step, When

LOUD_DB = -45.0  # A-law silence decodes to -72 dBFS
_ONSET_FRAMES = 2  # a single loud frame is a click
_TAIL_FRAMES = 10  # what the robot says this shortly before the patient ends still counts as an answer
DIGIT_MS = 220  # pjsua sends a key for 160 ms, then pauses


@dataclass(frozen=True, slots=True)
class Speak:
    """Begin to play the sound of step `number` now."""

    number: int


@dataclass(frozen=True, slots=True)
class Press:
    number: int
    digits: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """`reason`: "step" (ordered), "timeout" (the robot did not do what step `number` waits for), "stayed", "limit"."""

    reason: str
    number: int


Order = Speak | Press | HangUp


@dataclass(slots=True)
class RobotEar:
    """When the robot speaks, from the loudness of its frames."""

    frame: int = -1
    loud_run: int = 0
    last_loud_frame: int | None = None
    onset_frame: int | None = None  # of the speech that goes on, or went on last

    def hear(self, is_loud: bool, gap_frames: int) -> None:
        """Take one frame; silence longer than `gap_frames` separates two speeches."""
        self.frame += 1
        self.loud_run = self.loud_run + 1 if is_loud else 0
        if self.loud_run >= _ONSET_FRAMES:
            is_new = self.last_loud_frame is None or self.frame - self.last_loud_frame > gap_frames
            if is_new:
                self.onset_frame = self.frame - _ONSET_FRAMES + 1
            self.last_loud_frame = self.frame

    @property
    def silent_frames(self) -> int:
        """How long the robot has been silent; the whole call so far if it never spoke."""
        return self.frame - (-1 if self.last_loud_frame is None else self.last_loud_frame)

    def has_spoken_since(self, frame: int) -> bool:
        return self.last_loud_frame is not None and self.last_loud_frame >= frame

    def is_speaking(self) -> bool:
        return self.last_loud_frame is not None and self.silent_frames <= 5


@dataclass(slots=True)
class Script:
    """Runs a scenario's steps. `durations_ms` holds the length of each step's sound (0 where it has none)."""

    scenario: Scenario
    durations_ms: tuple[int, ...]
    number: int = 0
    ear: RobotEar = field(default_factory=RobotEar)
    is_over: bool = False
    _free_frame: int = 0  # the patient's last action has ended here
    _step_frame: int = 0  # the current step began to wait here
    _moment_frame: int | None = None  # its moment came here

    def tick(self, is_robot_loud: bool) -> list[Order]:
        """Take the next 20 ms; return what to do now."""
        self.ear.hear(is_robot_loud, self._frames(self.scenario.turn_end_ms))
        if self.is_over:
            return []
        if self._now * FRAME_MS >= self.scenario.limit_seconds * 1000:
            return [self._end("limit")]
        orders: list[Order] = []
        while not self.is_over and self._now >= self._free_frame:
            done = self._try_step()
            if done is None:
                break
            orders += done
        return orders

    @property
    def _now(self) -> int:
        return self.ear.frame

    @property
    def _step(self) -> Step | None:
        return self.scenario.steps[self.number] if self.number < len(self.scenario.steps) else None

    def _try_step(self) -> list[Order] | None:
        """Do the current step if its time has come; None while it has not."""
        step = self._step
        if step is None:
            stayed_ms = (self._now - self._free_frame) * FRAME_MS
            return [self._end("stayed")] if stayed_ms >= self.scenario.stay_seconds * 1000 else None
        if self._moment_frame is None:
            if not self._has_come(step):
                return self._timed_out(step)
            self._moment_frame = self._now
        if self._now < self._moment_frame + self._frames(step.delay_ms(self.scenario.reply_delay_ms)):
            if step.moment is When.TURN and self.ear.is_speaking():
                self._moment_frame = None  # the robot went on after all: a patient does not speak into that
            return None
        return self._do(step)

    def _has_come(self, step: Step) -> bool:
        if step.wait == "robot_speech":
            return self.ear.has_spoken_since(self._free_frame)
        if step.wait == "robot_silence":
            return self._is_turn()
        if isinstance(step.wait, float):
            return (self._now - self._step_frame) * FRAME_MS >= step.wait * 1000
        if step.moment is When.NOW:
            return True
        if step.moment is When.ROBOT_SPEAKS:
            # Speech that began before the patient's last words ended is no new prompt to interrupt.
            onset = self.ear.onset_frame
            return self.ear.is_speaking() and onset is not None and onset >= self._free_frame - _TAIL_FRAMES
        return self._is_turn()

    def _is_turn(self) -> bool:
        has_spoken = self.ear.has_spoken_since(max(0, self._free_frame - _TAIL_FRAMES))
        return has_spoken and self.ear.silent_frames >= self._frames(self.scenario.turn_end_ms)

    def _timed_out(self, step: Step) -> list[Order] | None:
        limit = step.timeout_seconds if step.timeout_seconds is not None else self.scenario.timeout_seconds
        # A long answer of the robot is no failure: the time runs while it is silent.
        since = max(self._step_frame, self.ear.last_loud_frame or 0) if step.moment is When.TURN else self._step_frame
        if isinstance(step.wait, float) or (self._now - since) * FRAME_MS < limit * 1000:
            return None
        return [self._end("timeout")]

    def _do(self, step: Step) -> list[Order]:
        number = self.number
        orders: list[Order] = []
        busy_ms = 0
        if step.hang_up:
            return [self._end("step")]
        if step.digits is not None:
            orders.append(Press(number, step.digits))
            busy_ms = len(step.digits) * DIGIT_MS
        elif step.wait is None:
            orders.append(Speak(number))
            busy_ms = self.durations_ms[number]
        self.number += 1
        self._moment_frame = None
        self._step_frame = self._now + self._frames(busy_ms)
        if step.wait is None:  # after a wait the robot's speech so far still counts: the next step may follow it
            self._free_frame = self._step_frame
        return orders

    def _end(self, reason: str) -> HangUp:
        self.is_over = True
        return HangUp(reason, self.number)

    def _frames(self, duration_ms: int) -> int:
        return -(-duration_ms // FRAME_MS)
