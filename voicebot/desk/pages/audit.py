"""The audit, for the administrator: who looked at, changed or took away what."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, BeforeValidator, Field

from voicebot.accounts.audit import Entry
from voicebot.accounts.roles import May
from voicebot.accounts.sessions import Login
from voicebot.desk import audit_words
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page

router = APIRouter(prefix="/audit")
Reader = Annotated[Login, Depends(need(May.READ_AUDIT))]
OptionalDate = Annotated[date | None, BeforeValidator(lambda value: None if value == "" else value)]

PAGE = 100
_MOST_ROWS = 100_000


class Filter(BaseModel):
    """What the form asks for. Nothing personal of patients: a subject is a dialog ID or a login."""

    who: str = Field("", max_length=80)
    action: str = Field("", max_length=32)
    subject: str = Field("", max_length=64)
    since: OptionalDate = None
    until: OptionalDate = None
    page: int = Field(1, ge=1, le=10_000)


@router.get("")
def shown(request: Request, desk: CurrentDesk, login: Reader, query: Annotated[Filter, Query()]) -> Response:
    """The list, newest first."""
    found = _entries(desk, query, PAGE + 1, (query.page - 1) * PAGE)
    who, actions = desk.audit.choices()
    return page(
        request,
        "audit.html",
        query=query,
        entries=found[:PAGE],
        has_more=len(found) > PAGE,
        who=who,
        actions=actions,
        action=audit_words.action,
        detail=audit_words.detail,
    )


@router.get(".csv")
def exported(request: Request, desk: CurrentDesk, login: Reader, query: Annotated[Filter, Query()]) -> Response:
    """The same as a table; a byte-order mark, so that office programs read the Russian."""
    desk.audit.note(login.who, "audit_exported", address=address_of(request))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["время", "кто", "что", "код", "предмет", "адрес", "подробности"])
    for one in _entries(desk, query, _MOST_ROWS, 0):
        at = one.at.astimezone(desk.settings.zoneinfo).isoformat(timespec="seconds")
        cells = (
            at,
            one.who,
            audit_words.action(one.action),
            one.action,
            one.subject,
            one.address,
            audit_words.detail(one.detail),
        )
        writer.writerow([_cell(cell) for cell in cells])
    headers = {"content-disposition": 'attachment; filename="audit.csv"'}
    return Response("\ufeff" + text.getvalue(), media_type="text/csv", headers=headers)


def _cell(text: str) -> str:
    """A login that somebody made up must not become a formula; a masked number stays one."""
    return "'" + text if text[:1] in ("=", "-", "@", "\t", "\r") else text


def _entries(desk: Desk, query: Filter, limit: int, offset: int) -> Sequence[Entry]:
    zone = desk.settings.zoneinfo

    def moment(day: date | None, plus_days: int = 0) -> datetime | None:
        return None if day is None else datetime.combine(day + timedelta(days=plus_days), time(), zone)

    wanted: dict[str, Any] = {"who": query.who, "action": query.action, "subject": query.subject.strip()}
    return desk.audit.entries(**wanted, since=moment(query.since), until=moment(query.until, 1), limit=limit, offset=offset)
