"""`voicebot qa export-tests`: what it writes can be read by those it is for, and changes what the robot understands."""

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from postgres import database_url, postgresql_url
from ruamel.yaml import YAML
from typer.testing import CliRunner

from bench.recognition.human import recorded
from bench.understanding.cases import read_cases
from voicebot.accounts.audit import Audit
from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.clock import SystemClock
from voicebot.dialog.conversation_files import load_conversation
from voicebot.dialog.understanding import Understanding
from voicebot.dialog.understanding.phrases import read_phrases
from voicebot.qa_commands import app
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.marks import Kind, Mark, Marks
from voicebot.records.store import RecordStore
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

__all__ = ["database_url", "postgresql_url"]

DEMO = Path(__file__).parents[1] / "dialplans" / "demo"
CALL = "AAAAAAA6"
#: No rule knows this way to ask for a visit.
PHRASE = "мне бы под микроскоп родимые пятна подставить"
runner = CliRunner()


@pytest.fixture
def installation(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """An installation with one recorded call: a second of silence, a second of the caller, and so on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEBOT_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("VOICEBOT_DATABASE__URL", database_url)
    database = open_database(database_url)
    upgrade(database)
    clock = SystemClock()
    store = RecordStore(database, tmp_path / "spool", clock)
    store.open_dialog(Dialog(CALL, recording_path=f"2026/11/22/{CALL}.flac", caller_phone="+79161234567"))
    store.add_turn(CALL, Turn(1, Who.ROBOT, "Чем помочь?", prompt="request.wish"))
    store.add_turn(CALL, Turn(2, Who.CALLER, "родимые пятна", intent="off_topic", offset_start_ms=1000, offset_end_ms=2000))
    store.add_turn(CALL, Turn(3, Who.CALLER, "в субботу кость", intent="none", offset_start_ms=3000, offset_end_ms=4000))
    store.close()
    sound = np.zeros((40_000, 2), dtype=np.int16)
    sound[8000:16000, 0], sound[24000:32000, 0], sound[:, 1] = 1000, 2000, -5
    file = tmp_path / "var" / "recordings" / "2026/11/22" / f"{CALL}.flac"
    file.parent.mkdir(parents=True)
    soundfile.write(file, sound, 8000)
    marks = Marks(database, clock)
    marks.put(Mark(CALL, 2, Kind.MISUNDERSTOOD, PHRASE, "book", author="qa"))
    marks.put(Mark(CALL, 3, Kind.MISHEARD, "В субботу, к хирургу", "book", author="qa"))
    marks.put(Mark(CALL, 1, Kind.BAD_PROMPT, note="=длинно", author="qa"))
    yield database
    database.close()


def export(*options: str) -> str:
    done = runner.invoke(app, ["export-tests", *options])
    assert done.exit_code == 0, done.output
    return done.output


def test_everything_written_is_read_by_those_it_is_for(installation: Database, tmp_path: Path) -> None:
    output = export("--to", "out")
    assert "2 training phrases" in output
    out = tmp_path / "out"
    cases = read_cases(out / "phrases")
    assert {(case.text, tuple(case.intents)) for case in cases} == {(PHRASE, ("book",)), ("в субботу к хирургу", ("book",))}
    (heard,) = recorded(out / "recognition")
    assert heard.line.written == "в субботу к хирургу"
    # The caller's side alone, with its margin: 300 ms of silence on both sides.
    assert len(heard.samples) == 8 * 1600
    assert set(heard.samples[2400:10400]) == {2000}
    assert set(heard.samples[:2400]) == {0}
    conversation = load_conversation(out / "conversations" / f"qa_{CALL}_2.yaml")
    assert conversation.turns[1].caller == [PHRASE]
    assert conversation.turns[1].understood is not None
    assert conversation.turns[1].understood.intent == "book"
    assert "'=длинно" in (out / "remarks.csv").read_text()
    for path in out.rglob("*.*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path  # what patients said
    assert Audit(installation, SystemClock()).entries()[0].action == "qa_exported"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(DEMO / "clinic")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_exported_phrases_change_what_is_understood(installation: Database, tmp_path: Path, catalogue: Catalogue) -> None:
    own = tmp_path / "clinic" / "understanding" / "own.yaml"
    own.parent.mkdir(parents=True)
    demo = read_phrases(DEMO)
    some = {intent: demo[intent][:15] for intent in ("book", "price", "address", "off_topic", "none", "answer")}
    YAML().dump(some, own)
    now = SystemClock().now()

    def understood() -> str:
        return Understanding(catalogue, {}, folder=tmp_path / "clinic").understand(PHRASE, None, now).intent

    assert understood() != "book"
    export("--to", "clinic", "--no-sound")
    assert understood() == "book"


def test_an_export_adds_to_earlier_ones_and_a_new_judgement_moves_a_phrase(installation: Database, tmp_path: Path) -> None:
    export("--to", "out")
    Marks(installation, SystemClock()).put(Mark(CALL, 2, Kind.MISUNDERSTOOD, PHRASE, "off_topic", author="qa"))
    later = (SystemClock().now() - timedelta(seconds=1)).isoformat()
    Marks(installation, SystemClock()).remove(CALL, 3)
    export("--to", "out", "--since", later)
    text = (tmp_path / "out" / "understanding" / "qa.yaml").read_text()
    assert text.split("\n", 1)[1] == f"book:\n  - в субботу к хирургу\noff_topic:\n  - {PHRASE}\n"
    assert len(list(recorded(tmp_path / "out" / "recognition"))) == 1


def test_nothing_is_exported_from_the_future(installation: Database, tmp_path: Path) -> None:
    export("--to", "out", "--since", "2099-01-01")
    assert not any((tmp_path / "out").iterdir())
    assert runner.invoke(app, ["export-tests", "--to", "out", "--since", "yesterday"]).exit_code == 2


def test_a_recording_that_is_gone_is_told(installation: Database, tmp_path: Path) -> None:
    (tmp_path / "var" / "recordings" / "2026/11/22" / f"{CALL}.flac").unlink()
    assert "1 left out: no recording of a misheard turn" in export("--to", "out")
    assert "left out" not in export("--to", "other", "--no-sound")
    assert not (tmp_path / "other" / "recognition").exists()
