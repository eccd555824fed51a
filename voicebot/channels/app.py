"""The public HTTP of text channels: patients' browsers, bots' webhooks, Alice. The operators' pages are elsewhere (desk)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from voicebot.channels.attendance import Attendance
from voicebot.channels.clinic import TextClinic
from voicebot.channels.door import Context, Door
from voicebot.channels.doors import open_doors
from voicebot.channels.voice_notes import NoteLimits, VoiceNotes
from voicebot.errors import StorageError

log = structlog.get_logger(__name__)


def create_app(clinic: TextClinic, *, is_first: bool = True) -> FastAPI:
    """Return the app with all channels that are switched on; `app.state` has `context`, `doors` and `attendance`.

    `is_first`: of the processes at one port; what must be done once (asking messengers for news) is done by it.
    """
    settings = clinic.settings
    channels = settings.channels
    notes = VoiceNotes(clinic.recogniser, NoteLimits(seconds=channels.voice_seconds), channels.voice_workers)
    context = Context(
        settings, clinic.clock, clinic.database, clinic.catalogue, clinic.dialplans, clinic.understanding, clinic.texts, notes
    )
    doors = open_doors(context)
    conversations = clinic.conversations({name: door.rules for name, door in doors.items() if door.rules is not None})
    context.connect(conversations)
    attendance = Attendance(conversations, clinic.database, clinic.clock, doors)
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan(context, attendance, doors, is_first=is_first)
    )
    app.state.context, app.state.doors, app.state.attendance = context, doors, attendance
    for door in doors.values():
        if door.router is not None:
            app.include_router(door.router)

    @app.get("/health")
    async def health() -> Response:
        try:
            await asyncio.to_thread(clinic.database.check)
        except StorageError as error:
            return JSONResponse({"is_well": False, "problem": type(error).__name__}, status_code=503)
        return JSONResponse({"is_well": True, "channels": sorted(doors)})

    @app.middleware("http")
    async def no_sniffing(request: Request, call_next):  # type: ignore[no-untyped-def]
        response = await call_next(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response

    return app


def _lifespan(context: Context, attendance: Attendance, doors: Mapping[str, Door], *, is_first: bool):  # type: ignore[no-untyped-def]
    own = [door for door in doors.values() if door.run is not None and (is_first or door.is_local)]

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(attendance.run(context.settings.channels.poll_seconds))]
        tasks += [asyncio.create_task(_kept(door)) for door in own]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            context.voice_notes.close()
            await asyncio.to_thread(context.conversations.close)

    return lifespan


async def _kept(door: Door) -> None:
    """Run a channel's own task, again after an error."""
    assert door.run is not None
    while True:
        try:
            await door.run()
            return
        except Exception as error:  # noqa: BLE001 - a channel that is away must not end the others
            log.error("channel_waits", channel=door.channel, problem=type(error).__name__)
            await asyncio.sleep(5.0)
