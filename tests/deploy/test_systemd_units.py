"""The systemd units: well formed, hardened, and in accord with the program that they start."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from voicebot.settings import Settings
from voicebot.supervisor import EXIT_CONFIGURATION, Limits

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
_MOST_EXPOSURE = 2.0  # systemd's scale: 0 is best, 10 is none at all


def need_systemd() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (apt-get install systemd)")


def _read(unit: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit)
    return parser


@pytest.mark.parametrize("unit", sorted(FOLDER.iterdir()), ids=lambda unit: unit.name)
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    need_systemd()
    for other in FOLDER.iterdir():  # a timer wants its service beside it
        text = other.read_text().replace("/opt/voicebot/.venv/bin/voicebot", shutil.which("true") or "/bin/true")
        (tmp_path / other.name).write_text(re.sub(r"(?m)^Documentation=.*\n", "", text))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)], capture_output=True, text=True, check=False
    )
    told = [line for line in done.stderr.splitlines() if unit.name in line]
    assert told == []


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_services_are_hardened(unit: Path) -> None:
    need_systemd()
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= _MOST_EXPOSURE


def test_the_unit_waits_for_the_last_call() -> None:
    service, settings, limits = _read(FOLDER / "voicebot.service")["Service"], Settings(), Limits()
    drain = settings.dialog.budget_seconds + settings.transfer.ring_seconds + limits.drain_margin_seconds
    assert float(service["TimeoutStopSec"]) >= drain + limits.stop_seconds
    assert service["RestartPreventExitStatus"] == str(EXIT_CONFIGURATION)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_the_variables_of_units_are_settings(unit: Path) -> None:
    named = re.findall(r"(?m)^Environment=VOICEBOT_(\w+)=", unit.read_text())
    ours = {"CONFIG", "BACKUP"}  # the settings' file, and a variable of the unit itself
    assert {name.split("__")[0].lower() for name in named if name not in ours} <= set(Settings.model_fields)
