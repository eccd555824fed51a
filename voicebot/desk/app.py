"""The HTTP side as one application: the guard, the pages, health."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from voicebot import __version__
from voicebot.accounts.audit import Audit
from voicebot.accounts.sessions import LoginSessions
from voicebot.accounts.users import Users
from voicebot.clock import Clock
from voicebot.desk.api import openapi, routes
from voicebot.desk.context import FOLDER, Desk, page
from voicebot.desk.guard import BODY_LIMIT_BYTES, Guard
from voicebot.desk.limits import RateLimits
from voicebot.desk.machine_metrics import Machine
from voicebot.desk.metrics import Counted, Metrics
from voicebot.desk.pages import audit, deliveries, dialogs, exports, health, login, metrics, numbers, operator, personal, users
from voicebot.errors import StorageError
from voicebot.records.recordings import Recordings
from voicebot.records.store import RecordStore
from voicebot.settings import Settings
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

#: (path, name, what one must be allowed to see it there)
SECTIONS = (
    ("/operator", "Очередь", "take_calls"),
    ("/callbacks", "Перезвонить", "take_calls"),
    ("/visits", "Визиты", "take_calls"),
    ("/dialogs", "Обращения", "read_dialogs"),
    ("/numbers", "Показатели", "see_numbers"),
    ("/deliveries", "Сообщения", "see_numbers"),
    ("/personal", "Персональные данные", "personal_data"),
    ("/audit", "Журнал", "read_audit"),
    ("/users", "Пользователи", "manage_users"),
)
_WORDS = {
    403: "Для этого у вас нет прав.",
    404: "Такой страницы нет.",
    422: "Неверные данные.",
    429: "Слишком часто. Подождите.",
    503: "База данных недоступна. Повторите позже.",
}


def create_app(settings: Settings, clock: Clock, database: Database) -> FastAPI:
    """Build the application on an opened database whose tables are up to date."""
    sessions = LoginSessions(database, clock)
    counted = Metrics(settings.run_dir, database, clock)
    counted.registry.register(Machine(settings, clock))
    app = FastAPI(
        title="Voicebot",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        max_body_size=BODY_LIMIT_BYTES,
        middleware=[Middleware(Counted, metrics=counted), Middleware(Guard, sessions=sessions)],
    )
    app.state.metrics = counted
    app.state.desk = Desk(
        settings=settings,
        clock=clock,
        database=database,
        records=RecordStore(database, settings.data_dir / "spool", clock),
        recordings=Recordings(settings),
        users=Users(database, clock),
        sessions=sessions,
        audit=Audit(database, clock),
        limits=RateLimits(),
        templates=_templates(settings),
    )
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    for room in (health, metrics, login, operator, dialogs, exports, numbers, deliveries, users, personal, audit):
        app.include_router(room.router)
    for part in (openapi, routes):
        app.include_router(part.router)
    app.add_exception_handler(HTTPException, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StorageError, _out_of_reach)
    return app


def _templates(settings: Settings) -> Jinja2Templates:
    templates = Jinja2Templates(directory=FOLDER / "templates")
    versions: dict[str, str] = {}

    def static(name: str) -> str:
        """The address of a file, with its content's hash: browsers may keep it for ever."""
        if name not in versions:
            versions[name] = hashlib.sha256(Path(FOLDER / "static" / name).read_bytes()).hexdigest()[:12]
        return f"/static/{name}?{versions[name]}"

    def moment(at: datetime) -> str:
        """A time as people read it, in the clinic's zone."""
        return f"{at.astimezone(settings.zoneinfo):%d.%m.%Y %H:%M}"

    templates.env.filters["moment"] = moment
    templates.env.globals.update(static=static, sections=SECTIONS)
    return templates


async def _problem(request: Request, error: Exception) -> Response:
    """A page for people, JSON for programs."""
    assert isinstance(error, HTTPException)
    location = (error.headers or {}).get("location")
    if location is not None:
        return RedirectResponse(location, 303)
    if "text/html" in request.headers.get("accept", ""):
        words = error.detail if error.status_code == 401 else _WORDS.get(error.status_code, str(error.detail))
        return page(request, "problem.html", error.status_code, number=error.status_code, words=words)
    return JSONResponse({"detail": error.detail}, error.status_code, headers=dict(error.headers or {}))


async def _out_of_reach(request: Request, error: Exception) -> Response:
    """The database, or something on the disk, refuses: nobody's mistake who asked."""
    log.error("desk_storage_refused", problem=type(error).__name__, path=getattr(request.scope.get("route"), "path", ""))
    if "text/html" in request.headers.get("accept", ""):
        return page(request, "problem.html", 503, number=503, words=_WORDS[503])
    return JSONResponse({"detail": _WORDS[503]}, 503, headers={"retry-after": "5"})


async def _invalid(request: Request, error: Exception) -> Response:
    """What was sent is not repeated: it may be personal."""
    assert isinstance(error, RequestValidationError)
    fields: list[Any] = [".".join(str(part) for part in one["loc"][1:]) for one in error.errors()]
    if "text/html" in request.headers.get("accept", ""):
        return page(request, "problem.html", 422, number=422, words=_WORDS[422])
    return JSONResponse({"detail": _WORDS[422], "fields": fields}, 422)
