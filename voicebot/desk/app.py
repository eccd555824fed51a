"""The HTTP side: health and readiness. Says which recogniser, voice and SIP binding are in use."""

from typing import Any

from fastapi import FastAPI, Response

from voicebot import __version__, status
from voicebot.clock import Clock
from voicebot.settings import Settings


def create_app(settings: Settings, clock: Clock) -> FastAPI:
    """Build the application; it reads the processes' status files and nothing else."""
    app = FastAPI(title="Voicebot", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    def health() -> dict[str, Any]:
        """Alive: this process answers. The rest is what it sees of the others."""
        processes = status.read(settings.run_dir, clock)
        return {"status": "ok" if _is_ready(processes) else "degraded", "version": __version__, "processes": processes}

    @app.get("/ready")
    def ready(response: Response) -> dict[str, Any]:
        """Ready: calls are answered and understood. 503 otherwise."""
        processes = status.read(settings.run_dir, clock)
        is_ready = _is_ready(processes)
        if not is_ready:
            response.status_code = 503
        return {"ready": is_ready}

    return app


def _is_ready(processes: dict[str, dict[str, Any]]) -> bool:
    alive = [name for name, facts in processes.items() if facts["is_alive"]]
    return "line" in alive and any(name.startswith("brain") for name in alive)
