"""Copies made while the robot writes, and the way back, on both databases."""

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from voicebot import dialog_id, status
from voicebot.backup import catalogue, work
from voicebot.clock import SystemClock, VirtualClock
from voicebot.errors import ConfigurationError, StorageError
from voicebot.records.tables import DialogRow
from voicebot.settings import Database as DatabaseSettings
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade


def _settings(folder: Path, url: str) -> Settings:
    return Settings(data_dir=folder / "var", database=DatabaseSettings(url=url))


def _talk(database: Database, clock: VirtualClock | SystemClock, count: int = 1) -> None:
    with database.session() as session:
        session.add_all(DialogRow(id=dialog_id.new(), channel="phone", started_at=clock.now()) for _ in range(count))


def _dialogs(url: str) -> int:
    database = open_database(url)
    try:
        with database.session(is_readonly=True) as session:
            return session.scalar(select(func.count()).select_from(DialogRow)) or 0
    finally:
        database.close()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    settings = _settings(tmp_path, database_url)
    database = open_database(database_url)
    upgrade(database)
    _talk(database, VirtualClock(), 3)
    database.close()
    recordings = settings.recordings_folder / "2026" / "11"
    recordings.mkdir(parents=True)
    (recordings / "one.flac").write_bytes(b"first" * 1000)
    (recordings / "two.flac").write_bytes(b"second" * 1000)
    return settings


def test_a_copy_brings_everything_back(settings: Settings, tmp_path: Path) -> None:
    clock, folder = VirtualClock(), tmp_path / "copies"
    first = work.back_up(settings, clock, folder, keep=0)
    assert (first.copy.dialogs, first.recordings.new) == (3, 2)
    database = open_database(settings.database_url)
    _talk(database, clock, 2)
    database.close()
    (settings.recordings_folder / "2026" / "11" / "one.flac").unlink()

    with pytest.raises(ConfigurationError, match="holds dialogs"):
        work.restore(settings, clock, folder, first.copy, may_replace=False)
    assert _dialogs(settings.database_url) == 5
    back = work.restore(settings, clock, folder, first.copy, may_replace=True)
    assert _dialogs(settings.database_url) == 3
    assert back.new == 1
    assert (settings.recordings_folder / "2026" / "11" / "one.flac").read_bytes() == b"first" * 1000
    database = open_database(settings.database_url)
    upgrade(database)
    _talk(database, clock)  # it can be written again
    database.close()
    assert _dialogs(settings.database_url) == 4


def test_only_what_is_new_is_copied_and_what_was_erased_goes(settings: Settings, tmp_path: Path) -> None:
    clock, folder = VirtualClock(), tmp_path / "copies"
    work.back_up(settings, clock, folder, keep=0)
    (settings.recordings_folder / "2026" / "11" / "one.flac").unlink()
    (settings.recordings_folder / "three.flac").write_bytes(b"third")
    clock.advance(60)
    second = work.back_up(settings, clock, folder, keep=0).recordings
    assert (second.new, second.kept, second.removed) == (1, 1, 1)
    assert not (folder / catalogue.RECORDINGS / "2026" / "11" / "one.flac").exists()
    (settings.recordings_folder / "three.flac").unlink()
    clock.advance(60)
    third = work.back_up(settings, clock, folder, keep=0, keeps_deleted=True).recordings
    assert (third.removed, (folder / catalogue.RECORDINGS / "three.flac").exists()) == (0, True)


def test_old_copies_go(settings: Settings, tmp_path: Path) -> None:
    clock, folder = VirtualClock(), tmp_path / "copies"
    for _ in range(4):
        work.back_up(settings, clock, folder, keep=2)
        clock.advance(timedelta(days=1).total_seconds())
    left = catalogue.copies(folder)
    assert len(left) == 2
    assert len(list(folder.glob("database-*"))) == 4  # two copies, each with its note
    assert work.chosen(folder) == left[-1]
    assert work.chosen(folder, f"{left[0].made_at:%Y%m%d}") == left[0]
    with pytest.raises(ConfigurationError):
        work.chosen(folder, "1999")


def test_a_copy_that_was_changed_is_refused(settings: Settings, tmp_path: Path) -> None:
    clock, folder = VirtualClock(), tmp_path / "copies"
    copy = work.back_up(settings, clock, folder, keep=0).copy
    file = folder / copy.file
    torn = bytearray(file.read_bytes())
    torn[len(torn) // 2] ^= 0xFF
    file.write_bytes(torn)
    with pytest.raises(StorageError, match="was changed"):
        work.restore(settings, clock, folder, copy, may_replace=True)
    assert _dialogs(settings.database_url) == 3


def test_the_robot_must_be_stopped(settings: Settings, tmp_path: Path) -> None:
    clock, folder = SystemClock(), tmp_path / "copies"
    copy = work.back_up(settings, clock, folder, keep=0).copy
    status.publish(settings.run_dir, "line", clock)
    with pytest.raises(ConfigurationError, match="The robot runs"):
        work.restore(settings, clock, folder, copy, may_replace=True)


def test_no_copy_lies_among_what_is_copied(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="among"):
        work.back_up(settings, VirtualClock(), settings.recordings_folder / "copies", keep=0)


def test_a_copy_of_another_kind_of_database_is_refused(settings: Settings, tmp_path: Path) -> None:
    clock, folder = VirtualClock(), tmp_path / "copies"
    copy = work.back_up(settings, clock, folder, keep=0).copy
    ending = ".pgdump" if copy.file.endswith(".sqlite3") else ".sqlite3"
    other = copy.model_copy(update={"file": Path(copy.file).stem + ending})
    (folder / copy.file).rename(folder / other.file)
    with pytest.raises(StorageError, match="is a copy of a"):
        work.restore(settings, clock, folder, other, may_replace=True)


def test_a_copy_is_whole_while_others_write(tmp_path: Path) -> None:
    settings = _settings(tmp_path, "")
    settings.data_dir.mkdir()
    database = open_database(settings.database_url)
    upgrade(database)
    stopping, wrote = threading.Event(), threading.Event()

    def write() -> None:
        while not stopping.is_set():
            _talk(database, SystemClock(), 20)
            wrote.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert wrote.wait(30)
        copy = work.back_up(settings, SystemClock(), tmp_path / "copies", keep=0).copy
    finally:
        stopping.set()
        writer.join()
        database.close()
    with sqlite3.connect(tmp_path / "copies" / copy.file) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert opened.execute("SELECT count(*) % 20 FROM dialogs").fetchone() == (0,)  # whole transactions only
    opened.close()
    assert (tmp_path / "copies" / copy.file).stat().st_mode & 0o077 == 0


def test_an_unfinished_copy_does_not_count(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "copies"

    def full(*_given: object, **_named: object) -> None:
        raise StorageError("No space left on device.", "")

    monkeypatch.setattr(work, "mirror", full)
    with pytest.raises(StorageError):
        work.back_up(settings, VirtualClock(), folder, keep=0)
    assert catalogue.copies(folder) == []
