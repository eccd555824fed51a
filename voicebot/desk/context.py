"""What all pages use, and who is allowed to open them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from voicebot.accounts.audit import Audit
from voicebot.accounts.roles import May, allows
from voicebot.accounts.sessions import Login, LoginSessions
from voicebot.accounts.users import Users
from voicebot.clock import Clock
from voicebot.desk.limits import RateLimits
from voicebot.records.dialogs import Dialog, mask_phone
from voicebot.records.masking import masked
from voicebot.records.recordings import Recordings
from voicebot.records.store import RecordStore
from voicebot.russian.written import write_phone
from voicebot.settings import Settings
from voicebot.storage.database import Database

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of the desk; one a process."""

    settings: Settings
    clock: Clock
    database: Database
    records: RecordStore
    recordings: Recordings
    users: Users
    sessions: LoginSessions
    audit: Audit
    limits: RateLimits
    templates: Jinja2Templates


def desk_of(request: Request) -> Desk:
    """Return the desk that serves a request."""
    desk: Desk = request.app.state.desk
    return desk


def login_of(request: Request) -> Login:
    """Return who asks. The guard has let nobody else through."""
    login: Login | None = getattr(request.state, "login", None)
    if login is None:
        raise HTTPException(401, "Нужно войти.")
    return login


def ready_login_of(request: Request) -> Login:
    """Return who asks; whoever must change the password is sent to do it first."""
    login = login_of(request)
    if login.must_change:
        raise HTTPException(303, "Сначала смените пароль.", headers={"location": "/password"})
    return login


CurrentDesk = Annotated[Desk, Depends(desk_of)]
CurrentLogin = Annotated[Login, Depends(login_of)]


def need(*whats: May) -> Callable[[Request], Login]:
    """Return a dependency: 403 unless the role of whoever asks allows one of these. A refusal is audited."""

    def check(request: Request) -> Login:
        login = ready_login_of(request)
        # A key that is narrowed to parts of the interface for programs opens no pages, whatever its role.
        if login.scopes is not None or not any(allows(login.role, what) for what in whats):
            desk_of(request).audit.note(login.who, "refused", address=address_of(request), detail=request.url.path)
            raise HTTPException(403, "Для этого у вас нет прав.")
        return login

    return check


def address_of(request: Request) -> str:
    """Return where a request comes from (uvicorn has applied X-Forwarded-For of trusted proxies)."""
    return request.client.host if request.client is not None else ""


def phones_of(login: Login) -> Callable[[str], str]:
    """Return how phone numbers are shown to whoever asks: whole, or with their middle hidden."""
    return str if allows(login.role, May.SEE_PHONES) else mask_phone


def written_phones(login: Login) -> Callable[[str], str]:
    """The same for people: +7 (912) 345-67-89."""
    return write_phone if allows(login.role, May.SEE_PHONES) else mask_phone


def as_shown(login: Login, dialog: Dialog) -> Dialog:
    """Return a dialog as this role may see it."""
    return dialog if allows(login.role, May.SEE_PHONES) else masked(dialog)


def page(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template; `login` and `may` are known to all of them."""
    login: Login | None = getattr(request.state, "login", None)

    def may(what: str) -> bool:
        return login is not None and allows(login.role, May(what))

    context = {"login": login, "may": may, **values}
    return desk_of(request).templates.TemplateResponse(request, name, context, status_code=status)
