"""Which voice is taken, and that it is said why."""

from pathlib import Path

import pytest
from voice_fakes import ToneEngine

from voicebot.errors import ModelError
from voicebot.settings import Settings, Voice
from voicebot.supplies.rhvoice import find_rhvoice
from voicebot.voice import choose
from voicebot.voice.choose import open_voice


def test_with_nothing_fetched_espeak_speaks_and_warns(tmp_path: Path) -> None:
    speaker = open_voice(Settings(cache_dir=tmp_path, voice=Voice(speaker="Elena")))
    facts = speaker.describe()
    assert facts.engine == "espeak"
    assert "hardly intelligible" in facts.warning
    assert "Silero's model is not fetched" in facts.reason
    assert "RHVoice is not in the cache" in facts.reason
    assert speaker.render("Да.").duration_ms > 100


@pytest.mark.parametrize(("engine", "what"), [("rhvoice", "not in the cache"), ("silero", "not fetched")])
def test_an_engine_that_is_set_is_never_replaced(tmp_path: Path, engine: str, what: str) -> None:
    settings = Settings.model_validate({"cache_dir": tmp_path, "voice": {"engine": engine}})
    with pytest.raises(ModelError, match=what) as refused:
        open_voice(settings)
    assert refused.value.cure


def test_rhvoice_is_taken_where_silero_is_not(tmp_path: Path) -> None:
    real = find_rhvoice(Settings().cache)
    if real is None:
        pytest.skip("RHVoice is not in the cache: python -m voicebot.supplies.rhvoice")
    (tmp_path / "rhvoice").symlink_to(real.data.parent)
    speaker = open_voice(Settings(cache_dir=tmp_path))
    facts = speaker.describe()
    assert (facts.engine, facts.speaker, facts.warning) == ("rhvoice", "Elena", "")
    assert "Silero" in facts.reason
    speaker.prepare(["Сл+ушаю вас."])
    prompts = tmp_path / "prompts"
    assert len([path for path in prompts.rglob("*") if path.is_file()]) == 1
    speaker.close()


def test_silero_is_taken_where_it_can_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silero = ToneEngine()
    monkeypatch.setattr(choose, "open_silero", lambda settings: silero)
    monkeypatch.setattr(choose, "licence_warning", lambda engine: "Mind the licence.")
    facts = open_voice(Settings(cache_dir=tmp_path)).describe()
    assert (facts.engine, facts.reason, facts.warning) == ("tones", "Silero's model is fetched", "Mind the licence.")


def test_a_damaged_silero_is_not_passed_over_quietly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "v5_cis_base.pt").write_bytes(b"damaged")
    facts = open_voice(Settings(cache_dir=tmp_path)).describe()
    assert facts.engine == "espeak"
    assert "has changed" in facts.reason
    assert "Silero is not used" in capsys.readouterr().out
