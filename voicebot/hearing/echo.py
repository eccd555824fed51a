"""The echo guard: how loud a caller must be to count as speaking over the robot.

The robot comes back from a speakerphone or a hybrid, delayed by up to some hundreds of milliseconds and weaker. How much
weaker is learned from the frames in which the robot speaks, because then most of what comes in is echo, or nothing.
What proves to be the caller speaking over the robot is unlearned, else a hasty caller would soon pass for loud echo.
"""

from collections import deque

from voicebot.audio.levels import RollingLevel

_DELAY_FRAMES = 20  # 400 ms: echo of a mobile or a softphone call comes within it
_WINDOW_FRAMES = 200  # 4 s of the robot's own speech
_PRIOR_DB = -20.0  # what is assumed of a line before anything was heard
_PRIOR_FRAMES = 60
_SHARE = 0.75  # echo fluctuates; a caller who speaks over the robot for a second must not pass for echo
_MARGIN_DB = 6.0
_LOUDEST_RETURN_DB = -6.0
_WEAKEST_RETURN_DB = -40.0
_ROBOT_SPEAKS_DB = -50.0
_EVERY_FRAMES = 10


class EchoGuard:
    """A threshold in dBFS that follows what the robot plays; -inf while it has long been silent."""

    def __init__(self) -> None:
        self._robot = RollingLevel(_DELAY_FRAMES)
        self._returns = RollingLevel(_WINDOW_FRAMES, [_PRIOR_DB] * _PRIOR_FRAMES)
        self._was_learned: deque[bool] = deque(maxlen=_WINDOW_FRAMES)
        self._since = 0
        self.return_db = _PRIOR_DB
        self.threshold_db = float("-inf")

    def add(self, caller_db: float, robot_db: float, *, is_caller: bool = False) -> None:
        """Take the levels of the same frame in both directions. `is_caller`: what comes in is known to be no echo."""
        self._robot.add(robot_db)
        loudest = self._robot.maximum_db
        is_echo_possible = loudest >= _ROBOT_SPEAKS_DB
        self._was_learned.append(is_echo_possible and not is_caller)
        if not is_echo_possible:
            self.threshold_db = float("-inf")
            return
        if not is_caller:
            self._returns.add(caller_db - loudest)
            self._since += 1
            if self._since >= _EVERY_FRAMES:
                self._learn()
        self.threshold_db = loudest + self.return_db + _MARGIN_DB

    def unlearn(self, frames: int) -> None:
        """The last `frames` frames were the caller's voice after all."""
        recent = [self._was_learned.pop() for _ in range(min(frames, len(self._was_learned)))]
        self._returns.drop_newest(sum(recent))
        self._was_learned.extend(False for _ in recent)
        self._learn()

    def _learn(self) -> None:
        self._since = 0
        self.return_db = min(_LOUDEST_RETURN_DB, max(_WEAKEST_RETURN_DB, self._returns.quantile_db(_SHARE)))
