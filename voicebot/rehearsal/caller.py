"""The patient of a rehearsal: its process, its events, its orders."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from voicebot.errors import LineError
from voicebot.patient.report import Failed, Finished, Job, PatientEvent, Report
from voicebot.patient.scenario import Scenario

_decoder = msgspec.json.Decoder(PatientEvent)
_LINE_BYTES = 1 << 22  # the report of a long call is one line


class SteeredPatient:
    """A call that goes on in its own process; iterate over `events`, order with `do`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.report: Report | None = None

    @classmethod
    async def call(cls, scenario: Scenario, target: str, cache: Path, recording: Path | None) -> "SteeredPatient":
        """Place the call."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "voicebot.patient.process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
        )
        job = Job(
            scenario=scenario.model_dump(mode="json", exclude_defaults=True),
            folder="",
            target=target,
            cache=str(cache),
            recording=str(recording) if recording is not None else "",
            is_steered=True,
        )
        patient = cls(process)
        patient._write(msgspec.json.encode(job))
        return patient

    async def events(self) -> AsyncIterator[PatientEvent]:
        """Yield what happens as it happens, until the call is over; raise LineError when it could not be placed."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = _decoder.decode(line)
            if isinstance(event, Failed):
                raise LineError(event.message, event.cure)
            if isinstance(event, Finished):
                self.report = event.report
            yield event

    def do(self, step: int) -> None:
        """Have a step of the scenario done, when the robot is silent."""
        self._write(str(step).encode())

    def hang_up(self) -> None:
        """End the call; the report still comes."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def close(self) -> None:
        """End the process, whatever it does."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(10.0):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
