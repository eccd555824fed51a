from pathlib import Path

import pytest

from voicebot import settings
from voicebot.errors import ConfigurationError


def test_file_and_environment_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clinic.toml"
    file.write_text('zone = "Asia/Omsk"\n[sip]\nport = 5099\nallow = ["10.0.0.0/8"]\n')
    monkeypatch.setenv("VOICEBOT_CONFIG", str(file))
    monkeypatch.setenv("VOICEBOT_SIP__PORT", "5100")
    loaded = settings.load()
    assert loaded.sip.port == 5100  # the environment wins
    assert loaded.sip.allow == ["10.0.0.0/8"]
    assert str(loaded.zoneinfo) == "Asia/Omsk"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[sip]\nportt = 1\n", "sip.portt"),
        ('[sip]\nallow = ["all"]\n', "sip.allow"),
        ('zone = "Mars/Olympus"\n', "zone"),
        ("[sip\n", "cannot be read"),
        ("[voice]\nrate = 9\n", "voice.rate"),
    ],
)
def test_wrong_settings_name_the_key_and_the_cure(
    text: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clinic.toml"
    file.write_text(text)
    monkeypatch.setenv("VOICEBOT_CONFIG", str(file))
    with pytest.raises(ConfigurationError, match=named) as caught:
        settings.load()
    assert caught.value.cure


def test_a_missing_file_is_an_error_not_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOT_CONFIG", "/nowhere/voicebot.toml")
    with pytest.raises(ConfigurationError, match="nowhere"):
        settings.load()


def test_secrets_come_from_files_and_are_never_printed(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("tiger\n")
    sip = settings.Sip(password_file=file)
    assert sip.secret() == "tiger"
    assert "tiger" not in repr(settings.Sip(password="tiger"))
