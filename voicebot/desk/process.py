"""The desk as a process: HTTP, and what is done beside the calls (figures and search of finished dialogs)."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from voicebot.clock import SystemClock
from voicebot.desk.app import create_app
from voicebot.desk.chat_watch import ChatWatch
from voicebot.desk.clinic import clinic_in
from voicebot.errors import ConfigurationError, StorageError
from voicebot.privacy.daily import DailyPurge
from voicebot.records.digest import Digester
from voicebot.settings import Settings
from voicebot.storage.database import open_database

log = structlog.get_logger(__name__)

_DIGEST_SECONDS = 2.0
_PURGE_LOOK_SECONDS = 300.0
_CHAT_LOOK_SECONDS = 5.0


def run(settings: Settings) -> int:
    """Serve HTTP until SIGTERM; returns the exit status."""
    clock = SystemClock()
    database = open_database(settings.database_url)
    app = create_app(settings, clock, database)
    digester = Digester(database, clock, settings.zoneinfo, app.state.metrics.taken)
    # The catalogue and the dialogs take seconds to read: no operator is to wait for it.
    threading.Thread(target=clinic_in(app.state).warm, name="clinic", daemon=True).start()
    http = settings.http
    watch = ChatWatch(database, clock, http.silent_operator_seconds)
    app.router.lifespan_context = _beside(digester, DailyPurge(database, settings, clock), watch)
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


def _beside(digester: Digester, purge: DailyPurge, watch: ChatWatch) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(one) for one in (_digest(digester), _purge(purge), _watch(watch))]
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
        except StorageError as error:
            log.warning("digest_waits", problem=type(error).__name__)
        await asyncio.sleep(_DIGEST_SECONDS)


async def _watch(watch: ChatWatch) -> None:
    """Give chats whose operator is silent to others, for ever."""
    while True:
        try:
            await asyncio.to_thread(watch.run)
        except Exception as error:  # noqa: BLE001 - tried again: patients of silent operators would wait for ever
            log.error("chat_watch_waits", problem=type(error).__name__)
        await asyncio.sleep(_CHAT_LOOK_SECONDS)


async def _purge(purge: DailyPurge) -> None:
    """Remove what is too old, once a day; another desk may be the one that does it."""
    while True:
        try:
            await asyncio.to_thread(purge.run_if_due)
        except Exception as error:  # noqa: BLE001 - tried again: without this task nothing would ever be purged
            log.error("purge_waits", problem=type(error).__name__)
        await asyncio.sleep(_PURGE_LOOK_SECONDS)
