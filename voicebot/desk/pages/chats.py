"""An operator answers a patient in writing, on the contact's own page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from voicebot.accounts.roles import May
from voicebot.accounts.sessions import Login
from voicebot.desk.context import CurrentDesk, Desk, address_of, need
from voicebot.desk.pages.dialogs import find
from voicebot.records.dialogs import Dialog
from voicebot.records.handed import LONGEST, ChatRefused, Handed, State
from voicebot.records.queue import is_written

router = APIRouter()
Operator = Annotated[Login, Depends(need(May.TAKE_CALLS))]

#: Which of the page's forms is shown. The page's script reads it from the live part.
MINE, OTHERS, ROBOTS, WAITS, OVER = "mine", "others", "robots", "waits", "over"


def chat_of(desk: Desk, login: Login, dialog: Dialog) -> str:
    """What whoever looks may do in a dialog: "" where nothing is written, else MINE (write), OTHERS, ROBOTS, WAITS, OVER."""
    if not is_written(dialog.channel):
        return ""
    if dialog.ended_at is not None:
        return OVER
    chat = Handed(desk.database, desk.clock).chat(dialog.id)
    if chat is None:
        return ROBOTS
    if chat.state is State.TAKEN:
        return MINE if chat.taken_by == login.who else OTHERS
    return OVER if chat.state is State.CLOSED else WAITS


@router.post("/d/{typed}/say")
def say(
    request: Request,
    desk: CurrentDesk,
    login: Operator,
    typed: str,
    text: Annotated[str, Form(max_length=LONGEST)],
    key: Annotated[str, Form(min_length=8, max_length=64)],
) -> Response:
    """Write to the patient. The same `key` is the same message, however often it comes."""
    dialog = find(request, desk, login, typed)
    written = text.strip().replace("\r\n", "\n")
    if not written:
        return _told("Напишите что-нибудь.", 422)
    try:
        number = Handed(desk.database, desk.clock).say(dialog.id, login.who, written, key)
    except ChatRefused as refused:
        return _told(why(refused), 409)
    desk.audit.note(login.who, "chat_answered", dialog.id, address_of(request))
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"/d/{dialog.id}", 303)
    return JSONResponse({"number": number})


@router.post("/d/{typed}/back")
def give_back(request: Request, desk: CurrentDesk, login: Operator, typed: str) -> Response:
    """Let the robot go on with the patient."""
    dialog = find(request, desk, login, typed)
    try:
        Handed(desk.database, desk.clock).give_back(dialog.id, login.who)
    except ChatRefused as refused:
        return _told(why(refused), 409)
    desk.audit.note(login.who, "chat_given_back", dialog.id, address_of(request))
    return RedirectResponse("/operator", 303)


def why(refused: ChatRefused) -> str:
    """Why an operator cannot write."""
    if refused.state is State.CLOSED:
        return "Разговор уже закончен: пациент этого не прочтёт."
    if refused.state is State.TAKEN:
        return f"Разговор ведёт {refused.taken_by}. Заберите его себе, чтобы ответить."
    if refused.state is State.WAITING:
        return "Сначала возьмите обращение себе."
    return "Разговор ведёт робот. Возьмите обращение себе, чтобы ответить."


def _told(words: str, status: int) -> Response:
    return JSONResponse({"detail": words}, status)
