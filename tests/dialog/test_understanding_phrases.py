"""The phrases that train and those that measure: well-formed, and apart from each other."""

from pathlib import Path

import pytest
from demo_clinic import DEMO
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from bench.understanding.cases import ANY, FOLDER, STRANGERS, Case, read_cases
from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.understanding.phrases import ANSWER, NOTHING, all_phrases, heard_phrases, read_phrases
from voicebot.errors import ConfigurationError
from voicebot.russian.text import normalise

_TOO_LIKE = 0.88
_LEAST_WORDS = 4  # "в среду", "да конечно" are everybody's
_MAIN = ("book", "reschedule", "cancel", "schedule", "price", "prepare", "ready", "results", "address", "hours", "document")


@pytest.fixture(scope="module")
def taught(catalogue: Catalogue) -> dict[str, list[str]]:
    return all_phrases(catalogue, DEMO, {})


def test_there_is_enough_to_learn_from(taught: dict[str, list[str]]) -> None:
    assert all(len(taught[intent]) >= 60 for intent in _MAIN)
    assert len(taught["off_topic"]) + len(taught[NOTHING]) >= 300
    assert len(taught[ANSWER]) >= 60
    assert "{" not in "".join(phrase for phrases in taught.values() for phrase in phrases)


def test_there_is_enough_to_measure_with() -> None:
    cases = [case for case in read_cases() if not case.is_development]
    assert len(cases) >= 900
    assert len({case.text for case in cases}) == len(cases)
    assert sum(case.is_emergency for case in cases) >= 50
    assert sum(case.is_outside for case in cases) >= 100
    tuned = {case.text for case in read_cases() if case.is_development}
    assert [case.text for case in cases if case.text in tuned and len(case.text.split()) >= _LEAST_WORDS] == []


def test_no_measured_phrase_is_taught(taught: dict[str, list[str]]) -> None:
    known = sorted({phrase for phrases in taught.values() for phrase in phrases})
    blind = [case for case in read_cases() if not case.is_development]
    measured = [normalise(case.text) for case in (*blind, *read_cases(STRANGERS))]
    long = [text for text in measured if len(text.split()) >= _LEAST_WORDS]
    likeness = process.cdist(long, known, scorer=Levenshtein.normalized_similarity, score_cutoff=_TOO_LIKE)
    twins = [(long[row], known[likeness[row].argmax()]) for row in range(len(long)) if likeness[row].max() >= _TOO_LIKE]
    assert twins == []


def test_a_case_is_read_with_its_slots() -> None:
    case = next(case for case in read_cases() if case.text == "жену надо к эндокринологу пристроить в пятницу после пяти")
    assert case.intents == {"book"}
    assert ("after", "=", "17:00") in case.slots
    assert any(case.intents == {ANY} and case.expect == "phone" for case in read_cases())
    assert FOLDER.is_dir()
    assert isinstance(case, Case)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("price:\n  - сколько стоит\n  - {service} почём\n", "understanding/own.yaml:3: "),
        ("price:\n  - сколько стоит {planet}\n", "own.yaml:2: unknown {planet}"),
        ("price:\n  - цена {service|genitive}\n", "own.yaml:2: unknown case genitive"),
        ("price:\n  - да\n  - 12\n", "own.yaml:3: 12 is no phrase"),
        ("Цена:\n  - сколько\n", "own.yaml:1: 'Цена' is no name of an intent"),
        ("price: сколько\n", "own.yaml:1: price has no list of phrases"),
        ("- сколько\n", "own.yaml:1: not a list of intents"),
    ],
)
def test_mistakes_name_file_line_and_cure(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "understanding").mkdir()
    (tmp_path / "understanding" / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_phrases(tmp_path)
    assert what in caught.value.message
    assert caught.value.cure


def test_places_are_filled_with_the_clinics_names_in_their_case(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "understanding").mkdir()
    (tmp_path / "understanding" / "own.yaml").write_text("book:\n  - запишите к {doctor|datv}\n", encoding="utf-8")
    filled = all_phrases(catalogue, tmp_path, {"wish": ["хочу {speciality}"], "fall": []})
    assert filled["book"]
    assert all(phrase.startswith("запишите к ") and phrase.split()[2][-1] in "уюей" for phrase in filled["book"])
    assert all("{" not in phrase for phrase in filled["wish"])
    assert filled["fall"] == []
    assert filled == all_phrases(catalogue, tmp_path, {"wish": ["хочу {speciality}"], "fall": []})


def test_what_was_heard_belongs_to_taught_phrases_and_to_no_measured_one(taught: dict[str, list[str]]) -> None:
    heard = heard_phrases(DEMO)
    known = {phrase for phrases in taught.values() for phrase in phrases}
    assert len(heard) >= 1000
    assert len(heard.keys() & known) >= 0.9 * len(heard)
    assert all(said not in several and all(several) for said, several in heard.items())
    measured = {normalise(case.text) for case in read_cases() if not case.is_development}
    long = {text for text in measured if len(text.split()) >= _LEAST_WORDS}
    assert not long & heard.keys()


def test_a_clinic_without_recordings_has_heard_nothing(tmp_path: Path) -> None:
    assert heard_phrases(tmp_path) == {}
