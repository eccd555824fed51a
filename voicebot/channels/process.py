"""The channels as a process: public HTTP and WebSocket, and what is done beside them."""

import asyncio

import structlog
import uvicorn

from voicebot import status
from voicebot.channels.app import create_app
from voicebot.channels.clinic import TextClinic
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clock import Clock, SystemClock
from voicebot.errors import ConfigurationError
from voicebot.settings import Settings
from voicebot.storage.database import open_database

log = structlog.get_logger(__name__)

LARGEST_MESSAGE_BYTES = 64 * 1024


def run(settings: Settings) -> int:
    """Serve until SIGTERM; returns the exit status."""
    clock = SystemClock()
    channels = settings.channels
    database = open_database(settings.database_url)
    catalogue = load_catalogue(settings.dialog.folder / "clinic")
    app = create_app(TextClinic(settings, clock, database, catalogue))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=channels.host,
            port=channels.port,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=bool(channels.trusted_proxies),
            forwarded_allow_ips=channels.trusted_proxies or None,
            ws_max_size=LARGEST_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=5,
        )
    )
    try:
        asyncio.run(_serve(server, settings, clock))
    except SystemExit as stop:
        raise ConfigurationError(
            f"The channels cannot listen on {channels.host}:{channels.port}.",
            "Another program holds the port? Choose one: VOICEBOT_CHANNELS__PORT=8091.",
        ) from stop
    finally:
        database.close()
    return 0


async def _serve(server: uvicorn.Server, settings: Settings, clock: Clock) -> None:
    heart = asyncio.create_task(_heartbeat(settings, clock))
    try:
        await server.serve()
    finally:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
        status.withdraw(settings.run_dir, "channels")


async def _heartbeat(settings: Settings, clock: Clock) -> None:
    while True:
        try:
            status.publish(settings.run_dir, "channels", clock)
        except OSError as error:
            log.error("status not written", problem=error.strerror, cure="Free the disk of data_dir.")
        await asyncio.sleep(1.0)
