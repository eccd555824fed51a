"""When a call is only a ghost: no RTP for long, or held for long. Pure."""

from enum import StrEnum


class Ghost(StrEnum):
    SILENT = "silent"
    HELD_TOO_LONG = "held_too_long"


class PeerWatchdog:
    """Fed about once a second with the count of RTP packets received; tells when to give the call up."""

    def __init__(self, silent_peer_seconds: float, hold_limit_seconds: float, now_seconds: float) -> None:
        self._silent_peer_seconds = silent_peer_seconds
        self._hold_limit_seconds = hold_limit_seconds
        self._packets = 0
        self._last_change_seconds = now_seconds
        self._held_since_seconds: float | None = None

    def update(self, now_seconds: float, packets: int, is_held: bool) -> Ghost | None:
        """Judge; a limit of 0 seconds is no limit. A held peer sends nothing by right."""
        if packets != self._packets:
            self._packets = packets
            self._last_change_seconds = now_seconds
        if is_held:
            self._last_change_seconds = now_seconds
            if self._held_since_seconds is None:
                self._held_since_seconds = now_seconds
            if 0 < self._hold_limit_seconds <= now_seconds - self._held_since_seconds:
                return Ghost.HELD_TOO_LONG
            return None
        self._held_since_seconds = None
        if 0 < self._silent_peer_seconds <= now_seconds - self._last_change_seconds:
            return Ghost.SILENT
        return None
