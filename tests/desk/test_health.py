from pathlib import Path

from fastapi.testclient import TestClient

from voicebot import status
from voicebot.clock import VirtualClock
from voicebot.desk.app import create_app
from voicebot.settings import Settings
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade


def test_health_names_the_voice_and_ready_needs_line_and_brain(tmp_path: Path) -> None:
    clock = VirtualClock()
    settings = Settings(data_dir=tmp_path)
    database = open_database(f"sqlite:///{tmp_path / 'desk.db'}")
    upgrade(database)
    client = TestClient(create_app(settings, clock, database))
    assert client.get("/ready").status_code == 503
    assert client.get("/health").json()["status"] == "degraded"

    status.publish(settings.run_dir, "line", clock, calls=0)
    assert client.get("/ready").status_code == 503
    status.publish(settings.run_dir, "brain-1", clock, voice="RHVoice Elena", recogniser="embedded")
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["processes"]["brain-1"]["voice"] == "RHVoice Elena"
    assert client.get("/ready").json() == {"ready": True, "messages": "files"}

    clock.advance(60)
    assert client.get("/ready").status_code == 503
