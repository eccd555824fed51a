"""A robot with keys that are none does not start, rather than record in the clear what was to be sealed."""

from pathlib import Path

import pytest

from voicebot.errors import ConfigurationError
from voicebot.preparation import prepare
from voicebot.settings import Settings

DEMO = Path(__file__).parents[2] / "dialplans" / "demo"


def test_a_wrong_public_key_is_told_before_the_first_call(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"data_dir": tmp_path, "dialog": {"folder": DEMO}, "recordings": {"recipients": ["age1nonsense"]}}
    )
    with pytest.raises(ConfigurationError, match=r"recordings\.recipients: entry 1") as told:
        prepare(settings)
    assert "voicebot privacy new-key" in told.value.cure
    assert not (tmp_path / "voicebot.db").exists()
