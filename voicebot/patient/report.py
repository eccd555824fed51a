"""What came of a simulated call, as the patient heard it; and the messages by which its process tells."""

from pathlib import Path

import msgspec

from voicebot.patient.measure import BargeIn, Response, Span, barge_ins, percentile, responses, speech_spans, trimmed, turns_of
from voicebot.patient.scenario import Scenario, When
from voicebot.patient.session import Session

_UTTERANCE_PAUSE_MS = 300  # shorter silences are inside words and between phrases


class Said(msgspec.Struct, kw_only=True, frozen=True):
    """One step that was done. `start_ms` and `end_ms` are of the sound itself, not of its silent edges."""

    step: int
    action: str
    text: str = ""
    start_ms: int
    end_ms: int


class Report(msgspec.Struct, kw_only=True, frozen=True):
    """`ended_by`: "robot", "patient" (by a step or having stayed long enough), "timeout" (the robot did not do what a step
    waits for), "limit", "refused" (see `sip_status`), "interrupted", "lost" (no answer, or the network is gone).
    """

    scenario: str
    caller: str
    target: str
    sip_call_id: str
    sip_status: int
    ended_by: str
    duration_ms: int
    answered_after_ms: int | None
    first_audio_ms: int | None  # on the patient's media clock
    steps_done: int
    steps_total: int
    said: list[Said]
    robot: list[Span]  # its utterances
    responses: list[Response]
    barge_ins: list[BargeIn]
    recording: str = ""

    @property
    def is_complete(self) -> bool:
        """Every step was done and the call ended in order."""
        return self.steps_done == self.steps_total and self.ended_by in ("robot", "patient")

    @property
    def latencies_ms(self) -> list[int]:
        return [r.latency_ms for r in self.responses if r.latency_ms is not None]

    @property
    def barge_in_stops_ms(self) -> list[int]:
        return [b.stop_ms for b in self.barge_ins if b.stop_ms is not None]

    def figures(self) -> dict[str, float | int | None]:
        """What a bench prints."""
        return {
            "turns": len(self.responses),
            "answered": len(self.latencies_ms),
            "latency_p50_ms": percentile(self.latencies_ms, 0.5),
            "latency_p95_ms": percentile(self.latencies_ms, 0.95),
            "barge_ins": len(self.barge_ins),
            "barge_in_p95_ms": percentile(self.barge_in_stops_ms, 0.95),
            "duration_ms": self.duration_ms,
        }


def measured(
    session: Session,
    scenario: Scenario,
    *,
    target: str,
    sip_call_id: str,
    sip_status: int,
    ended_by: str,
    answered_after_ms: int | None,
    recording: Path | None,
) -> Report:
    """Measure a finished session."""
    robot = speech_spans(session.robot(), 8000)
    own = speech_spans(session.clean(), 8000)
    said: list[Said] = []
    turns: list[Span] = []
    interruptions: list[Span] = []
    for acted in session.acted:
        step = scenario.steps[acted.number]
        sounding = trimmed(own, acted.span)
        span = sounding or acted.span
        text = step.text or step.digits or (step.play.name if step.play else "")
        said.append(Said(step=acted.number, action=step.action, text=text, start_ms=span.start_ms, end_ms=span.end_ms))
        if sounding is None or sounding.end_ms > session.duration_ms:
            continue  # keys, a silent file: nothing to measure by
        turns.append(sounding)
        if step.moment is When.ROBOT_SPEAKS:
            interruptions.append(sounding)
    return Report(
        scenario=scenario.name,
        caller=scenario.caller,
        target=target,
        sip_call_id=sip_call_id,
        sip_status=sip_status,
        ended_by=ended_by,
        duration_ms=session.duration_ms,
        answered_after_ms=answered_after_ms,
        first_audio_ms=robot[0].start_ms if robot else None,
        steps_done=min(
            session.script.number + (1 if ended_by == "patient" and _hung_up_by_step(session) else 0), _total(scenario)
        ),
        steps_total=_total(scenario),
        said=said,
        robot=turns_of(robot, _UTTERANCE_PAUSE_MS),
        responses=responses(turns, robot),
        barge_ins=barge_ins(interruptions, robot),
        recording=str(recording) if recording is not None else "",
    )


def _total(scenario: Scenario) -> int:
    return len(scenario.steps)


def _hung_up_by_step(session: Session) -> bool:
    number = session.script.number
    steps = session.script.scenario.steps
    return session.script.is_over and number < len(steps) and steps[number].hang_up is True


# -- what the patient's process tells ---------------------------------------------------------------------------------------


class Event(msgspec.Struct, tag=True, kw_only=True):
    """Base of all events; one JSON object a line."""


class Dialled(Event):
    sip_call_id: str


class Answered(Event):
    after_ms: int


class PatientSpoke(Event):
    step: int
    action: str
    text: str
    at_ms: int
    end_ms: int


class RobotSpoke(Event):
    at_ms: int


class RobotFinished(Event):
    """A steered patient hears that the robot has finished; its last sound was at `at_ms`."""

    at_ms: int


class Finished(Event):
    report: Report


class Failed(Event):
    """The call could not be placed; our own error."""

    message: str
    cure: str


PatientEvent = Dialled | Answered | PatientSpoke | RobotSpoke | RobotFinished | Finished | Failed


class Job(msgspec.Struct, kw_only=True):
    """What the patient's process is to do; one line of JSON on its standard input."""

    scenario: dict[str, object]
    folder: str  # that relative sound files are under
    target: str
    cache: str
    recording: str = ""
    is_steered: bool = False  # steps are done as their numbers come, one a line, on standard input
