from pathlib import Path

import pytest

from voicebot.errors import ConfigurationError
from voicebot.patient.scenario import When, load_scenario, scenario_of_words
from voicebot.patient.target import parse_target

FOLDER = Path(__file__).parents[2] / "dialplans" / "demo" / "patients"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_demo_patients_are_right(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.steps
    assert scenario.caller.startswith("+7")


def test_there_are_demo_patients() -> None:
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert names >= {"book_therapist", "correction", "bargein", "operator", "silent", "digits", "hangup"}


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "patient.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_moments_and_delays(tmp_path: Path) -> None:
    scenario = load_scenario(
        write(
            tmp_path,
            """
name: all
reply_delay_ms: 150
steps:
  - say: раз
  - say: два
    when: now
  - interrupt: три
  - interrupt: четыре
    after_ms: 300
  - digits: "12#"
  - wait: robot_silence
  - wait: 5
  - hang_up: true
    when: robot_speaks
    after_ms: 700
""",
        )
    )
    assert [(step.action, step.moment, step.delay_ms(150)) for step in scenario.steps] == [
        ("say", When.TURN, 150),
        ("say", When.NOW, 0),
        ("interrupt", When.ROBOT_SPEAKS, 800),
        ("interrupt", When.ROBOT_SPEAKS, 300),
        ("digits", When.TURN, 150),
        ("wait", When.NOW, 0),
        ("wait", When.NOW, 0),
        ("hang_up", When.ROBOT_SPEAKS, 700),
    ]
    assert scenario.steps[6].wait == 5.0


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: x\nsteps:\n  - say: раз\n  - sey: два\n", 4, "unknown word"),
        ("name: x\nsteps:\n  - say: раз\n    digits: '1'\n", 3, "one thing"),
        ("name: x\nsteps:\n  - after_ms: 5\n", 3, "nothing"),
        ("name: x\nsteps:\n  - digits: 12x\n", 3, "digits"),
        ("name: x\nsteps:\n  - say: раз\n    when: later\n", 4, "when"),
        ("name: x\nline:\n  noise: pink\nsteps: []\n", 3, "noise"),
        ("name: x\nline: {snr_db: 99}\nsteps: []\n", 2, "snr_db"),
        ("name: x\nsteps:\n  - play: nothing.wav\n", 3, "no sound file"),
        ("name: x\ncaller: 'a b'\nsteps: []\n", 2, "caller"),
        ("name: x\nsteps:\n  - interrupt: стоп\n    when: turn\n", 3, "interruption"),
        ("name: x\nsteps:\n  - wait: -1\n", 3, "600 seconds"),
        ("name: x\n", 1, "steps"),
        ("- a\n", 1, "name"),
        ("just words\n", 1, "mapping"),
        ("name: [\n", 2, ""),
    ],
)
def test_errors_name_file_line_and_cure(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_scenario(path)
    assert f"{path}:{line}:" in caught.value.message
    assert words in caught.value.message
    assert caught.value.cure


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_scenario(tmp_path / "none.yaml")


def test_words_of_the_command_line() -> None:
    scenario = scenario_of_words(["раз", "два"])
    assert [step.say for step in scenario.steps] == ["раз", "два"]


def test_targets() -> None:
    target = parse_target("sip:100@127.0.0.1:5070")
    assert (target.uri, target.host, target.port, target.transport) == ("sip:100@127.0.0.1:5070", "127.0.0.1", 5070, "udp")
    assert parse_target("<sip:robot@pbx.clinic.local;transport=tcp>").transport == "tcp"
    assert parse_target("sip:100@[::1]").host == "::1"
    assert parse_target("sip:100@pbx").port == 5060
    for wrong in ("100@host", "sip:host", "sip:100@host:99999", "sip:1@h;transport=tls", "sip:1@h\r\nX: y", "sip:1@h:0"):
        with pytest.raises(ConfigurationError):
            parse_target(wrong)
