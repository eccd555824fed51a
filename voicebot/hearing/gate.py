"""From a detector's nervous yes and no to where speech begins and ends. Pure; time is counted in frames."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class SpeechGate:
    """Opens after enough speech, closes after enough silence.

    Single frames either way change nothing, so a click does not open it and a loud noise does not hold it open.
    """

    onset_frames: int = 3
    """Speech frames, within the onset window, that open it."""

    onset_window_frames: int = 5

    release_frames: int = 8
    """Frames without a new onset that close it."""

    is_open: bool = False
    started_frame: int = 0
    """The first speech frame of the onset that opened it."""

    last_speech_frame: int = -1
    """The last frame believed to be speech; counts only frames of an onset, not lone ones."""

    _recent: list[int] = field(default_factory=list)

    def process(self, frame: int, is_speech: bool) -> None:
        """Take the verdict on the next frame. Look at `is_open`, `started_frame` and `last_speech_frame` then."""
        if is_speech:
            self._recent = [past for past in self._recent if frame - past < self.onset_window_frames] + [frame]
            if len(self._recent) >= self.onset_frames:
                if not self.is_open:
                    self.is_open, self.started_frame = True, self._recent[0]
                self.last_speech_frame = frame
        if self.is_open and frame - self.last_speech_frame >= self.release_frames:
            self.is_open = False

    def silence_frames(self, frame: int) -> int:
        """How many frames lie between the last speech and `frame`, inclusive."""
        return frame - self.last_speech_frame

    def reset(self) -> None:
        self.is_open, self.last_speech_frame, self._recent = False, -1, []
