"""The line's own load: its processor time, and frames that came too late. Pure; figures and times come from outside."""

from voicebot.line.gate import Gate, GateRules
from voicebot.link.load import BusyMeter

_FRAMES_A_SECOND = 50


class OwnLoad:
    """Told each second how it goes; says whether one more call would be carried well. `rules` None: always."""

    def __init__(self, busy_share: float, late_share: float, rules: GateRules | None, now: float, used_seconds: float) -> None:
        """`busy_share` of one core and `late_share` of all frames are a load of 1.0."""
        self._busy_share = busy_share
        self._late_share = late_share
        self._gate = Gate(rules) if rules is not None else None
        self._meter = BusyMeter(1.0, now, used_seconds)
        self._late_frames = 0
        self._now = now
        self.figure = 0.0

    def measured(self, now: float, used_seconds: float, late_frames: int, calls: int) -> None:
        """`used_seconds` of processor and `late_frames` count from the start; `calls` are held now."""
        frames = (now - self._now) * _FRAMES_A_SECOND * calls
        late = (late_frames - self._late_frames) / frames if frames > 0 else 0.0
        self._late_frames, self._now = late_frames, now
        self.figure = max(self._meter.share(now, used_seconds) / self._busy_share, late / self._late_share)
        if self._gate is not None:
            self._gate.measured(self.figure, calls, now)

    def let_in(self, now: float) -> None:
        if self._gate is not None:
            self._gate.let_in(now)

    def is_open(self, calls: int, now: float) -> bool:
        """Whether one more call is carried beside so many."""
        return self._gate is None or self._gate.is_open(calls, now)
