"""The visits of a day: who is expected, who came, who did not."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, BeforeValidator, Field

from voicebot.accounts.roles import May
from voicebot.accounts.sessions import Login
from voicebot.clinic.day_visits import MARKABLE_DAYS, VisitFilter
from voicebot.clinic.failures import ServiceFailure
from voicebot.clinic.tables import AppointmentStatus
from voicebot.desk import operator_words
from voicebot.desk.clinic import Clinic, clinic_of
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page, written_phones

router = APIRouter(prefix="/visits")
Operator = Annotated[Login, Depends(need(May.TAKE_CALLS))]
CurrentClinic = Annotated[Clinic, Depends(clinic_of)]
OptionalDate = Annotated[date | None, BeforeValidator(lambda value: None if value == "" else value)]

PAGE = 100
MARKS = {AppointmentStatus.ARRIVED: "Пришёл", AppointmentStatus.NOSHOW: "Не пришёл", AppointmentStatus.BOOKED: "Вернуть"}


class DayFilter(BaseModel):
    """What the form asks for; without a day: today."""

    day: OptionalDate = None
    branch: str = Field("", max_length=64)
    doctor: str = Field("", max_length=64)
    status: str = Field("", max_length=20)
    page: int = Field(1, ge=1, le=1000)


@router.get("")
def listed(
    request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, query: Annotated[DayFilter, Query()]
) -> Response:
    """The day, in order of time."""
    return _page(request, desk, clinic, login, query)


@router.post("/{appointment_id}/mark")
def mark(
    request: Request,
    desk: CurrentDesk,
    clinic: CurrentClinic,
    login: Operator,
    appointment_id: int,
    status: Annotated[AppointmentStatus, Form()],
    seen: Annotated[str, Form(max_length=20)],
    back: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Mark a visit; answers with its row as it is now."""
    desk.audit.note(login.who, "visit_marked", address=address_of(request), detail=f"visit {appointment_id} {status.value}")
    problem = ""
    try:
        clinic.visits.mark(appointment_id, status, seen)
    except ServiceFailure as failure:
        problem = operator_words.failure(failure)
    if "hx-request" not in request.headers and not problem:
        return RedirectResponse(f"/visits{back}" if back.startswith("?") else "/visits", 303)
    visit = clinic.visits.get(appointment_id)
    if visit is None:
        return _page(request, desk, clinic, login, DayFilter(), status=404, problem=problem)
    values = _values(desk, clinic, login)
    return page(request, "_visit_row.html", 409 if problem else 200, visit=visit, problem=problem, **values)


def _page(
    request: Request, desk: Desk, clinic: Clinic, login: Login, query: DayFilter, *, status: int = 200, problem: str = ""
) -> Response:
    values = _values(desk, clinic, login)
    day = query.day or desk.clock.now().astimezone(clinic.catalogue.zone).date()
    wanted = VisitFilter(
        day, day, branch=query.branch, doctor=query.doctor, status=query.status, limit=PAGE + 1, offset=(query.page - 1) * PAGE
    )
    found = clinic.visits.list(wanted)
    desk.audit.note(login.who, "visits_listed", address=address_of(request), detail=f"{day}")
    return page(
        request, "visits.html", status, visits=found[:PAGE], is_more=len(found) > PAGE, query=query, day=day, problem=problem,
        statuses=operator_words.STATUSES, **values,
    )  # fmt: skip


def _values(desk: Desk, clinic: Clinic, login: Login) -> dict[str, object]:
    now = desk.clock.now().astimezone(clinic.catalogue.zone)
    return {
        "clinic": clinic,
        "texts": operator_words,
        "marks": MARKS,
        "now": now,
        "today": now.date(),
        "markable_days": MARKABLE_DAYS,
        "phone": written_phones(login),
    }
