"""The figures of a period: what managers see. Read from the digest, so 100 000 dialogs take a moment."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Integer, case, cast, func, select
from sqlalchemy.orm import Session

from voicebot.records.digest import STAGES, milliseconds_of
from voicebot.records.tables import FactsRow, LatencyRow, UnclearRow

BUDGET_SECONDS = 210.0
_TOP_PHRASES = 20
_HANDLING_STEP_SECONDS = 5


class Step(StrEnum):
    """How a period is cut on the charts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def first(self, day: date) -> date:
        """Return the first day of the piece that `day` is in; weeks begin on Monday."""
        if self is Step.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self is Step.MONTH else day


@dataclass(slots=True)
class Counts:
    """What is counted of a set of dialogs."""

    contacts: int = 0
    contained: int = 0  # finished without a human
    transferred: int = 0
    lost: int = 0
    off_topic: int = 0
    booked: int = 0
    within_budget: int = 0
    timed: int = 0  # whose handling time is known
    caller_turns: int = 0
    unclear_turns: int = 0

    def add(self, other: "Counts") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def answered(self) -> int:
        return self.contacts - self.lost

    def share(self, name: str) -> float:
        """Return a count as a share, 0..1: `within_budget` of those whose time is known, `unclear_turns` of the caller's
        turns, the others of all contacts."""
        whole: int = getattr(self, _WHOLES.get(name, "contacts"))
        return getattr(self, name) / whole if whole else 0.0


_WHOLES = {"within_budget": "timed", "unclear_turns": "caller_turns"}


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds, or seconds of handling."""

    p50: float
    p90: float
    p95: float
    count: int


@dataclass(frozen=True, slots=True)
class Heard:
    """The recogniser's errors on the turns whose right text QA has written (WER: word errors by words of the right text)."""

    turns: int
    words: int
    errors: int

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.words if self.words else None


@dataclass(frozen=True, slots=True)
class Numbers:
    """The figures of a period, both days included."""

    first: date
    last: date
    step: Step
    total: Counts
    pieces: Mapping[date, Counts]
    channels: Mapping[str, int]  # of all channels, whichever is asked for
    hours: Sequence[int]  # contacts by hour of the day, 24
    channel_hours: Mapping[str, Sequence[int]]  # the same by channel
    outcomes: Mapping[str, int]
    transfer_reasons: Mapping[str, int]
    handling: Percentiles | None
    handling_histogram: Mapping[float, int]  # middles of five seconds -> contacts
    latency: Mapping[str, Percentiles]
    latency_pieces: Mapping[date, Percentiles]  # of the whole answer
    heard: Heard
    unclear: Sequence[tuple[str, int]] = field(default_factory=tuple)


def numbers(session: Session, first: date, last: date, step: Step = Step.DAY, channel: str = "") -> Numbers:
    """Return the figures of a period; `channel` "" is all. Latencies are of all channels that speak."""
    days = [FactsRow.day >= first, FactsRow.day <= last]
    where = [*days, FactsRow.channel == channel] if channel else days
    pieces = {begin: Counts() for begin in pieces_of(first, last, step)}
    total = Counts()
    for day, counts in _by_day(session, where):
        pieces[step.first(day)].add(counts)
        total.add(counts)
    handling = _handling(session, where)
    latency, latency_pieces = _latency(session, first, last, step)
    groups = _groups(session, days)
    own = [group for group in groups if not channel or group.channel == channel]
    channel_hours = _channel_hours(own)
    return Numbers(
        first=first,
        last=last,
        step=step,
        total=total,
        pieces=pieces,
        channels=_counted((group.channel, group.count) for group in groups),
        hours=[sum(hours) for hours in zip(*channel_hours.values(), strict=True)] or [0] * 24,
        channel_hours=channel_hours,
        outcomes=_counted((group.outcome, group.count) for group in own),
        transfer_reasons=_counted((group.reason, group.count) for group in own if group.is_transferred),
        handling=_percentiles(handling),
        handling_histogram=handling,
        latency=latency,
        latency_pieces=latency_pieces,
        heard=Heard(*(sum(group.heard[place] for group in own) for place in range(3))),
        unclear=_unclear(session, first, last, channel),
    )


def pieces_of(first: date, last: date, step: Step) -> Iterator[date]:
    """Yield the first days of all pieces of a period, also of those in which nobody called."""
    day = step.first(first)
    while day <= last:
        yield day
        day = step.first(day + timedelta(days=31 if step is Step.MONTH else 7 if step is Step.WEEK else 1))


def percentile(histogram: Mapping[float, int], share: float) -> float:
    """Return the value that `share` (0..1) of the counted are not above. The histogram is not empty."""
    wanted, seen = share * sum(histogram.values()), 0
    for value in sorted(histogram):
        seen += histogram[value]
        if seen >= wanted:
            return value
    return max(histogram)


def _by_day(session: Session, where: Sequence[Any]) -> Iterable[tuple[date, Counts]]:
    def sum_of(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    rows = session.execute(
        select(
            FactsRow.day,
            func.count(),
            sum_of(FactsRow.is_contained.is_(True)),
            sum_of(FactsRow.is_transferred.is_(True)),
            sum_of(FactsRow.is_lost.is_(True)),
            sum_of(FactsRow.outcome == "off_topic"),
            sum_of(FactsRow.outcome == "booked"),
            sum_of(FactsRow.handling_seconds <= BUDGET_SECONDS),
            func.count(FactsRow.handling_seconds),
            func.sum(FactsRow.caller_turns),
            func.sum(FactsRow.unclear_turns),
        )
        .where(*where)
        .group_by(FactsRow.day)
    )
    return [(row[0], Counts(*(int(value or 0) for value in row[1:]))) for row in rows]


@dataclass(frozen=True, slots=True)
class _Group:
    """How many contacts have all of these in common. `heard`: turns, words, errors of those that QA checked."""

    channel: str
    hour: int
    outcome: str
    reason: str
    is_transferred: bool
    count: int
    heard: tuple[int, int, int]


def _groups(session: Session, where: Sequence[Any]) -> list[_Group]:
    """Read the period once for all that is counted by kind: each reading of 100 000 rows costs some 50 ms."""
    key = (FactsRow.channel, FactsRow.hour, FactsRow.outcome, FactsRow.reason, FactsRow.is_transferred)
    heard = (func.sum(FactsRow.heard_turns), func.sum(FactsRow.heard_words), func.sum(FactsRow.word_errors))
    rows = session.execute(select(*key, func.count(), *heard).where(*where).group_by(*key))
    return [_Group(*row[:6], heard=(int(row[6]), int(row[7]), int(row[8]))) for row in rows]


def _counted(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Sums by name, the greatest first."""
    found: Counter[str] = Counter()
    for name, count in counts:
        found[name] += count
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _channel_hours(groups: Sequence[_Group]) -> dict[str, list[int]]:
    """Contacts by channel and hour of the day, the busiest channel first."""
    found: dict[str, list[int]] = defaultdict(lambda: [0] * 24)
    for group in groups:
        found[group.channel][group.hour] += group.count
    return dict(sorted(found.items(), key=lambda item: (-sum(item[1]), item[0])))


def _handling(session: Session, where: Sequence[Any]) -> dict[float, int]:
    steps = FactsRow.handling_seconds / _HANDLING_STEP_SECONDS
    # SQLite cuts where PostgreSQL would round.
    number = cast(steps, Integer) if session.get_bind().dialect.name == "sqlite" else cast(func.floor(steps), Integer)
    query = select(number, func.count()).where(*where, FactsRow.handling_seconds.is_not(None)).group_by(number)
    counts = {int(row[0]): int(row[1]) for row in session.execute(query)}
    return {(step + 0.5) * _HANDLING_STEP_SECONDS: counts[step] for step in sorted(counts)}


def _latency(session: Session, first: date, last: date, step: Step) -> tuple[dict[str, Percentiles], dict[date, Percentiles]]:
    """Return the percentiles of each stage, and those of the whole answer piece by piece."""
    rows = session.execute(
        select(LatencyRow.day, LatencyRow.stage, LatencyRow.bucket, LatencyRow.count).where(
            LatencyRow.day >= first, LatencyRow.day <= last
        )
    )
    stages: dict[str, Counter[float]] = defaultdict(Counter)
    pieces: dict[date, Counter[float]] = defaultdict(Counter)
    for day, stage, bucket, count in rows:
        stages[stage][milliseconds_of(bucket)] += count
        if stage == "total":
            pieces[step.first(day)][milliseconds_of(bucket)] += count
    found = {stage: _percentiles(stages[stage]) for stage in STAGES if stage in stages}
    by_piece = {begin: _percentiles(pieces[begin]) for begin in sorted(pieces)}
    return {k: v for k, v in found.items() if v is not None}, {k: v for k, v in by_piece.items() if v is not None}


def _percentiles(histogram: Mapping[float, int]) -> Percentiles | None:
    if not histogram:
        return None
    p50, p90, p95 = (percentile(histogram, share) for share in (0.5, 0.9, 0.95))
    return Percentiles(p50, p90, p95, sum(histogram.values()))


def _unclear(session: Session, first: date, last: date, channel: str) -> list[tuple[str, int]]:
    count = func.count()
    query = select(UnclearRow.phrase, count).where(UnclearRow.day >= first, UnclearRow.day <= last)
    if channel:
        query = query.join(FactsRow, FactsRow.dialog_id == UnclearRow.dialog_id).where(FactsRow.channel == channel)
    query = query.group_by(UnclearRow.phrase).order_by(count.desc(), UnclearRow.phrase).limit(_TOP_PHRASES)
    return [(phrase, number) for phrase, number in session.execute(query)]
