"""The dialplan says which prompt tells of the recording."""

from pathlib import Path
from shutil import copytree

import pytest

from voicebot.clinic.services import SERVICES
from voicebot.dialog.loader import load_dialplans
from voicebot.errors import ConfigurationError

DEMO = Path(__file__).parents[2] / "dialplans" / "demo" / "dialplans"


def test_the_demo_names_its_greeting() -> None:
    assert "welcome.greeting" in load_dialplans(DEMO, SERVICES).application.notice


def test_a_notice_that_nobody_says_is_refused(tmp_path: Path) -> None:
    copytree(DEMO, tmp_path / "plans")
    main = tmp_path / "plans" / "main.yaml"
    main.write_text(main.read_text().replace("welcome.greeting", "welcome.greating"))
    with pytest.raises(ConfigurationError, match=r"welcome\.greating"):
        load_dialplans(tmp_path / "plans", SERVICES)
