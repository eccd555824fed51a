"""The last guard against silence: a robot that neither speaks nor waits for anything has failed, whatever the reason."""

from dataclasses import dataclass

from voicebot.audio.pcm import FRAME_MS


class DeadAir(Exception):
    """Nobody spoke for longer than anything explains."""


@dataclass(slots=True)
class DeadAirWatch:
    """Counts silence on the call's media clock. Pure."""

    limit_seconds: float = 8.0
    _since_frame: int = 0

    def alive(self, frame: int) -> None:
        """Something is going on: the count starts anew."""
        self._since_frame = max(self._since_frame, frame)

    def is_dead(self, frame: int, allowed_seconds: float = 0.0) -> bool:
        """Tell whether the silence has lasted longer than the limit and what is allowed now (a caller who thinks)."""
        return (frame - self._since_frame) * FRAME_MS > (self.limit_seconds + allowed_seconds) * 1000
