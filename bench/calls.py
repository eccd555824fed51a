"""Places the bench's calls and brings their reports together with what the robot stored."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from threading import Lock

import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.robot import BenchRobot
from voicebot.errors import VoicebotError
from voicebot.patient.measure import Span, speech_spans
from voicebot.patient.report import Report
from voicebot.patient.run import run_scenario
from voicebot.patient.scenario import Scenario, load_scenario
from voicebot.records.dialogs import Dialog

_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Call:
    scenario: Scenario
    report: Report
    dialog: Dialog | None
    robot: NDArray[np.int16]
    """The robot's side of its own recording, 8 kHz; empty where there is none."""

    heard: tuple[Span, ...]
    """Where the robot sounds on the patient's wire."""


class TooManyFailures(VoicebotError):
    """Calls could not be placed: nothing to measure."""


@dataclass(slots=True)
class Caller:
    """Calls one robot."""

    robot: BenchRobot
    say: Callable[[str], None]
    _count: int = 0

    def until(
        self,
        paths: Sequence[Path],
        wanted: int,
        gained: Callable[[Call], int],
        *,
        at_once: int = 1,
        echo_db: float | None = None,
    ) -> list[Call]:
        """Call with these scenarios in turn, `at_once` calls side by side, until `gained` adds up to `wanted`."""
        scenarios = cycle([load_scenario(path) for path in paths])
        calls: list[Call] = []
        lock = Lock()
        gain = failures = 0

        def work() -> None:
            nonlocal gain, failures
            while True:
                with lock:
                    if gain >= wanted or failures >= _FAILURES:
                        return
                    scenario = next(scenarios)
                try:
                    call = self._place(scenario, echo_db)
                except VoicebotError as error:
                    with lock:
                        failures += 1
                    self.say(f"  {scenario.name}: {error.message}")
                    continue
                with lock:
                    calls.append(call)
                    gain += gained(call)
                    outcome = call.dialog.outcome if call.dialog is not None else "not stored"
                    self.say(
                        f"  {scenario.name}: {call.report.duration_ms / 1000:.0f} s, "
                        f"{call.report.steps_done} of {call.report.steps_total} steps, {outcome or 'unfinished'}; "
                        f"{min(gain, wanted)} of {wanted}"
                    )

        with ThreadPoolExecutor(at_once) as pool:
            for worker in [pool.submit(work) for _ in range(at_once)]:
                worker.result()
        if gain < wanted:
            raise TooManyFailures("The calls could not be placed.", "See the messages above and the robot's log.")
        return calls

    def _place(self, scenario: Scenario, echo_db: float | None) -> Call:
        if echo_db is not None:
            scenario = scenario.model_copy(update={"line": scenario.line.model_copy(update={"echo_db": echo_db})})
        self._count += 1
        recording = self.robot.folder / "calls" / f"{self._count:03}.wav"
        report = run_scenario(scenario, self.robot.uri, recording=recording, cache=self.robot.user_cache)
        if report.answered_after_ms is None:
            raise VoicebotError(f"not answered (SIP {report.sip_status})", "")
        dialog = self.robot.dialog_of(report)
        wire, rate_hz = soundfile.read(recording, dtype="int16")
        return Call(scenario, report, dialog, self._robot_side(dialog), tuple(speech_spans(wire[:, 1], rate_hz)))

    def _robot_side(self, dialog: Dialog | None) -> NDArray[np.int16]:
        if dialog is not None and dialog.recording_path:
            path = self.robot.recordings / dialog.recording_path
            if path.is_file():
                samples, _ = soundfile.read(path, dtype="int16")
                return np.asarray(samples[:, 1], dtype=np.int16)
        return np.zeros(0, dtype=np.int16)


def minutes_of(calls: Iterable[Call]) -> float:
    """How long the calls lasted together."""
    return sum(call.report.duration_ms for call in calls) / 60_000
