from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicebot.audio.pcm import Pcm
from voicebot.audio.wav import SoundError, read_sound, write_sound


def ramp(samples: int = 1000) -> Pcm:
    return Pcm(8000, np.arange(samples, dtype=np.int16))


@pytest.mark.parametrize("name", ["sound.wav", "sound.flac"])
def test_what_was_written_is_read_back_exactly(tmp_path: Path, name: str) -> None:
    write_sound(tmp_path / name, ramp())
    sound = read_sound(tmp_path / name)
    assert sound.rate_hz == 8000
    assert np.array_equal(sound.samples, ramp().samples)


def test_channels_are_averaged_and_the_rate_is_changed(tmp_path: Path) -> None:
    stereo = np.stack([np.full(48000, 0.5), np.full(48000, -0.25)], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, 48000, subtype="FLOAT")
    sound = read_sound(tmp_path / "stereo.wav", rate_hz=8000)
    assert sound.rate_hz == 8000
    assert len(sound.samples) == 8000
    assert sound.samples[4000] == pytest.approx(0.125 * 32768, abs=2)


def test_alaw_wav_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", ramp().samples, 8000, subtype="ALAW")
    assert np.abs(read_sound(tmp_path / "a.wav").samples - ramp().samples).max() <= 16


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match=r"no sound file .*gone\.wav"):
        read_sound(tmp_path / "gone.wav")


def test_a_file_without_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, dtype=np.int16), 8000)
    with pytest.raises(SoundError, match="holds no samples"):
        read_sound(tmp_path / "empty.wav")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"this is no sound at all, only text" * 10])
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(SoundError, match="not a sound file"):
        read_sound(tmp_path / "bad.wav")


@pytest.mark.parametrize("name", ["torn.wav", "torn.flac"])
def test_a_torn_file_is_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, 20000).astype(np.int16)
    write_sound(tmp_path / name, Pcm(8000, noise))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SoundError):
        read_sound(tmp_path / name)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_streamed_wav_without_its_length_is_read(tmp_path: Path, size: int) -> None:
    write_sound(tmp_path / "stream.wav", ramp())
    content = bytearray((tmp_path / "stream.wav").read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = size.to_bytes(4, "little")
    if size:
        content[4:8] = size.to_bytes(4, "little")
    (tmp_path / "stream.wav").write_bytes(content)
    if size == 0:
        with pytest.raises(SoundError, match="holds no samples"):
            read_sound(tmp_path / "stream.wav")
    else:
        assert len(read_sound(tmp_path / "stream.wav").samples) == 1000
