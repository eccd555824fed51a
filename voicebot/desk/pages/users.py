"""Users, for the administrator."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from voicebot.accounts.roles import May, Role
from voicebot.accounts.sessions import Login
from voicebot.accounts.users import AccountError
from voicebot.desk.context import CurrentDesk, address_of, need, page

router = APIRouter(prefix="/users")
Manager = Annotated[Login, Depends(need(May.MANAGE_USERS))]

_BAD_LOGIN = "Логин занят или записан не латинскими буквами, цифрами, точками и дефисами."
ROLES = {Role.OPERATOR: "оператор", Role.QA: "качество", Role.MANAGER: "руководитель", Role.ADMIN: "администратор"}


@router.get("")
def users(request: Request, desk: CurrentDesk, login: Manager) -> Response:
    """The list of users, and a form for a new one."""
    return _page(request, desk)


@router.post("")
def add(
    request: Request,
    desk: CurrentDesk,
    login: Manager,
    name: Annotated[str, Form(max_length=64)],
    role: Annotated[Role, Form()],
    title: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Make a user; the password is shown on this page only."""
    try:
        password = desk.users.add(name, role, name=title)
    except AccountError:
        return _page(request, desk, problem=_BAD_LOGIN, status=400)
    desk.audit.note(login.who, "user_added", name, address_of(request), role)
    return _page(request, desk, shown=(name.strip().lower(), password))


@router.post("/{name}/password")
def reset(request: Request, desk: CurrentDesk, login: Manager, name: str) -> Response:
    """Draw a new password for a user."""
    try:
        password = desk.users.set_password(name)
    except AccountError:
        return _page(request, desk, problem="Такого пользователя нет.", status=404)
    desk.audit.note(login.who, "password_reset", name, address_of(request))
    return _page(request, desk, shown=(name, password))


@router.post("/{name}/state")
def change(
    request: Request,
    desk: CurrentDesk,
    login: Manager,
    name: str,
    role: Annotated[Role, Form()],
    is_active: Annotated[bool, Form()] = False,
) -> Response:
    """Give another role, let in or keep out."""
    try:
        desk.users.set_role(name, role)
        desk.users.set_active(name, is_active)
    except AccountError:
        return _page(request, desk, problem="Это последний администратор: сначала назначьте другого.", status=400)
    desk.audit.note(login.who, "user_changed", name, address_of(request), f"{role} {'in' if is_active else 'out'}")
    return _page(request, desk)


def _page(
    request: Request, desk: CurrentDesk, *, problem: str = "", shown: tuple[str, str] | None = None, status: int = 200
) -> Response:
    return page(request, "users.html", status, users=desk.users.all(), roles=ROLES, problem=problem, shown=shown)
