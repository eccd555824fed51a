"""What becomes of messages and reminders: what arrives, what it costs, who comes. docs/numbers.md says what is counted."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator

from voicebot import status
from voicebot.accounts.roles import May
from voicebot.accounts.sessions import Login
from voicebot.desk import words
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page
from voicebot.messages.prices import sms_price
from voicebot.messages.statistics import Delivered, Deliveries, deliveries
from voicebot.records.numbers import Step
from voicebot.reminders.statistics import Answered, Attendance, answers, attendance

router = APIRouter(prefix="/deliveries")
Viewer = Annotated[Login, Depends(need(May.SEE_NUMBERS))]
OptionalDate = Annotated[date | None, BeforeValidator(lambda value: None if value == "" else value)]

_LONGEST_DAYS = 366 * 2
_USUAL_DAYS = 30
_PROCESS = "reminders"  # whose status file tells how the providers are


class Table(StrEnum):
    """What the CSV holds."""

    CHANNELS = "channels"
    PROVIDERS = "providers"
    DAYS = "days"
    ATTENDANCE = "attendance"


class Period(BaseModel):
    """What the form asks for; without dates the last thirty days."""

    first: OptionalDate = None
    last: OptionalDate = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a period. `weeks`: by their Mondays. Money is in kopecks."""

    first: date
    last: date
    sent: Deliveries
    sms_only: int | None  # unknown where no provider of SMS has a price
    answered: Answered
    weeks: Mapping[date, Attendance]
    came: Attendance

    @property
    def saved(self) -> int | None:
        return None if self.sms_only is None else self.sms_only - self.sent.total.kopecks


@router.get("")
def shown(request: Request, desk: CurrentDesk, login: Viewer, query: Annotated[Period, Query()]) -> Response:
    """The page."""
    figures = figures_of(desk, query)
    conditions = status.read(desk.settings.run_dir, desk.clock).get(_PROCESS, {}).get("providers")
    return page(
        request, "deliveries.html", found=figures, total=figures.sent.total, words=words, chart=chart_of(figures),
        conditions=conditions if isinstance(conditions, dict) else {},
    )  # fmt: skip


@router.get(".csv")
def exported(
    request: Request, desk: CurrentDesk, login: Viewer, query: Annotated[Period, Query()], table: Table = Table.CHANNELS
) -> Response:
    """The same as a table; a byte-order mark, so that office programs read the Russian."""
    figures = figures_of(desk, query)
    desk.audit.note(login.who, "numbers_exported", address=address_of(request), detail=f"deliveries {table.value}")
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows_of(figures, table))
    name = f"voicebot-deliveries-{table.value}-{figures.first}-{figures.last}.csv"
    return Response(
        "\ufeff" + text.getvalue(), media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'}
    )


def rows_of(figures: Figures, table: Table) -> Iterator[list[str]]:
    """The figures as rows of a table."""
    sent = figures.sent
    counted = [
        "отправлено",
        "доставлено",
        "прочитано",
        "не доставлено",
        "не отправлено",
        "частей",
        "рублей",
        "секунд до доставки",
    ]
    match table:
        case Table.CHANNELS:
            yield ["канал", *counted]
            yield from ([words.delivery_channel(name), *_cells(one)] for name, one in sorted(sent.channels.items()))
            yield ["всего", *_cells(sent.total)]
        case Table.PROVIDERS:
            yield ["провайдер", "канал", *counted]
            for (provider, channel), one in sorted(sent.providers.items()):
                yield [words.in_spreadsheet(provider), words.delivery_channel(channel), *_cells(one)]
        case Table.DAYS:
            yield ["день", "канал", *counted]
            for day, channels in sorted(sent.days.items()):
                yield from ([str(day), words.delivery_channel(name), *_cells(one)] for name, one in sorted(channels.items()))
        case Table.ATTENDANCE:
            yield ["неделя с", "пришли с напоминанием", "не пришли с напоминанием", "пришли без", "не пришли без"]
            for week, came in figures.weeks.items():
                yield [str(week), *_came(came)]
            yield ["всего", *_came(figures.came)]


def _cells(one: Delivered) -> list[str]:
    seconds = "" if one.mean_seconds is None else f"{one.mean_seconds:.1f}".replace(".", ",")
    roubles = f"{one.kopecks / 100:.2f}".replace(".", ",")
    return [*map(str, (one.handed, one.delivered, one.read, one.failed, one.unsent, one.parts)), roubles, seconds]


def _came(one: Attendance) -> list[str]:
    return [str(count) for count in (one.came_reminded, one.missed_reminded, one.came_other, one.missed_other)]


def chart_of(figures: Figures) -> dict[str, Any]:
    """What the charts draw, as JSON."""
    days = [figures.first + timedelta(days=number) for number in range((figures.last - figures.first).days + 1)]
    totals = []
    for day in days:
        total = Delivered()
        for one in figures.sent.days.get(day, {}).values():
            total.add(one)
        totals.append(total)
    return {
        "days": [f"{day:%d.%m}" for day in days],
        "deliveries": [
            {"name": "доставлено", "values": [one.delivered for one in totals], "tone": "good"},
            {"name": "не доставлено", "values": [one.failed for one in totals], "tone": "warn"},
            {"name": "ответа ещё нет", "values": [one.waiting for one in totals], "tone": "soft"},
        ],
        "weeks": [f"{week:%d.%m}" for week in figures.weeks],
        "missed": [
            {"name": name, "values": [_percent(getattr(one, key)) for one in figures.weeks.values()], "tone": tone}
            for key, name, tone in (
                ("missed_share_reminded", "с напоминанием", "good"),
                ("missed_share_other", "без напоминания", "warn"),
            )
        ],
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 1)


def figures_of(desk: Desk, query: Period) -> Figures:
    """Return the figures that are asked for; 422 for a period that is none."""
    zone = desk.settings.zoneinfo
    last = query.last or desk.clock.now().astimezone(zone).date()
    first = query.first or last - timedelta(days=_USUAL_DAYS - 1)
    if first > last or (last - first).days > _LONGEST_DAYS:
        raise HTTPException(422, "Период: не длиннее двух лет, начало раньше конца.")
    with desk.database.session(is_readonly=True) as session:
        sent = deliveries(session, first, last, zone)
        answered = answers(session, first, last, zone)
        by_day = attendance(session, first, last, zone)
    weeks: dict[date, Attendance] = {}
    came = Attendance()
    for day, one in by_day.items():
        weeks.setdefault(Step.WEEK.first(day), Attendance()).add(one)
        came.add(one)
    part_kopecks = float(sms_price(desk.settings.messages, 1)) * 100
    sms_only = sent.sms_only_kopecks(part_kopecks) if part_kopecks else None
    return Figures(first, last, sent, sms_only, answered, weeks, came)
