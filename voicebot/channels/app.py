"""The public HTTP of text channels: patients' browsers, bots' webhooks, Alice. The operators' pages are elsewhere (desk)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from voicebot.channels.attendance import Attendance
from voicebot.channels.conversations import TextConversations
from voicebot.channels.door import Context, Door
from voicebot.channels.doors import open_doors
from voicebot.channels.rules import Rules
from voicebot.channels.texts import Texts, load_texts
from voicebot.channels.thinking import Services, Thinker
from voicebot.channels.voice_notes import NoteLimits, Recognise, VoiceNotes
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.services import SERVICES, ClinicServices
from voicebot.clock import Clock
from voicebot.dialog import inventory
from voicebot.dialog.engine import Engine
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.opening import understanding_of
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding
from voicebot.errors import StorageError
from voicebot.settings import Settings
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)


class TextClinic:
    """The clinic's dialogs made ready for text: takes seconds, once a process."""

    def __init__(self, settings: Settings, clock: Clock, database: Database, catalogue: Catalogue) -> None:
        self.settings = settings
        self.clock = clock
        self.database = database
        self.catalogue = catalogue
        self.dialplans: Dialplans = load_dialplans(settings.dialog.folder / "dialplans", SERVICES)
        self.understanding: Understanding = understanding_of(catalogue, self.dialplans, settings.dialog.folder, settings.cache)
        self.understanding.warm_up()
        self.engine = Engine(self.dialplans, catalogue, self.understanding)
        self.texts: Texts = load_texts(settings.dialog.folder)
        self.services: Services = ClinicServices(Bookings(database, catalogue, clock), catalogue, clock)

    def thinker(self) -> Thinker:
        settings = self.settings
        return Thinker(self.engine, self.services, self.clock, settings.zoneinfo, settings.transfer.hours)

    def conversations(self, rules: Mapping[str, Rules]) -> TextConversations:
        channels = self.settings.channels
        return TextConversations(
            self.thinker(),
            self.database,
            rules,
            self.texts,
            self.settings.dialog.folder.name,
            operator_wait_seconds=channels.operator_wait_seconds,
            threads=channels.threads,
        )

    def recogniser(self) -> Recognise:
        """Load the phone's recogniser, for voice notes."""
        from voicebot.channels.hearing import open_recogniser  # loads Vosk: only when the first note comes

        grammars = inventory.grammars(self.dialplans, self.understanding)
        phrases = list(dict.fromkeys(phrase for grammar in grammars.values() for phrase in grammar))
        return open_recogniser(self.settings, self.catalogue, phrases)


def create_app(clinic: TextClinic) -> FastAPI:
    """Return the app with all channels that are switched on; `app.state` has `context`, `doors` and `attendance`."""
    settings = clinic.settings
    channels = settings.channels
    notes = VoiceNotes(clinic.recogniser, NoteLimits(seconds=channels.voice_seconds), channels.voice_workers)
    context = Context(settings, clinic.clock, clinic.database, clinic.catalogue, clinic.understanding, clinic.texts, notes)
    doors = open_doors(context)
    conversations = clinic.conversations({name: door.rules for name, door in doors.items() if door.rules is not None})
    context.connect(conversations)
    attendance = Attendance(conversations, clinic.database, clinic.clock, doors)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan(context, attendance, doors))
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


def _lifespan(context: Context, attendance: Attendance, doors: Mapping[str, Door]):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(attendance.run(context.settings.channels.poll_seconds))]
        tasks += [asyncio.create_task(_kept(door)) for door in doors.values() if door.run is not None]
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
