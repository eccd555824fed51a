"""What may be logged of an exception: its type and where it arose. Its message may hold what a caller said."""

import traceback
from pathlib import Path

_FRAMES = 6


def where(error: BaseException) -> str:
    """Return "file.py:12 < file.py:34": the innermost frames first, without messages, values or source text."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames)][:_FRAMES]
    cause = error.__cause__
    if cause is not None:
        places.append(f"from {type(cause).__name__} {where(cause)}")
    return " < ".join(places)
