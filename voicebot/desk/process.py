"""The desk as a process: HTTP, and what is done beside the calls (figures and search of finished dialogs)."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from voicebot.clock import SystemClock
from voicebot.desk.app import create_app
from voicebot.desk.chat_watch import ChatWatch
from voicebot.desk.clinic import Clinic, clinic_in
from voicebot.errors import ConfigurationError
from voicebot.lost_calls import LostCalls
from voicebot.privacy.daily import DailyPurge
from voicebot.records.archive import open_archive
from voicebot.records.digest import Digester
from voicebot.records.presence import BEAT_SECONDS
from voicebot.records.uploads import EVERY_SECONDS, Uploads
from voicebot.settings import Settings
from voicebot.storage.database import open_database

log = structlog.get_logger(__name__)

_DIGEST_SECONDS = 2.0
_PURGE_LOOK_SECONDS = 300.0
_CHAT_LOOK_SECONDS = 5.0


def run(settings: Settings) -> int:
    """Serve HTTP until SIGTERM; returns the exit status."""
    clock = SystemClock()
    database = open_database(settings.database_url, may_create=False)
    app = create_app(settings, clock, database)
    digester = Digester(database, clock, settings.zoneinfo, app.state.metrics.taken)
    # The catalogue and the dialogs take seconds to read: no operator is to wait for it.
    threading.Thread(target=clinic_in(app.state).warm, name="clinic", daemon=True).start()
    signal.signal(signal.SIGHUP, lambda _number, _frame: _renew(clinic_in(app.state)))
    http = settings.http
    watch = ChatWatch(database, clock, http.silent_operator_seconds)
    archive = open_archive(settings)
    uploads = Uploads(settings.recordings_folder, archive, database, clock) if archive is not None else None
    lost = LostCalls(database, clock)
    app.router.lifespan_context = _beside(digester, DailyPurge(database, settings, clock), watch, lost, uploads)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=http.host,
            port=http.port,
            log_level="warning",
            access_log=False,
            server_header=False,
            ssl_certfile=http.certificate,
            ssl_keyfile=http.private_key,
            proxy_headers=bool(http.trusted_proxies),
            forwarded_allow_ips=http.trusted_proxies or None,
        )
    )
    try:
        server.run()
    except SystemExit as stop:
        raise ConfigurationError(
            f"HTTP cannot listen on {http.host}:{http.port}.",
            "Another program holds the port? Choose one: VOICEBOT_HTTP__PORT=8081.",
        ) from stop
    finally:
        database.close()
    return 0


def _renew(clinic: Clinic) -> None:
    """Read the clinic's files again beside the pages; wrong ones change nothing."""

    def work() -> None:
        try:
            clinic.renew()
        except ConfigurationError as error:
            log.error("clinic_not_reloaded", problem=error.message, cure=error.cure)
        else:
            log.info("clinic_reloaded")

    threading.Thread(target=work, name="clinic", daemon=True).start()


def _beside(
    digester: Digester, purge: DailyPurge, watch: ChatWatch, lost: LostCalls, uploads: Uploads | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        beside = [
            _digest(digester),
            _again("purge", _PURGE_LOOK_SECONDS, purge.run_if_due),
            _again("chat_watch", _CHAT_LOOK_SECONDS, watch.run),
            _again("lost_calls", BEAT_SECONDS, lost.look),
        ]
        if uploads is not None:
            beside.append(_again("uploads", EVERY_SECONDS, uploads.run))
        tasks = [asyncio.create_task(one) for one in beside]
        try:
            yield
        finally:
            purge.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return lifespan


async def _digest(digester: Digester) -> None:
    """Take finished dialogs into the figures, for ever."""
    while True:
        try:
            while await asyncio.to_thread(digester.run):
                pass
        except Exception as error:  # noqa: BLE001 - as below: figures, search and the purge live by it
            log.error("digest_waits", problem=type(error).__name__)
        await asyncio.sleep(_DIGEST_SECONDS)


async def _again(name: str, every_seconds: float, work: Callable[[], object]) -> None:
    """Do a piece of work again and again, for ever; whatever breaks it, it is tried again."""
    while True:
        try:
            await asyncio.to_thread(work)
        except Exception as error:  # noqa: BLE001 - without it patients of silent operators would wait, nothing be purged
            log.error(f"{name}_waits", problem=type(error).__name__)
        await asyncio.sleep(every_seconds)
