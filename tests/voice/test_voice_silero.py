"""Silero's real loader over a torch.package with Silero's interface."""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from silero_package import make_package

from voicebot.errors import ModelError
from voicebot.settings import Settings, Voice
from voicebot.voice.cache import PromptCache
from voicebot.voice.engine import VoiceError
from voicebot.voice.silero import SileroEngine, licence_warning, open_silero, speakable
from voicebot.voice.speaker import Speaker

needs_torch = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("torch") is None,
    reason="torch is not installed (pip install torch==2.13.0, CPU)",
)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("silero") / "v9_test.pt")


def engine_of(package: Path, speaker: str = "", rate: float = 1.0) -> SileroEngine:
    return SileroEngine(package.read_bytes(), version="v9_test", speaker=speaker, licence="MIT", rate=rate)


@pytest.fixture
def engine(package: Path) -> SileroEngine:
    return engine_of(package)


def calls(engine: SileroEngine) -> list[dict[str, object]]:
    found: list[dict[str, object]] = engine._model.calls
    return found


@needs_torch
def test_it_speaks_russian_by_default_at_the_telephones_rate(engine: SileroEngine) -> None:
    sound = engine.synthesise("Здр+авствуйте")
    assert engine.identity.speaker == "ru_one"
    assert sound.rate_hz == 8000
    assert sound.duration_ms == pytest.approx(50 * len("Здравствуйте"))
    assert calls(engine)[-1] == {"text": "Здр+авствуйте", "ssml_text": None, "speaker": "ru_one", "sample_rate": 8000}
    assert np.abs(sound.samples).max() == 32767  # too loud a model is clipped, it does not wrap around


@needs_torch
def test_it_was_warmed_up_with_several_lengths(engine: SileroEngine) -> None:
    lengths = [len(str(call["text"])) for call in calls(engine)]
    assert len(lengths) >= 3
    assert max(lengths) > 10 * min(lengths)


@needs_torch
def test_what_the_alphabet_lacks_is_left_out(engine: SileroEngine) -> None:
    engine.synthesise("Цен+а <b>500</b> руб. & WiFi")
    assert calls(engine)[-1]["text"] == "Цен+а руб."
    assert speakable("Цен+а 500 р., <x> ?") == "Цен+а р., ?"
    assert speakable("2+2 и +") == "и"


@needs_torch
@pytest.mark.parametrize("text", ["", " ", "...", "123", "abc", "немо"])
def test_nothing_to_say_is_silence(engine: SileroEngine, text: str) -> None:
    assert len(engine.synthesise(text).samples) == 0


@needs_torch
def test_a_long_text_is_said_in_parts(engine: SileroEngine) -> None:
    before = len(calls(engine))
    text = "Сл+ово за сл+овом, " * 80
    sound = engine.synthesise(text)
    parts = [str(call["text"]) for call in calls(engine)[before:]]
    assert all(len(part) <= 500 for part in parts)
    assert sum(part.count("сл+овом") for part in parts) == 80
    assert sound.duration_ms > 50 * 13 * 80


@needs_torch
def test_a_text_that_the_model_cannot_say_at_once_is_said_in_parts(engine: SileroEngine) -> None:
    sound = engine.synthesise("Это оч+ень тр+удно: трудно сказ+ать ср+азу, но м+ожно сказ+ать по част+ям.")
    assert sound.duration_ms > 50 * 50


@needs_torch
@pytest.mark.parametrize("text", ["сломано", "пусто"])
def test_a_failure_is_an_error_of_ours_without_the_text(engine: SileroEngine, text: str) -> None:
    with pytest.raises(VoiceError) as failed:
        engine.synthesise(text)
    assert text not in str(failed.value)
    assert engine.synthesise("Да").duration_ms > 0


@needs_torch
def test_the_rate_is_asked_for_in_ssml(package: Path) -> None:
    fast = engine_of(package, rate=1.3)
    fast.synthesise("Да")
    assert calls(fast)[-1]["ssml_text"] == '<speak><prosody rate="fast">Да</prosody></speak>'
    assert calls(fast)[-1]["text"] is None


@needs_torch
def test_many_callers_at_once(engine: SileroEngine) -> None:
    texts = ["раз", "два слова", "три слова тут"] * 5
    alone = [engine.synthesise(text).samples for text in texts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: engine.synthesise(text).samples, texts))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@needs_torch
def test_an_unknown_speaker_is_told_with_the_known_ones(package: Path) -> None:
    with pytest.raises(ModelError, match="ru_nobody") as refused:
        engine_of(package, "ru_nobody")
    assert "ru_two" in refused.value.cure
    assert engine_of(package, "ru_two").identity.speaker == "ru_two"


@needs_torch
def test_a_file_that_is_no_model_is_an_error_with_a_cure(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded") as refused:
        SileroEngine(b"no package", version="x", speaker="", licence="MIT")
    assert "make models" in refused.value.cure


@needs_torch
def test_after_close_it_refuses(package: Path) -> None:
    engine = engine_of(package)
    engine.close()
    with pytest.raises(VoiceError, match="closed"):
        engine.synthesise("Да")


@needs_torch
def test_the_model_of_the_settings_is_verified_before_it_is_loaded(package: Path, tmp_path: Path) -> None:
    own = tmp_path / "v9_test.pt"
    own.write_bytes(package.read_bytes())
    settings = Settings(cache_dir=tmp_path / "cache", voice=Voice(silero_model=own, speaker="ru_two"))
    assert open_silero(settings).identity.speaker == "ru_two"
    trap = tmp_path / "was-loaded"
    own.write_bytes(evil_package(tmp_path / "evil.pt", trap))
    with pytest.raises(ModelError, match="has changed"):
        open_silero(settings)
    assert not trap.exists()
    # the trap works: only the check kept it shut
    with pytest.raises(ModelError):
        SileroEngine(own.read_bytes(), version="x", speaker="", licence="MIT")
    assert trap.exists()


def evil_package(path: Path, trap: Path) -> bytes:
    """Return a package that writes `trap` when it is loaded."""
    import torch

    with torch.package.PackageExporter(str(path)) as exporter:
        exporter.save_source_string("evil", f"open({str(trap)!r}, 'w')\nclass Model: pass\n")
        exporter.save_source_string("maker", "import evil\nMODEL = evil.Model()\n")
        exporter.save_text("tts_models", "note", "x")
        exporter.save_binary("tts_models", "model", b"\x80\x02cevil\nModel\n)\x81.")
    return path.read_bytes()


@needs_torch
def test_a_licence_that_forbids_clinics_is_a_warning(package: Path) -> None:
    engine = SileroEngine(package.read_bytes(), version="v9", speaker="", licence="CC-BY-NC-SA-4.0")
    assert "permission" in licence_warning(engine)
    assert licence_warning(engine_of(package)) == ""


@needs_torch
def test_a_speaker_over_silero_gives_telephone_sound(package: Path) -> None:
    speaker = Speaker(engine_of(package), PromptCache(None))
    sound = speaker.render("Здр+авствуйте! Сл+ушаю вас.")
    assert sound.rate_hz == 8000
    assert np.abs(sound.samples).max() < 32000
    assert "silero v9_test, ru_one" in str(speaker.describe())


def test_without_torch_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match="needs torch") as refused:
        SileroEngine(b"", version="x", speaker="", licence="MIT")
    assert "make models" in refused.value.cure


def test_a_model_that_was_not_fetched_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not fetched"):
        open_silero(Settings(cache_dir=tmp_path))
    with pytest.raises(ModelError, match="cannot be read"):
        open_silero(Settings(cache_dir=tmp_path, voice=Voice(silero_model=tmp_path / "absent.pt")))


def test_the_shipped_checksum_keeps_another_file_out(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "v5_cis_base.pt").write_bytes(b"something else")
    with pytest.raises(ModelError, match="has changed") as refused:
        open_silero(Settings(cache_dir=tmp_path))
    assert hashlib.sha256(b"something else").hexdigest() in refused.value.message
