"""Sealed recordings: nobody reads them without the key, whoever has it hears all of them, torn ones too."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from pyrage.x25519 import Identity

from voicebot.errors import ConfigurationError, StorageError
from voicebot.records.dialogs import Dialog
from voicebot.records.flac import has_length
from voicebot.records.recorder import Recorder
from voicebot.records.recording_files import SealedFile, create
from voicebot.records.recordings import Recordings, find
from voicebot.records.sealing import MAGIC, RecordingLocked, is_sealed, read_identities, read_recipients, unseal
from voicebot.settings import Settings

NAME = "2026/11/23/A1B2C3D4.flac.sealed"


class Installation:
    """A folder of recordings and a key outside it."""

    def __init__(self, folder: Path) -> None:
        self.identity = Identity.generate()
        self.key_file = folder / "medium" / "recordings.key"
        self.key_file.parent.mkdir()
        self.key_file.write_text(f"# made by a test\n{self.identity}\n")
        self.folder = folder / "var" / "recordings"
        self.settings = Settings(
            data_dir=folder / "var", recordings={"key_file": self.key_file, "recipients": [str(self.identity.to_public())]}
        )
        self.recipients = read_recipients(self.settings.recordings.recipients)
        self.path = self.folder / NAME

    def record(self, seconds: float = 3.0) -> NDArray[np.int16]:
        """Record noise; return it."""
        recorder = Recorder(self.path, 0, recipients=self.recipients)
        sound = noise(seconds)
        for start in range(0, len(sound), 160):
            caller, robot = sound[start : start + 160].T
            recorder.write(caller.astype("<i2").tobytes(), robot.astype("<i2").tobytes())
        recorder.close()
        assert recorder.stopped is None
        return sound


def noise(seconds: float) -> NDArray[np.int16]:
    return np.random.default_rng(7).integers(-9000, 9000, (round(seconds * 8000), 2)).astype(np.int16)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


DIALOG = Dialog("A1B2C3D4", recording_path=NAME, recording_started_ms=0)


def test_a_sealed_recording_is_no_flac_to_others_and_whole_to_its_key(installation: Installation) -> None:
    sound = installation.record()
    raw = installation.path.read_bytes()
    assert is_sealed(raw)
    assert b"fLaC" not in raw
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.info(str(installation.path))
    assert installation.path.stat().st_mode & 0o777 == 0o600
    recordings = Recordings(installation.settings)
    flac = recordings.flac(DIALOG)
    assert has_length(flac)
    np.testing.assert_array_equal(recordings.samples(DIALOG), sound)
    assert recordings.locked(DIALOG) is None
    assert len(raw) < len(flac) * 1.1  # what sealing costs


def test_a_part_of_the_sound_is_found_by_the_offsets_of_turns(installation: Installation) -> None:
    sound = installation.record()
    recordings = Recordings(installation.settings)
    np.testing.assert_array_equal(recordings.samples(DIALOG, 500, 1250), sound[4000:10_000])
    np.testing.assert_array_equal(recordings.samples(DIALOG, 2900, 99_000), sound[23_200:])
    assert len(recordings.samples(DIALOG, 90_000, 99_000)) == 0
    late = Dialog("A1B2C3D4", recording_path=NAME, recording_started_ms=400)
    np.testing.assert_array_equal(recordings.samples(late, 500, 1250), sound[800:6800])


def test_what_is_on_the_disk_while_the_call_runs_is_sealed_and_heard_already(installation: Installation) -> None:
    recorder = Recorder(installation.path, 0, recipients=installation.recipients)
    sound = noise(4.5)
    for start in range(0, len(sound), 160):
        caller, robot = sound[start : start + 160].T
        recorder.write(caller.astype("<i2").tobytes(), robot.astype("<i2").tobytes())
    raw = installation.path.read_bytes()
    assert raw.startswith(MAGIC)
    assert b"fLaC" not in raw
    heard = Recordings(installation.settings).samples(DIALOG)
    assert len(heard) > 3 * 8000
    np.testing.assert_array_equal(heard, sound[: len(heard)])
    recorder.close()


def test_after_sigkill_all_but_the_last_moment_is_heard(installation: Installation) -> None:
    program = dedent("""
        import sys, time
        from pathlib import Path
        from voicebot.records.recorder import Recorder
        from voicebot.records.sealing import read_recipients
        recorder = Recorder(Path(sys.argv[1]), 0, recipients=read_recipients([sys.argv[2]]))
        for number in range(250):
            recorder.write(bytes([number, 1]) * 160, bytes([number, 2]) * 160)
        print("written", flush=True)
        time.sleep(60)
    """)
    arguments = [sys.executable, "-c", program, str(installation.path), installation.settings.recordings.recipients[0]]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        os.kill(process.pid, signal.SIGKILL)
    torn = installation.path.read_bytes()
    recordings = Recordings(installation.settings)
    heard = recordings.samples(DIALOG)
    assert 3.5 * 8000 <= len(heard) <= 5 * 8000  # libFLAC holds back a block of half a second
    assert (heard[:160, 0] == 256).all()
    assert heard[160 * 100, 0] == 356
    installation.path.write_bytes(torn[:-7])  # torn in the middle of a record
    assert 8000 < len(Recordings(installation.settings).samples(DIALOG)) < len(heard)


def test_without_the_key_it_is_said_which_key_is_missing(installation: Installation, tmp_path: Path) -> None:
    installation.record(0.5)
    key = installation.key_file.read_text()
    recordings = Recordings(installation.settings)
    installation.key_file.write_text(str(Identity.generate()))
    with pytest.raises(RecordingLocked, match="another key"):
        recordings.flac(DIALOG)
    assert "Add the key" in recordings.locked(DIALOG).cure  # type: ignore[union-attr]
    installation.key_file.write_text("nothing")
    with pytest.raises(RecordingLocked, match="has no secret key"):
        recordings.flac(DIALOG)
    installation.key_file.unlink()
    with pytest.raises(RecordingLocked, match="cannot be read"):
        recordings.flac(DIALOG)
    keyless = Recordings(Settings(data_dir=installation.settings.data_dir))
    assert "no key is set" in str(keyless.locked(DIALOG))
    # A second key beside the old one: rotation needs no restart.
    installation.key_file.write_text(f"{Identity.generate()}\n{key}")
    assert recordings.locked(DIALOG) is None
    assert len(recordings.samples(DIALOG)) == 4000


def test_a_lost_or_changed_record_is_noticed(installation: Installation) -> None:
    installation.record(4.0)
    raw = installation.path.read_bytes()
    records, position = [], len(MAGIC)
    while position < len(raw):
        length = int.from_bytes(raw[position : position + 4], "big")
        records.append(raw[position : position + 4 + length])
        position += 4 + length
    identities = [installation.identity]
    whole = unseal(raw, identities)
    without_second = unseal(MAGIC + b"".join(records[:1] + records[2:]), identities)
    assert whole.startswith(without_second[100:]) is False
    assert len(without_second) < len(whole) / 2
    broken = bytearray(raw)
    broken[len(MAGIC) + len(records[0]) + 300] ^= 1
    assert unseal(bytes(broken), identities) == without_second
    assert unseal(MAGIC, identities) == b""
    installation.path.write_bytes(MAGIC)
    with pytest.raises(StorageError, match="not a readable recording"):
        Recordings(installation.settings).flac(DIALOG)


def test_a_full_disk_keeps_whole_records_only(installation: Installation, tmp_path: Path) -> None:
    full = SealedFile(os.open("/dev/full", os.O_RDWR), installation.recipients)
    assert full.error is not None
    assert full.write(b"sound") == 0
    full.close()

    target = tmp_path / "small"
    file = create(target, installation.recipients)
    assert isinstance(file, SealedFile)
    file.write(b"first")
    file.settle()
    whole = target.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, limits[1]))
    try:
        file.write(bytes(5000))
        file.settle()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert file.error is not None
    assert target.read_bytes() == whole
    file.close()
    assert unseal(whole, [installation.identity]) == b"first"


def test_wrong_keys_in_the_settings_are_named_without_being_shown(tmp_path: Path) -> None:
    secret = str(Identity.generate())
    with pytest.raises(ConfigurationError, match="entry 2 is not a public age key") as caught:
        read_recipients([str(Identity.generate().to_public()), secret])
    assert secret not in str(caught.value)
    key_file = tmp_path / "key"
    key_file.write_text(f"# comment\n{secret[:-1]}Q\n")
    with pytest.raises(RecordingLocked, match="line 2, is damaged") as locked:
        read_identities(key_file)
    assert secret[:-1] not in str(locked.value)
    assert read_identities(None) == []


def test_a_recording_sealed_later_is_found_by_its_old_name(tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026" / "a.flac.sealed").write_bytes(MAGIC)
    assert find(tmp_path, "2026/a.flac") == tmp_path / "2026" / "a.flac.sealed"
    (tmp_path / "2026" / "a.flac").write_bytes(b"fLaC")
    assert find(tmp_path, "2026/a.flac") == tmp_path / "2026" / "a.flac"
    for outside in ("../a.flac", "/etc/hostname", ".", "", "2026/b.flac"):
        assert find(tmp_path / "2026", outside) is None
