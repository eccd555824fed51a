"""The level of what is always there, so that a voice must rise above it."""

from voicebot.audio.levels import RollingLevel

_WINDOW_FRAMES = 150  # 3 s: no one speaks so long without a pause of some frames
_SHARE = 0.08
_QUIETEST_DB = -56.0  # comfort noise and digital silence; nobody speaks so softly
_LOUDEST_DB = -32.0  # louder than this is hardly noise; whoever talks without a pause must not deafen us
_EVERY_FRAMES = 5


class NoiseFloor:
    """Follows the quietest frames of the last three seconds."""

    def __init__(self) -> None:
        self._levels = RollingLevel(_WINDOW_FRAMES)
        self._since = 0
        self.level_db = _QUIETEST_DB
        self.is_known = False
        """False in the first moments of a call: nothing can be told from noise yet."""

    def add(self, level: float) -> None:
        self._levels.add(level)
        self._since += 1
        if self._since >= _EVERY_FRAMES:
            self._since = 0
            self.is_known = True
            self.level_db = min(_LOUDEST_DB, max(_QUIETEST_DB, self._levels.quantile_db(_SHARE)))
