"""What the doctor says of the words and the music of those who wait."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo_clinic import DEMO

from voicebot import status
from voicebot.audio.pcm import Pcm
from voicebot.audio.wav import write_sound
from voicebot.clock import SystemClock
from voicebot.doctor.examine import CHECKS
from voicebot.doctor.finding import Finding, Level
from voicebot.doctor.queue import check_queue
from voicebot.settings import Settings

CLOCK = SystemClock()


def settings_of(tmp_path: Path, folder: Path = DEMO, **admission: Any) -> Settings:
    return Settings(data_dir=tmp_path / "var", dialog={"folder": folder}, admission=admission)


def said(settings: Settings) -> list[Finding]:
    return list(check_queue(settings, CLOCK))


def music(file: Path, seconds: float, amplitude: int) -> Path:
    times = np.arange(round(8000 * seconds)) / 8000
    write_sound(file, Pcm(8000, (amplitude * np.sin(2 * np.pi * 440 * times)).astype(np.int16)))
    return file


def test_it_is_one_of_the_checks() -> None:
    assert check_queue in CHECKS


def test_the_built_in_is_fine(tmp_path: Path) -> None:
    assert [one.level for one in said(settings_of(tmp_path))] == [Level.FINE]
    (no_queue,) = said(settings_of(tmp_path, when_full="operators"))
    assert (no_queue.level, "Nobody waits" in no_queue.what) == (Level.FINE, True)


def test_wrong_words_are_wrong_where_they_stand(tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    shutil.copytree(DEMO, folder)
    (folder / "waiting.yaml").write_text("greeting: Здравствуйте.\nplaces: Вы {place}.\n")
    (found,) = said(settings_of(tmp_path, folder))
    assert found.level is Level.WRONG
    assert "waiting.yaml:2: places" in found.what
    assert "place" in found.cure


@pytest.mark.parametrize(
    ("seconds", "amplitude", "level", "words"),
    [(20, 3000, Level.FINE, "20 s"), (20, 0, Level.DOUBTFUL, "silent"), (2, 3000, Level.DOUBTFUL, "lasts 2 s")],
)
def test_own_music_is_listened_to(tmp_path: Path, seconds: float, amplitude: int, level: Level, words: str) -> None:
    (found,) = said(settings_of(tmp_path, music=music(tmp_path / "own.wav", seconds, amplitude)))
    assert found.level is level
    assert words in found.what


def test_music_that_cannot_be_read_is_told_with_what_is_played_instead(tmp_path: Path) -> None:
    (tmp_path / "torn.wav").write_bytes(music(tmp_path / "own.wav", 20, 3000).read_bytes()[:1000])
    for name in ("absent.wav", "torn.wav"):
        (found,) = said(settings_of(tmp_path, music=tmp_path / name))
        assert found.level is Level.DOUBTFUL
        assert "built-in loop" in found.what
        assert found.cure


def test_a_running_line_without_sounds_is_told(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    settings.run_dir.mkdir(parents=True)
    facts: dict[str, Any] = {"brains": [{"id": "b1"}], "can_queue": False}
    status.publish(settings.run_dir, "line", CLOCK, **facts)
    assert [one.level for one in said(settings)] == [Level.FINE, Level.DOUBTFUL]
    status.publish(settings.run_dir, "line", CLOCK, **{**facts, "can_queue": True})
    assert [one.level for one in said(settings)] == [Level.FINE]
