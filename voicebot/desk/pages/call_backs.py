"""The calls to return: whom, by when, who does it, what came of it."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BeforeValidator

from voicebot.accounts.roles import May
from voicebot.accounts.sessions import Login
from voicebot.desk import words
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page, written_phones
from voicebot.desk.pages.dialogs import find
from voicebot.records.call_backs import CallBacks, Returned

router = APIRouter(prefix="/callbacks")
Operator = Annotated[Login, Depends(need(May.TAKE_CALLS))]
OptionalMoment = Annotated[datetime | None, BeforeValidator(lambda value: None if value == "" else value)]

OUTCOMES = {Returned.REACHED: "Дозвонились", Returned.GAVE_UP: "Больше не звонить"}
AGAIN = timedelta(minutes=30)  # after a call that nobody answered, unless another time is chosen


@router.get("")
def listed(request: Request, desk: CurrentDesk, login: Operator) -> Response:
    """The list, the earliest due first."""
    return _page(request, desk, login)


@router.post("/{typed}/take")
def take(request: Request, desk: CurrentDesk, login: Operator, typed: str, force: Annotated[bool, Form()] = False) -> Response:
    """Say that one will call oneself."""
    dialog = find(request, desk, login, typed)
    who = CallBacks(desk.database, desk.clock).take(dialog.id, login.who, is_forced=force)
    if who != login.who:
        return _page(request, desk, login, status=409, problem=f"Обращению {dialog.id} уже перезванивает {who}.")
    desk.audit.note(login.who, "call_back_taken", dialog.id, address_of(request), "by force" if force else "")
    return RedirectResponse("/callbacks", 303)


@router.post("/{typed}/tried")
def tried(
    request: Request,
    desk: CurrentDesk,
    login: Operator,
    typed: str,
    tries: Annotated[int, Form(ge=0)],
    due: Annotated[OptionalMoment, Form()] = None,
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Nobody answered: once more, later."""
    dialog = find(request, desk, login, typed)
    at = due.replace(tzinfo=desk.settings.zoneinfo) if due is not None else desk.clock.now() + AGAIN
    CallBacks(desk.database, desk.clock).tried(dialog.id, login.who, tries, at, note.strip())
    desk.audit.note(login.who, "call_back_tried", dialog.id, address_of(request))
    return RedirectResponse("/callbacks", 303)


@router.post("/{typed}/done")
def done(
    request: Request,
    desk: CurrentDesk,
    login: Operator,
    typed: str,
    outcome: Annotated[Returned, Form()],
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Off the list."""
    dialog = find(request, desk, login, typed)
    if not CallBacks(desk.database, desk.clock).done(dialog.id, login.who, outcome, note.strip()):
        return _page(request, desk, login, status=409, problem=f"Обращение {dialog.id} уже закрыл другой сотрудник.")
    desk.audit.note(login.who, "call_back_done", dialog.id, address_of(request), outcome.value)
    return RedirectResponse("/callbacks", 303)


def _page(request: Request, desk: Desk, login: Login, *, status: int = 200, problem: str = "") -> Response:
    calls = CallBacks(desk.database, desk.clock).open()
    desk.audit.note(login.who, "call_backs_listed", address=address_of(request))
    return page(
        request, "callbacks.html", status, calls=calls, phone=written_phones(login), words=words, outcomes=OUTCOMES,
        problem=problem, now=desk.clock.now(),
    )  # fmt: skip
