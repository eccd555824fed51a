"""Matching by sound."""

import pytest

from voicebot.russian.fuzzy import Ambiguous, Index, Match, best_match, similarity, sound_key

SPECIALITIES = {
    "dentist": ["стоматолог", "зубной врач", "зубной"],
    "child_dentist": ["детский стоматолог"],
    "gastro": ["гастроэнтеролог"],
    "ent": ["лор", "отоларинголог", "ухо горло нос"],
    "cardio": ["кардиолог"],
    "neuro": ["невролог", "невропатолог"],
    "uro": ["уролог"],
    "uzi": ["узи", "ультразвуковое исследование"],
    "kidneys": ["узи почек"],
}
DOCTORS = {
    "kovalenko": ["Коваленко Анна Ивановна", "Коваленко"],
    "kuznetsov_a": ["Кузнецов Андрей", "Кузнецов"],
    "kuznetsov_b": ["Кузнецов Борис", "Кузнецов"],
    "smirnova": ["Смирнова Ольга", "Смирнова"],
    "zhuravlev": ["Журавлёв"],
}


@pytest.fixture(scope="module")
def specialities() -> Index:
    return Index(SPECIALITIES)


@pytest.fixture(scope="module")
def doctors() -> Index:
    return Index(DOCTORS)


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("хочу записаться к стоматологу на завтра", "dentist"),
        ("мне нужен детский стоматолог", "child_dentist"),
        ("к детскому стоматологу", "child_dentist"),
        ("к зубному врачу", "dentist"),
        ("к гастро энтерологу", "gastro"),
        ("гастроинтеролога", "gastro"),
        ("к лору", "ent"),
        ("ухо горло нос", "ent"),
        ("к кардеологу пожалуйста", "cardio"),
        ("с неврапатологом", "neuro"),
        ("на узи почек", "kidneys"),
        ("на узи", "uzi"),
        ("урологу", "uro"),
    ],
)
def test_a_speciality_in_a_sentence(specialities: Index, said: str, key: str) -> None:
    found = specialities.find(said)
    assert isinstance(found, Match)
    assert found.key == key


@pytest.mark.parametrize("said", ["", "да", "на пол", "здравствуйте", "в пятницу после обеда", "сколько это стоит", "в час"])
def test_nothing_like_it(specialities: Index, said: str) -> None:
    assert specialities.find(said) is None


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("к коваленко", "kovalenko"),
        ("к кавалинке", "kovalenko"),
        ("к доктору смирновой", "smirnova"),
        ("к журавлеву", "zhuravlev"),
        ("к журавлёву завтра", "zhuravlev"),
        ("у журовлева", "zhuravlev"),
        ("к кузнецову борису", "kuznetsov_b"),
        ("к анне ивановне", "kovalenko"),
        ("у кавалинко анны", "kovalenko"),
    ],
)
def test_a_doctor(doctors: Index, said: str, key: str) -> None:
    found = doctors.find(said)
    assert isinstance(found, Match)
    assert found.key == key


def test_namesakes_are_ambiguous(doctors: Index) -> None:
    found = doctors.find("запишите к кузнецову")
    assert isinstance(found, Ambiguous)
    assert {match.key for match in found.candidates} == {"kuznetsov_a", "kuznetsov_b"}


def test_the_words_that_were_taken(specialities: Index) -> None:
    found = specialities.find("запишите к детскому стоматологу на завтра")
    assert isinstance(found, Match)
    assert found.span == (2, 4)
    assert found.score == 1.0


def test_without_a_kept_index() -> None:
    found = best_match("на тверской", {"tv": ["Тверская"], "ar": ["Арбат"]})
    assert isinstance(found, Match)
    assert found.key == "tv"


@pytest.mark.parametrize(
    ("first", "second"),
    [("коваленко", "каваленка"), ("журавлёв", "журавлеф"), ("миться", "мица"), ("гриппа", "грипа"), ("ложка", "лошка")],
)
def test_what_sounds_the_same(first: str, second: str) -> None:
    assert sound_key(first) == sound_key(second)
    assert similarity(first, second) == 1.0


def test_what_sounds_different() -> None:
    assert similarity("иванов", "петров") < 0.8
    assert similarity("кардиолог", "уролог") < 0.8
    assert similarity("невролог", "нефролог") > 0.9


def test_an_empty_index_finds_nothing() -> None:
    assert Index({}).find("к врачу") is None
