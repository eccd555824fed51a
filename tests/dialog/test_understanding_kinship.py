"""Words of the clinic and words of others; what the FAQ's entry says its intent is; a misheard "да"."""

from collections import Counter

import pytest

from bench.understanding.confusions import table
from voicebot.dialog.understanding import details
from voicebot.dialog.understanding.classifier import learn
from voicebot.dialog.understanding.features import views
from voicebot.dialog.understanding.noise import MISHEARD, Noise

PHRASES = {
    "price": ["сколько стоит приём кардиолога", "сколько стоит анализ крови", "почём узи сердца", "сколько стоит экг"],
    "address": ["где вы находитесь", "как доехать до клиники", "какой адрес у клиники", "на какой вы улице"],
    "off_topic": ["сколько стоит диван", "сколько стоит билет до сочи", "почём картошка", "закажите пиццу"],
}


def test_own_and_other_words_are_counted() -> None:
    known = Counter(["стоить", "кардиолог"])
    kinship = views("сколько стоит кардиолог на диване", lambda form: form in known)[-1][1]
    assert kinship == ["#own2", "#others2"]  # "сколько" and "диван" are nobody's here


def test_a_name_that_no_phrase_holds_is_the_clinics_own() -> None:
    classifier = learn(PHRASES, names=("прививка",))
    assert "прививка" in classifier.own
    assert "диван" not in classifier.own


@pytest.mark.parametrize(
    ("heard", "meant"),
    [("до конечно", "да конечно"), ("до пятницы", "до пятницы"), ("до", "до"), ("да верно", "да верно")],
)
def test_a_misheard_yes_is_put_right_where_no_limit_is_named(heard: str, meant: str) -> None:
    assert details.with_yes(heard) == meant


def test_what_was_heard_in_place_of_what_is_counted() -> None:
    pairs = [("хочу к лору", "хочу к лесу"), ("хочу к лору", "хочу к лору"), ("запишите к лору", "запишите лору")]
    assert sorted(table(pairs)) == ["к\t\t33", "лору\tлесу\t33"]


def test_the_committed_table_damages_phrases_as_it_says() -> None:
    lines = [line.split("\t") for line in MISHEARD.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert len(lines) > 500
    assert all(len(line) == 3 and 1 <= int(line[2]) <= 100 for line in lines)
    said, heard, _ = next(line for line in lines if line[2] == "100" and line[1] and " " not in line[0])
    assert any(heard in Noise([said], seed).heard(said) for seed in range(20))
