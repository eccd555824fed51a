"""What training hears besides words."""

import numpy as np
import pytest

from models.recipe import garbage
from models.recipe.augment import Chances, _active_level, _at_level, damage
from models.recipe.batches import Settings, Transcriber, _heard
from models.recipe.garbage_unit import GARBAGE
from models.recipe.speech_store import Utterance
from voicebot.vocabulary.apart import pronounce
from voicebot.vocabulary.folding import Pronunciation

RATE_HZ = 8000


def by_espeak(word: str) -> list[Pronunciation]:
    """In a process of its own: espeak-ng's library is spoilt where a second owner opens it."""
    return pronounce({word: [word]}).get(word, [])


@pytest.mark.parametrize("kind", sorted(set(garbage._KINDS), key=lambda kind: kind.__name__))
def test_sounds_that_are_no_words_are_heard_and_end(kind) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        sound = kind(rng)
        assert np.isfinite(sound).all()
        assert 0.02 * RATE_HZ < len(sound) < 6 * RATE_HZ
        assert np.abs(sound).max() > 0


def test_damaged_speech_stays_in_range_and_its_place_is_told() -> None:
    rng = np.random.default_rng(5)
    speech = (np.sin(np.arange(2 * RATE_HZ) / 5) * 9000).astype(np.int16)
    crowd = (rng.standard_normal(60 * RATE_HZ) * 3000).astype(np.int16)
    for _ in range(20):
        damaged = damage(speech, rng, crowd, Chances())
        assert np.abs(damaged.samples).max() <= 32768
        assert 0 < damaged.begin_seconds < damaged.end_seconds < len(damaged.samples) / RATE_HZ


def test_some_utterances_come_with_garbage_some_are_nothing_else(tmp_path) -> None:
    rng = np.random.default_rng(7)
    settings = Settings(tmp_path, tmp_path, {"SIL": 0, "d": 1, "a": 2, GARBAGE: 3}, {"да": ("d", "a")}, 100.0, 0, 1)
    speech = (np.sin(np.arange(RATE_HZ) / 5) * 9000).astype(np.int16)
    crowd = (rng.standard_normal(60 * RATE_HZ) * 3000).astype(np.int16)
    said, transcriber = Utterance(speech, "да", "somebody"), Transcriber(settings, by_espeak)
    seen = {str(_heard(said, rng, crowd, [], settings, 0.5, transcriber)[1]) for _ in range(500)}
    assert seen == {"[[1, 2]]", "[[3]]", "[]", "[[3], [1, 2]]", "[[1, 2], [3]]"}
    early = {str(_heard(said, rng, crowd, [], settings, 0.0, transcriber)[1]) for _ in range(100)}
    assert early == {"[[1, 2]]"}


def test_espeak_ng_is_written_down_with_its_own_stress(tmp_path) -> None:
    told = {"пета": ("p;", "i", "t", "a"), "да": ("d", "a")}  # espeak-ng stresses the first vowel: "p;eta"
    units = {unit: number for number, unit in enumerate(["SIL", "a", "d", "e", "i", "p;", "t"])}
    transcriber = Transcriber(Settings(tmp_path, tmp_path, units, told, 100.0, 0, 1), by_espeak)
    words = [[units[unit] for unit in ("p;", "e", "t", "a")], [units["d"], units["a"]]]
    assert transcriber(Utterance(np.zeros(8, np.int16), "пета да", "espeak f1")) == words
    assert transcriber(Utterance(np.zeros(8, np.int16), "пета да", "Anna"))[0][1] == units["i"]


def test_noise_is_as_far_below_the_active_speech_as_was_asked() -> None:
    rng = np.random.default_rng(5)
    tone = np.sin(np.arange(2 * RATE_HZ) / 5) * 9000
    speech = np.concatenate([tone, np.zeros(2 * RATE_HZ), tone]).astype(np.int16)
    assert _active_level(speech.astype(np.float32)) == pytest.approx(9000 / np.sqrt(2), rel=0.02)
    noise = _at_level(rng.standard_normal(RATE_HZ), None, 500.0)
    assert np.sqrt((noise**2).mean()) == pytest.approx(500.0)
