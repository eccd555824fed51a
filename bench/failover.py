"""Calls through two robots behind Kamailio, on one PostgreSQL, and one robot killed meanwhile: `python -m bench.failover`.

Everything of the killed one gets SIGKILL at once, as when a machine dies. Shown: the calls that the other held (untouched?),
the calls placed afterwards (answered?), and what became of the dead machine's (each has an outcome, stands among the calls to
return, and a message to the patient is queued). Then the dead one is started again, and takes calls. Ends with a line of JSON.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bench import machine
from bench.robot import are_free
from bench.sipp import Callers, Operators, Recording
from deploy.two_robots import Cluster, Ports, Robot, running
from voicebot import settings as settings_module
from voicebot import status
from voicebot.clinic.tables import MessageRow
from voicebot.clock import SystemClock
from voicebot.errors import VoicebotError
from voicebot.records.call_backs import CallBacks
from voicebot.records.tables import DialogRow
from voicebot.storage.database import Database, open_database

#: Who calls: what he plays, when he leaves (seconds from the answer), how often. Few talk: recognition is bench.capacity's.
KINDS = (
    (Recording("listens", (), 9.0), 3),
    (Recording("listens_on", (), 13.0), 3),
    (Recording("asks", ((1.5, "Сколько стоит общий анализ крови?"),), 12.0), 2),
)
#: The other robot believes that a machine is dead after 60 s of silence; it looks each 10 s.
SETTLED_WITHIN_SECONDS = 150.0
_SLACK_SECONDS = 2.0
_LOST = ("lost", "failed")
#: From what the record calls a call's end to its BYE's answer.
_BYE_UNDER_WAY = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Head:
    """What the database has of a call."""

    id: str
    phone: str
    node: str
    started_at: datetime
    outcome: str
    reason: str
    ended_by: str
    seconds: float
    ended_at: datetime | None = None


@dataclass(slots=True)
class Figures:
    """What came of it. Counts of calls, unless a name says otherwise."""

    placed: int = 0
    answered: int = 0  # the robots know of them
    refused: int = 0  # placed, never killed, and yet not as sipp's scenario wants it
    on_dead: int = 0  # the killed robot held them
    on_other: int = 0  # the other held them meanwhile
    disturbed: list[str] = field(default_factory=list)  # of the other's: not ended by the caller at his time
    after: int = 0  # began after the death
    after_unanswered: int = 0
    lost: int = 0  # outcomes of the dead one's calls
    without_outcome: int = 0
    not_listed: int = 0  # lost, but not among the calls to return
    not_told: int = 0  # lost, but no message queued
    settled_after_seconds: float | None = None
    late_frames: int = 0  # of the robot that lived
    back_after_seconds: float | None = None  # the dead one, started again, says that it is ready
    on_returned: int = 0  # taken by it from then on
    processor_seconds_a_call: float = 0.0  # of the robot that lived

    def problems(self) -> list[str]:
        """Return what must not be; empty: all is well."""
        found = []
        if self.on_dead == 0 or self.on_other == 0:
            found.append(f"the death hit {self.on_dead} calls and spared {self.on_other}: nothing was proven")
        if self.placed > self.answered:
            found.append(f"{self.placed - self.answered} calls were never answered")
        if self.disturbed:
            found.append(f"calls of the living robot were disturbed: {', '.join(self.disturbed)}")
        if self.after == 0 or self.after_unanswered:
            found.append(f"of {self.after} later calls {self.after_unanswered} were not answered")
        for name in ("refused", "without_outcome", "not_listed", "not_told", "late_frames"):
            if getattr(self, name):
                found.append(f"{name}: {getattr(self, name)}")
        return found


@dataclass(slots=True)
class Plan:
    """How many calls, how many new ones a second, and when the robot dies (a share of the calls)."""

    calls: int = 1000
    a_second: float = 1.7
    dies_at: float = 0.4
    returns: bool = True
    #: Start the dead one at once, as systemd does, instead of waiting until the other has settled its calls.
    returns_at_once: bool = False

    @property
    def dies_after_seconds(self) -> float:
        return max(4.0, self.calls / self.a_second * self.dies_at)


class Crowd:
    """Patients of all kinds at once."""

    def __init__(self, folder: Path, port: int, plan: Plan) -> None:
        settings = settings_module.load()
        total = sum(share for _, share in KINDS)
        self.seconds_of: dict[str, float] = {}
        self.callers: list[Callers] = []
        left = plan.calls
        for number, (kind, share) in enumerate(KINDS):
            calls = left if number == len(KINDS) - 1 else max(1, round(plan.calls * share / total))
            left -= calls
            a_second = plan.a_second * calls / plan.calls
            at_once = max(2, round(a_second * (kind.seconds + 12) * 2))
            recording = kind.write(folder, settings)
            one = Callers(folder, recording, kind.seconds, port, calls=calls, at_once=at_once, a_second=a_second)
            phones = (one.folder / "phones.csv").read_text().split()[1:]
            self.seconds_of |= {phone.lstrip("+"): kind.seconds for phone in phones}
            self.callers.append(one)
        if left:
            raise ValueError(left)

    @property
    def is_over(self) -> bool:
        return all(one.process.poll() is not None for one in self.callers)

    def counts(self) -> dict[str, int]:
        every = [one.counts() for one in self.callers]
        return {name: sum(one[name] for one in every) for name in ("successful", "failed")}

    def stop(self) -> None:
        for one in self.callers:
            one.stop()


def run(folder: Path, plan: Plan, say: Any = print) -> Figures:
    """Do it all in `folder`, which PostgreSQL's user must be able to enter. Raises VoicebotError."""
    figures = Figures()
    with Operators(folder) as operators:
        # What one machine bears with two robots on it is not the question here: no call is refused for load.
        cluster = Cluster(folder, _free_ports(), operators.uri, calls_a_robot=200, is_load_measured=False, say=say)
        with running(cluster), _database(cluster) as database:
            dead, living = cluster.robots
            late = _late_frames(living)
            before_seconds = _processor_seconds(living)
            crowd = Crowd(folder, cluster.ports.front, plan)
            try:
                _go(cluster, crowd, plan, database, figures, dead, living, say)
                its = sum(one.node == _node(living) for one in _heads(database))
                figures.processor_seconds_a_call = round((_processor_seconds(living) - before_seconds) / max(1, its), 2)
            finally:
                crowd.stop()
            figures.late_frames = _late_frames(living) - late
    return figures


def _go(
    cluster: Cluster,
    crowd: Crowd,
    plan: Plan,
    database: Database,
    figures: Figures,
    dead: Robot,
    living: Robot,
    say: Any,
) -> None:
    _wait(plan.dies_after_seconds + 60, lambda: crowd.is_over or _has_calls(database, dead, living, plan))
    say(f"Killing robot {dead.number + 1}, which holds {_calls(dead)} calls; the other holds {_calls(living)} ...")
    dead.kill()
    died = time.monotonic()
    died_at = datetime.now(UTC)
    held = [one for one in _heads(database) if not one.outcome]
    mine, its = _node(living), _node(dead)
    figures.on_dead = sum(one.node == its for one in held)
    spared = {one.id for one in held if one.node == mine}
    figures.on_other = len(spared)

    ready_at: datetime | None = None
    while True:
        open_ids = {one.id for one in _heads(database) if not one.outcome and one.node == its and one.started_at <= died_at}
        if figures.settled_after_seconds is None and not open_ids:
            figures.settled_after_seconds = round(time.monotonic() - died, 1)
            say(f"The dead robot's calls have their outcomes after {figures.settled_after_seconds} s.")
        is_settled = figures.settled_after_seconds is not None or time.monotonic() - died > SETTLED_WITHIN_SECONDS
        if plan.returns and ready_at is None and (plan.returns_at_once or is_settled):
            began = time.monotonic()
            cluster.start_again(dead)
            ready_at = datetime.now(UTC)
            figures.back_after_seconds = round(time.monotonic() - began, 1)
            say(f"Robot {dead.number + 1} is back after {figures.back_after_seconds} s.")
            continue
        if is_settled and crowd.is_over:
            break
        time.sleep(1)
    _wait(30, lambda: all(one.outcome for one in _heads(database)))
    _count(figures, crowd, database, its, spared, died_at, ready_at)


def _count(
    figures: Figures,
    crowd: Crowd,
    database: Database,
    dead_node: str,
    spared: set[str],
    died_at: datetime,
    ready_at: datetime | None,
) -> None:
    heads = _heads(database)
    counts = crowd.counts()
    known = {one.phone for one in heads}
    figures.placed = counts["successful"] + counts["failed"]
    figures.answered = sum(phone in known for phone in crowd.seconds_of)
    figures.disturbed = [one.id for one in heads if one.id in spared and not _is_whole(one, crowd.seconds_of)]
    later = [one for one in heads if one.started_at > died_at]
    figures.after = len(later)
    figures.after_unanswered = sum(not _is_whole(one, crowd.seconds_of) for one in later)
    victims = [one for one in heads if one.node == dead_node and one.started_at <= died_at and one.outcome in _LOST]
    figures.lost = len(victims)
    # Who was on the dead robot sees his call break off, and who hung up as it died gets no answer to his BYE: sipp says that
    # these failed. Nobody else's may.
    figures.refused = max(0, counts["failed"] - sum(_was_cut(one, dead_node, died_at) for one in heads))
    figures.without_outcome = sum(not one.outcome for one in heads)
    listed = {one.dialog_id for one in CallBacks(database, SystemClock()).open()}
    told = database.run(lambda session: set(session.scalars(select(MessageRow.key))), is_readonly=True)
    figures.not_listed = sum(one.id not in listed for one in victims)
    figures.not_told = sum(f"lost:{one.id}" not in told for one in victims)
    if ready_at is not None:
        figures.on_returned = sum(one.node == dead_node and one.started_at > ready_at for one in heads)


def _was_cut(head: Head, dead_node: str, died_at: datetime) -> bool:
    """The death came before the robot could answer its caller's BYE."""
    if head.node != dead_node or head.started_at > died_at:
        return False
    return head.outcome in _LOST or head.ended_at is None or head.ended_at > died_at - _BYE_UNDER_WAY


def _is_whole(head: Head, seconds_of: dict[str, float]) -> bool:
    """The caller himself ended it, when he meant to."""
    planned = seconds_of.get(head.phone, 0.0)
    return head.ended_by == "caller" and head.outcome not in _LOST and head.seconds > planned - _SLACK_SECONDS


def _heads(database: Database) -> list[Head]:
    def work(session: Any) -> list[Head]:
        return [
            Head(
                row.id,
                row.caller_phone.lstrip("+"),
                row.served_by.partition("/brain")[0],
                row.started_at,
                row.outcome,
                row.reason,
                row.ended_by,
                (row.ended_at - row.started_at).total_seconds() if row.ended_at else 0.0,
                row.ended_at,
            )
            for row in session.scalars(select(DialogRow))
        ]

    return database.run(work, is_readonly=True)


def _has_calls(database: Database, dead: Robot, living: Robot, plan: Plan) -> bool:
    """It is time to die: enough calls were placed, and both robots hold some."""
    heads = _heads(database)
    if len(heads) < plan.calls * plan.dies_at:
        return False
    open_nodes = {one.node for one in heads if not one.outcome}
    return {_node(dead), _node(living)} <= open_nodes


def _node(robot: Robot) -> str:
    return f"robot{robot.number + 1}"


def _facts(robot: Robot) -> dict[str, Any]:
    return status.read(robot.data_dir / "run", SystemClock()).get("line", {})


def _calls(robot: Robot) -> int:
    return int(_facts(robot).get("calls", 0))


def _late_frames(robot: Robot) -> int:
    return int(_facts(robot).get("late_frames", 0))


def _processor_seconds(robot: Robot) -> float:
    return machine.cpu_seconds(robot.process.pid) if robot.process is not None else 0.0


@contextmanager
def _database(cluster: Cluster) -> Any:
    database = open_database(cluster.database_url)
    try:
        yield database
    finally:
        database.close()


def _wait(seconds: float, is_so: Any) -> bool:
    give_up_at = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.5)
    return True


def _free_ports() -> Ports:
    for _ in range(200):
        first = random.randrange(20000, 27000, 2)
        rtp = random.randrange(10000, 18000, 2)
        if are_free(range(first, first + 12)) and are_free(range(rtp, rtp + 800, 20)):
            return Ports(front=first, robots=first + 2, http=first + 6, rtp=rtp)
    raise OSError("no free ports")


def told(figures: Figures) -> Iterable[str]:
    """Return the figures as lines for people."""
    yield f"Calls placed: {figures.placed}; known to the robots: {figures.answered}."
    yield f"The dead robot held {figures.on_dead} calls: {figures.lost} lost, outcomes after {figures.settled_after_seconds} s."
    untouched = f"disturbed: {len(figures.disturbed)}; late frames: {figures.late_frames}"
    yield f"The other held {figures.on_other} calls meanwhile; {untouched}."
    yield f"Later calls: {figures.after}; not as they should be: {figures.after_unanswered}; refused: {figures.refused}."
    lost = f"lost and not on the list: {figures.not_listed}; not told: {figures.not_told}"
    yield f"Calls without an outcome: {figures.without_outcome}; {lost}."
    if figures.back_after_seconds is not None:
        yield f"Started again, it was ready after {figures.back_after_seconds} s, and took {figures.on_returned} calls."
    yield f"Processor time a call of the robot that lived: {figures.processor_seconds_a_call:.2f} s."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; exit status 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(prog="bench.failover", description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--a-second", type=float, default=1.7, help="new calls a second")
    parser.add_argument("--dies-at", type=float, default=0.4, help="the share of calls after which one robot is killed")
    parser.add_argument("--no-return", action="store_true", help="do not start the killed robot again")
    parser.add_argument("--folder", type=Path, help="keep everything there (logs too); default: a temporary one")
    options = parser.parse_args(arguments)
    plan = Plan(options.calls, options.a_second, options.dies_at, not options.no_return)
    if options.folder is not None:
        options.folder.mkdir(parents=True)
    with nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory(prefix="voicebot-failover-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o711)  # PostgreSQL's own user must come to its folder below
        try:
            figures = run(folder, plan)
        except VoicebotError as error:
            print(error, file=sys.stderr)
            return 2
    problems = figures.problems()
    print("\n".join(told(figures)))
    print(f"WRONG: {'; '.join(problems)}" if problems else "All as it must be.")
    print(json.dumps({**asdict(figures), "problems": problems, "load": machine.load()}, ensure_ascii=False))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
