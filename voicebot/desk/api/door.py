"""Who may use which part of the interface for programs, and how often."""

from collections.abc import Callable
from typing import Any

from fastapi import HTTPException, Request

from voicebot.accounts.roles import Scope
from voicebot.accounts.sessions import Login
from voicebot.desk.api.shapes import Problem
from voicebot.desk.context import address_of, desk_of, ready_login_of
from voicebot.desk.limits import Tries

ERRORS = {
    401: "No key, or one that is not valid.",
    403: "The key's role or scopes do not allow it.",
    404: "There is no such thing.",
    422: "Something of the request is wrong.",
    429: "Too many requests; see Retry-After.",
    503: "The database, or a key to a sealed recording, is out of reach.",
}


def door(scope: Scope) -> Callable[[Request], Login]:
    """Return a dependency: 403 unless the key is for this part, 429 when it asks too often."""

    def check(request: Request) -> Login:
        login, desk = ready_login_of(request), desk_of(request)
        if not login.may(scope):
            desk.audit.note(login.who, "refused", address=address_of(request), detail=f"api {scope}")
            raise HTTPException(403, f"Для этого нужен ключ с областью {scope}.")
        if not desk.limits.take(Tries.API, login.who):
            raise HTTPException(429, "Слишком часто.", headers={"retry-after": "1"})
        return login

    return check


def note(request: Request, login: Login, action: str, subject: str = "", *, is_polled: bool = False) -> None:
    """Audit what a program reads. What is polled all day is noted once a minute."""
    desk = desk_of(request)
    if not is_polled or desk.limits.take(Tries.POLLED, f"{login.who} {action}"):
        desk.audit.note(login.who, action, subject, address_of(request))


def errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Describe the refusals of an operation: these, and those that any may meet."""
    return {code: {"model": Problem, "description": ERRORS[code]} for code in sorted({401, 403, 429, 503, *codes})}
