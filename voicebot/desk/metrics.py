"""Figures for Prometheus: what happens now, and counts that only grow while this process lives.

Line, brains and supervisor tell of themselves by their status files; finished dialogs are counted as this desk digests them,
so that the sums over several desks of one database are right. Nothing here names a person.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voicebot import __version__, status
from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.messages.statistics import outbox_state, recent
from voicebot.records.digest import Digest, milliseconds_of
from voicebot.records.queue import Queue
from voicebot.records.tables import DialogRow
from voicebot.storage.database import Database

_HANDLING_SECONDS = (15, 30, 60, 90, 120, 150, 180, 210, 240, 300, 600)
_ANSWER_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0)
_PAGE_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """The counters of this process, and the collector of what others tell. Thread-safe."""

    def __init__(self, run_dir: Path, database: Database, clock: Clock) -> None:
        own = self.registry = CollectorRegistry()
        ProcessCollector(registry=own)
        own.register(_Others(run_dir, database, clock))
        self._contacts = Counter(
            "voicebot_contacts", "Contacts that are over; result: contained, transferred, lost, other.",
            ("channel", "outcome", "result"), registry=own,
        )  # fmt: skip
        self._transfers = Counter("voicebot_transfers", "Contacts that a human took, by reason.", ("reason",), registry=own)
        self._handling = Histogram(
            "voicebot_handling_seconds", "How long contacts took.", ("channel",), buckets=_HANDLING_SECONDS, registry=own
        )
        self._answer = Histogram(
            "voicebot_answer_seconds", "From the caller's last sound to the robot's first, by stage; stage total is all of it.",
            ("stage",), buckets=_ANSWER_SECONDS, registry=own,
        )  # fmt: skip
        self._turns = Counter("voicebot_caller_turns", "What callers said or keyed.", registry=own)
        self._unclear = Counter("voicebot_unclear_turns", "What callers said and nobody understood.", registry=own)
        self._bargeins = Counter("voicebot_bargeins", "How often callers spoke over the robot.", registry=own)
        self._requests = Counter("voicebot_http_requests", "Requests to the desk.", ("method", "route", "status"), registry=own)
        self._pages = Histogram(
            "voicebot_http_seconds", "Until the answer begins.", ("route",), buckets=_PAGE_SECONDS, registry=own
        )

    def taken(self, digest: Digest) -> None:
        """Count a dialog that is over."""
        facts = digest.facts
        result = "contained" if facts.is_contained else "transferred" if facts.is_transferred else ""
        result = result or ("lost" if facts.is_lost else "other")
        self._contacts.labels(facts.channel, facts.outcome, result).inc()
        if facts.is_transferred:
            self._transfers.labels(facts.reason.split(":")[0]).inc()
        if facts.handling_seconds is not None:
            self._handling.labels(facts.channel).observe(facts.handling_seconds)
        for (stage, bucket), count in digest.latencies.items():
            histogram = self._answer.labels(stage)
            for _ in range(count):
                histogram.observe(milliseconds_of(bucket) / 1000)
        self._turns.inc(facts.caller_turns)
        self._unclear.inc(facts.unclear_turns)
        self._bargeins.inc(facts.bargeins)

    def served(self, method: str, route: str, code: int, seconds: float) -> None:
        """Count a request. `route` is a template, never an address that holds an ID."""
        self._requests.labels(method, route, str(code)).inc()
        self._pages.labels(route).observe(seconds)


class Counted:
    """An ASGI layer that counts requests by their route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "") or "none"
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.served(method, route, message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, counting)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})  # a stranger may send any word


class _Others(Collector):
    """What is looked up when somebody asks: status files, the queue, the database."""

    def __init__(self, run_dir: Path, database: Database, clock: Clock) -> None:
        self._run_dir = run_dir
        self._database = database
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        version = GaugeMetricFamily("voicebot_info", "Always 1.", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
        yield from _of_processes(status.read(self._run_dir, self._clock))
        yield from self._of_database()

    def _of_database(self) -> Iterable[Metric]:
        try:
            waiting = Queue(self._database, self._clock).open()
            backlog = self._database.run(_undigested, is_readonly=True)
        except StorageError:
            yield GaugeMetricFamily("voicebot_database_up", "Whether the database answers the desk.", 0)
            return
        yield GaugeMetricFamily("voicebot_database_up", "Whether the database answers the desk.", 1)
        length = GaugeMetricFamily("voicebot_queue_length", "Contacts that need a human and are not settled.", labels=["state"])
        free = [one for one in waiting if not one.taken_by]
        length.add_metric(["waiting"], len(free))
        length.add_metric(["taken"], len(waiting) - len(free))
        yield length
        oldest = max(((self._clock.now() - one.started_at).total_seconds() for one in free), default=0.0)
        yield GaugeMetricFamily("voicebot_queue_oldest_seconds", "Age of the oldest contact that nobody has taken.", oldest)
        yield from _of_messages(self._database, self._clock.now())
        yield GaugeMetricFamily("voicebot_digest_backlog", "Finished contacts that figures and search lack yet.", backlog)


def _of_messages(database: Database, now: datetime) -> Iterable[Metric]:
    """Messages to patients: what waits, and what became of those of the last hour."""
    state, hour = database.run(
        lambda session: (outbox_state(session, now), recent(session, now - timedelta(hours=1))), is_readonly=True
    )
    yield GaugeMetricFamily("voicebot_outbox_waiting", "Messages that are due and not sent to their end.", state.waiting)
    yield GaugeMetricFamily("voicebot_outbox_oldest_seconds", "How long the oldest of them is overdue.", state.oldest_seconds)
    found = GaugeMetricFamily(
        "voicebot_deliveries_last_hour", "Handings-over to providers in the last hour, by what came of them.",
        labels=["channel", "provider", "result"],
    )  # fmt: skip
    for (channel, provider), one in sorted(hour.items()):
        for result in ("handed", "delivered", "failed", "unsent"):
            found.add_metric([channel, provider, result], getattr(one, result))
    yield found


def _undigested(session: Any) -> int:
    query = select(func.count()).where(DialogRow.digested_at.is_(None), DialogRow.ended_at.is_not(None))
    return int(session.scalar(query) or 0)


#: metric -> (kind of process, its fact, help)
_GAUGES: Mapping[str, tuple[str, str, str]] = {
    "voicebot_line_calls": ("line", "calls", "Calls that the line holds now."),
    "voicebot_line_lines": ("line", "lines", "Calls that it can hold."),
    "voicebot_line_legs": ("line", "legs", "SIP legs, operators' among them."),
    "voicebot_line_registered": ("line", "registered", "Whether the PBX knows the robot."),
    "voicebot_line_draining": ("line", "draining", "Whether it ends after the running calls."),
    "voicebot_line_can_apologise": ("line", "can_apologise", "Whether the apology for a dead brain is ready."),
    "voicebot_line_waiting": ("line", "waiting", "Callers in the queue of a full robot now."),
    "voicebot_line_load": ("line", "load", "Measured load of line and its least loaded brain; 1 is the limit."),
    "voicebot_brain_calls": ("brain", "calls", "Conversations that a brain holds now."),
    "voicebot_spooled_writes": ("brain", "spooled_writes", "Writes that wait on disk for the database."),
    "voicebot_database_refusing": ("brain", "is_database_refusing", "Whether the database refuses a brain."),
}
_COUNTERS: Mapping[str, tuple[str, str, str]] = {
    "voicebot_line_waited_seconds": ("line", "waited_seconds", "Seconds that callers have waited in the queue."),
    "voicebot_line_admitted_from_queue": ("line", "admitted_from_queue", "Callers that the robot served after waiting."),
    "voicebot_line_passed_to_operators": ("line", "passed_to_operators", "Callers that a full robot gave to operators."),
    "voicebot_line_left_the_queue": ("line", "left_the_queue", "Callers who hung up while waiting."),
    "voicebot_line_answered": ("line", "answered", "Calls answered since the line's start."),
    "voicebot_line_late_frames": ("line", "late_frames", "Frames of 20 ms that came too late."),
}


def _of_processes(processes: Mapping[str, Mapping[str, Any]]) -> Iterable[Metric]:
    up = GaugeMetricFamily("voicebot_up", "Whether a process of the robot lives.", labels=["process"])
    restarts = CounterMetricFamily("voicebot_restarts", "Restarts by the supervisor.", labels=["process"])
    alarms = CounterMetricFamily("voicebot_alarms", "Alarms of the brains since their start.", labels=["process", "alarm"])
    for name, facts in processes.items():
        up.add_metric([name], float(bool(facts.get("is_alive"))))
        for child, count in _mapping(facts.get("restarts")).items():
            restarts.add_metric([child], count)
        for alarm, count in _mapping(facts.get("alarms")).items():
            alarms.add_metric([name, alarm], count)
    yield from (up, restarts, alarms)
    yield _of_providers(processes)
    for family, table in ((GaugeMetricFamily, _GAUGES), (CounterMetricFamily, _COUNTERS)):
        for metric, (kind, fact, about) in table.items():
            found = family(metric, about, labels=["process"])
            for name, facts in processes.items():
                value = facts.get(fact)
                # What a dead process said last is not what is.
                if name.split("-")[0] == kind and facts.get("is_alive") and isinstance(value, int | float):
                    found.add_metric([name], float(value))
            yield found


def _of_providers(processes: Mapping[str, Mapping[str, Any]]) -> Metric:
    """Whether messages go by a provider, as the process that sends them has found."""
    found = GaugeMetricFamily("voicebot_provider_up", "1: in use, 0.5: being tried again, 0: left alone.", labels=["provider"])
    facts = processes.get("reminders", {})
    conditions = facts.get("providers")
    if facts.get("is_alive") and isinstance(conditions, Mapping):
        for provider, condition in sorted(conditions.items()):
            found.add_metric([provider], {"closed": 1.0, "half-open": 0.5}.get(str(condition), 0.0))
    return found


def _mapping(value: Any) -> Mapping[str, float]:
    return value if isinstance(value, Mapping) else {}
