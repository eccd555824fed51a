"""Logging in and out, and the own password."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import Headers

from voicebot.accounts.roles import May, Role, allows
from voicebot.accounts.users import AccountError
from voicebot.desk.context import CurrentDesk, CurrentLogin, address_of, page
from voicebot.desk.guard import COOKIE, is_own_origin, session_token
from voicebot.desk.limits import Tries

router = APIRouter()
_WRONG = "Неверный логин или пароль."
_TOO_EASY = "Слишком простой пароль: нужно не меньше 10 знаков, разных и без логина."
_TOO_OFTEN = "Слишком много попыток. Подождите несколько минут."


@router.get("/login")
def ask(request: Request, next: str = "/") -> Response:
    """The login page."""
    if getattr(request.state, "login", None) is not None:
        return RedirectResponse(_own_path(next), 303)
    return page(request, "login.html", next=_own_path(next), problem="")


@router.post("/login")
def log_in(
    request: Request,
    desk: CurrentDesk,
    name: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=256)],
    next: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Check the password; slow for guessers, and from our own page only (login CSRF)."""
    address, login_name = address_of(request), name.strip().lower()
    if not is_own_origin(Headers(scope=request.scope)):
        return page(request, "login.html", 403, next="/", problem="Откройте страницу входа заново.")
    is_allowed = desk.limits.take(Tries.LOGIN_ADDRESS, address) and not desk.limits.is_exhausted(Tries.LOGIN_NAME, login_name)
    # People type a password where the login belongs: only the names of users are kept.
    subject = login_name if desk.users.is_known(login_name) else ""
    if not is_allowed:
        desk.audit.note("", "login_throttled", subject, address)
        return page(request, "login.html", 429, next=_own_path(next), problem=_TOO_OFTEN)
    user = desk.users.verify(login_name, password)
    if user is None:
        desk.limits.take(Tries.LOGIN_NAME, login_name)
        desk.audit.note("", "login_failed", subject, address)
        return page(request, "login.html", 401, next=_own_path(next), problem=_WRONG)
    desk.audit.note(user.login, "logged_in", address=address)
    desk.sessions.close(session_token(Headers(scope=request.scope)))  # whose ever it was, this browser leaves it
    response = RedirectResponse("/password" if user.must_change else _own_path(next), 303)
    _set_cookie(request, response, desk.sessions.open(user.id))
    return response


@router.post("/logout")
def log_out(request: Request, desk: CurrentDesk, login: CurrentLogin) -> Response:
    """End the session."""
    desk.sessions.close(session_token(Headers(scope=request.scope)))
    desk.audit.note(login.who, "logged_out", address=address_of(request))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/password")
def ask_password(request: Request, login: CurrentLogin) -> Response:
    """The page to change one's own password."""
    return page(request, "password.html", problem="")


@router.post("/password")
def change_password(
    request: Request,
    desk: CurrentDesk,
    login: CurrentLogin,
    old: Annotated[str, Form(max_length=256)],
    new: Annotated[str, Form(max_length=256)],
    again: Annotated[str, Form(max_length=256)],
) -> Response:
    """Change the own password; all sessions end, this one begins anew."""
    if desk.limits.is_exhausted(Tries.LOGIN_NAME, login.who):
        return page(request, "password.html", 429, problem=_TOO_OFTEN)
    user = desk.users.verify(login.who, old)
    if user is None:
        desk.limits.take(Tries.LOGIN_NAME, login.who)
        return page(request, "password.html", 400, problem="Старый пароль неверен.")
    if new != again:
        return page(request, "password.html", 400, problem="Новые пароли не совпадают.")
    if new == old:
        return page(request, "password.html", 400, problem="Новый пароль такой же, как старый.")
    try:
        desk.users.set_password(login.who, new, is_own=True)
    except AccountError:
        return page(request, "password.html", 400, problem=_TOO_EASY)
    desk.audit.note(login.who, "password_changed", address=address_of(request))
    response = RedirectResponse("/", 303)
    _set_cookie(request, response, desk.sessions.open(user.id))
    return response


@router.get("/")
def first_page(login: CurrentLogin) -> Response:
    """Where each role begins."""
    if login.must_change:
        return RedirectResponse("/password", 303)
    return RedirectResponse(home_of(login.role), 303)


def home_of(role: Role) -> str:
    """Return the first page of a role."""
    if allows(role, May.TAKE_CALLS):
        return "/operator"
    return "/dialogs" if allows(role, May.READ_DIALOGS) else "/numbers"


def _set_cookie(request: Request, response: Response, token: str) -> None:
    is_secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, httponly=True, secure=is_secure, samesite="lax", path="/")


def _own_path(path: str) -> str:
    """A page of ours to go to, never another host's."""
    parts = urlsplit(path.replace("\\", "/"))
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith("/") and not path.startswith("//")
    return path if is_ours and "\n" not in path and "\r" not in path else "/"
