"""`voicebot chat`: a booking typed at a terminal, as a program that pipes lines sees it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from demo_clinic import DEMO

LINES = ["хочу записаться к терапевту", "в пятницу утром", "1", "Иванов Пётр", "8 916 123-45-67", "1", "2"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_visit_is_booked_at_a_terminal(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "VOICEBOT_DATA_DIR": str(tmp_path),
        "VOICEBOT_DIALOG__FOLDER": str(DEMO),
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [sys.executable, "-m", "voicebot.cli", "chat"],
        input="\n".join(LINES) + "\n",
        text=True,
        capture_output=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "[1] Записаться к врачу" in done.stdout
    assert "Телефон +7 (916) 123-45-67" in done.stdout
    assert "записала" in done.stdout
    assert done.stdout.rstrip().endswith("[booked]")
    assert not (tmp_path / "voicebot.db").exists()  # the diary was a throw-away one
