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
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import select

from bench import machine
from bench.robot import BenchRobot, running_robot
from bench.sipp import Callers, Recording
from voicebot import settings as settings_module
from voicebot.errors import LineError, VoicebotError
from voicebot.records.tables import DialogRow, TurnRow
from voicebot.storage.database import open_database

RESPONSE_P95_MS = 1500
_RAMP_SECONDS = 20.0
_CALL_SECONDS = 105.0
_SETTLE_SECONDS = 5.0
_WINDOW_SECONDS = 70.0  # it ends before the first patient says goodbye: all calls are up meanwhile
_WHOLE_SHARE = 0.95  # a patient who was misheard may be through with his call before the others
_BRAINS_SECONDS = 120.0
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
            (54.0, "Да, всё верно."),
            (67.5, "Сколько стоит приём терапевта?"),
            (82.0, "Сколько стоит общий анализ крови?"),
            (97.0, "Нет, спасибо."),
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
            (82.0, "Сколько стоит приём терапевта?"),
            (97.0, "Спасибо, до свидания."),
        ),
        _CALL_SECONDS,
    ),
    Recording(
        "wonders",
        (
            (9.5, "Когда принимает кардиолог?"),
            (30.0, "А невролог?"),
            (50.0, "Сколько стоит приём невролога?"),
            (70.0, "До скольки вы работаете?"),
            (84.0, "А где вы находитесь?"),
            (97.0, "Спасибо, больше ничего."),
        ),
        _CALL_SECONDS,
    ),
)


# Threads by the kind of their work; those not named here are their process's main thread and what libraries start.
_LINE_STAGES = {"clock": "RTP out", "media": "RTP in"}
_BRAIN_STAGES = {"hearing": "recognition", "dialog": "dialog", "service": "dialog", "voice": "speech", "disk": "records"}
_LINE_REST, _BRAIN_REST = "SIP and link", "link, voice activity, turns"


@dataclass(frozen=True, slots=True)
class Level:
    """What was measured with so many calls at once. Processor seconds are for a minute of one call, by process and stage."""

    calls: int
    calls_held: int
    """The least that were up at once while it was measured."""
    answers: int
    response_p50_ms: float
    response_p95_ms: float
    stages_p95_ms: dict[str, float]
    late_frames: int
    refused: int
    cpu_seconds: dict[str, dict[str, float]]
    callers_cpu_seconds: float
    memory_mb: dict[str, float]
    memory_per_call_mb: dict[str, float]
    load: float

    @property
    def holds(self) -> bool:
        is_whole = self.calls_held >= _WHOLE_SHARE * self.calls and not self.refused
        return is_whole and self.answers > 0 and self.response_p95_ms <= RESPONSE_P95_MS and not self.late_frames


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is not 0 only where nothing could be measured."""
    parser = argparse.ArgumentParser(prog="bench.capacity", description=__doc__)
    parser.add_argument("--levels", type=int, nargs="+", default=list(_LEVELS), help="calls at once, rising")
    parser.add_argument("--model", type=Path, help="a recogniser's folder; default: the robot's own choice")
    parser.add_argument(
        "--brains", type=int, default=0, help="processes that hold conversations; default: the robot's own choice"
    )
    parser.add_argument("--go-on", action="store_true", help="measure the higher levels, too, after one that does not hold")
    options = parser.parse_args(arguments)
    levels: list[Level] = []
    with tempfile.TemporaryDirectory(prefix="voicebot-capacity-") as name:
        folder = Path(name)
        try:
            settings = settings_module.load()
            recordings = [one.write(folder, settings) for one in PATIENTS]
            (folder / "robot").mkdir()
            with running_robot(folder / "robot", options.model, _for(max(options.levels), options.brains)) as robot:
                brains = _wait_for_brains(robot)
                facts = robot.facts()
                print(f"{facts['line']['binding']}; {facts['brain-1']['recogniser']}; {len(brains)} brain(s)", flush=True)
                idle = _memory(robot, brains)
                for calls in options.levels:
                    level = _measure(robot, brains, folder, recordings, calls, idle)
                    levels.append(level)
                    _tell(level)
                    if not level.holds and not options.go_on:
                        break
        except VoicebotError as error:
            print(error, file=sys.stderr)
            return 1
    best = max((level.calls_held for level in levels if level.holds), default=0)
    print(f"{best} calls at once: p95 of the response within {RESPONSE_P95_MS} ms, no late frame, none refused.")
    print(json.dumps({"holds": best, "levels": [asdict(level) for level in levels]}, ensure_ascii=False))
    return 0


def _for(calls: int, brains: int) -> dict[str, dict[str, object]]:
    """Settings under which nothing but the machine bounds so many calls."""
    return {
        "sip": {"lines": calls + 10, "rtp_port_count": 4 * calls + 100},
        "brain": {"count": brains, "capacity_calls": calls + 10},
        "admission": {"is_measured": False, "when_full": "refuse"},
        "channels": {"is_enabled": False},
        "cascade": {"is_enabled": False},
    }


def _wait_for_brains(robot: BenchRobot) -> list[str]:
    """Return their names once line has all of them."""
    give_up_at = time.monotonic() + _BRAINS_SECONDS
    while time.monotonic() < give_up_at:
        facts = robot.facts()
        names = [name for name in facts.get("supervisor", {}).get("restarts", {}) if name.startswith("brain-")]
        if names and len(facts["line"]["brains"]) == len(names) and all(name in facts for name in names):
            return names
        time.sleep(0.2)
    raise LineError(f"Not all brains were ready within {_BRAINS_SECONDS:.0f} s.", "Look at what the robot says at its start.")


@dataclass(frozen=True, slots=True)
class _Spent:
    """Processor seconds so far."""

    line: dict[str, float]
    brain: dict[str, float]
    callers: float

    def since(self, earlier: "_Spent", minutes: float) -> tuple[dict[str, dict[str, float]], float]:
        """Return what a minute of a call cost, by process and stage, and what its caller cost."""
        by_stage = {}
        for name, now, before in (("line", self.line, earlier.line), ("brain", self.brain, earlier.brain)):
            stages = {stage: round((now[stage] - before.get(stage, 0.0)) / minutes, 3) for stage in sorted(now)}
            by_stage[name] = {"all": round(sum(stages.values()), 3), **stages}
        return by_stage, round((self.callers - earlier.callers) / minutes, 3)


def _spent(robot: BenchRobot, brains: Sequence[str], callers: Sequence[Callers]) -> _Spent:
    line = _by_stage([robot.pid_of("line")], _LINE_STAGES, _LINE_REST)
    brain = _by_stage([robot.pid_of(name) for name in brains], _BRAIN_STAGES, _BRAIN_REST)
    return _Spent(line, brain, sum(machine.cpu_seconds(one.process.pid) for one in callers))


def _by_stage(pids: Sequence[int], stages: Mapping[str, str], rest: str) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for pid in pids:
        for thread, seconds in machine.thread_seconds(pid).items():
            found[stages.get(thread, rest)] += seconds
    return dict(found)


def _measure(
    robot: BenchRobot,
    brains: Sequence[str],
    folder: Path,
    recordings: Sequence[Path],
    calls: int,
    idle: Mapping[str, float],
) -> Level:
    shares = [calls // len(recordings) + (n < calls % len(recordings)) for n in range(len(recordings))]
    callers = [
        Callers(folder, file, _CALL_SECONDS, robot.port, calls=share, at_once=share, a_second=share / _RAMP_SECONDS)
        for file, share in zip(recordings, shares, strict=True)
        if share
    ]
    held = calls
    try:
        _look_on(callers, _RAMP_SECONDS + _SETTLE_SECONDS)
        began, late, spent = datetime.now(UTC), _late(robot), _spent(robot, brains, callers)
        until = time.monotonic() + _WINDOW_SECONDS
        while (left := until - time.monotonic()) > 0:
            held = min(held, int(robot.facts()["line"]["calls"]))
            _look_on(callers, min(5.0, left))
        ended, late_then, spent_then = datetime.now(UTC), _late(robot), _spent(robot, brains, callers)
        memory, load = _memory(robot, brains), machine.load()[0]
        for one in callers:
            one.wait(_CALL_SECONDS)
    finally:
        for one in callers:
            one.stop()
    time.sleep(3)
    answers = _answers(robot, began, ended)
    total = answers["total_ms"]
    by_stage, callers_cpu_seconds = spent_then.since(spent, calls * (ended - began).total_seconds() / 60)
    return Level(
        calls=calls,
        calls_held=held,
        answers=len(total),
        response_p50_ms=_percentile(total, 50),
        response_p95_ms=_percentile(total, 95),
        stages_p95_ms={stage: _percentile(values, 95) for stage, values in answers.items()},
        late_frames=late_then - late,
        refused=sum(one.counts()["failed"] for one in callers),
        cpu_seconds=by_stage,
        callers_cpu_seconds=callers_cpu_seconds,
        memory_mb=memory,
        memory_per_call_mb={name: round((memory[name] - idle[name]) / calls, 2) for name in memory},
        load=load,
    )


def _look_on(callers: Sequence[Callers], seconds: float) -> None:
    """Wait so long; raise ConfigurationError as soon as a sipp has ended that should be calling."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for one in callers:
            one.prove_alive()
        time.sleep(min(1.0, left))


def _tell(level: Level) -> None:
    stages = ", ".join(f"{stage.removesuffix('_ms')} {value:.0f}" for stage, value in level.stages_p95_ms.items())
    memory = ", ".join(
        f"{name} {value:.0f} (+{level.memory_per_call_mb[name]:g} a call)" for name, value in level.memory_mb.items()
    )
    print(
        f"{level.calls:4} calls: {'holds' if level.holds else 'DOES NOT HOLD'}; response p50 {level.response_p50_ms:.0f} "
        f"p95 {level.response_p95_ms:.0f} ms over {level.answers} answers; late frames {level.late_frames}; "
        f"held {level.calls_held}, failed {level.refused}; p95 by stage, ms: {stages}\n"
        f"           processor seconds a call-minute: {_costs(level)}\n"
        f"           memory, MB: {memory}; load {level.load}",
        flush=True,
    )


def _costs(level: Level) -> str:
    parts = []
    for process, stages in level.cpu_seconds.items():
        single = ", ".join(f"{stage} {value:g}" for stage, value in stages.items() if stage != "all")
        parts.append(f"{process} {stages['all']:g} ({single})")
    return "; ".join([*parts, f"sipp {level.callers_cpu_seconds:g}"])


def _late(robot: BenchRobot) -> int:
    return int(robot.facts()["line"]["late_frames"])


def _memory(robot: BenchRobot, brains: Sequence[str]) -> dict[str, float]:
    """Resident memory of line and of all brains, MB."""
    return {
        "line": round(machine.resident_mb(robot.pid_of("line")), 1),
        "brain": round(sum(machine.resident_mb(robot.pid_of(name)) for name in brains), 1),
    }


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
