"""The trained part: probabilities, calibration, the cache."""

from pathlib import Path

import numpy as np
import pytest

from voicebot.dialog.understanding import classifier
from voicebot.dialog.understanding.classifier import Classifier, learn, train
from voicebot.dialog.understanding.noise import Noise

PHRASES = {
    "price": ["сколько стоит прием", "какая цена", "цена анализа", "стоимость приема", "сколько стоит узи", "цены на анализы"],
    "address": ["где вы находитесь", "какой у вас адрес", "как к вам доехать", "адрес клиники", "где клиника", "как доехать"],
    "off_topic": ["закажите пиццу", "вызовите такси", "какая погода", "продам гараж", "сдаю квартиру", "ремонт окон"],
}


@pytest.fixture(scope="module")
def trained() -> Classifier:
    return train(PHRASES)


@pytest.mark.parametrize(
    ("text", "intent"),
    [("сколько стоит анализ", "price"), ("адрес ваш", "address"), ("пиццу хочу заказать", "off_topic")],
)
def test_unseen_phrases_find_their_intent(trained: Classifier, text: str, intent: str) -> None:
    found = trained.probabilities(text)
    assert next(iter(found)) == intent
    assert sum(found.values()) == pytest.approx(1.0)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_rules_finding_weighs(trained: Classifier) -> None:
    plain, with_rule = trained.probabilities("почем"), trained.probabilities("почем", ["price"])
    assert with_rule["price"] > plain["price"] if trained.boost else with_rule == plain


def test_training_is_repeatable(trained: Classifier) -> None:
    again = train(PHRASES)
    assert np.allclose(again.weights, trained.weights, atol=1e-4)
    assert again.temperature == trained.temperature


def test_what_the_recogniser_made_of_a_phrase_is_learnt_too() -> None:
    misheard = "колено стой трием"
    untold = train(PHRASES).probabilities(misheard)["price"]
    heard = {phrase: [misheard, f"{misheard} а"] for phrase in PHRASES["price"]}
    told = train(PHRASES, (), heard).probabilities(misheard)
    assert next(iter(told)) == "price"
    assert told["price"] > untold


def test_what_was_learnt_is_kept_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = learn(PHRASES, tmp_path)
    (kept,) = tmp_path.glob("*.npz")

    def no_training(*_taught: object) -> Classifier:
        raise AssertionError("trained again")

    monkeypatch.setattr(classifier, "train", no_training)
    again = learn(PHRASES, tmp_path)
    assert again.probabilities("сколько стоит")["price"] == pytest.approx(
        first.probabilities("сколько стоит")["price"], abs=0.01
    )
    with pytest.raises(AssertionError, match="trained again"):
        learn({**PHRASES, "price": [*PHRASES["price"], "почем прием"]}, tmp_path)
    kept.write_bytes(b"torn")
    with pytest.raises(AssertionError, match="trained again"):
        learn(PHRASES, tmp_path)


def test_old_learning_is_thrown_away(tmp_path: Path) -> None:
    for number in range(9):
        learn({**PHRASES, "price": [*PHRASES["price"], f"цена номер {'и' * number}"]}, tmp_path)
    assert len(list(tmp_path.iterdir())) == classifier._KEPT_FILES


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert learn(PHRASES, tmp_path / "file").probabilities("сколько стоит")


def test_noise_is_repeatable_and_leaves_words() -> None:
    phrases = [phrase for several in PHRASES.values() for phrase in several]
    first = [noise.heard(phrase) for noise in (Noise(phrases),) for phrase in phrases]
    assert first == [noise.heard(phrase) for noise in (Noise(phrases),) for phrase in phrases]
    assert all(variant.strip() for variant in first)
    assert sum(variant != phrase for phrase, variant in zip(phrases, first, strict=True)) > 10
    dressed = [Noise(phrases).dressed(phrase) for phrase in phrases]
    assert all(set(phrase.split()) <= set(variant.split()) for phrase, variant in zip(phrases, dressed, strict=True))
