"""How many calls at once one robot holds: `python -m bench.capacity`, `make bench-capacity`.

Each call is a whole conversation: recognition, dialog, speech, recording, transcript. Patients are recordings (bench.sipp) that
talk a quarter of the time. A level holds when the 95th percentile of the response is within the aim and no frame was late;
levels rise until one does not. Ends with one line of JSON. docs/deployment.md has the sizing that follows.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import select

from bench import machine
from bench.robot import BenchRobot, running_robot
from bench.sipp import Callers, Recording
from voicebot import settings as settings_module
from voicebot.errors import VoicebotError
from voicebot.records.tables import DialogRow, TurnRow
from voicebot.storage.database import open_database

RESPONSE_P95_MS = 1500
_RAMP_SECONDS = 20.0
_CALL_SECONDS = 100.0
_WINDOW_SECONDS = _CALL_SECONDS - _RAMP_SECONDS - 10.0
_LEVELS = (5, 10, 20, 30, 40, 50, 60, 80, 100, 150)
_STAGES = ("endpoint_ms", "recognise_ms", "think_ms", "speak_ms", "total_ms")

# Between a prompt's end and the next phrase lie some seconds, so that the plan need not be exact.
PATIENTS = (
    Recording(
        "books",
        (
            (9.5, "Запишите меня к терапевту на завтра."),
            (28.5, "Первый вариант."),
            (35.5, "Смирнова Анна."),
            (42.5, "Да."),
            (57.0, "Да, всё верно."),
            (72.5, "Нет, спасибо."),
        ),
        _CALL_SECONDS,
    ),
    Recording(
        "asks",
        (
            (9.5, "Сколько стоит общий анализ крови?"),
            (26.0, "А как к нему готовиться?"),
            (46.0, "До скольки вы работаете?"),
            (64.0, "А где вы находитесь?"),
            (88.0, "Спасибо, до свидания."),
        ),
        _CALL_SECONDS,
    ),
    Recording(
        "wonders",
        (
            (9.5, "Когда принимает кардиолог?"),
            (30.0, "А невролог?"),
            (50.0, "Сколько стоит приём невролога?"),
            (70.0, "Спасибо, больше ничего."),
        ),
        _CALL_SECONDS,
    ),
)


@dataclass(frozen=True, slots=True)
class Level:
    """What was measured with so many calls at once. Processor seconds are for a minute of one call."""

    calls: int
    answers: int
    response_p50_ms: float
    response_p95_ms: float
    stages_p95_ms: dict[str, float]
    late_frames: int
    refused: int
    cpu_seconds: dict[str, float]
    memory_mb: dict[str, float]
    load: float

    @property
    def holds(self) -> bool:
        return self.answers > 0 and self.response_p95_ms <= RESPONSE_P95_MS and not self.late_frames and not self.refused


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is not 0 only where nothing could be measured."""
    parser = argparse.ArgumentParser(prog="bench.capacity", description=__doc__)
    parser.add_argument("--levels", type=int, nargs="+", default=list(_LEVELS), help="calls at once, rising")
    parser.add_argument("--model", type=Path, help="a recogniser's folder; default: the robot's own choice")
    parser.add_argument("--go-on", action="store_true", help="measure the higher levels, too, after one that does not hold")
    options = parser.parse_args(arguments)
    levels: list[Level] = []
    with tempfile.TemporaryDirectory(prefix="voicebot-capacity-") as name:
        folder = Path(name)
        try:
            settings = settings_module.load()
            recordings = [one.write(folder, settings) for one in PATIENTS]
            more = {"sip": {"lines": max(options.levels) + 10, "rtp_port_count": 4 * max(options.levels) + 100}}
            more |= {"brain": {"capacity_calls": max(options.levels) + 10}}
            (folder / "robot").mkdir()
            with running_robot(folder / "robot", options.model, more) as robot:
                print(f"{robot.facts()['line']['binding']}; {robot.facts()['brain-1']['recogniser']}", flush=True)
                for calls in options.levels:
                    level = _measure(robot, folder, recordings, calls)
                    levels.append(level)
                    _tell(level)
                    if not level.holds and not options.go_on:
                        break
        except VoicebotError as error:
            print(error, file=sys.stderr)
            return 1
    best = max((level.calls for level in levels if level.holds), default=0)
    print(f"{best} calls at once: p95 of the response within {RESPONSE_P95_MS} ms, no late frame, none refused.")
    print(json.dumps({"holds": best, "levels": [asdict(level) for level in levels]}, ensure_ascii=False))
    return 0


def _measure(robot: BenchRobot, folder: Path, recordings: Sequence[Path], calls: int) -> Level:
    shares = [calls // len(recordings) + (n < calls % len(recordings)) for n in range(len(recordings))]
    callers = [
        Callers(folder, file, _CALL_SECONDS, robot.port, calls=share, at_once=share, a_second=share / _RAMP_SECONDS)
        for file, share in zip(recordings, shares, strict=True)
        if share
    ]
    try:
        time.sleep(_RAMP_SECONDS + 5)
        began, late, spent = datetime.now(UTC), _late(robot), _spent(robot)
        time.sleep(_WINDOW_SECONDS)
        ended, late_then, spent_then = datetime.now(UTC), _late(robot), _spent(robot)
        memory, load = _memory(robot), machine.load()[0]
        for one in callers:
            one.wait(_CALL_SECONDS)
    finally:
        for one in callers:
            one.stop()
    time.sleep(3)
    minutes = calls * (ended - began).total_seconds() / 60
    answers = _answers(robot, began, ended)
    total = answers["total_ms"]
    return Level(
        calls=calls,
        answers=len(total),
        response_p50_ms=_percentile(total, 50),
        response_p95_ms=_percentile(total, 95),
        stages_p95_ms={stage: _percentile(values, 95) for stage, values in answers.items()},
        late_frames=late_then - late,
        refused=sum(one.counts()["failed"] for one in callers),
        cpu_seconds={name: round((spent_then[name] - spent[name]) / minutes, 2) for name in spent},
        memory_mb=memory,
        load=load,
    )


def _tell(level: Level) -> None:
    cpu = ", ".join(f"{name} {value:g}" for name, value in level.cpu_seconds.items())
    stages = ", ".join(f"{stage.removesuffix('_ms')} {value:.0f}" for stage, value in level.stages_p95_ms.items())
    print(
        f"{level.calls:4} calls: {'holds' if level.holds else 'DOES NOT HOLD'}; response p50 {level.response_p50_ms:.0f} "
        f"p95 {level.response_p95_ms:.0f} ms over {level.answers} answers; late frames {level.late_frames}; "
        f"failed {level.refused}; p95 by stage: {stages}; processor seconds a call-minute: {cpu}; "
        f"memory MB: {level.memory_mb}; load {level.load}",
        flush=True,
    )


def _late(robot: BenchRobot) -> int:
    return int(robot.facts()["line"].get("late_frames", 0))


def _spent(robot: BenchRobot) -> dict[str, float]:
    return {name: machine.cpu_seconds(robot.pid_of(name)) for name in ("line", "brain-1")}


def _memory(robot: BenchRobot) -> dict[str, float]:
    """Resident memory of line and brain, MB."""
    found = {}
    for name in ("line", "brain-1"):
        status = Path(f"/proc/{robot.pid_of(name)}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        found[name] = round(int(resident.split()[1]) / 1024, 1)
    return found


def _answers(robot: BenchRobot, since: datetime, until: datetime) -> dict[str, list[float]]:
    """What the robot measured of its own answers in a span of time, milliseconds by stage."""
    database = open_database(f"sqlite:///{robot.data_dir / 'voicebot.db'}")
    try:
        with database.session(is_readonly=True) as session:
            rows = session.scalars(
                select(TurnRow.latency_ms)
                .join(DialogRow, DialogRow.id == TurnRow.dialog_id)
                .where(TurnRow.at >= since, TurnRow.at < until, DialogRow.channel == "phone")
            ).all()
    finally:
        database.close()
    told = [row for row in rows if row and "total_ms" in row]
    return {stage: [float(row[stage]) for row in told if stage in row] for stage in _STAGES}


def _percentile(values: Sequence[float], percent: float) -> float:
    return round(float(np.percentile(values, percent)), 1) if values else 0.0


if __name__ == "__main__":
    sys.exit(main())
