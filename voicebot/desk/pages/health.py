"""Health and readiness, for supervisors and proxies. Says which recogniser, voice and SIP binding are in use."""

from typing import Any

from fastapi import APIRouter, Response

from voicebot import __version__, status
from voicebot.desk.context import CurrentDesk
from voicebot.messages.providers import writes_to_files

router = APIRouter()


@router.get("/health")
def health(desk: CurrentDesk) -> dict[str, Any]:
    """Alive: this process answers. The rest is what it sees of the others."""
    processes = status.read(desk.settings.run_dir, desk.clock)
    return {"status": "ok" if _is_ready(processes) else "degraded", "version": __version__, "processes": processes}


@router.get("/ready")
def ready(response: Response, desk: CurrentDesk) -> dict[str, Any]:
    """Ready: calls are answered and understood. 503 otherwise. `messages`: "files" where no patient gets any."""
    is_ready = _is_ready(status.read(desk.settings.run_dir, desk.clock))
    if not is_ready:
        response.status_code = 503
    return {"ready": is_ready, "messages": "files" if writes_to_files(desk.settings) else "providers"}


def _is_ready(processes: dict[str, dict[str, Any]]) -> bool:
    alive = [name for name, facts in processes.items() if facts["is_alive"]]
    return "line" in alive and any(name.startswith("brain") for name in alive)
