"""Words and music of the queue: right Russian, real sound, the clinic's own; what cannot be read is refused with its line."""

from pathlib import Path

import numpy as np
import pytest

from voicebot.audio.hold_music import LEVEL_DB, at_level, hold_music
from voicebot.audio.levels import level_db
from voicebot.audio.pcm import TELEPHONE_HZ, Pcm
from voicebot.audio.wav import write_sound
from voicebot.errors import ConfigurationError
from voicebot.records.dialogs import without_stress
from voicebot.talk.waiting_words import WaitingWords, load_waiting_words, music_of, sounds_of


def test_each_place_is_told_by_an_ordinal_that_agrees_with_the_call() -> None:
    said: list[str] = []

    def render(text: str) -> Pcm:
        said.append(without_stress(text))
        return Pcm(TELEPHONE_HZ, np.full(800, len(said), dtype=np.int16))

    sounds = sounds_of(WaitingWords(), render, 23, Pcm(TELEPHONE_HZ, np.ones(8000, dtype=np.int16)))
    assert len(sounds.places) == 23
    for place, word in (
        (1, "первый"),
        (2, "второй"),
        (3, "третий"),
        (13, "тринадцатый"),
        (20, "двадцатый"),
        (23, "двадцать третий"),
    ):
        text = f"Ваш звонок {word} в очереди."
        number = said.index(text) + 1
        assert np.frombuffer(sounds.place(place), dtype="<i2")[0] == number
    assert np.frombuffer(sounds.place(24), dtype="<i2")[0] == said.index("Ваш звонок в очереди.") + 1
    assert sounds.is_complete
    assert "нажмите ноль" in " ".join(said)


def test_a_clinic_may_have_its_own_words(tmp_path: Path) -> None:
    assert load_waiting_words(tmp_path) == WaitingWords()
    (tmp_path / "waiting.yaml").write_text("greeting: Подождите, пожалуйста.\nplace: Перед вами очередь, вы {place}.\n")
    own = load_waiting_words(tmp_path)
    assert own.greeting == "Подождите, пожалуйста."
    assert own.served == WaitingWords().served


@pytest.mark.parametrize(
    ("text", "where"),
    [("greeting: Да.\nplaces: нет\n", ":2: places"), ("hint: Да.\nplace: Ждите.\n", ":2: place: has no {place}")],
)
def test_wrong_words_are_named_by_file_and_line(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "waiting.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_waiting_words(tmp_path)
    assert f"waiting.yaml{where}" in caught.value.message


def test_the_loop_is_calm_seamless_and_in_the_telephones_band() -> None:
    music = hold_music()
    assert music.rate_hz == TELEPHONE_HZ
    assert 30_000 < music.duration_ms < 60_000
    samples = music.samples.astype(np.float64)
    assert level_db(music.samples) == pytest.approx(LEVEL_DB, abs=0.2)
    seconds = [level_db(music.samples[i : i + TELEPHONE_HZ]) for i in range(0, len(samples) - TELEPHONE_HZ + 1, TELEPHONE_HZ)]
    assert max(seconds) - min(seconds) < 9  # neither gaps nor bangs
    assert abs(samples[0] - samples[-1]) <= np.max(np.abs(np.diff(samples)))  # no click where it begins anew
    power, hertz = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / TELEPHONE_HZ)
    assert power[(hertz >= 200) & (hertz < 3400)].sum() / power.sum() > 0.9
    assert hold_music().samples.tobytes() == music.samples.tobytes()


def test_a_clinics_own_music_is_made_as_loud_and_a_broken_file_gives_ours(tmp_path: Path) -> None:
    seconds = np.arange(44_100 * 2) / 44_100
    write_sound(tmp_path / "own.wav", Pcm(44_100, (3000 * np.sin(2 * np.pi * 440 * seconds)).astype(np.int16)))
    own = music_of(tmp_path / "own.wav")
    assert (own.rate_hz, own.duration_ms) == (TELEPHONE_HZ, pytest.approx(2000, abs=1))
    assert level_db(own.samples) == pytest.approx(LEVEL_DB, abs=0.3)
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    assert music_of(tmp_path / "bad.wav").samples.tobytes() == hold_music().samples.tobytes()
    silence = Pcm.silence(TELEPHONE_HZ, 100)
    assert at_level(silence) is silence
