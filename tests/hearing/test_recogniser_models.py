import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from voicebot.errors import ModelError
from voicebot.hearing.grammar import prove_grammar
from voicebot.hearing.models import EMBEDDED_VARIABLE, choose_model, default_model_path
from voicebot.hearing.recogniser import SpeechModel, check_model_folder, rank, try_model
from voicebot.settings import Settings

EMBEDDED = Path(__file__).resolve().parents[2] / "models" / "vosk-embedded-ru"


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    if not EMBEDDED.is_dir():
        pytest.skip(f"the embedded model is not at {EMBEDDED}")
    return SpeechModel(EMBEDDED)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EMBEDDED, tmp_path / "model"))


def test_a_missing_folder_is_named_with_a_cure(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no recogniser model at") as caught:
        SpeechModel(tmp_path / "gone")
    assert "make models" in caught.value.cure


@pytest.mark.parametrize(
    "name", ["am/final.mdl", "conf/model.conf", "conf/fbank.conf", "graph/HCLr.fst", "graph/Gr.fst", "graph/words.txt"]
)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError, match=Path(name).name.replace(".", r"\.")):
        check_model_folder(copy)


def test_an_empty_file_is_named(copy: Path) -> None:
    (copy / "am/final.mdl").write_bytes(b"")
    with pytest.raises(ModelError, match=r"final\.mdl is empty"):
        check_model_folder(copy)


@pytest.mark.parametrize("name", ["am/final.mdl", "graph/HCLr.fst"])
def test_a_corrupt_file_gives_an_error_and_does_not_end_this_process(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 3])
    with pytest.raises(ModelError, match="does not load"):
        try_model(copy)


def test_it_knows_its_words(model: SpeechModel) -> None:
    assert model.name == "vosk-embedded-ru"
    assert model.is_grammar_supported
    assert model.has_word("завтра")
    assert not model.has_word("абырвалгович")
    assert model.unknown_words(["да", "абырвалгович завтра", "[unk]"]) == ("абырвалгович",)


def test_a_static_graph_supports_no_grammar(model: SpeechModel, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "graph/HCLG.fst").write_bytes(b"x")
    monkeypatch.setattr(model, "path", copy)
    assert not model.is_grammar_supported
    with capture_logs() as logs:
        proven = prove_grammar(model, ["да", "нет"], question="confirm")
    assert proven.usable == ()
    assert not proven.is_supported
    assert [entry["event"] for entry in logs] == ["grammar_not_supported"]


def test_a_grammar_is_proven_word_by_word(model: SpeechModel) -> None:
    with capture_logs() as logs:
        proven = prove_grammar(model, ["Да", "нет", "к абырвалговичу", "нет", "  "], question="doctor")
    assert proven.usable == ("да", "нет")
    assert proven.missing_words == ("абырвалговичу",)
    assert proven.dropped_phrases == 2
    assert logs[0]["event"] == "grammar_words_missing"
    assert logs[0]["missing"] == ["абырвалговичу"]
    assert logs[0]["question"] == "doctor"


def test_a_grammar_without_gaps_is_silent(model: SpeechModel) -> None:
    with capture_logs() as logs:
        prove_grammar(model, ["да", "нет"])
    assert logs == []


def test_likelihoods_become_posteriors_and_equal_texts_are_joined() -> None:
    ranked = rank([("да", 10.0), ("до", 8.0), ("да", 9.0), ("", 9.5)], "open")
    assert [a.text for a in ranked] == ["да", "до"]
    assert ranked[0].confidence > 0.5 > ranked[1].confidence
    assert sum(a.confidence for a in ranked) < 1.0  # the empty hypothesis has its share
    assert rank([], "open") == []


def test_likelihoods_far_apart_do_not_overflow() -> None:
    assert rank([("да", 1e6), ("до", -1e6)], "open")[0].confidence == pytest.approx(1.0)


def test_the_configured_model_comes_first(tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path, hearing={"model": tmp_path / "mine"})
    assert default_model_path(settings) == tmp_path / "mine"
    assert "configured" in choose_model(settings).describe()


def test_then_the_production_model_if_it_was_fetched(tmp_path: Path) -> None:
    fetched = tmp_path / "models" / "vosk-model-small-ru-0.22"
    settings = Settings(cache_dir=tmp_path)
    fetched.mkdir(parents=True)  # an unfinished download
    assert choose_model(settings).kind == "embedded"
    (fetched / "am").mkdir()
    assert choose_model(settings).path == fetched
    assert "production" in choose_model(settings).describe()


def test_then_the_embedded_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EMBEDDED_VARIABLE, str(tmp_path))
    choice = choose_model(Settings(cache_dir=tmp_path / "cache"))
    assert choice.path == tmp_path
    assert "make models" in choice.describe()
