"""The copy of a model with a clinic's words: made once, proven, shared between processes, rebuilt when damaged."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from voicebot.vocabulary import apart, prepared
from voicebot.vocabulary.errors import DamagedModel, FixedVocabulary
from voicebot.vocabulary.prepared import prepare
from voicebot.vocabulary.wanted import Wanted

MODEL = Path(__file__).resolve().parents[2] / "models" / "vosk-embedded-ru"
NEW = Wanted({"тыквоедов": ("Тыквоедов",), "завтра": ("завтра",)})
_PREPARE = """
import sys
from pathlib import Path
from voicebot.vocabulary.prepared import prepare
from voicebot.vocabulary.wanted import Wanted
made = prepare(Path(sys.argv[1]), Wanted({"тыквоедов": ("Тыквоедов",), "завтра": ("завтра",)}), Path(sys.argv[2]))
print(made.path)
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("words")


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was built, by the words that were pronounced."""
    built: list[str] = []
    original = apart.pronounce
    monkeypatch.setattr(apart, "pronounce", lambda words: built.append(" ".join(sorted(words))) or original(words))
    return built


def checksums(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): hash(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_it_is_built_once_and_the_model_stays_untouched(cache: Path, builds: list[str]) -> None:
    before = checksums(MODEL)
    first = prepare(MODEL, NEW, cache)
    second = prepare(MODEL, NEW, cache)
    assert builds == ["тыквоедов"]
    assert first == second
    assert first.added == ("тыквоедов",)
    assert first.path.parent == cache
    assert first.path.name.startswith("vosk-embedded-ru+")
    assert checksums(MODEL) == before
    assert [path.name for path in cache.iterdir() if not path.name.startswith(".words.lock")] == [first.path.name]


def test_other_words_give_another_copy(cache: Path) -> None:
    first = prepare(MODEL, NEW, cache)
    other = prepare(MODEL, Wanted({"тыквоедову": ("тыквоедову",)}), cache)
    assert other.path != first.path
    assert first.path.is_dir()


def test_a_damaged_copy_is_built_anew(cache: Path, builds: list[str]) -> None:
    made = prepare(MODEL, NEW, cache)
    builds.clear()
    whole = checksums(made.path)
    file = made.path / "graph" / "HCLr.fst"
    file.write_bytes(file.read_bytes()[:-100])
    assert prepare(MODEL, NEW, cache) == made
    assert builds == ["тыквоедов"]
    assert checksums(made.path) == whole


def test_nothing_is_copied_where_nothing_lacks(tmp_path: Path) -> None:
    nothing = Wanted({"завтра": ("завтра",)})
    for _ in range(2):
        made = prepare(MODEL, nothing, tmp_path)
        assert (made.path, made.added, made.unsaid) == (MODEL, (), ())
    assert not list(tmp_path.rglob("*.fst"))


def test_starts_at_the_same_time_build_it_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PREPARE, str(MODEL), str(tmp_path)]
    starting = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=100)[0].splitlines() for process in starting]
    assert [process.returncode for process in starting] == [0, 0, 0]
    assert len({lines[-1] for lines in said}) == 1
    assert sum("recogniser words added" in line for lines in said for line in lines) == 1
    assert Path(said[0][-1]).is_dir()


def test_a_copy_that_does_not_load_is_not_put_in_place(tmp_path: Path) -> None:
    model = Path(shutil.copytree(MODEL, tmp_path / "model"))
    network = model / "am/final.mdl"
    network.write_bytes(network.read_bytes()[:1000])
    with pytest.raises(DamagedModel, match="does not load"):
        prepare(model, NEW, tmp_path / "words")
    assert [path.name for path in (tmp_path / "words").iterdir()] == [".words.lock"]


@pytest.mark.parametrize("name", ["graph/HCLr.fst", "graph/Gr.fst", "graph/words.txt", "graph/disambig_tid.int"])
def test_a_damaged_graph_is_told(tmp_path: Path, name: str) -> None:
    model = Path(shutil.copytree(MODEL, tmp_path / "model"))
    data = (model / name).read_bytes()
    (model / name).write_bytes(data[: len(data) // 2] + b"\xff")
    with pytest.raises(DamagedModel, match="damaged"):
        prepare(model, NEW, tmp_path / "words")


def test_an_official_model_takes_no_words(tmp_path: Path) -> None:
    model = Path(shutil.copytree(MODEL, tmp_path / "vosk-model-small-ru-0.22", ignore=shutil.ignore_patterns("source")))
    with pytest.raises(FixedVocabulary, match=r"vosk-model-small-ru-0\.22: it brings no"):
        prepare(model, NEW, tmp_path / "words")


def test_old_copies_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        old = tmp_path / f"vosk-embedded-ru+{number}"
        old.mkdir()
        (old / "words.json").write_text("{}")
    (tmp_path / "another+1").mkdir()
    monkeypatch.setattr(apart, "try_words", lambda *_: None)
    made = prepare(MODEL, NEW, tmp_path)
    kept = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert {made.path.name, "another+1"} <= kept
    assert len(kept) == 1 + prepared._KEPT_COPIES


def test_the_report_names_what_was_added(cache: Path) -> None:
    made = prepare(MODEL, NEW, cache)
    report = json.loads((made.path / "words.json").read_text(encoding="utf-8"))
    assert report["added"] == ["тыквоедов"]
    assert {"am/final.mdl", "graph/HCLr.fst", "source/units.txt"} <= set(report["files"])
