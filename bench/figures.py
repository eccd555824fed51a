"""From calls to figures. Pure: what the patient measured on the wire, joined with what the robot stored.

Two clocks run in a call, the patient's and the robot's media clock; both count 20 ms frames from about the same moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voicebot.patient.measure import Span, percentile
from voicebot.patient.report import Report
from voicebot.records.dialogs import Dialog, Turn, Who

STAGES = ("endpoint", "recognise", "think", "speak", "rest")
_STORED = STAGES[:-1]
_SAME_TURN_MS = 1000  # the clocks' offset is known to some 200 ms; turns are seconds apart
_NEAR_MS = 1500  # what happens so soon after the patient's words may be owed to them
_PAUSE_MS = 300  # inside a prompt
_EARLY_MS = 100  # what the clocks' offset may be wrong by
_FRAME_MS = 20
_ROBOT_RATE = 8


@dataclass(frozen=True, slots=True)
class Waited:
    """One answer of the robot. `wire_ms`: from the patient's last sound to the robot's first, on the patient's wire.

    `stages_ms` adds up to it (`rest`: storing the turn, the link, jitter buffers, soft beginnings and ends of words); empty
    where the robot stored none for this turn.
    """

    said: str
    wire_ms: int
    stages_ms: Mapping[str, int] = field(default_factory=dict)
    robot_ms: int | None = None  # what the robot itself measured
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One thing the robot said, in ms of the robot's clock."""

    text: str
    is_cut: bool
    lost_ms: int  # silence that does not belong to it: pauses at a suspicion, late sound
    is_falsely_cut: bool


def clock_offset_ms(report: Report, dialog: Dialog) -> int:
    """Return what to add to the robot's clock to get the patient's: from the first prompt, which both have seen."""
    first = next((t.offset_start_ms for t in dialog.turns if t.who is Who.ROBOT and t.offset_start_ms is not None), None)
    return 0 if first is None or report.first_audio_ms is None else report.first_audio_ms - first


def join_waits(report: Report, dialog: Dialog | None) -> list[Waited]:
    """Give each measured response of a call its stages."""
    answers = _answers(dialog) if dialog is not None else []
    offset = clock_offset_ms(report, dialog) if dialog is not None else 0
    waits = []
    for response in report.responses:
        if response.latency_ms is None:
            continue
        said = next((s.text for s in report.said if s.end_ms == response.turn.end_ms), "")
        near = [(abs(ended_ms + offset - response.turn.end_ms), number) for number, (ended_ms, _, _) in enumerate(answers)]
        distance, number = min(near, default=(_SAME_TURN_MS + 1, -1))
        if distance > _SAME_TURN_MS:
            waits.append(Waited(said, response.latency_ms))
            continue
        _, heard, answer = answers[number]
        stored = answer.latency_ms
        stages = {name: int(stored.get(f"{name}_ms", 0)) for name in _STORED}  # type: ignore[call-overload]
        stages["rest"] = response.latency_ms - sum(stages.values())
        waits.append(Waited(said, response.latency_ms, stages, stored.get("total_ms"), heard.intent))
    return waits


def _answers(dialog: Dialog) -> list[tuple[int, Turn, Turn]]:
    """Return (when the caller had ended, the caller's turn, the robot's turn with the latencies) for each answered turn."""
    found = []
    last: Turn | None = None
    for turn in dialog.turns:
        if turn.who is Who.CALLER:
            last = turn if turn.offset_end_ms is not None else None
        elif turn.who is Who.ROBOT and turn.latency_ms and last is not None and last.offset_end_ms is not None:
            found.append((last.offset_end_ms, last, turn))
            last = None
    return found


def prompts_of(report: Report, dialog: Dialog, robot: NDArray[np.int16]) -> list[Prompt]:
    """Judge each prompt of a call. `robot` is the robot's side of its own recording (8 kHz)."""
    offset = clock_offset_ms(report, dialog)
    spoken = [Span(s.start_ms - offset, s.end_ms - offset) for s in report.said]
    turns = [t for t in dialog.turns if t.who is Who.ROBOT and t.offset_start_ms is not None and t.played_ms is not None]
    prompts = []
    for number, turn in enumerate(turns):
        assert turn.offset_start_ms is not None
        assert turn.played_ms is not None
        until = turns[number + 1].offset_start_ms if number + 1 < len(turns) else None
        lost = lost_ms(robot, turn.offset_start_ms, turn.played_ms, until)
        ended = turn.offset_start_ms + turn.played_ms + lost
        is_by_hangup = number + 1 == len(turns) and ended >= report.duration_ms - offset - _NEAR_MS
        is_owed = is_by_hangup or any(s.start_ms - _FRAME_MS <= ended <= s.end_ms + _NEAR_MS for s in spoken)
        prompts.append(Prompt(turn.text, turn.was_cut, lost, turn.was_cut and not is_owed))
    return prompts


def falls_silent(report: Report, dialog: Dialog | None, robot: Sequence[Span]) -> list[int | None]:
    """Return for each interruption the ms from its first sound to the interrupted prompt's last; None where it went on.

    `robot` is where the robot sounds on the patient's wire. A caller who pauses inside a phrase may be answered in it: that
    answer is no part of the interrupted prompt.
    """
    replies = _replies(report, dialog) if dialog is not None else []
    stops: list[int | None] = []
    for interruption in report.barge_ins:
        turn = interruption.turn
        until = min([ms for ms in replies if turn.start_ms < ms < turn.end_ms], default=turn.end_ms + 1)
        last = max(
            (s.end_ms for s in robot if turn.start_ms - _PAUSE_MS < s.end_ms and s.start_ms < until - _EARLY_MS),
            default=turn.start_ms,
        )
        stops.append(None if last >= turn.end_ms else max(0, last - turn.start_ms))
    return stops


def answered_inside(report: Report, dialog: Dialog) -> int:
    """Count the patient's phrases that the robot answered before they were over."""
    replies = _replies(report, dialog)
    return sum(any(s.start_ms < ms < s.end_ms - _EARLY_MS for ms in replies) for s in report.said)


def _replies(report: Report, dialog: Dialog) -> list[int]:
    """When answers to the caller's words began, on the patient's clock."""
    offset = clock_offset_ms(report, dialog)
    begun = []
    is_due = False
    for turn in dialog.turns:
        if turn.who is Who.CALLER:
            is_due = turn.offset_start_ms is not None
        elif turn.who is Who.ROBOT and is_due and turn.offset_start_ms is not None:
            begun.append(turn.offset_start_ms + offset)
            is_due = False
    return begun


def lost_ms(robot: NDArray[np.int16], start_ms: int, played_ms: int, until_ms: int | None) -> int:
    """Return how much later than it should a prompt ended: silence was put into it.

    Its sound ends with its last sample other than zero before `until_ms` (the next prompt); without pauses that is not
    after `start_ms + played_ms`. A pause shorter than the silence at a prompt's own end does not show.
    """
    until = len(robot) if until_ms is None else min(len(robot), until_ms * _ROBOT_RATE)
    sounding = np.flatnonzero(robot[start_ms * _ROBOT_RATE : until])
    if not len(sounding):
        return 0
    ended_ms = start_ms + -(-(int(sounding[-1]) + 1) // (_ROBOT_RATE * _FRAME_MS)) * _FRAME_MS
    due_ms = start_ms + -(-played_ms // _FRAME_MS) * _FRAME_MS
    return max(0, ended_ms - due_ms)


def false_turns(report: Report, dialog: Dialog) -> int:
    """Count what the robot took for the caller's words though the patient had said nothing."""
    offset = clock_offset_ms(report, dialog)
    count = 0
    for turn in dialog.turns:
        if turn.who is not Who.CALLER or turn.offset_start_ms is None or turn.offset_end_ms is None or turn.digits:
            continue
        start, end = turn.offset_start_ms + offset, turn.offset_end_ms + offset
        if not any(s.start_ms < end + _SAME_TURN_MS and s.end_ms > start - _SAME_TURN_MS for s in report.said):
            count += 1
    return count


def spread(values: Iterable[float]) -> dict[str, float | int | None]:
    """Return count, p50, p95 and the worst."""
    known: Sequence[float] = list(values)
    return {
        "count": len(known),
        "p50": percentile(known, 0.5),
        "p95": percentile(known, 0.95),
        "worst": max(known, default=None),
    }
