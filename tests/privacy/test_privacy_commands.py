"""`voicebot privacy`: what an administrator types."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from privacy_stage import ANNA, Stage, stage
from typer.testing import CliRunner, Result

from voicebot.accounts.audit import Audit
from voicebot.clock import SystemClock
from voicebot.errors import ConfigurationError, StorageError
from voicebot.privacy.commands import app
from voicebot.privacy.resealing import seal_all
from voicebot.records.recordings import Recordings
from voicebot.records.sealing import is_sealed
from voicebot.settings import Settings


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    config = tmp_path / "voicebot.toml"
    config.write_text(f'data_dir = "{tmp_path / "var"}"\n')
    monkeypatch.setenv("VOICEBOT_CONFIG", str(config))
    (tmp_path / "var").mkdir()
    with stage(f"sqlite:///{tmp_path / 'var' / 'voicebot.db'}", tmp_path) as made:
        made.clock.start = SystemClock().now()
        yield made


def run(*words: str, typed: str = "", fails: type[Exception] | None = None) -> Result:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(words), input=typed)
    if fails is not None:
        assert isinstance(result.exception, fails), result.output
    return result


def test_the_purge_is_counted_first_and_then_done(clinic: Stage) -> None:
    clinic.call(days_ago=400)
    dry = run("purge", "--dry-run")
    assert "would be removed" in dry.output
    assert clinic.store.count() == 1
    assert run("purge").exit_code == 0
    assert clinic.store.count() == 0


def test_a_person_is_shown_handed_out_and_erased_after_a_question(clinic: Stage, tmp_path: Path) -> None:
    one = clinic.call()
    clinic.visit(one, days=-3)
    clinic.visit(one, days=3)
    shown = run("show", typed="8 916 123-45-67\n")
    assert "dialogs" in shown.output
    archive = tmp_path / "anna.zip"
    run("export", "--phone", ANNA, "--to", str(archive))
    assert archive.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(archive) as opened:
        assert f"audio/{one}.flac" in opened.namelist()
    run("export", "--phone", ANNA, "--to", str(archive), fails=StorageError)
    assert run("export", "--phone", ANNA, "--birth-date", "12.05.1985", "--to", str(tmp_path / "anna")).exit_code == 0
    assert (tmp_path / "anna" / "patient.json").is_file()
    assert run("show", "--phone", ANNA, "--birth-date", "yesterday").exit_code == 2

    refused = run("erase", "--phone", ANNA, typed="n\n")
    assert refused.exit_code == 1
    assert clinic.store.get(one) is not None
    erased = run("erase", "--phone", ANNA, "--visits", typed="y\n")
    assert "Stays: 1 visits to come" in erased.output
    assert "dialogs 1" in erased.output
    assert clinic.store.get(one) is None
    assert run("erase", "--phone", "+79990000000").exit_code == 0  # nothing is kept: nothing is asked
    audit = Audit(clinic.database, clinic.clock)
    actions = [entry.action for entry in audit.entries()]
    assert {"patient_looked_up", "patient_exported", "erasure_begun", "patient_erased"} <= set(actions)
    assert not any("9161234567" in repr(entry) for entry in audit.entries())


def test_a_key_is_made_outside_the_data_and_old_recordings_are_sealed(clinic: Stage, tmp_path: Path) -> None:
    run("new-key", "--to", str(tmp_path / "var" / "key"), fails=StorageError)
    key_file = tmp_path / "medium" / "recordings.key"
    shown = run("new-key", "--to", str(key_file))
    assert key_file.stat().st_mode & 0o777 == 0o600
    lines = shown.output.splitlines()
    public = next(line for line in lines if line.startswith("recipients"))
    assert "AGE-SECRET-KEY" not in shown.output
    one = clinic.call()
    plain = next(clinic.recordings.rglob("*.flac"))
    before, _ = soundfile.read(plain, dtype="int16")

    config = tmp_path / "voicebot.toml"
    run("seal", fails=ConfigurationError)
    config.write_text(config.read_text() + f'[recordings]\n{public}\nkey_file = "{key_file}"\n')
    assert "0 recordings sealed" in run("seal").output  # it may be a running call's
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path / "var",
            "recordings": {"recipients": [public.split('"')[1]], "key_file": key_file},
        }
    )
    clinic.clock.advance(4000)
    assert seal_all(settings, clinic.clock).sealed == 1
    assert not plain.exists()
    sealed = plain.with_name(plain.name + ".sealed")
    assert is_sealed(sealed.read_bytes())
    dialog = clinic.store.get(one)
    assert dialog is not None
    assert (Recordings(settings).samples(dialog) == before).all()
    run("open", str(sealed), "--to", str(tmp_path / "opened.flac"))
    assert (soundfile.read(tmp_path / "opened.flac", dtype="int16")[0] == before).all()
    run("open", str(sealed), "--to", str(tmp_path / "opened.flac"), fails=StorageError)

    # A new key: what is there is sealed for it, and the old key then opens nothing.
    old_key = key_file.read_text()
    fresh = run("new-key", "--to", str(key_file))
    renewed = next(line for line in fresh.output.splitlines() if line.startswith("recipients")).split('"')[1]
    again = Settings.model_validate(
        {"data_dir": tmp_path / "var", "recordings": {"recipients": [renewed], "key_file": key_file}}
    )
    clinic.clock.advance(4000)
    assert seal_all(again, clinic.clock, is_anew=True).sealed == 1
    assert (Recordings(again).samples(dialog) == before).all()
    key_file.write_text(old_key)
    assert Recordings(again).locked(dialog) is not None
    assert seal_all(again, clinic.clock, is_anew=True).locked == 1
    assert not list(clinic.recordings.rglob("*.repair"))
