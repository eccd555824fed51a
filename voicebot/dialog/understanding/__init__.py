"""What a caller's phrase means: rules and fuzzy matching against one clinic's catalogue. Pure."""

from voicebot.dialog.understanding.reader import Understanding
from voicebot.dialog.understanding.understood import Understood

__all__ = ["Understanding", "Understood"]
