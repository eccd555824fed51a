"""The figures for managers: a period, its charts, the same as CSV. docs/numbers.md says what each figure counts."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator

from voicebot.accounts.roles import May, allows
from voicebot.accounts.sessions import Login
from voicebot.clinic.visit_counts import VisitCounts, visit_counts
from voicebot.desk import words
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page
from voicebot.records.masking import masked_text
from voicebot.records.numbers import BUDGET_SECONDS, Counts, Numbers, Percentiles, Step, numbers

router = APIRouter(prefix="/numbers")
Viewer = Annotated[Login, Depends(need(May.SEE_NUMBERS))]
OptionalDate = Annotated[date | None, BeforeValidator(lambda value: None if value == "" else value)]

_LONGEST_DAYS = 366 * 2
_USUAL_DAYS = 30
_HANDLING_STEP_SECONDS, _HANDLING_LAST_SECONDS = 15, 300
TOTALS = {
    "contacts": "обращений",
    "answered": "отвечено",
    "lost": "потеряно",
    "contained": "без человека",
    "transferred": "передано человеку",
    "booked": "записей",
    "off_topic": "не по теме",
    "within_budget": "не дольше 210 с",
}
_VISITS = {"due": "визитов", "came": "пришли", "missed": "не пришли", "cancelled": "отменено визитов"}


class Table(StrEnum):
    """What the CSV holds."""

    PERIODS = "periods"
    HOURS = "hours"  # contacts by channel and hour
    OUTCOMES = "outcomes"
    REASONS = "reasons"  # of transfers
    PHRASES = "phrases"  # not understood


class Period(BaseModel):
    """What the form asks for; without dates the last thirty days."""

    first: OptionalDate = None
    last: OptionalDate = None
    step: Step = Step.DAY
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a period: the dialogs' figures, and the visits' by the same pieces."""

    found: Numbers
    visits: Mapping[date, VisitCounts]
    visits_total: VisitCounts


@router.get("")
def shown(request: Request, desk: CurrentDesk, login: Viewer, query: Annotated[Period, Query()]) -> Response:
    """The page."""
    figures = figures_of(desk, query)
    return page(
        request,
        "numbers.html",
        found=figures.found,
        unclear=phrases_of(login, figures.found),
        visits=figures.visits_total,
        query=query,
        totals=TOTALS,
        steps={Step.DAY: "по дням", Step.WEEK: "по неделям", Step.MONTH: "по месяцам"},
        chart=chart_of(figures),
        words=words,
        budget=BUDGET_SECONDS,
    )


@router.get(".csv")
def exported(
    request: Request, desk: CurrentDesk, login: Viewer, query: Annotated[Period, Query()], table: Table = Table.PERIODS
) -> Response:
    """The same as a table; a byte-order mark, so that office programs read the Russian."""
    if table is Table.PHRASES and not allows(login.role, May.READ_DIALOGS):
        raise HTTPException(403, "Для этого у вас нет прав.")
    figures = figures_of(desk, query)
    figures = replace(figures, found=replace(figures.found, unclear=phrases_of(login, figures.found)))
    desk.audit.note(login.who, "numbers_exported", address=address_of(request), detail=table.value)
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows_of(figures, table))
    name = f"voicebot-{table.value}-{figures.found.first}-{figures.found.last}.csv"
    return Response(
        "\ufeff" + text.getvalue(), media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'}
    )


def phrases_of(login: Login, found: Numbers) -> Sequence[tuple[str, int]]:
    """What was not understood, as this role may see it; empty for those who read no dialogs."""
    if not allows(login.role, May.READ_DIALOGS):
        return ()
    is_whole = allows(login.role, May.SEE_PHONES)
    return [(phrase if is_whole else masked_text(phrase), count) for phrase, count in found.unclear]


def rows_of(figures: Figures, table: Table = Table.PERIODS) -> Iterator[list[str]]:
    """The figures as rows of a table."""
    found = figures.found
    match table:
        case Table.PERIODS:
            yield from _periods(figures)
        case Table.HOURS:
            yield ["канал", *map(str, range(24))]
            yield from ([words.channel(name), *map(str, hours)] for name, hours in found.channel_hours.items())
        case Table.OUTCOMES:
            yield ["итог", "обращений"]
            yield from ([words.outcome(name), str(count)] for name, count in found.outcomes.items())
        case Table.REASONS:
            yield ["причина передачи", "обращений"]
            yield from ([words.reason(name), str(count)] for name, count in found.transfer_reasons.items())
        case Table.PHRASES:
            yield ["не поняли", "раз"]
            yield from ([words.in_spreadsheet(phrase), str(count)] for phrase, count in found.unclear)


def _periods(figures: Figures) -> Iterator[list[str]]:
    """Pieces of the period, then all of it."""
    found = figures.found
    yield ["период", *TOTALS.values(), "реплик пациентов", "не понято", "ответ p50, мс", "ответ p95, мс", *_VISITS.values()]
    for first, counts in found.pieces.items():
        latency, visits = found.latency_pieces.get(first), figures.visits.get(first, VisitCounts())
        yield [str(first), *_cells(counts, latency, visits)]
    yield ["всего", *_cells(found.total, found.latency.get("total"), figures.visits_total)]


def _cells(counts: Counts, latency: Percentiles | None, visits: VisitCounts) -> list[str]:
    answers = [str(round(latency.p50)), str(round(latency.p95))] if latency is not None else ["", ""]
    names = (*TOTALS, "caller_turns", "unclear_turns")
    return [*(str(getattr(counts, name)) for name in names), *answers, *(str(getattr(visits, name)) for name in _VISITS)]


def chart_of(figures: Figures) -> dict[str, object]:
    """What the charts draw, as JSON."""
    found = figures.found
    pieces = list(found.pieces.items())
    visits_of_pieces = [figures.visits.get(first, VisitCounts()) for first, _ in pieces]
    tones = ("accent", "good", "warn", "soft")
    return {
        "days": [f"{first:%m.%Y}" if found.step is Step.MONTH else f"{first:%d.%m}" for first, _ in pieces],
        "series": [
            {"name": "без человека", "values": [counts.contained for _, counts in pieces], "tone": "good"},
            {"name": "передано", "values": [counts.transferred for _, counts in pieces], "tone": "accent"},
            {
                "name": "прочее",
                "values": [c.contacts - c.contained - c.transferred - c.lost for _, c in pieces],
                "tone": "soft",
            },
            {"name": "потеряно", "values": [counts.lost for _, counts in pieces], "tone": "warn"},
        ],
        "hours": list(found.hours),
        "channels": [
            {"name": words.channel(name), "values": list(hours), "tone": tones[place % len(tones)]}
            for place, (name, hours) in enumerate(found.channel_hours.items())
        ],
        "reasons": _named(found.transfer_reasons, words.reason),
        "outcomes": _named(found.outcomes, words.outcome),
        "handling": _handling(found.handling_histogram),
        "budget": BUDGET_SECONDS,
        "latency": [
            {"name": name, "values": [_or_none(found.latency_pieces.get(first), share) for first, _ in pieces], "tone": tone}
            for name, share, tone in (("половина", "p50", "good"), ("95 %", "p95", "warn"))
        ],
        "visits": [
            {"name": name, "values": [getattr(visits, key) for visits in visits_of_pieces], "tone": tone}
            for key, name, tone in (("came", "пришли", "good"), ("missed", "не пришли", "warn"))
        ],
    }  # fmt: skip


def _handling(histogram: Mapping[float, int]) -> list[dict[str, int]]:
    """Contacts by handling time, in equal steps; the last holds all that took longer still."""
    steps = [0] * (_HANDLING_LAST_SECONDS // _HANDLING_STEP_SECONDS + 1)
    for seconds, count in histogram.items():
        steps[min(int(seconds) // _HANDLING_STEP_SECONDS, len(steps) - 1)] += count
    return [{"from": place * _HANDLING_STEP_SECONDS, "count": count} for place, count in enumerate(steps)]


def _named(counts: Mapping[str, int], name: Callable[[str], str]) -> dict[str, int]:
    """Counts by their Russian names; several of ours may share one."""
    found: dict[str, int] = {}
    for key, count in counts.items():
        found[name(key)] = found.get(name(key), 0) + count
    return found


def _or_none(found: Percentiles | None, share: str) -> int | None:
    return None if found is None else round(getattr(found, share))


def figures_of(desk: Desk, query: Period) -> Figures:
    """Return the figures that are asked for; 422 for a period that is none."""
    zone = desk.settings.zoneinfo
    last = query.last or desk.clock.now().astimezone(zone).date()
    first = query.first or last - timedelta(days=_USUAL_DAYS - 1)
    if first > last or (last - first).days > _LONGEST_DAYS:
        raise HTTPException(422, "Период: не длиннее двух лет, начало раньше конца.")
    with desk.database.session(is_readonly=True) as session:
        found = numbers(session, first, last, query.step, query.channel)
        by_day = visit_counts(session, first, last, zone)
    pieces: dict[date, VisitCounts] = {}
    total = VisitCounts()
    for day, counts in by_day.items():
        pieces.setdefault(query.step.first(day), VisitCounts()).add(counts)
        total.add(counts)
    return Figures(found=found, visits=pieces, visits_total=total)
