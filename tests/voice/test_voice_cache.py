"""Prompts on disk and in memory."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from voicebot.audio.pcm import Pcm
from voicebot.voice.cache import MAGIC, PromptCache, prompt_key


def sound(number: int, count: int = 800) -> Pcm:
    return Pcm(8000, np.full(count, number, dtype=np.int16))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_fixed_prompt_outlives_the_process(tmp_path: Path) -> None:
    key = prompt_key("Здравствуйте", "rhvoice")
    PromptCache(tmp_path).put(key, sound(1), is_personal=False)
    again = PromptCache(tmp_path).get(key)
    assert again is not None
    assert np.array_equal(again.samples, sound(1).samples)
    assert PromptCache(tmp_path).get(prompt_key("Здравствуйте", "silero")) is None
    (path,) = files(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_personal_reaches_the_disk(tmp_path: Path) -> None:
    cache = PromptCache(tmp_path)
    cache.put("ab" * 32, sound(1), is_personal=True)
    assert cache.get("ab" * 32) is not None
    assert files(tmp_path) == []
    assert PromptCache(tmp_path).get("ab" * 32) is None


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "foreign"])
def test_a_damaged_prompt_is_forgotten(tmp_path: Path, damage: str) -> None:
    key = prompt_key("x")
    PromptCache(tmp_path).put(key, sound(1), is_personal=False)
    (path,) = files(tmp_path)
    data = path.read_bytes()
    path.write_bytes(
        {
            "flip": data[:-5] + bytes([data[-5] ^ 1]) + data[-4:],
            "truncate": data[:-1],
            "empty": b"",
            "foreign": b"RIFF" + data,
        }[damage]
    )
    assert PromptCache(tmp_path).get(key) is None
    assert files(tmp_path) == []


def test_the_memory_keeps_what_was_used_last() -> None:
    cache = PromptCache(None, memory_mb=0.005)  # three sounds of 1600 bytes
    for number in (1, 2, 3):
        cache.put(str(number), sound(number), is_personal=True)
    assert cache.get("1") is not None
    cache.put("4", sound(4), is_personal=True)
    assert [cache.get(key) is not None for key in "1234"] == [True, False, True, True]
    cache.put("huge", sound(5, 10_000), is_personal=True)
    assert cache.get("huge") is None
    assert cache.get("4") is not None


def test_putting_the_same_again_does_not_use_up_the_memory() -> None:
    cache = PromptCache(None, memory_mb=0.005)
    cache.put("a", sound(1), is_personal=True)
    for _ in range(10):
        cache.put("b", sound(2), is_personal=True)
    assert cache.get("a") is not None


def test_the_disk_keeps_what_was_used_last(tmp_path: Path) -> None:
    cache = PromptCache(tmp_path, memory_mb=0, disk_mb=0.004)  # two files of about 1650 bytes
    keys = [prompt_key(number) for number in range(3)]
    for age, key in enumerate(keys):
        cache.put(key, sound(1), is_personal=False)
        os.utime(tmp_path / key[:2] / key, (1000 + age, 1000 + age))
    assert cache.get(keys[0]) is not None  # now used last
    cache.shrink()
    assert [cache.get(key) is not None for key in keys] == [True, False, True]


def test_a_sound_of_the_cache_cannot_be_changed_by_one_call(tmp_path: Path) -> None:
    cache = PromptCache(tmp_path)
    mine = sound(1)
    cache.put("k" * 64, mine, is_personal=True)
    mine.samples[:] = 7  # the caller's own array is another one
    again = cache.get("k" * 64)
    assert again is not None
    assert again.samples[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        again.samples[0] = 5


def test_a_folder_that_cannot_be_written_leaves_the_memory(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = PromptCache(blocked / "prompts")
    cache.put("a" * 64, sound(1), is_personal=False)
    cache.put("b" * 64, sound(2), is_personal=False)
    assert cache.get("a" * 64) is not None
    assert cache.get("b" * 64) is not None


def test_a_killed_writer_leaves_nothing_that_counts(tmp_path: Path) -> None:
    key = prompt_key("x")
    folder = tmp_path / key[:2]
    folder.mkdir()
    (folder / ".half").write_bytes(MAGIC)
    cache = PromptCache(tmp_path, disk_mb=0)
    assert cache.get(key) is None
    cache.shrink()
    assert files(tmp_path) == []


def test_only_telephone_sound_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="8000 Hz"):
        PromptCache(tmp_path).put("a", Pcm(24000, np.zeros(1, dtype=np.int16)), is_personal=False)


def test_parts_of_a_key_do_not_run_together() -> None:
    assert prompt_key("ab", "c") != prompt_key("a", "bc")
    assert prompt_key("a", 1.0) != prompt_key("a", 1.1)
