"""Cases of phrases, nouns after numbers, money."""

import pytest

from voicebot.russian.case import Case, Gender
from voicebot.russian.inflect import agree, counted, gender_of_noun, inflect, say_money
from voicebot.russian.nouns import forms


@pytest.mark.parametrize(
    ("phrase", "genitive", "dative", "instrumental"),
    [
        ("кардиолог", "кардиолога", "кардиологу", "кардиологом"),
        ("детский стоматолог", "детского стоматолога", "детскому стоматологу", "детским стоматологом"),
        ("врач-терапевт", "врача-терапевта", "врачу-терапевту", "врачом-терапевтом"),
        ("лор", "лора", "лору", "лором"),
        ("узист", "узиста", "узисту", "узистом"),
        ("эндоскопист", "эндоскописта", "эндоскописту", "эндоскопистом"),
        ("УЗИ", "УЗИ", "УЗИ", "УЗИ"),
        ("узи брюшной полости", "узи брюшной полости", "узи брюшной полости", "узи брюшной полости"),
        ("общий анализ крови", "общего анализа крови", "общему анализу крови", "общим анализом крови"),
        ("медицинская сестра", "медицинской сестры", "медицинской сестре", "медицинской сестрой"),
        ("анализы", "анализов", "анализам", "анализами"),
        ("удаление зуба мудрости", "удаления зуба мудрости", "удалению зуба мудрости", "удалением зуба мудрости"),
        ("Рентген", "Рентгена", "Рентгену", "Рентгеном"),
        ("", "", "", ""),
    ],
)
def test_cases(phrase: str, genitive: str, dative: str, instrumental: str) -> None:
    assert inflect(phrase, Case.NOMINATIVE) == phrase
    assert inflect(phrase, Case.GENITIVE) == genitive
    assert inflect(phrase, Case.DATIVE) == dative
    assert inflect(phrase, Case.INSTRUMENTAL) == instrumental


def test_the_accusative_tells_people_from_things() -> None:
    assert inflect("детский лор", Case.ACCUSATIVE) == "детского лора"
    assert inflect("общий анализ", Case.ACCUSATIVE) == "общий анализ"
    assert inflect("первичная консультация", Case.ACCUSATIVE) == "первичную консультацию"


@pytest.mark.parametrize(
    ("n", "noun", "said"),
    [
        (1, "час", "один час"),
        (2, "час", "два часа"),
        (5, "час", "пять часов"),
        (11, "минута", "одиннадцать минут"),
        (21, "минута", "двадцать одна минута"),
        (22, "год", "двадцать два года"),
        (5, "год", "пять лет"),
        (111, "год", "сто одиннадцать лет"),
        (5, "человек", "пять человек"),
        (3, "человек", "три человека"),
        (0, "рубль", "ноль рублей"),
        (14, "день", "четырнадцать дней"),
    ],
)
def test_counting(n: int, noun: str, said: str) -> None:
    assert counted(n, noun) == said


def test_counting_in_other_cases() -> None:
    assert agree(2, "час", Case.DATIVE) == "часам"
    assert agree(5, "год", Case.GENITIVE) == "лет"
    assert counted(21, "минута", Case.ACCUSATIVE) == "двадцать одну минуту"
    assert counted(2, "врач", Case.ACCUSATIVE) == "двух врачей"
    assert counted(3, "день", Case.GENITIVE) == "трёх дней"


@pytest.mark.parametrize(
    ("rubles", "said"),
    [
        (1500, "тысяча пятьсот рублей"),
        (2001, "две тысячи один рубль"),
        (843, "восемьсот сорок три рубля"),
        (12000, "двенадцать тысяч рублей"),
    ],
)
def test_money(rubles: int, said: str) -> None:
    assert say_money(rubles) == said


def test_genders() -> None:
    assert gender_of_noun("минута") is Gender.FEMININE
    assert gender_of_noun("узист") is Gender.MASCULINE
    assert gender_of_noun("окно") is Gender.NEUTER


def test_all_forms_for_a_grammar() -> None:
    assert forms("детский стоматолог") == {
        "детский стоматолог",
        "детского стоматолога",
        "детскому стоматологу",
        "детским стоматологом",
        "детском стоматологе",
    }
    assert "журавлеву" in forms("Журавлёв")
    assert forms("узи") == {"узи"}
    assert {"кузнецову борису", "борису кузнецову", "кузнецовым борисом"} <= forms("Кузнецов Борис")
    assert "коваленко анне ивановне" in forms("Коваленко Анна Ивановна")
