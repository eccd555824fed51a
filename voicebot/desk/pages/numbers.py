"""The figures for managers: a period, its charts, the same as CSV."""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator

from voicebot.accounts.roles import May
from voicebot.accounts.sessions import Login
from voicebot.desk import words
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page
from voicebot.records.numbers import BUDGET_SECONDS, Numbers, Step, numbers

router = APIRouter(prefix="/numbers")
Viewer = Annotated[Login, Depends(need(May.SEE_NUMBERS))]
OptionalDate = Annotated[date | None, BeforeValidator(lambda value: None if value == "" else value)]

_LONGEST_DAYS = 366 * 2
_USUAL_DAYS = 30
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


class Period(BaseModel):
    """What the form asks for; without dates the last thirty days."""

    first: OptionalDate = None
    last: OptionalDate = None
    step: Step = Step.DAY
    channel: str = ""


@router.get("")
def shown(request: Request, desk: CurrentDesk, login: Viewer, query: Annotated[Period, Query()]) -> Response:
    """The page."""
    found = _numbers(desk, query)
    return page(
        request,
        "numbers.html",
        found=found,
        query=query,
        totals=TOTALS,
        steps={Step.DAY: "по дням", Step.WEEK: "по неделям", Step.MONTH: "по месяцам"},
        chart=chart_of(found),
        words=words,
        budget=BUDGET_SECONDS,
    )


@router.get(".csv")
def exported(request: Request, desk: CurrentDesk, login: Viewer, query: Annotated[Period, Query()]) -> Response:
    """The same as a table; a byte-order mark, so that office programs read the Russian."""
    found = _numbers(desk, query)
    desk.audit.note(login.who, "numbers_exported", address=address_of(request))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerows(rows_of(found))
    name = f"voicebot-{found.first}-{found.last}.csv"
    return Response(
        "\ufeff" + text.getvalue(), media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'}
    )


def rows_of(found: Numbers) -> Iterator[list[str]]:
    """The figures as rows of a table: pieces of the period, then all of it."""
    yield ["период", *TOTALS.values()]
    for first, counts in (*found.pieces.items(), ("всего", found.total)):
        yield [str(first), *(str(getattr(counts, name)) for name in TOTALS)]


def chart_of(found: Numbers) -> dict[str, object]:
    """What the charts draw, as JSON."""
    pieces = list(found.pieces.items())
    return {
        "days": [f"{first:%d.%m}" for first, _ in pieces],
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
        "reasons": {words.reason(reason): count for reason, count in found.transfer_reasons.items()},
        "outcomes": {words.outcome(outcome): count for outcome, count in found.outcomes.items()},
    }


def _numbers(desk: Desk, query: Period) -> Numbers:
    today = desk.clock.now().astimezone(desk.settings.zoneinfo).date()
    last = query.last or today
    first = query.first or last - timedelta(days=_USUAL_DAYS - 1)
    if first > last or (last - first).days > _LONGEST_DAYS:
        raise HTTPException(422, "Период: не длиннее двух лет, начало раньше конца.")
    with desk.database.session(is_readonly=True) as session:
        return numbers(session, first, last, query.step, query.channel)
