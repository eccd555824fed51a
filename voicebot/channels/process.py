"""The channels as a process: public HTTP and WebSocket, and what is done beside them."""

import asyncio
import socket

import structlog
import uvicorn
import uvloop

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
BACKLOG = 2048


def run(settings: Settings, number: int = 1) -> int:
    """Serve until SIGTERM; returns the exit status. Of several processes at one port only the first polls messengers."""
    clock = SystemClock()
    channels = settings.channels
    database = open_database(settings.database_url)
    catalogue = load_catalogue(settings.dialog.folder / "clinic")
    app = create_app(TextClinic(settings, clock, database, catalogue), is_first=number == 1)
    if channels.web.has_voice:
        app.state.context.voice_notes.warm_up()
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
        listener = _listening(channels.host, channels.port, is_shared=channels.processes > 1)
        with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(server, listener, settings, clock, f"channels-{number}"))
    except (SystemExit, OSError) as stop:
        raise ConfigurationError(
            f"The channels cannot listen on {channels.host}:{channels.port}.",
            "Another program holds the port? Choose one: VOICEBOT_CHANNELS__PORT=8091.",
        ) from stop
    finally:
        database.close()
    return 0


def _listening(host: str, port: int, *, is_shared: bool) -> socket.socket:
    """A socket of ours; `is_shared`: the kernel spreads new connections among the processes at this port (Linux)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener


async def _serve(server: uvicorn.Server, listener: socket.socket, settings: Settings, clock: Clock, name: str) -> None:
    heart = asyncio.create_task(_heartbeat(settings, clock, name))
    try:
        await server.serve(sockets=[listener])
    finally:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
        status.withdraw(settings.run_dir, name)


async def _heartbeat(settings: Settings, clock: Clock, name: str) -> None:
    while True:
        try:
            status.publish(settings.run_dir, name, clock)
        except OSError as error:
            log.error("status not written", problem=error.strerror, cure="Free the disk of data_dir.")
        await asyncio.sleep(1.0)
