"""A clinic's words at load, an engineer's words for good, and what is said where a model takes none."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from voicebot.errors import ModelError
from voicebot.hearing.grammar import prove_grammar
from voicebot.hearing.models import (
    EMBEDDED_VARIABLE,
    add_words,
    added_words,
    choose_model,
    require_words,
    with_clinic_words,
)
from voicebot.hearing.recogniser import SpeechModel, check_model_folder, try_model
from voicebot.settings import Settings
from voicebot.vocabulary.errors import FixedVocabulary, UnknownWord, UnpronounceableWord
from voicebot.voice import telephone
from voicebot.voice.espeak import EspeakEngine

EMBEDDED = Path(__file__).resolve().parents[2] / "models" / "vosk-embedded-ru"
DOCTOR = """\
- id: tykvoedov
  surname: Тыквоедов
  spoken: Тыкво+едов Серг+ей
- id: foreign
  title: Bosch 3000
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def settings(tmp_path: Path, cache: Path) -> Settings:
    (tmp_path / "clinic" / "clinic").mkdir(parents=True)
    (tmp_path / "clinic" / "clinic" / "doctors.yaml").write_text(DOCTOR)
    return Settings(
        cache_dir=cache, data_dir=tmp_path / "var", dialog={"folder": tmp_path / "clinic"}, hearing={"model": EMBEDDED}
    )


def test_every_word_of_the_clinic_is_heard_after_load(settings: Settings) -> None:
    phrases = ["к тыквоедову", "завтра"]
    choice = with_clinic_words(settings, phrases, [("Тыквоедов",)])
    assert choice.path != EMBEDDED
    assert f"{choice.added} words added" in choice.describe()
    model = SpeechModel(choice.path)
    require_words(model, ["тыквоедов", "тыквоедову", "тыквоедова"])
    with capture_logs() as logs:
        assert prove_grammar(model, phrases).usable == ("к тыквоедову", "завтра")
    assert logs == []
    sound = EspeakEngine().synthesise("к Тыквоедову")
    converter = telephone.TelephoneSound(sound.rate_hz, telephone.gain_for(sound))
    samples = np.concatenate([converter.feed(sound.samples), converter.finish()])
    turn = model.turn(phrases)
    turn.accept(bytes(4000) + samples.astype("<i2").tobytes() + bytes(8000))
    assert turn.final()[0].text == "к тыквоедову"


def test_the_second_start_takes_the_same_copy(settings: Settings) -> None:
    first = with_clinic_words(settings, ["к тыквоедову"], [])
    with capture_logs() as logs:
        assert with_clinic_words(settings, ["к тыквоедову"], []) == first
    assert logs == []


def test_what_cannot_be_heard_is_told_with_place_and_cure(settings: Settings) -> None:
    with capture_logs() as logs:
        with_clinic_words(settings, ["анализ кпснтр"], [("Bosch 3000",)])
    told = {entry["word"]: entry for entry in logs if entry["event"] == "word_cannot_be_heard"}
    assert set(told) == {"кпснтр", "Bosch", "3000"}
    assert told["Bosch"]["place"].endswith("doctors.yaml:5")
    assert told["3000"]["why"] == "it has digits"
    assert all("synonyms" in entry["cure"] for entry in told.values())


def test_a_model_that_takes_no_words_is_used_as_it_is_and_lacking_words_are_told(settings: Settings, tmp_path: Path) -> None:
    official = tmp_path / "vosk-model-small-ru-0.22"
    shutil.copytree(EMBEDDED, official, ignore=shutil.ignore_patterns("source"))
    fixed = settings.model_copy(update={"hearing": settings.hearing.model_copy(update={"model": official})})
    with capture_logs() as logs:
        choice = with_clinic_words(fixed, ["к тыквоедову"], [])
        prove_grammar(SpeechModel(choice.path), ["к тыквоедову"])
    assert choice == choose_model(fixed)
    assert [entry["event"] for entry in logs] == ["model_takes_no_words", "grammar_words_missing"]
    assert logs[1]["missing"] == ["тыквоедову"]
    with pytest.raises(FixedVocabulary, match=r"cannot be added to vosk-model-small-ru-0\.22"):
        add_words(fixed, ["Тыквоедов"])
    assert added_words(fixed) == []


def test_words_that_cannot_be_added_do_not_stop_the_robot(settings: Settings, tmp_path: Path) -> None:
    damaged = tmp_path / "model"
    shutil.copytree(EMBEDDED, damaged)
    (damaged / "graph" / "words.txt").write_text("не то\n")
    broken = settings.model_copy(update={"hearing": settings.hearing.model_copy(update={"model": damaged})})
    with capture_logs() as logs:
        assert with_clinic_words(broken, ["к тыквоедову"], []).path == damaged
    (entry,) = [entry for entry in logs if entry["event"] == "clinic_words_not_added"]
    assert "words.txt is damaged" in entry["problem"]


def test_an_engineers_words_stay(settings: Settings) -> None:
    made = add_words(settings, ["Дзюбан+юк", "Дзюбанюку"])
    assert made.added == ("дзюбанюк", "дзюбанюку")
    assert added_words(settings) == ["Дзюбан+юк", "Дзюбанюку"]
    add_words(settings, ["Дзю\u0301банюк"])  # corrected
    assert added_words(settings) == ["Дзю\u0301банюк", "Дзюбанюку"]
    require_words(SpeechModel(with_clinic_words(settings, ["да"], []).path), ["дзюбанюк", "дзюбанюку"])


def test_a_word_that_cannot_be_said_is_refused_and_none_is_added(settings: Settings) -> None:
    with pytest.raises(UnpronounceableWord, match="3D: it has Latin letters; кг: it is short") as refused:
        add_words(settings, ["Тыквоедов", "3D", "кг"])
    assert refused.value.words == ("3D", "кг")
    assert "as it is spoken" in refused.value.cure
    assert added_words(settings) == []


def test_a_list_of_words_that_is_no_text_is_told(settings: Settings) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "recogniser-words.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match=r"recogniser-words\.txt cannot be read"):
        added_words(settings)


def test_an_unknown_word_has_an_error_of_its_own(settings: Settings) -> None:
    model = SpeechModel(EMBEDDED)
    require_words(model, ["завтра", "При+ём"])
    with pytest.raises(UnknownWord, match="абырвалг, крокозябра") as unknown:
        require_words(model, ["завтра", "Крокозябра", "абырвалг"])
    assert unknown.value.words == ("абырвалг", "крокозябра")
    assert "add-word" in unknown.value.cure


def test_a_model_whose_words_are_inside_its_graph_is_whole(tmp_path: Path) -> None:
    """The small official models bring no words.txt: Gr.fst has a symbol table, as bit 1 or 2 of its flags tells."""
    model = tmp_path / "model"
    shutil.copytree(EMBEDDED, model, ignore=shutil.ignore_patterns("source"))
    (model / "graph" / "words.txt").unlink()
    with pytest.raises(ModelError, match=r"words\.txt"):
        check_model_folder(model)
    data = bytearray((model / "graph" / "Gr.fst").read_bytes())
    flags = data.index(b"standard") + len("standard") + 4
    assert data[flags] == 0
    data[flags] = 2
    (model / "graph" / "Gr.fst").write_bytes(data)
    check_model_folder(model)


@pytest.mark.parametrize(
    ("name", "kept"), [("am/final.mdl", 0.999), ("am/final.mdl", 0.01), ("graph/HCLr.fst", 0.99), ("graph/Gr.fst", 0.5)]
)
def test_a_truncated_file_gives_an_error_and_does_not_end_this_process(tmp_path: Path, name: str, kept: float) -> None:
    model = tmp_path / "model"
    shutil.copytree(EMBEDDED, model)
    data = (model / name).read_bytes()
    (model / name).write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ModelError, match=r"does not load|is damaged"):
        SpeechModel(model)


def test_the_embedded_model_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EMBEDDED_VARIABLE, str(tmp_path / "absent"))
    assert choose_model(Settings(cache_dir=tmp_path)).path == EMBEDDED
    assert json.loads((EMBEDDED / "figures.json").read_text())  # the shipped one, with its figures
    with pytest.raises(ModelError, match="does not load"):
        try_model(tmp_path)
