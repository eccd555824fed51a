"""What training hears besides words."""

import numpy as np
import pytest

from models.recipe import garbage
from models.recipe.augment import Chances, damage
from models.recipe.batches import Settings, _heard
from models.recipe.garbage_unit import GARBAGE
from models.recipe.speech_store import Utterance

RATE_HZ = 8000


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
    seen = {str(_heard(Utterance(speech, "да", "somebody"), rng, crowd, [], settings, 0.5)[1]) for _ in range(500)}
    assert seen == {"[[1, 2]]", "[[3]]", "[]", "[[3], [1, 2]]", "[[1, 2], [3]]"}
    early = {str(_heard(Utterance(speech, "да", "somebody"), rng, crowd, [], settings, 0.0)[1]) for _ in range(100)}
    assert early == {"[[1, 2]]"}
