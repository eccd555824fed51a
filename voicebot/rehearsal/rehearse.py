"""Plays conversation files over calls, one after another."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voicebot.dialog.conversation_checks import check_whole
from voicebot.dialog.conversation_files import Conversation
from voicebot.dialog.engine import Step
from voicebot.dialog.talking import Event
from voicebot.patient.report import Answered, RobotFinished
from voicebot.rehearsal.caller import SteeredPatient
from voicebot.rehearsal.director import Director, Do, HangUp, Stay
from voicebot.rehearsal.fitness import scenario_of, why_not
from voicebot.rehearsal.questions import question_of
from voicebot.rehearsal.stage import Stage, open_stage

_POLL_SECONDS = 0.05
_STUCK_SECONDS = 45.0  # nothing happens at all


@dataclass(slots=True)
class Rehearsed:
    """What came of one file. `skipped` says why it was not spoken; `failures` is empty when all was as expected.

    `booked`: visits. `is_disturbed`: the file has services fail, or the caller say nothing.
    """

    name: str
    skipped: str = ""
    failures: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    outcome: str = ""
    caller_turns: int = 0
    repairs: int = 0
    seconds: float = 0.0
    booked: int = 0
    is_disturbed: bool = False

    @property
    def is_booking(self) -> bool:
        """Whether it ended with a visit booked."""
        return self.outcome == "booked" and self.booked > 0

    @property
    def is_usual_booking(self) -> bool:
        """Whether one visit was booked and the file lets nothing go wrong; the caller may have corrected himself."""
        return self.is_booking and self.booked == 1 and not self.is_disturbed


async def rehearse(
    files: Sequence[tuple[str, Conversation]], recordings: Path | None, tell: Callable[[Rehearsed], None]
) -> list[Rehearsed]:
    """Play (name, conversation) pairs; `tell` is called after each. `recordings`: a folder for what patients heard."""
    results: list[Rehearsed] = []
    async with open_stage(recordings) as stage:
        for name, conversation in files:
            reason = why_not(conversation)
            result = Rehearsed(name, skipped=reason) if reason else await _play(stage, name, conversation, recordings)
            results.append(result)
            tell(result)
    return results


async def _play(stage: Stage, name: str, conversation: Conversation, recordings: Path | None) -> Rehearsed:
    director = Director(conversation)
    loop = asyncio.get_running_loop()

    def watch(event: Event, step: Step) -> None:
        loop.call_soon_threadsafe(director.saw, event, step.acts, step.understood, question_of(step.state))

    world = await asyncio.to_thread(stage.set, conversation, watch)
    recording = recordings / f"{name}.wav" if recordings is not None else None
    patient = await SteeredPatient.call(scenario_of(conversation, name), stage.target, stage.settings.cache, recording)
    try:
        seconds = await _talk(patient, director)
    finally:
        await patient.close()
    director.ended()
    result = Rehearsed(
        name,
        failures=list(director.failures),
        lines=director.lines,
        outcome=director.outcome,
        caller_turns=director.caller_turns,
        repairs=director.repairs,
        seconds=seconds,
        booked=len(world.results("book")),
        is_disturbed=bool(conversation.faults) or any(turn.silence or turn.noise for turn in conversation.turns),
    )
    if not result.failures:
        result.failures += check_whole(conversation, world.done, result.caller_turns - result.repairs, result.seconds)
    return result


async def _talk(patient: SteeredPatient, director: Director) -> float:
    """Let the patient follow the director until the call is over; return the seconds from the answer to the hang-up."""
    answered = time.monotonic()
    hung_up: float | None = None
    events = patient.events().__aiter__()
    coming: asyncio.Task[object] | None = None
    is_quiet = False  # the robot has fallen silent, and nobody has acted since
    quiet_until = 0.0
    last = time.monotonic()
    while True:
        if coming is None:
            coming = asyncio.ensure_future(anext(events, None))
        done, _ = await asyncio.wait({coming}, timeout=_POLL_SECONDS)
        if done:
            event, coming, last = coming.result(), None, time.monotonic()
            if event is None:
                return (hung_up or time.monotonic()) - answered
            if isinstance(event, Answered):
                answered = time.monotonic()
            is_quiet = is_quiet or isinstance(event, RobotFinished)
        if is_quiet and director.is_settled and time.monotonic() >= quiet_until:
            is_quiet = False
            direction = director.decide()
            if isinstance(direction, Do):
                patient.do(direction.step)
            elif isinstance(direction, HangUp):
                hung_up = hung_up or time.monotonic()
                patient.hang_up()
            elif isinstance(direction, Stay) and direction.seconds is not None:
                quiet_until, is_quiet = time.monotonic() + direction.seconds, True
        if time.monotonic() - last > _STUCK_SECONDS:
            director.failures.append(f"nothing happened for {_STUCK_SECONDS:.0f} s")
            director.is_over = True
            patient.hang_up()
            last = time.monotonic()
