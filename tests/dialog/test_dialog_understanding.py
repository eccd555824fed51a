"""What callers of the demo clinic mean; the wider measurement is `make bench-understanding`."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from voicebot.dialog import labels
from voicebot.dialog.talking import Expect
from voicebot.dialog.understanding import Understanding
from voicebot.dialog.understanding.grammar import COMMANDS, MAXIMUM_PHRASES
from voicebot.russian.names import PersonName
from voicebot.russian.text import normalise

NOW = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Europe/Moscow"))

# expected type, phrase, intent, slot -> part of its label
PHRASES = [
    ("", "хочу записаться на прием", "book", {}),
    ("", "мне к лору завтра утром", "book", {"speciality": "отоларинголог", "datetime": "24 ноября, до 12:00"}),
    ("", "запишите к женскому врачу", "book", {"speciality": "гинеколог"}),
    ("", "мне бы к зубному", "book", {"speciality": "стоматолог"}),
    ("", "проглотить шланг", "book", {"service": "гастроскопия"}),
    ("", "хочу сделать экг", "book", {"service": "экг"}),
    ("", "к соколову", "book", {"doctor": "Соколов Алексей"}),
    ("", "к соколовой анне сергеевне", "book", {"doctor": "Соколова"}),
    ("", "болит голова третий день", "book", {"speciality": "невролог"}),
    ("", "когда принимает доктор морозов", "schedule", {"doctor": "Морозов"}),
    ("", "сколько стоит прием кардиолога", "price", {"service": "приём кардиолога"}),
    ("", "где находится филиал на парковой", "address", {"branch": "Парковой"}),
    ("", "вы работаете в субботу", "hours", {}),
    ("", "отмените мою запись", "cancel", {}),
    ("", "перенесите мой прием", "reschedule", {}),
    ("", "готовы ли мои анализы", "results", {}),
    ("", "как подготовиться к узи", "prepare", {}),
    ("", "нужна справка в налоговую", "document", {}),
    ("", "переключите на человека", "operator", {}),
    ("", "какая завтра погода", "off_topic", {}),
    ("", "тополь рояль винегрет", "none", {}),
    ("", "алло здравствуйте", "greeting", {}),
    ("", "вы робот", "info", {"faq": "с кем я говорю"}),
    ("", "до свидания", "goodbye", {}),
    ("datetime", "что простите", "repeat", {}),
    ("datetime", "не раньше среды", "no", {"datetime": "с 25 ноября"}),
    ("datetime", "только не завтра", "none", {"datetime": "не 24 ноября"}),
    ("choice", "давайте второй", "none", {"ordinal": "2"}),
    ("choice", "под номером два", "none", {"ordinal": "2"}),
    ("choice", "цифра три", "none", {"ordinal": "3"}),
    ("choice", "второе удобнее чем первое", "none", {"ordinal": "2"}),
    ("choice", "последний", "none", {"ordinal": "-1"}),
    ("choice", "первое рано а вот второе подойдет", "none", {"ordinal": "2"}),
    ("choice", "пятое декабря", "none", {"datetime": "5 декабря"}),
    ("choice", "самое раннее", "none", {"datetime": "ближайшее"}),
    ("phone", "восемь девятьсот три двести двенадцать тридцать четыре пятьдесят шесть", "none", {"phone": "+79032123456"}),
    ("phone", "девятьсот шестнадцать сто", "none", {"digits": "916100"}),
    ("name", "запишите сына козлова артема", "book", {"name": "Козлов Артём"}),
    ("phone", "смс на девятьсот три двести двенадцать тридцать четыре пятьдесят шесть", "none", {"phone": "+79032123456"}),
    ("phone", "девятьсот погодите сначала девятьсот три двести двенадцать тридцать четыре пятьдесят шесть", "none", {}),
    ("name", "орлова ой я же замуж вышла титова юлия", "none", {"name": "Титова Юлия"}),
    ("name", "василиса это имя а фамилия кот", "none", {"name": "Кот Василиса"}),
    ("name", "май ольга", "none", {"name": "Ольга"}),
    ("name", "меня зовут сергей", "none", {"name": "Сергей"}),
    ("yes_no", "нет фамилия не петров а петрова", "no", {"name": "Петрова"}),
    ("yes_no", "нет сидорова анна", "no", {"name": "Сидорова Анна"}),
    ("yes_no", "нет лучше к васильевой", "book", {"doctor": "Васильева"}),
    ("yes_no", "нет неправильно вы меня не поняли", "no", {"yes_no": "нет"}),
    ("yes_no", "да все верно", "yes", {"yes_no": "да"}),
]


@pytest.mark.parametrize(("kind", "text", "intent", "slots"), PHRASES, ids=[row[1] for row in PHRASES])
def test_phrase(understanding: Understanding, kind: str, text: str, intent: str, slots: dict[str, str]) -> None:
    understood = understanding.understand(text, Expect(type=kind) if kind else None, NOW)
    assert understood.intent == intent
    shown = labels.labels(understanding.catalogue, understood.slots)
    for slot, part in slots.items():
        assert part in shown.get(slot, ""), shown
    assert (understood.confidence > 0) is not understood.is_nothing


@pytest.mark.parametrize(("text", "change"), [("ни первое ни второе", "offers"), ("первое рано", "later")])
def test_choice_that_is_refused(understanding: Understanding, text: str, change: str) -> None:
    understood = understanding.understand(text, Expect(type="choice"), NOW)
    assert (understood.change, understood.slots) == (change, {})


@pytest.mark.parametrize("text", ["ой орловой сказала бы я", "меня орлова", "мы орловы"])
def test_who_is_asked_for_a_name_names_no_doctor(understanding: Understanding, text: str) -> None:
    understood = understanding.understand(text, Expect(type="name"), NOW)
    assert not {"doctor"} & (understood.slots.keys() | understood.ambiguous.keys())


EMERGENCIES = [
    "у меня сильная боль в груди", "у него инсульт", "муж потерял сознание", "сильное кровотечение не останавливается",
    "кровь не останавливается", "мама без сознания лежит", "ребенок задыхается", "не могу дышать",
    "перекосило лицо и рука отнялась", "давит за грудиной", "жжет в груди", "вызовите скорую", "по моему инфаркт",
    "упал в обморок", "отек квинке", "начались схватки", "она отравилась таблетками", "ребенок проглотил батарейку",
    "хочу покончить с собой", "очень сильно болит сердце",
]  # fmt: skip
NO_EMERGENCIES = [
    "мне к неврологу после инсульта", "инфаркт был год назад нужен кардиолог", "анализ на свертываемость крови",
    "кровь на сахар", "сдать кровь из вены", "болит сердце", "болит грудь молочная железа", "запишите к кардиологу",
    "дышать на спирометрии", "болит голова", "высокое давление", "месяц назад упала в обморок", "у меня кровоточат десны",
    "узи сердца",
]  # fmt: skip


@pytest.mark.parametrize("text", EMERGENCIES)
@pytest.mark.parametrize("kind", ["request", "name", "phone", "yes_no"])
def test_danger_is_heard_at_every_question(understanding: Understanding, text: str, kind: str) -> None:
    assert understanding.understand(text, Expect(type=kind), NOW).intent == "emergency"


@pytest.mark.parametrize("text", NO_EMERGENCIES)
def test_what_only_sounds_dangerous(understanding: Understanding, text: str) -> None:
    assert understanding.understand(text, None, NOW).intent != "emergency"


def test_several_services_are_asked_back(understanding: Understanding) -> None:
    understood = understanding.understand("запишите на узи", None, NOW)
    assert "service" not in understood.slots
    assert len(understood.ambiguous["service"]) > 2


def test_a_half_heard_surname_of_two_doctors_is_asked_back(understanding: Understanding) -> None:
    assert set(understanding.understand("сколько стоит попасть к соколовы", None, NOW).ambiguous["doctor"]) == {
        "sokolov",
        "sokolova",
    }
    assert understanding.understand("к соколовой", None, NOW).slots["doctor"] == "sokolova"
    assert understanding.understand("к соколову", None, NOW).slots["doctor"] == "sokolov"


@pytest.mark.parametrize("text", ["через сколько дней готов анализ на витамин дэ", "анализ на витамин д", "витамин дэ"])
def test_a_letter_is_heard_as_its_name(understanding: Understanding, text: str) -> None:
    assert understanding.understand(text, None, NOW).slots["test"] == "vitamin_d"


THERAPIST, CARDIOLOGIST = ("speciality", "therapist"), ("speciality", "cardiologist")


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("запишите к терапевту и кардиологу", (THERAPIST, CARDIOLOGIST)),
        ("мне к терапевту кардиологу и лору", (THERAPIST, CARDIOLOGIST, ("speciality", "ent"))),
        ("к терапевту а потом еще к окулисту", (THERAPIST, ("speciality", "ophthalmologist"))),
        ("к соколову и на узи почек", (("doctor", "sokolov"), ("service", "uzi_kidneys"))),
        ("к терапевту или кардиологу", ()),
        ("к терапевту нет к кардиологу", ()),
        ("экг у кардиолога", ()),
        ("к терапевту", ()),
    ],
)
def test_what_is_wanted_one_after_another(understanding: Understanding, text: str, listed: tuple[tuple[str, str], ...]) -> None:
    understood = understanding.understand(text, None, NOW)
    assert understood.listed == listed
    if listed:
        kind, first = listed[0]
        assert understood.slots[kind] == first


def test_a_name_no_dictionary_has_is_less_certain(understanding: Understanding) -> None:
    understood = understanding.understand("гыы ыыг", Expect(type="name"), NOW)
    assert understood.slots["name"] == PersonName("Гыы", "Ыыг")
    assert understood.confidence == 0.5


def test_misheard_words_are_found_with_less_confidence(understanding: Understanding) -> None:
    clean = understanding.understand("к гастроэнтерологу", None, NOW)
    noisy = understanding.understand("к гастра энтиралогу", None, NOW)
    assert clean.slots["speciality"] == noisy.slots["speciality"] == "gastroenterologist"
    assert clean.confidence == 1.0


@pytest.mark.parametrize(
    ("kind", "better", "worse"),
    [
        ("yes_no", "да", "два"),
        ("phone", "восемь девятьсот три двести двенадцать тридцать четыре пятьдесят шесть", "восемь девятьсот три"),
        ("datetime", "в среду утром", "следую утром бы"),
        ("subject", "к неврологу", "кино в логу"),
        ("choice", "второй вариант", "вторник вариант бы"),
        ("name", "иванова мария", "и вон а мария"),
        ("request", "соедините с оператором", "соединить с опера тором"),
    ],
)
def test_fits_prefers_what_the_question_expects(understanding: Understanding, kind: str, better: str, worse: str) -> None:
    expect = Expect(type=kind)
    assert 0.0 <= understanding.fits(worse, expect) <= understanding.fits(better, expect) <= 1.0
    assert understanding.fits("", expect) == 0.0
    assert understanding.fits(better, expect) > understanding.fits("бур бур бур", expect)


@pytest.mark.parametrize(
    ("kind", "text", "is_complete"),
    [
        ("yes_no", "да", True),
        ("yes_no", "да верно", True),
        ("yes_no", "нет", False),
        ("yes_no", "да но", False),
        ("phone", "восемь девятьсот три двести двенадцать тридцать четыре пятьдесят шесть", True),
        ("phone", "девятьсот три двести двенадцать тридцать четыре пятьдесят шесть", False),
        ("phone", "восемь девятьсот три двести двенадцать тридцать четыре пятьдесят", False),
        ("choice", "второй", True),
        ("choice", "вторник", False),
        ("datetime", "в среду", False),
        ("datetime", "оператор", True),
        ("name", "иванова", False),
        ("free", "", False),
    ],
)
def test_early_end_of_a_turn(understanding: Understanding, kind: str, text: str, is_complete: bool) -> None:
    assert understanding.is_complete(text, Expect(type=kind)) is is_complete


@pytest.mark.parametrize(
    "kind", ["yes_no", "choice", "datetime", "phone", "branch", "subject", "correction", "test", "birth_date"]
)
def test_grammars_hold_the_commands_and_are_understood(understanding: Understanding, kind: str) -> None:
    phrases = understanding.grammar_for(kind)
    assert len(COMMANDS) < len(phrases) <= MAXIMUM_PHRASES
    assert set(COMMANDS) <= set(phrases)
    assert {phrase.replace("ё", "е") for phrase in phrases} <= set(phrases)
    assert all(phrase.replace("ё", "е") == normalise(phrase) and phrase for phrase in phrases)
    assert len(set(phrases)) == len(phrases)


def test_every_date_of_the_grammar_is_a_wish(understanding: Understanding) -> None:
    expect = Expect(type="datetime")
    for phrase in understanding.grammar_for("datetime"):
        understood = understanding.understand(phrase, expect, NOW)
        assert not understood.is_nothing, phrase


def test_grammar_of_a_choice_has_its_own_moments_and_phrases(understanding: Understanding) -> None:
    at = datetime(2026, 11, 25, 10, 30, tzinfo=NOW.tzinfo)
    phrases = understanding.grammar_for("choice", ("Перезвоните",), (at,))
    assert {"перезвоните", "в десять тридцать", "в среду", "второй"} <= set(phrases)
    assert understanding.grammar_for("name") == understanding.grammar_for("request") == ()
