"""What came of a call, told from how it ended. Pure."""

from voicebot.dialog.talking import End, HandOver
from voicebot.link.messages import EndedBy


def outcome_of(
    ended_by: EndedBy,
    *,
    end: End | None,
    settled: str,
    handing_over: HandOver | None,
    is_transferred: bool,
    is_rescued: bool,
) -> tuple[str, str]:
    """Return outcome and reason.

    `end`: the dialog's own last word; `settled`: the result of its last request ("booked"), which stands even if the caller
    hangs up before the goodbye; `handing_over`: a transfer under way; `is_transferred`: a human took over;
    `is_rescued`: the robot had failed.
    """
    if end is not None:
        return end.outcome, end.reason
    if is_transferred or ended_by in (EndedBy.TRANSFERRED, EndedBy.OPERATOR):
        return "transferred", handing_over.reason if handing_over is not None else "line"
    if is_rescued:
        return settled or "failed", "robot_failed"
    if handing_over is not None:
        return settled or "abandoned", "during_transfer"
    if ended_by is EndedBy.ERROR:
        return settled or "failed", "error"
    return settled or "abandoned", ended_by.value
