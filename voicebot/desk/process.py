"""The desk as a process."""

import uvicorn

from voicebot.clock import SystemClock
from voicebot.desk.app import create_app
from voicebot.errors import ConfigurationError
from voicebot.settings import Settings


def run(settings: Settings) -> int:
    """Serve HTTP until SIGTERM; returns the exit status."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings, SystemClock()),
            host=settings.http.host,
            port=settings.http.port,
            log_level="warning",
            access_log=False,
        )
    )
    try:
        server.run()
    except SystemExit as stop:
        raise ConfigurationError(
            f"HTTP cannot listen on {settings.http.host}:{settings.http.port}.",
            "Another program holds the port? Choose one: VOICEBOT_HTTP__PORT=8081.",
        ) from stop
    return 0
