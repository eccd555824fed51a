"""A patient who is told turn by turn what to do: the ear of a script, somebody else's head.

The order comes from outside (`do`) and is carried out once the robot has spoken and fallen silent, as polite people do.
"""

from collections import deque
from dataclasses import dataclass, field

from voicebot.audio.pcm import FRAME_MS
from voicebot.patient.scenario import Scenario
from voicebot.patient.script import DIGIT_MS, HangUp, Order, Press, RobotEar, Speak


@dataclass(frozen=True, slots=True)
class RobotEnded:
    """The robot spoke and has been silent for the scenario's `turn_end_ms`; its last sound was at `at_ms`."""

    at_ms: int


@dataclass(slots=True)
class SteeredScript:
    """Takes the place of `Script`. `do` may be called by another thread than `tick`."""

    scenario: Scenario
    durations_ms: tuple[int, ...]
    number: int = 0  # steps done
    ear: RobotEar = field(default_factory=RobotEar)
    is_over: bool = False
    _orders: deque[int] = field(default_factory=deque)
    _free_frame: int = 0
    _told_frame: int = -1  # of the robot's last sound that was told

    def do(self, number: int) -> None:
        """Do step `number` as soon as nobody speaks. A number beyond the last step hangs up."""
        self._orders.append(number)

    def tick(self, is_robot_loud: bool) -> list[Order | RobotEnded]:
        """Take the next 20 ms; return what happens now."""
        gap = -(-self.scenario.turn_end_ms // FRAME_MS)
        self.ear.hear(is_robot_loud, gap)
        if self.is_over:
            return []
        if self.ear.frame * FRAME_MS >= self.scenario.limit_seconds * 1000:
            return [self._end("limit")]
        if self.ear.frame < self._free_frame or self.ear.silent_frames < gap:
            return []
        if self._orders:
            return [self._act(self._orders.popleft())]
        last = self.ear.last_loud_frame
        if last is not None and last > self._told_frame:
            self._told_frame = last
            return [RobotEnded(last * FRAME_MS)]
        return []

    def _act(self, number: int) -> Order:
        if not 0 <= number < len(self.scenario.steps):
            return self._end("step")
        step = self.scenario.steps[number]
        self.number += 1
        self._told_frame = max(self._told_frame, self.ear.last_loud_frame or 0)
        length_ms = len(step.digits) * DIGIT_MS if step.digits is not None else self.durations_ms[number]
        self._free_frame = self.ear.frame + -(-length_ms // FRAME_MS)
        return Press(number, step.digits) if step.digits is not None else Speak(number)

    def _end(self, reason: str) -> HangUp:
        self.is_over = True
        return HangUp(reason, self.number)
