"""`voicebot models`: what an engineer sees and gets."""

import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voicebot.models_commands import app
from voicebot.supplies.errors import SupplyError
from voicebot.vocabulary.errors import UnpronounceableWord

VOICE = b"a voice" * 1000
MANIFEST = """
[voice]
kind = "silero"
purpose = "speaks"
url = "https://models.invalid/voice.pt"
licence = "MIT"
may_clinics_use = true
rate_hz = 8000
sha256 = "{sha256}"

[closed]
kind = "silero"
url = "https://models.invalid/closed.pt"
licence = "CC-BY-NC-4.0"
may_clinics_use = false
rate_hz = 8000
note = "ask its author"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "voice.pt").write_bytes(VOICE)
    (mirror / "closed.pt").write_bytes(b"closed")
    manifest = tmp_path / "manifest.toml"
    manifest.write_text(MANIFEST.format(sha256=hashlib.sha256(VOICE).hexdigest()))
    monkeypatch.setenv("VOICEBOT_MODELS_MANIFEST", str(manifest))
    monkeypatch.setenv("VOICEBOT_MODELS_MIRROR", str(mirror))
    monkeypatch.setenv("VOICEBOT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("VOICEBOT_DATA_DIR", str(tmp_path / "var"))
    return CliRunner()


def test_a_model_is_listed_fetched_and_verified(run: CliRunner, tmp_path: Path) -> None:
    assert "voice: not fetched, MIT, 8000 Hz\n    speaks" in run.invoke(app, ["list"]).output
    fetched = run.invoke(app, ["fetch", "voice"])
    assert fetched.exit_code == 0
    assert "voice: licence MIT" in fetched.output
    assert str(tmp_path / "cache" / "models" / "voice.pt") in fetched.output
    assert "voice: here" in run.invoke(app, ["list"]).output
    assert run.invoke(app, ["verify"]).output == "voice: good\n"
    (tmp_path / "cache" / "models" / "voice.pt").write_bytes(b"changed")
    wrong = run.invoke(app, ["verify"])
    assert wrong.exit_code == 1
    assert "have changed: voice.pt" in wrong.output


def test_a_noncommercial_model_needs_a_word_more(run: CliRunner) -> None:
    assert "clinics may not use it" in run.invoke(app, ["list"]).output
    refused = run.invoke(app, ["fetch", "closed"])
    assert isinstance(refused.exception, SupplyError)
    assert "--accept-noncommercial" in refused.exception.cure
    assert "licence CC-BY-NC-4.0: clinics may not use it (ask its author)" in refused.output
    assert run.invoke(app, ["fetch", "closed", "--accept-noncommercial"]).exit_code == 0


def test_a_changed_file_is_taken_only_when_accepted(run: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "mirror" / "voice.pt").write_bytes(VOICE + b"!")
    refused = run.invoke(app, ["fetch", "voice"])
    assert isinstance(refused.exception, SupplyError)
    assert "--accept-changed" in refused.exception.cure
    assert run.invoke(app, ["fetch", "voice", "--accept-changed"]).exit_code == 0
    assert run.invoke(app, ["verify", "voice"]).output == "voice: good\n"


def test_words_are_added_and_what_cannot_be_said_is_refused(run: CliRunner, tmp_path: Path) -> None:
    added = run.invoke(app, ["add-word", "Тыкво+едов", "Тыквоедову"])
    assert added.exit_code == 0
    assert "2 words added to vosk-embedded-ru+" in added.output
    assert (tmp_path / "var" / "recogniser-words.txt").read_text().split() == ["Тыкво+едов", "Тыквоедову"]
    refused = run.invoke(app, ["add-word", "Bosch"])
    assert isinstance(refused.exception, UnpronounceableWord)
