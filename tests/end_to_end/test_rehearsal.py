"""The conversation files over real SIP calls: a chosen part here, all of them by `make test-calls`."""

import subprocess
import sys

import pytest
from robot import ROOT

from voicebot.settings import Settings
from voicebot.supplies.rhvoice import find_rhvoice

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(900)]

#: One of each kind; every one of them was heard well by the embedded recogniser in many runs.
CHOSEN = ("book_happy", "info_price_hose", "emergency")
FURTHER = ("cancel_by_day", "move_one_phrase", "faq_parking")


@pytest.mark.parametrize("chosen", [CHOSEN, pytest.param(FURTHER, marks=pytest.mark.heavy)], ids=["chosen", "further"])
def test_conversations_go_over_the_line_as_over_text(chosen: tuple[str, ...]) -> None:
    if find_rhvoice(Settings().cache) is None:
        pytest.skip("RHVoice is not in the cache (make voice)")
    command = [sys.executable, "-m", "voicebot.cli", "rehearse", "--jobs", "2", *chosen]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=850, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert f"{len(chosen)} passed, 0 failed" in done.stdout
