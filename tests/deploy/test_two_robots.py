"""Two robots behind Kamailio on one PostgreSQL, calls running, one robot killed: the others go on, nobody is forgotten."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kamailio import need_kamailio
from sip_peers import need_sipp

from bench.failover import Figures, Plan, run

pytestmark = [pytest.mark.call, pytest.mark.slow]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below pytest's own: that is closed to PostgreSQL's user."""
    need_kamailio()
    need_sipp()
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) and shutil.which("initdb") is None:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="voicebot-two-") as name:
        place = Path(name).resolve()
        place.chmod(0o711)
        yield place


def _but_late_frames(figures: Figures) -> list[str]:
    """Whether frames come in time depends on what else the machine does: bench.failover looks at it on a quiet one."""
    figures.late_frames = 0
    return figures.problems()


@pytest.mark.heavy
@pytest.mark.timeout(400)
def test_a_killed_robot_takes_nobody_with_it_and_comes_back(folder: Path) -> None:
    figures = run(folder, Plan(calls=8, a_second=0.8, returns_at_once=True))
    assert _but_late_frames(figures) == []
    assert figures.placed == 8
    assert figures.lost == figures.on_dead
    assert figures.back_after_seconds is not None


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_the_other_robot_settles_the_calls_of_a_dead_machine(folder: Path) -> None:
    figures = run(folder, Plan(calls=100, a_second=0.8))
    assert _but_late_frames(figures) == []
    assert figures.lost == figures.on_dead
    assert figures.settled_after_seconds is not None
    assert figures.on_returned > 0
