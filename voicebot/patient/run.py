"""Run a scenario against a robot: `run_scenario(scenario, target) -> Report`."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from voicebot import settings as settings_module
from voicebot.errors import LineError
from voicebot.patient.report import Failed, Finished, Job, PatientEvent, Report
from voicebot.patient.scenario import Scenario
from voicebot.patient.target import parse_target

_END_SECONDS = 10.0

_decoder = msgspec.json.Decoder(PatientEvent)


class Patient:
    """A call that goes on in its own process. Iterate over `events`, then `report` is there."""

    def __init__(
        self,
        scenario: Scenario,
        target: str,
        *,
        recording: Path | None = None,
        folder: Path | None = None,
        cache: Path | None = None,
    ) -> None:
        parse_target(target)
        job = Job(
            scenario=scenario.model_dump(mode="json", exclude_defaults=True),
            folder=str((folder or Path()).absolute()),
            target=target,
            cache=str(cache or settings_module.load().cache),
            recording=str(recording.absolute()) if recording is not None else "",
        )
        self.report: Report | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "voicebot.patient.process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        with self._process.stdin as pipe:
            pipe.write(msgspec.json.encode(job))

    @property
    def stdout(self) -> int:
        """Descriptor that becomes readable when an event waits."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def events(self) -> Iterator[PatientEvent]:
        """Yield what happens as it happens; raise LineError when the call could not be placed."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = _decoder.decode(line)
            if isinstance(event, Failed):
                raise LineError(event.message, event.cure)
            if isinstance(event, Finished):
                self.report = event.report
            yield event
        if self.report is None:
            status = self._process.wait()
            raise LineError(f"The patient's process ended with status {status}.", "See its messages above.")

    def hang_up(self) -> None:
        """Ask the patient to end the call; the report still comes."""
        self._process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def run_scenario(
    scenario: Scenario,
    target: str,
    *,
    recording: Path | None = None,
    folder: Path | None = None,
    cache: Path | None = None,
    on_event: Callable[[PatientEvent], None] = lambda _event: None,
) -> Report:
    """Place a call and return what came of it. Blocks; `on_event` is called as things happen.

    `folder`: where the scenario's sound files are. `recording`: WAV for what was on the wire, left patient, right robot.
    Raises LineError when the call cannot even be placed; a refused call is a Report.
    """
    patient = Patient(scenario, target, recording=recording, folder=folder, cache=cache)
    try:
        for event in patient.events():
            on_event(event)
        assert patient.report is not None
        return patient.report
    finally:
        patient.close()
