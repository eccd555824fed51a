import json
from pathlib import Path

import pytest
import typer
from sip_peers import Baresip, tone
from typer.testing import CliRunner

from voicebot.errors import ConfigurationError
from voicebot.patient.commands import _adjusted, call, find_scenario
from voicebot.patient.scenario import Scenario, Step, load_scenario
from voicebot.patient.server import local_target
from voicebot.settings import Dialog, Settings, Sip

DEMO = Path(__file__).parents[2] / "dialplans" / "demo"

app = typer.Typer()
app.command()(call)


def test_scenarios_are_found_by_file_or_name(tmp_path: Path) -> None:
    settings = Settings(dialog=Dialog(folder=DEMO))
    own = tmp_path / "own.yaml"
    own.write_text("name: own\nsteps: []\n")
    assert find_scenario(str(own), settings) == own
    assert load_scenario(find_scenario("bargein", settings)).steps[0].interrupt is not None
    with pytest.raises(ConfigurationError, match="book_therapist"):
        find_scenario("nothing", settings)


def test_wishes_of_the_command_line_are_checked() -> None:
    plan = Scenario(name="x", steps=(Step(say="раз"),))
    changed = _adjusted(plan, "Irina", 12, True, -20, "+79160000000")
    assert changed.voice.speaker == "Irina"
    assert (changed.line.noise, changed.line.snr_db, changed.line.echo_db) == ("babble", 12, -20)
    assert changed.caller == "+79160000000"
    assert changed.steps == plan.steps
    assert _adjusted(plan, "espeak", None, False, None, "").voice.engine == "espeak"
    assert _adjusted(plan, "", None, False, None, "") == plan
    for wrong in (("", 99.0, False, None, ""), ("", None, False, 3.0, ""), ("", None, False, None, "a b")):
        with pytest.raises(typer.BadParameter):
            _adjusted(plan, *wrong)  # type: ignore[arg-type]


def test_the_local_robot_is_called_by_default() -> None:
    assert local_target(Settings(sip=Sip(port=5071))) == "sip:100@127.0.0.1:5071"
    assert local_target(Settings(sip=Sip(bind_host="0.0.0.0"))) == "sip:100@127.0.0.1:5060"
    assert local_target(Settings(sip=Sip(transport="tcp"))) == "sip:100@127.0.0.1:5060;transport=tcp"


def test_either_a_scenario_or_phrases() -> None:
    assert CliRunner().invoke(app, []).exit_code == 2
    assert CliRunner().invoke(app, ["--scenario", "bargein", "--say", "раз"]).exit_code == 2


@pytest.mark.call
def test_a_phrase_said_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Baresip(tmp_path, "robot", says=bytes(8000) + tone(500, 1.0) + bytes(16_000 * 20), answers=True) as robot:
        steps = "name: x\nstay_seconds: 0\nturn_end_ms: 400\nsteps:\n  - say: Здравствуйте.\n  - digits: '5'\n    when: now\n"
        (tmp_path / "hello.yaml").write_text(steps)
        words = ["--to", robot.uri, "--scenario", "hello.yaml", "--voice", "espeak", "--record", "call.wav", "--json"]
        result = CliRunner().invoke(app, words)
        robot.wait_for("CALL_CLOSED")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["ended_by"] == "patient"
    assert [said["action"] for said in report["said"]] == ["say", "digits"]
    assert report["said"][0]["end_ms"] - report["said"][0]["start_ms"] > 300
    assert (tmp_path / "call.wav").stat().st_size > 16_000
