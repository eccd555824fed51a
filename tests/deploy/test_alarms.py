"""The alarms: Prometheus understands them, they go off when they should, and the page tells what to do about each."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
ALARMS = re.findall(r"(?m)^\s+- alert: (\w+)$", (FOLDER / "alerts.yml").read_text(encoding="utf-8"))


def _promtool(*words: str) -> str:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (apt-get install prometheus)")
    done = subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_understands_the_rules_and_the_example() -> None:
    assert f"{len(ALARMS)} rules found" in _promtool("check", "rules", "alerts.yml")
    _promtool("check", "config", "--syntax-only", "prometheus.yml")


def test_alarms_go_off_when_they_should() -> None:
    assert "SUCCESS" in _promtool("test", "rules", "alerts.test.yml")


@pytest.mark.parametrize("alarm", ALARMS)
def test_the_page_tells_what_to_do(alarm: str) -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| (\w+) \| (.+?) \|$", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    told = {name: (severity, cure) for name, severity, cure in rows}
    severity = re.search(rf"- alert: {alarm}\n(?:.*\n)*?\s+labels: {{severity: (\w+)}}", (FOLDER / "alerts.yml").read_text())
    assert severity
    assert told[alarm][0] == severity[1]


def test_the_page_names_no_alarm_that_does_not_exist() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(Voicebot[A-Z]\w+)`", page)) <= set(ALARMS)
