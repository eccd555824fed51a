"""The one error of this room."""

from voicebot.errors import VoicebotError


class SupplyError(VoicebotError):
    """Something could not be fetched, verified, unpacked or built."""
