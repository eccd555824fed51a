"""Recordings in an S3-compatible store: put there after the call, never lost on the way, read, erased and copied from there."""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from pyrage.x25519 import Identity
from s3_server import S3Server
from structlog.testing import capture_logs

from voicebot import dialog_id
from voicebot.backup import catalogue, work
from voicebot.clock import SystemClock, VirtualClock
from voicebot.doctor import store as doctor_store
from voicebot.doctor.finding import Level
from voicebot.errors import ConfigurationError
from voicebot.privacy.removal import remove_recordings
from voicebot.privacy.resealing import seal_all
from voicebot.privacy.retention import Purge
from voicebot.records import recordings, uploads
from voicebot.records.archive import Archive, StoreAway, open_archive
from voicebot.records.dialogs import Dialog
from voicebot.records.recorder import Recorder, recording_path
from voicebot.records.recording_files import is_being_written
from voicebot.records.recordings import Recordings, find
from voicebot.records.sealing import MAGIC, RecordingLocked, read_recipients
from voicebot.records.store import RecordStore
from voicebot.records.tables import DialogRow
from voicebot.records.uploads import Uploads, waiting_in
from voicebot.settings import Settings
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

SOUND = np.random.default_rng(3).integers(-9000, 9000, (2 * 8000, 2)).astype(np.int16)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


class Robot:
    """One machine: its folder, its database, and the store that it shares with others."""

    def __init__(self, folder: Path, server: S3Server, prefix: str, **recordings: object) -> None:
        self.clock = VirtualClock(start=SystemClock().now())
        self.settings = Settings(data_dir=folder / "var", recordings={"store": server.store(prefix=prefix), **recordings})
        self.database = open_database(self.settings.database_url)
        upgrade(self.database)
        self.store = RecordStore(self.database, folder / "spool", self.clock)
        archive = open_archive(self.settings, self.clock.monotonic_seconds)
        assert archive is not None
        self.archive: Archive = archive
        self.folder = self.settings.recordings_folder
        self.uploads = Uploads(self.folder, archive, self.database, self.clock)

    def close(self) -> None:
        self.store.close()
        self.database.close()

    def begin(self, days_ago: float = 0) -> tuple[Dialog, Recorder]:
        """A call that is being recorded."""
        recipients = read_recipients(self.settings.recordings.recipients)
        one = dialog_id.new()
        at = self.clock.now() - timedelta(days=days_ago)
        path = recording_path(at, one, is_sealed=bool(recipients))
        self.store.open_dialog(Dialog(one, started_at=at, caller_phone="+79161234567", recording_path=str(path)))
        recorder = Recorder(self.folder / path, 0, recipients=recipients)
        for start in range(0, len(SOUND), 160):
            caller, robot = SOUND[start : start + 160].T
            recorder.write(caller.astype("<i2").tobytes(), robot.astype("<i2").tobytes())
        dialog = self.store.get(one)
        assert dialog is not None
        return dialog, recorder

    def call(self, days_ago: float = 0) -> Dialog:
        """A call that is over."""
        dialog, recorder = self.begin(days_ago)
        recorder.close()
        return dialog

    def waiting(self) -> int:
        return waiting_in(self.folder, self.clock).files

    def stored(self) -> list[str]:
        return [one.name for one in self.archive.each()]


@pytest.fixture
def robot(tmp_path: Path, server: S3Server) -> Iterator[Robot]:
    robot = Robot(tmp_path, server, prefix=tmp_path.name)
    yield robot
    robot.close()


def test_a_recording_goes_to_the_store_and_is_heard_from_there(robot: Robot) -> None:
    dialog = robot.call()
    assert robot.uploads.run() == 1
    assert find(robot.folder, dialog.recording_path) is None
    assert robot.stored() == [dialog.recording_path]
    recordings = Recordings(robot.settings)
    assert recordings.has(dialog)
    assert recordings.locked(dialog) is None
    assert dialog.recording_path in recordings.place(dialog)
    assert np.array_equal(recordings.samples(dialog), SOUND)
    assert np.array_equal(recordings.samples(dialog, 500, 600), SOUND[4000:4800])


def test_what_is_sealed_stays_sealed_in_the_store(tmp_path: Path, server: S3Server) -> None:
    key, other = Identity.generate(), Identity.generate()
    for name, identity in (("key", key), ("other", other)):
        (tmp_path / name).write_text(f"{identity}\n")
    robot = Robot(tmp_path, server, tmp_path.name, recipients=[str(key.to_public())], key_file=tmp_path / "key")
    dialog = robot.call()
    assert robot.uploads.run() == 1
    held = server.objects()[f"{tmp_path.name}/{dialog.recording_path}"]
    assert held.startswith(MAGIC)
    assert b"fLaC" not in held
    assert np.array_equal(Recordings(robot.settings).samples(dialog), SOUND)
    keyless = robot.settings.model_copy(update={"recordings": robot.settings.recordings.model_copy(update={"key_file": None})})
    wrong = robot.settings.recordings.model_copy(update={"key_file": tmp_path / "other"})
    for settings in (keyless, robot.settings.model_copy(update={"recordings": wrong})):
        recordings = Recordings(settings)
        assert recordings.locked(dialog) is not None
        with pytest.raises(RecordingLocked):
            recordings.flac(dialog)
    robot.close()


def test_nothing_is_lost_while_the_store_is_away(tmp_path: Path) -> None:
    server = S3Server(tmp_path)
    robot = Robot(tmp_path, server, "calls")
    try:
        dialogs = [robot.call() for _ in range(3)]
        server.stop()
        with capture_logs() as told:
            assert robot.uploads.run() == 0
            assert robot.uploads.run() == 0  # not asked again at once
        assert [one["event"] for one in told] == ["recordings_wait"]
        assert (told[0]["files"], robot.waiting()) == (3, 3)
        recordings = Recordings(robot.settings)
        assert np.array_equal(recordings.samples(dialogs[0]), SOUND)  # from here, meanwhile

        robot.clock.advance(told[0]["again_in_seconds"] - 1)
        assert robot.uploads.run() == 0
        robot.clock.advance(2)
        with capture_logs() as told:
            assert robot.uploads.run() == 0
        assert told[0]["again_in_seconds"] == 20.0  # longer each time

        server.start()  # keys are new: the robot still has the old ones
        robot.clock.advance(400)
        with capture_logs() as told:
            assert robot.uploads.run() == 0
        assert "refuses these keys" in told[0]["why"]
        archive = open_archive(robot.settings.model_copy(update={"recordings": type(robot.settings.recordings)(
            store=server.store(prefix="calls"))}), robot.clock.monotonic_seconds)  # fmt: skip
        assert archive is not None
        assert Uploads(robot.folder, archive, robot.database, robot.clock).run() == 3
        assert robot.waiting() == 0
        assert {one.name for one in archive.each()} == {dialog.recording_path for dialog in dialogs}
    finally:
        server.stop()
        robot.close()


def test_a_store_that_is_away_is_said_to_be_away(robot: Robot, server: S3Server) -> None:
    store = robot.settings.recordings.store.model_copy(update={"endpoint": "http://127.0.0.1:9"})
    recordings = robot.settings.recordings.model_copy(update={"store": store})
    settings = robot.settings.model_copy(update={"recordings": recordings})
    dialog = robot.call()
    robot.uploads.run()
    away = Recordings(settings)
    assert away.has(dialog)  # as far as anybody knows
    assert away.locked(dialog) is None
    with pytest.raises(StoreAway, match="does not answer"):
        away.flac(dialog)
    gone, count = remove_recordings(robot.folder, {dialog.id: dialog.recording_path}, open_archive(settings))
    assert (gone, count) == ([], 0)  # so its dialog stays, and the next purge tries again
    assert robot.stored() == [dialog.recording_path]


def test_a_call_that_goes_on_is_left_alone(robot: Robot) -> None:
    dialog, recorder = robot.begin()
    assert (robot.uploads.run(), robot.waiting()) == (0, 0)
    recorder.close()
    assert robot.uploads.run() == 1
    assert robot.stored() == [dialog.recording_path]


_DIES = """
import os, signal, sys
from pathlib import Path
from voicebot.records.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), 0)
for _ in range(120):
    recorder.write(b"\\1\\2" * 160, b"\\3\\4" * 160)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_completed_and_sent(robot: Robot) -> None:
    dialog = robot.call()
    path = robot.folder / dialog.recording_path
    path.unlink()
    done = subprocess.run([sys.executable, "-c", dedent(_DIES), str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert robot.uploads.run() == 1
    assert len(Recordings(robot.settings).samples(dialog)) >= 8000  # whole seconds, a torn end at most


def test_who_was_erased_while_it_waited_does_not_come_to_the_store(robot: Robot) -> None:
    erased, purged = robot.call(), robot.call()
    with robot.database.session() as session:
        session.delete(session.get_one(DialogRow, erased.id))
        session.get_one(DialogRow, purged.id).recording_path = ""
    assert robot.uploads.run() == 0
    for dialog in (erased, purged):  # the dialog, or the name of its recording, may still wait on the disk for the database
        assert find(robot.folder, dialog.recording_path) is not None
        old = SystemClock().now() - timedelta(days=3)
        os.utime(robot.folder / dialog.recording_path, (old.timestamp(),) * 2)
    assert robot.uploads.run() == 0
    for dialog in (erased, purged):
        assert find(robot.folder, dialog.recording_path) is None
    assert robot.stored() == []


def test_a_recording_whose_name_waits_on_the_disk_is_not_lost(robot: Robot) -> None:
    dialog = robot.call()
    robot.store.update_dialog(dialog.id, recording_path="")  # the database took the dialog, then refused: the name is spooled
    assert robot.uploads.run() == 0
    robot.store.set_recording(dialog.id, dialog.recording_path)
    assert robot.uploads.run() == 1
    assert robot.stored() == [dialog.recording_path]


class Between(Archive):
    """Something happens while a file is on its way."""

    happens: Callable[[], object]

    def put(self, name: str, file: Path) -> None:
        super().put(name, file)
        self.happens()


@pytest.mark.parametrize("is_gone_here", [True, False], ids=["here", "by another machine"])
def test_who_is_erased_while_it_is_sent_is_not_in_the_store(robot: Robot, is_gone_here: bool) -> None:
    dialog = robot.call()

    def erase() -> None:
        with robot.database.session() as session:
            session.delete(session.get_one(DialogRow, dialog.id))
        if is_gone_here:
            (robot.folder / dialog.recording_path).unlink()

    robot.archive.__class__ = Between
    robot.archive.happens = erase  # type: ignore[attr-defined]
    assert robot.uploads.run() == 0
    assert robot.stored() == []


def test_a_file_that_goes_while_it_is_looked_at_stops_nobody(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, dialog = robot.call(), robot.call()
    monkeypatch.setattr(uploads, "is_being_written", _deleting(robot.folder / gone.recording_path))
    assert waiting_in(robot.folder, robot.clock).files == 1
    (robot.folder / gone.recording_path).touch()
    assert robot.uploads.run() == 1
    assert robot.stored() == [dialog.recording_path]


def _deleting(path: Path) -> Callable[[Path], bool]:
    def is_being_written(_: Path) -> bool:
        path.unlink(missing_ok=True)
        return False

    return is_being_written


def test_a_recording_that_goes_to_the_store_while_it_is_opened_is_heard(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = robot.call()
    reader = Recordings(robot.settings)
    read = recordings._beginning

    def beginning(path: Path, most_bytes: int | None) -> bytes:
        robot.uploads.run()
        return read(path, most_bytes)

    monkeypatch.setattr(recordings, "_beginning", beginning)
    assert np.array_equal(reader.samples(dialog), SOUND)
    assert robot.waiting() == 0


def test_a_look_at_the_moment_of_its_making_does_not_take_a_recording_for_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new.flac"
    flock, looks = fcntl.flock, []

    def at_that_moment(descriptor: int, how: int) -> None:
        if not looks:
            looks.append(is_being_written(path) if not path.stat().st_size else False)
            looker = os.open(path, os.O_RDWR)
            flock(looker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            threading.Timer(0.02, os.close, [looker]).start()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", at_that_moment)
    recorder = Recorder(path, 0)
    monkeypatch.undo()
    assert looks == [True]
    recorder.write(b"\1\2" * 160, b"\3\4" * 160)
    assert is_being_written(path)
    recorder.close()
    assert not is_being_written(path)


def test_what_else_lies_in_the_bucket_is_not_purged(robot: Robot) -> None:
    others = ["1c/backup.zip", "1999/report.flac", "2001/02/03/letter.pdf"]
    for name in others:
        robot.archive.put_bytes(name, b"not ours")
    robot.archive.put_bytes("2020/01/02/ABCDEFGH.flac.sealed", b"of a machine that is no more")
    assert Purge(robot.database, robot.settings, robot.clock, lambda: None).run().leftovers == 1
    assert robot.stored() == sorted(others)


def test_a_store_that_is_away_holds_up_nothing_else_of_the_purge(robot: Robot) -> None:
    store = robot.settings.recordings.store.model_copy(update={"endpoint": "http://127.0.0.1:9"})
    recordings = robot.settings.recordings.model_copy(update={"store": store})
    old = robot.clock.now() - timedelta(days=400)
    file = robot.settings.data_dir / "spool" / "00000001-1-ab.rejected.jsonl"
    file.parent.mkdir(exist_ok=True)
    file.write_text("{}\n")
    os.utime(file, (old.timestamp(),) * 2)
    with pytest.raises(StoreAway):
        Purge(robot.database, robot.settings.model_copy(update={"recordings": recordings}), robot.clock, lambda: None).run()
    assert not file.exists()


def test_an_empty_object_is_read_as_such(robot: Robot) -> None:
    robot.archive.put_bytes("2020/01/02/ABCDEFGH.flac", b"")
    assert robot.archive.read("2020/01/02/ABCDEFGH.flac", 100) == b""


def test_the_purge_reaches_the_store(robot: Robot) -> None:
    new, old = robot.call(), robot.call(days_ago=200)
    nobodys = "2020/01/02/ABCDEFGH.flac"
    assert robot.uploads.run() == 2
    robot.archive.put_bytes(nobodys, b"of a machine that is no more")
    done = Purge(robot.database, robot.settings, robot.clock, lambda: None).run()
    assert (done.recordings, done.leftovers) == (1, 1)
    assert robot.stored() == [new.recording_path]
    kept = robot.store.get(old.id)
    assert kept is not None
    assert kept.recording_path == ""


def test_one_persons_recording_is_deleted_there_too_sealed_or_not(robot: Robot) -> None:
    dialog = robot.call()
    robot.uploads.run()
    robot.archive.put_bytes(dialog.recording_path + ".sealed", b"a sealing that was interrupted")
    gone, count = remove_recordings(robot.folder, {dialog.id: dialog.recording_path}, robot.archive)
    assert (gone, count, robot.stored()) == ([dialog.id], 2, [])


def test_sealing_reaches_the_store(tmp_path: Path, robot: Robot, server: S3Server) -> None:
    dialog = robot.call()
    robot.uploads.run()
    key = Identity.generate()
    (tmp_path / "key").write_text(f"{key}\n")
    more = {"recipients": [str(key.to_public())], "key_file": tmp_path / "key"}
    settings = robot.settings.model_copy(update={"recordings": robot.settings.recordings.model_copy(update=more)})
    assert seal_all(settings, robot.clock).sealed == 1
    assert robot.stored() == [dialog.recording_path + ".sealed"]
    assert server.objects()[f"{tmp_path.name}/{dialog.recording_path}.sealed"].startswith(MAGIC)
    assert np.array_equal(Recordings(settings).samples(dialog), SOUND)
    assert seal_all(settings, robot.clock).sealed == 0
    assert seal_all(settings, robot.clock, is_anew=True).sealed == 1
    assert np.array_equal(Recordings(settings).samples(dialog), SOUND)


def test_copies_hold_what_is_in_the_store_and_bring_it_back(tmp_path: Path, robot: Robot) -> None:
    there, here = robot.call(), robot.call()
    (robot.folder / here.recording_path).rename(tmp_path / "kept")
    robot.uploads.run()
    (tmp_path / "kept").rename(robot.folder / here.recording_path)
    folder = tmp_path / "copies"
    assert work.back_up(robot.settings, robot.clock, folder, keep=0).recordings.new == 2
    again = work.back_up(robot.settings, VirtualClock(robot.clock.now() + timedelta(hours=1)), folder, keep=0).recordings
    assert (again.new, again.kept, again.removed) == (0, 2, 0)

    robot.archive.remove(there.recording_path)
    copy = catalogue.copies(folder)[0]
    robot.close()
    back = work.restore(robot.settings, robot.clock, folder, copy, may_replace=True)
    assert (back.new, back.kept) == (1, 1)
    robot.database = open_database(robot.settings.database_url)
    uploads = Uploads(robot.folder, robot.archive, robot.database, robot.clock)
    assert uploads.run() == 2
    assert robot.stored() == sorted((there.recording_path, here.recording_path))

    remove_recordings(robot.folder, {there.id: there.recording_path}, robot.archive)
    later = VirtualClock(robot.clock.now() + timedelta(hours=2))
    assert work.back_up(robot.settings, later, folder, keep=0).recordings.removed == 1  # erased means erased


def test_the_doctor_tries_the_store(robot: Robot) -> None:
    assert [one.level for one in doctor_store.check_recordings(robot.settings, robot.clock)] == [Level.FINE]
    assert robot.stored() == []
    store = robot.settings.recordings.store.model_copy(update={"bucket": "nobodys"})
    recordings = robot.settings.recordings.model_copy(update={"store": store})
    found = list(doctor_store.check_recordings(robot.settings.model_copy(update={"recordings": recordings}), robot.clock))
    assert [one.level for one in found] == [Level.WRONG]
    assert "no such bucket" in found[0].what


def test_keys_come_from_files_and_nobody_is_told(tmp_path: Path, server: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    for name, word in (("access", server.access_key), ("secret", "SECRET-OF-A-TEST")):
        (tmp_path / name).write_text(word + "\n")
    store = server.store(access_key_file=tmp_path / "access", secret_key_file=tmp_path / "secret", access_key="", secret_key="")
    settings = Settings(data_dir=tmp_path / "var", recordings={"store": store})
    archive = open_archive(settings)
    assert archive is not None
    with (
        caplog.at_level(logging.DEBUG),
        capture_logs() as told,
        pytest.raises(StoreAway, match="refuses these keys") as refused,
    ):
        archive.head("x")
    said = f"{refused.value} {caplog.text} {told} {archive.__dict__} {settings!r}"
    assert "SECRET-OF-A-TEST" not in said
    (tmp_path / "secret").unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        open_archive(settings)
    none = Settings(data_dir=tmp_path / "var", recordings={"store": {"bucket": "calls"}})
    with pytest.raises(ConfigurationError, match="no keys"):
        open_archive(none)
    assert open_archive(Settings(data_dir=tmp_path / "var")) is None
