"""Which answer of the FAQ is meant, by phrases taught under `faq`, and words of like meaning."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from demo_clinic import DEMO

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.understanding import Understanding
from voicebot.dialog.understanding.phrases import ANY_ANSWER, faq_phrases, read_faq_phrases, read_phrases
from voicebot.dialog.understanding.vectors import word_vectors
from voicebot.errors import ConfigurationError
from voicebot.russian.when import parse_when

NOW = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Europe/Moscow"))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("деньги вперёд у вас берут или после врача", "prepayment"),
        ("сопровождать жену в кабинет врача разрешат", "escort"),
        ("ни разу у вас не лечился что потребуется", "first_visit"),
    ],
)
def test_a_question_in_other_words_finds_its_answer(understanding: Understanding, text: str, answer: str) -> None:
    understood = understanding.understand(text, None, NOW)
    assert understood.intent == "info"
    assert understood.slots["faq"] == answer
    assert understood.sure_of("faq") >= 0.6


def test_a_question_that_asks_nothing_certain_names_no_answer(understanding: Understanding) -> None:
    understood = understanding.understand("мне нужны документы", None, NOW)
    assert understood.intent == "document"
    assert "faq" not in understood.slots


def test_what_was_taught_word_for_word_is_meant_so(understanding: Understanding, catalogue: Catalogue) -> None:
    taught = read_phrases(DEMO)
    phrases = [phrase for phrase in taught["reschedule"] if "{" not in phrase][:40]
    understood = [understanding.understand(phrase, None, NOW).intent for phrase in phrases]
    assert understood == ["reschedule"] * len(phrases)


def test_every_answer_is_taught_and_unknown_ones_are_told(catalogue: Catalogue, tmp_path: Path) -> None:
    assert faq_phrases(catalogue, DEMO).keys() - {ANY_ANSWER} == catalogue.faq.keys()
    (tmp_path / "understanding").mkdir()
    own = tmp_path / "understanding" / "own.yaml"
    own.write_text("faq:\n  parking:\n    - где встать\n  moon:\n    - где луна\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_faq_phrases(tmp_path, catalogue.faq)
    assert "own.yaml:4: no answer 'moon'" in caught.value.message
    own.write_text("faq:\n  - где встать\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"own\.yaml:1: faq has no entries"):
        read_faq_phrases(tmp_path, catalogue.faq)
    own.write_text("faq:\n  parking:\n    - где встать\n", encoding="utf-8")
    assert read_faq_phrases(tmp_path, catalogue.faq) == {"parking": ["где встать"]}
    assert read_phrases(tmp_path) == {}


def test_words_of_like_meaning_lie_near_each_other() -> None:
    vectors = word_vectors()

    def alike(one: str, other: str) -> float:
        return float(vectors.of([one], lambda _: 1.0) @ vectors.of([other], lambda _: 1.0))

    for word, near, far in [("паспорт", "документ", "насморк"), ("врач", "доктор", "диван"), ("анализ", "кровь", "такси")]:
        assert alike(word, near) > alike(word, far)
    whole = vectors.of(["врач", "ыыыы", "доктор"], lambda _: 2.0)
    assert np.linalg.norm(whole) == pytest.approx(1.0, abs=1e-4)
    assert not vectors.of(["ыыыы"], lambda _: 1.0).any()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("записан на вторник а можно на четверг", [26]),
        ("у нас сегодня приём а мы заболели можно на завтра", [24]),
        ("мне в среду нельзя поставьте на четверг", [26]),
        ("завтра не приедем давайте через неделю", [30]),
        ("нельзя ли в среду", [25]),
        ("записана на пятницу можно узнать время", [27]),
    ],
)
def test_the_day_that_is_booked_is_no_wish(text: str, days: list[int]) -> None:
    wish = parse_when(text, NOW)
    assert wish is not None
    found = [day for day in range(23, 31) if wish.allows_date(datetime(2026, 11, day).date())]
    assert found == days
