"""The page of all settings is made from the settings; what is in force can be shown without its secrets."""

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voicebot import settings_reference
from voicebot.settings import Settings
from voicebot.settings.basis import without_secrets

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == settings_reference.page(), (
        "run: voicebot settings reference > docs/configuration.md"
    )


def test_every_section_and_key_is_on_the_page() -> None:
    page = settings_reference.page()
    for name, info in Settings.model_fields.items():
        inner = getattr(info.annotation, "model_fields", None)
        if inner is None:
            assert f"| `{name}` |" in page
            continue
        section = page.split(f"## [{name}]\n", 1)[1].split("\n## [", 1)[0]
        kinds = [key for key, one in inner.items() if not hasattr(one.annotation, "model_fields")]
        assert all(f"| `{key}` |" in section for key in kinds)


def test_what_is_in_force_is_toml_without_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEBOT_SIP__PASSWORD", "hunter2")
    monkeypatch.setenv("VOICEBOT_SIP__PORT", "5070")
    shown = CliRunner().invoke(settings_reference.app, ["show"])
    assert shown.exit_code == 0
    assert "hunter2" not in shown.output
    read = tomllib.loads("\n".join(line for line in shown.output.splitlines() if "***" not in line))
    assert read["sip"]["port"] == 5070
    assert read["transfer"]["targets"]["operator"].startswith("sip:")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql+psycopg://robot:hunter2@db/voicebot", "postgresql+psycopg://robot:***@db/voicebot"),
        (
            "postgresql+psycopg://robot@db/x?password=hunter2&sslmode=require",
            "postgresql+psycopg://robot@db/x?password=***&sslmode=require",
        ),
        ("http://user:hunter2@proxy:3128", "http://user:***@proxy:3128"),
        ("https://sms.example/send?api_key=hunter2", "https://sms.example/send?api_key=***"),
        ("sip:200@pbx.local:5080", "sip:200@pbx.local:5080"),
        ("https://clinic.ru", "https://clinic.ru"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    assert without_secrets(address) == shown
