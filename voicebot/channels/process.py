"""The channels as a process: public HTTP and WebSocket, and what is done beside them."""

import asyncio
import gc
import signal
import socket
import sys

import structlog
import uvicorn
import uvloop

from voicebot import status
from voicebot.channels.app import create_app
from voicebot.channels.clinic import TextClinic
from voicebot.channels.reloading import reloading_of
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clock import SystemClock
from voicebot.dialog.version import version_of
from voicebot.errors import ConfigurationError
from voicebot.settings import Settings
from voicebot.storage.database import open_database
from voicebot.talk.reloading import Reloading

log = structlog.get_logger(__name__)

LARGEST_MESSAGE_BYTES = 64 * 1024
BACKLOG = 2048
_SWITCH_SECONDS = 0.001
_COLLECT_AFTER = 20_000  # new objects


def run(settings: Settings, number: int = 1) -> int:
    """Serve until SIGTERM; returns the exit status. Of several processes at one port only the first polls messengers."""
    clock = SystemClock()
    channels = settings.channels
    database = open_database(settings.database_url, may_create=False)
    catalogue = load_catalogue(settings.dialog.folder / "clinic")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until we listen to it
    clinic = TextClinic(settings, clock, database, catalogue)
    app = create_app(clinic, is_first=number == 1)
    reloading = reloading_of(clinic, app.state.context, _tune)
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
            ws_ping_interval=None,  # the widget asks every half a minute (web_protocol.Ping), we notice who does not
            timeout_graceful_shutdown=5,
        )
    )
    _tune()
    try:
        listener = _listening(channels.host, channels.port, is_shared=channels.processes > 1)
        with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(server, listener, clinic, reloading, f"channels-{number}"))
    except (SystemExit, OSError) as stop:
        raise ConfigurationError(
            f"The channels cannot listen on {channels.host}:{channels.port}.",
            "Another program holds the port? Choose one: VOICEBOT_CHANNELS__PORT=8091.",
        ) from stop
    finally:
        database.close()
    return 0


def _tune() -> None:
    """Python's own work made less: the models and dialplans, which stay, are not searched for garbage. A thread that comes back
    from the database soon gets the interpreter's lock, because until then it may hold the database's.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)
    sys.setswitchinterval(_SWITCH_SECONDS)


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


async def _serve(
    server: uvicorn.Server, listener: socket.socket, clinic: TextClinic, reloading: Reloading[TextClinic], name: str
) -> None:
    heart = asyncio.create_task(_heartbeat(clinic, reloading, name))
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloading.begin)
    if version_of(clinic.settings.dialog.folder) != clinic.version:
        reloading.begin()  # they changed while we were starting
    try:
        await server.serve(sockets=[listener])
    finally:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
        status.withdraw(clinic.settings.run_dir, name)


async def _heartbeat(clinic: TextClinic, reloading: Reloading[TextClinic], name: str) -> None:
    while True:
        try:
            status.publish(clinic.settings.run_dir, name, clinic.clock, **reloading.facts)
        except OSError as error:
            log.error("status not written", problem=error.strerror, cure="Free the disk of data_dir.")
        await asyncio.sleep(1.0)
