"""Thousands of short calls: does anything grow that should not? `python -m bench.soak`, `make soak`.

Callers hang up at once, in mid-prompt and in mid-phrase, ask for the operator, say nothing, or vanish without BYE. Memory, file
descriptors, sockets and threads of line and brain are compared after a warm-up and at the end, when no call is left; every call
must have an outcome. Ends with one line of JSON.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import func, select

from bench import machine
from bench.robot import BenchRobot, running_robot
from bench.sipp import Callers, Operators, Recording
from voicebot import settings as settings_module
from voicebot.errors import VoicebotError
from voicebot.records.tables import DialogRow
from voicebot.storage.database import open_database

MEMORY_GROWTH_PERCENT = 2.0
_SILENT_PEER_SECONDS = 6.0
_DRAIN_SECONDS = 90.0
_WARM_UP = 0.15

#: Who calls: what he plays, when he leaves (seconds from the answer), how often.
_LEAVERS = (
    (Recording("at_once", (), 1.0), 2),
    (Recording("in_the_greeting", (), 4.0), 3),
    (Recording("in_the_answer", ((2.0, "Запишите меня к терапевту."),), 7.0), 3),
    (Recording("after_a_question", ((8.0, "Сколько стоит общий анализ крови?"),), 16.0), 3),
    (Recording("to_the_operator", ((8.0, "Соедините с оператором."),), 22.0), 3),
    (Recording("silent", (), 26.0), 1),
)
_VANISHING = Recording("vanishes", ((2.0, "Алло."),), 600.0)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the robot holds while no call runs."""

    calls: int
    memory_mb: dict[str, float]
    descriptors: dict[str, int]
    sockets: dict[str, int]
    threads: dict[str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; exit status 1 where something grew or a call has no outcome."""
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so long, with however many calls")
    parser.add_argument("--at-once", type=int, default=16)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="voicebot-soak-") as name:
        try:
            return _soak(Path(name), options.calls, options.minutes * 60, options.at_once)
        except VoicebotError as error:
            print(error, file=sys.stderr)
            return 2


def _soak(folder: Path, wanted: int, limit_seconds: float, at_once: int) -> int:
    settings = settings_module.load()
    files = {one.name: one.write(folder, settings) for one in (*(one for one, _ in _LEAVERS), _VANISHING)}
    (folder / "robot").mkdir()
    with Operators(folder) as operators:
        more: dict[str, dict[str, object]] = {
            "sip": {"silent_peer_seconds": _SILENT_PEER_SECONDS, "lines": at_once + 20, "rtp_port_count": 8 * at_once + 200},
            "transfer": {"mode": "bridge", "targets": {"operator": operators.uri}, "ring_seconds": 5},
        }
        with running_robot(folder / "robot", None, more) as robot:
            readings: list[Reading] = []
            placed, began = 0, time.monotonic()
            while placed < wanted and time.monotonic() - began < limit_seconds:
                placed += _batch(robot, folder, files, at_once)
                if not readings and placed < wanted * _WARM_UP:
                    continue
                _wait_empty(robot)
                readings.append(_reading(robot, placed))
                print(f"{placed:6} calls: {_told(readings[-1])}; load {machine.load()[0]}", flush=True)
            outcomes = _outcomes(robot)
    return _judge(readings, outcomes, placed)


def _batch(robot: BenchRobot, folder: Path, files: dict[str, Path], at_once: int) -> int:
    """Some calls of each kind, side by side; returns how many."""
    shares = random.sample([one for one, times in _LEAVERS for _ in range(times)], k=6)
    each = max(1, at_once // len(shares))
    callers = [
        Callers(folder, files[one.name], one.seconds, robot.port, calls=each * 8, at_once=each, a_second=each / 2)
        for one in shares
    ]
    lost = Callers(folder, files[_VANISHING.name], _VANISHING.seconds, robot.port, calls=2, at_once=2, a_second=1)
    time.sleep(5)
    lost.process.kill()  # no BYE, no RTP any more
    lost.process.wait()
    for one in callers:
        one.wait(400)
    return each * 8 * len(callers) + 2


def _wait_empty(robot: BenchRobot) -> None:
    give_up_at = time.monotonic() + _DRAIN_SECONDS
    while robot.facts()["line"].get("calls") or robot.facts()["brain-1"].get("calls"):
        if time.monotonic() > give_up_at:
            break
        time.sleep(0.5)
    time.sleep(3)


def _reading(robot: BenchRobot, calls: int) -> Reading:
    memory, descriptors, sockets, threads = {}, {}, {}, {}
    for name in ("line", "brain-1", "desk"):
        pid = robot.pid_of(name) if name != "desk" else machine.child_called(robot.pid_of("supervisor"), "desk")
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        memory[name] = round(int(status["VmRSS"].split()[0]) / 1024, 1)
        threads[name] = int(status["Threads"])
        links = [_link(one) for one in Path(f"/proc/{pid}/fd").iterdir()]
        descriptors[name] = len(links)
        sockets[name] = sum(one.startswith("socket:") for one in links)
    return Reading(calls, memory, descriptors, sockets, threads)


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _outcomes(robot: BenchRobot) -> Counter[str]:
    database = open_database(f"sqlite:///{robot.data_dir / 'voicebot.db'}")
    try:
        with database.session(is_readonly=True) as session:
            rows = session.execute(select(DialogRow.outcome, func.count()).group_by(DialogRow.outcome)).all()
        return Counter({str(row[0]): int(row[1]) for row in rows})
    finally:
        database.close()


def _told(reading: Reading) -> str:
    return "; ".join(
        f"{name} {reading.memory_mb[name]} MB, {reading.descriptors[name]} files ({reading.sockets[name]} sockets), "
        f"{reading.threads[name]} threads"
        for name in reading.memory_mb
    )


def _judge(readings: list[Reading], outcomes: Counter[str], placed: int) -> int:
    print(f"Outcomes: {dict(outcomes)}; without one: {outcomes.get('', 0)}.")
    if len(readings) < 2:
        print("Too few calls to compare: --calls or --minutes higher.")
        return 2
    first, last = readings[0], readings[-1]
    growth = {name: round(100 * (last.memory_mb[name] / first.memory_mb[name] - 1), 2) for name in first.memory_mb}
    same = [
        (kind, name, getattr(first, kind)[name], getattr(last, kind)[name])
        for kind in ("sockets", "threads")
        for name in growth
    ]
    grown = [f"{kind} of {name}: {before} -> {after}" for kind, name, before, after in same if after > before]
    grown += [f"memory of {name}: +{percent} %" for name, percent in growth.items() if percent > MEMORY_GROWTH_PERCENT]
    print(f"Memory after the warm-up, {first.calls} -> {last.calls} calls, per cent: {growth}.")
    print("Nothing grew." if not grown else "GREW: " + "; ".join(grown))
    figures = {"calls": placed, "growth_percent": growth, "grown": grown, "outcomes": dict(outcomes)}
    print(json.dumps({**figures, "first": asdict(first), "last": asdict(last)}, ensure_ascii=False))
    return 1 if grown or outcomes.get("", 0) else 0


if __name__ == "__main__":
    sys.exit(main())
