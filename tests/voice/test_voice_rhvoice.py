"""RHVoice itself, where it is in the cache."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from voicebot.errors import ModelError
from voicebot.settings import Settings
from voicebot.supplies.rhvoice import RhvoiceFiles, find_rhvoice
from voicebot.voice.engine import VoiceError
from voicebot.voice.rhvoice import RhvoiceEngine, accented

TEXT = "Скаж+ите, пож+алуйста, к как+ому врач+у вас запис+ать?"


@pytest.fixture(scope="module")
def files() -> RhvoiceFiles:
    found = find_rhvoice(Settings().cache)
    if found is None:
        pytest.skip("RHVoice is not in the cache: python -m voicebot.supplies.rhvoice")
    return found


@pytest.fixture(scope="module")
def engine(files: RhvoiceFiles) -> Iterator[RhvoiceEngine]:
    made = RhvoiceEngine(files)
    yield made
    made.close()


def test_it_speaks_as_elena_by_default(engine: RhvoiceEngine) -> None:
    sound = engine.synthesise(TEXT)
    assert engine.identity.speaker == "Elena"
    assert engine.identity.licence == "LGPL-2.1-or-later"
    assert sound.rate_hz == 24000
    assert 2500 < sound.duration_ms < 5000
    assert np.abs(sound.samples).max() > 5000


def test_sound_comes_in_pieces_that_are_the_whole(engine: RhvoiceEngine) -> None:
    chunks = [chunk.samples for chunk in engine.stream(TEXT)]
    assert len(chunks) > 10
    assert np.array_equal(np.concatenate(chunks), engine.synthesise(TEXT).samples)


@pytest.mark.parametrize(
    "word", ["мен+я", "вт+орник", "п+ятницу", "в д+есять", "з+амок", "карди+олог", "врач+у", "ещ+ё", "+Ольга"]
)
def test_a_stress_mark_where_the_stress_is_changes_nothing(engine: RhvoiceEngine, word: str) -> None:
    # it neither splits the word nor is read aloud
    assert np.array_equal(engine.synthesise(word).samples, engine.synthesise(word.replace("+", "")).samples)


@pytest.mark.parametrize(("one", "other"), [("з+амок", "зам+ок"), ("+атлас", "атл+ас"), ("м+ука", "мук+а")])
def test_a_stress_mark_moves_the_stress(engine: RhvoiceEngine, one: str, other: str) -> None:
    first, second = engine.synthesise(one), engine.synthesise(other)
    assert not np.array_equal(first.samples, second.samples)
    assert second.duration_ms == pytest.approx(first.duration_ms, rel=0.2)


def test_stress_marks_become_rhvoices_own() -> None:
    assert accented("мен+я зов+ут +Ольга") == "меня\u0301 зову\u0301т О\u0301льга"
    assert accented("а + б, 2+2, к+") == "а  б, 22, к"


def test_the_rate_changes_the_tempo(files: RhvoiceFiles) -> None:
    durations = []
    for rate in (0.7, 1.0, 1.4):
        engine = RhvoiceEngine(files, "Aleksandr-hq", rate)
        durations.append(engine.synthesise(TEXT).duration_ms)
        engine.close()
    slow, usual, fast = durations
    assert slow > usual * 1.2
    assert fast < usual * 0.85


def test_who_stops_listening_does_not_hold_up_the_next(engine: RhvoiceEngine) -> None:
    for _ in range(5):
        listening = engine.stream(TEXT * 20)
        next(listening)
        listening.close()  # type: ignore[attr-defined]
    assert engine.synthesise("Да.").duration_ms < 1500


def test_many_callers_at_once_each_get_their_own_words(engine: RhvoiceEngine) -> None:
    texts = [f"{word}, пож+алуйста." for word in ("Раз", "Два", "Три", "Чет+ыре", "Пять", "Шесть", "Семь", "В+осемь")]
    alone = [engine.synthesise(text).samples for text in texts]
    with ThreadPoolExecutor(8) as pool:
        for together in (list(pool.map(lambda text: engine.synthesise(text).samples, texts)) for _ in range(3)):
            assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("text", ["", " ", "...", "+", "\0", "<speak>да</speak>", "да\0нет", "👍", "а" * 400, "&<>\"'"])
def test_odd_texts_do_no_harm(engine: RhvoiceEngine, text: str) -> None:
    sound = engine.synthesise(text)
    assert sound.samples.dtype == np.int16
    assert engine.synthesise("Да.").duration_ms > 100


def test_an_unknown_speaker_is_told_with_the_known_ones(files: RhvoiceFiles) -> None:
    with pytest.raises(ModelError, match="Artemiy") as refused:
        RhvoiceEngine(files, "Artemiy")
    assert "Elena" in refused.value.cure


def test_a_damaged_library_is_an_error_with_a_cure(files: RhvoiceFiles, tmp_path: Path) -> None:
    broken = tmp_path / "libRHVoice.so.5"
    broken.write_bytes(b"not a library")
    with pytest.raises(ModelError, match="cannot be loaded"):
        RhvoiceEngine(RhvoiceFiles((broken,), files.data, files.config, "1", files.voices))


def test_missing_data_is_an_error_with_a_cure(files: RhvoiceFiles, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read its data"):
        RhvoiceEngine(RhvoiceFiles(files.libraries, tmp_path / "absent", files.config, "1", files.voices))


def test_after_close_it_refuses_and_its_thread_is_gone(files: RhvoiceFiles) -> None:
    before = threading.active_count()
    engine = RhvoiceEngine(files)
    engine.close()
    engine.close()
    assert threading.active_count() == before
    with pytest.raises(VoiceError, match="closed"):
        engine.synthesise("Да.")
