"""Thousands of short calls: does anything grow that should not? `python -m bench.soak`, `make soak`.

Callers hang up at once, in mid-prompt and in mid-phrase, ask for the operator, say nothing, or vanish without BYE. Memory, file
descriptors, RTP ports, threads and database connections of the robot's processes are compared after a warm-up (half of the
calls) and at the end, when no call is left; every call must have an outcome. Ends with one line of JSON.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

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
#: Shares of the calls, each followed by a reading.
_PARTS = (0.25, 0.25, 0.25, 0.25)
#: From this reading on nothing may grow. The first half warms up: until the resting recognisers (hearing.spares) have each
#: heard what they may before they are replaced, and the heap its worst minute, the brain grows: for some 1 500 calls.
_WARM = 1
#: What a reading costs: the last calls end, nothing runs, a look.
_READING_SECONDS = 35.0
_VANISH_A_PART = 4

#: Who calls: what he plays, when he leaves (seconds from the answer), how often of 20.
_KINDS = (
    (Recording("at_once", (), 1.0), 3),
    (Recording("in_the_greeting", (), 4.0), 4),
    (Recording("in_his_phrase", ((2.0, "Запишите меня к терапевту."),), 3.0), 3),
    (Recording("in_the_answer", ((2.0, "Запишите меня к терапевту."),), 7.0), 3),
    (Recording("after_a_question", ((3.0, "Сколько стоит общий анализ крови?"),), 11.0), 3),
    (Recording("to_the_operator", ((3.0, "Соедините с оператором."),), 16.0), 2),
    (Recording("silent", (), 22.0), 2),
)
_VANISHING = Recording("vanishes", ((2.0, "Алло."),), 600.0)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the robot holds while no call runs, by process."""

    calls: int
    memory_mb: dict[str, float] = field(default_factory=dict)  # resident, all kinds
    own_memory_mb: dict[str, float] = field(default_factory=dict)  # of it: neither files' pages nor shared
    descriptors: dict[str, int] = field(default_factory=dict)
    sockets: dict[str, int] = field(default_factory=dict)
    threads: dict[str, int] = field(default_factory=dict)
    database_connections: dict[str, int] = field(default_factory=dict)
    rtp_ports: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return "; ".join(
            f"{name} {self.memory_mb[name]} MB ({self.own_memory_mb[name]} its own), {self.descriptors[name]} files, "
            f"{self.threads[name]} threads, {self.database_connections[name]} to the database"
            for name in self.memory_mb
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; exit status 1 where something grew or a call has no outcome."""
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=3000, help="the first half is the warm-up")
    parser.add_argument("--minutes", type=float, default=20.0, help="how long it may take: gives the calls a second")
    parser.add_argument("--folder", type=Path, help="keep the robot's data and log there; default: a temporary one")
    options = parser.parse_args(arguments)
    calling_seconds = options.minutes * 60 - len(_PARTS) * _READING_SECONDS
    if calling_seconds <= 0:
        parser.error(f"--minutes: more than {len(_PARTS) * _READING_SECONDS / 60:.1f}")
    if options.folder is not None:
        options.folder.mkdir(parents=True)
    with nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory(prefix="voicebot-soak-") as name:
        try:
            return _soak(Path(name).resolve(), options.calls, options.calls / calling_seconds)
        except VoicebotError as error:
            print(error, file=sys.stderr)
            return 2


def _soak(folder: Path, wanted: int, a_second: float) -> int:
    settings = settings_module.load()
    files = {one.name: one.write(folder, settings) for one in (*(one for one, _ in _KINDS), _VANISHING)}
    mean_seconds = sum(one.seconds * times for one, times in _KINDS) / sum(times for _, times in _KINDS)
    at_once = round(a_second * mean_seconds)
    print(f"{wanted} calls, {a_second:.2f} new ones a second: about {at_once} at once.", flush=True)
    (folder / "robot").mkdir()
    with Operators(folder) as operators:
        more: dict[str, Any] = {
            "cache_dir": str(settings.cache),  # prompts rendered before: the soak begins with calls
            "sip": {"silent_peer_seconds": _SILENT_PEER_SECONDS, "lines": 3 * at_once + 20},
            "admission": {"is_measured": False},  # who is served, not who waits, is what this looks at
            "transfer": {"mode": "bridge", "targets": {"operator": operators.uri}, "ring_seconds": 5},
        }
        with running_robot(folder / "robot", None, more) as robot:
            readings: list[Reading] = []
            placed = 0
            for part in _PARTS:
                placed += _part(robot, folder, files, max(len(_KINDS), round(wanted * part)), a_second)
                _wait_empty(robot)
                readings.append(_reading(robot, placed))
                print(f"{placed:6} calls: {readings[-1]}; load {machine.load()[0]}", flush=True)
            outcomes = _outcomes(robot)
    return _judge(readings, outcomes, placed)


def _part(robot: BenchRobot, folder: Path, files: dict[str, Path], calls: int, a_second: float) -> int:
    """Some calls of each kind, side by side; returns how many."""
    total = sum(times for _, times in _KINDS)
    callers, placed = [], _VANISH_A_PART
    for one, times in _KINDS:
        some = max(1, round(calls * times / total))
        rate = a_second * times / total
        # He leaves a little earlier or later than the others of his kind did in the part before.
        seconds = one.seconds * random.uniform(0.85, 1.15)
        at_once = max(2, round(rate * (seconds + 10) * 2))
        callers.append(Callers(folder, files[one.name], seconds, robot.port, calls=some, at_once=at_once, a_second=rate))
        placed += some
    lost = Callers(
        folder, files[_VANISHING.name], _VANISHING.seconds, robot.port, calls=_VANISH_A_PART, at_once=_VANISH_A_PART, a_second=1
    )
    time.sleep(_VANISH_A_PART + 4)
    lost.process.kill()  # no BYE, no RTP any more
    lost.process.wait()
    give_up_at = time.monotonic() + calls / a_second + 120
    for one in callers:
        one.wait(max(1.0, give_up_at - time.monotonic()))
    return placed


def _wait_empty(robot: BenchRobot) -> None:
    give_up_at = time.monotonic() + _DRAIN_SECONDS
    while robot.facts()["line"].get("calls") or robot.facts()["brain-1"].get("calls"):
        if time.monotonic() > give_up_at:
            break
        time.sleep(0.5)
    time.sleep(5)


def _reading(robot: BenchRobot, calls: int) -> Reading:
    reading = Reading(calls)
    supervisor = robot.pid_of("supervisor")
    for name in ("supervisor", "line", "brain-1", "desk"):
        pid = supervisor if name == "supervisor" else machine.child_called(supervisor, name)
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        reading.memory_mb[name] = round(int(status["VmRSS"].split()[0]) / 1024, 1)
        reading.own_memory_mb[name] = round(int(status["RssAnon"].split()[0]) / 1024, 1)
        reading.threads[name] = int(status["Threads"])
        links = [_link(one) for one in Path(f"/proc/{pid}/fd").iterdir()]
        reading.descriptors[name] = len(links)
        reading.sockets[name] = sum(one.startswith("socket:") for one in links)
        # SQLite: a connection holds the database's file open. (The write-ahead log has descriptors of its own.)
        reading.database_connections[name] = sum(one.endswith("/voicebot.db") for one in links)
    reading.rtp_ports["line"] = machine.udp_ports(robot.rtp_ports)
    return reading


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


def _judge(readings: list[Reading], outcomes: Counter[str], placed: int) -> int:
    print(f"Outcomes: {dict(outcomes)}; without one: {outcomes.get('', 0)}.")
    first, last = readings[_WARM], readings[-1]
    growth = {name: _percent(first.memory_mb[name], last.memory_mb[name]) for name in first.memory_mb}
    problems = [f"memory of {name}: +{percent} %" for name, percent in growth.items() if percent > MEMORY_GROWTH_PERCENT]
    problems += _grown(first, last)
    if outcomes.get("", 0):
        problems.append(f"{outcomes['']} calls have no outcome")
    if sum(outcomes.values()) != placed:
        problems.append(f"{placed} calls were placed, {sum(outcomes.values())} are stored")
    print(f"Memory after the warm-up, {first.calls} -> {last.calls} calls, per cent: {growth}.")
    print("WRONG: " + "; ".join(problems) if problems else "Nothing grew.")
    figures: dict[str, Any] = {"calls": placed, "growth_percent": growth, "problems": problems, "outcomes": dict(outcomes)}
    print(json.dumps({**figures, "readings": [asdict(one) for one in readings]}, ensure_ascii=False))
    return 1 if problems else 0


def _grown(first: Reading, last: Reading) -> list[str]:
    """What must come back to where it was: everything but memory, which is measured in per cent."""
    found = []
    for kind in ("descriptors", "sockets", "threads", "database_connections", "rtp_ports"):
        for name, before in getattr(first, kind).items():
            after = getattr(last, kind)[name]
            if after > before:
                found.append(f"{kind} of {name}: {before} -> {after}")
    return found


def _percent(before: float, after: float) -> float:
    return round(100 * (after / before - 1), 2)


if __name__ == "__main__":
    sys.exit(main())
