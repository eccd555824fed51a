"""Names as patients say them."""

import pytest

from voicebot.russian.case import Case, Gender
from voicebot.russian.names import PersonName, all_cases, decline, gender_of, parse_person

SAID = {
    "меня зовут иванов пётр сергеевич": ("Иванов", "Пётр", "Сергеевич"),
    "петрова анна": ("Петрова", "Анна", ""),
    "анна петрова": ("Петрова", "Анна", ""),
    "это мария ивановна": ("", "Мария", "Ивановна"),
    "запишите ольгу смирнову": ("Смирнова", "Ольга", ""),
    "запишите александра иванова": ("Иванов", "Александр", ""),
    "александра иванова": ("Иванова", "Александра", ""),
    "иванова петра сергеевича": ("Иванов", "Пётр", "Сергеевич"),
    "ивановым петром": ("Иванов", "Пётр", ""),
    "на имя сергея кузнецова": ("Кузнецов", "Сергей", ""),
    "моя фамилия сидоров": ("Сидоров", "", ""),
    "сергей": ("", "Сергей", ""),
    "петр": ("", "Пётр", ""),
    "роман": ("", "Роман", ""),
    "вера": ("", "Вера", ""),
    "кошкина света": ("Кошкина", "Света", ""),
    "саша петров": ("Петров", "Саша", ""),
    "иван сергеич": ("", "Иван", "Сергеевич"),
    "коваленко ирина": ("Коваленко", "Ирина", ""),
    "шевченко": ("Шевченко", "", ""),
    "кузнец иван": ("Кузнец", "Иван", ""),
    "заяц ольга петровна": ("Заяц", "Ольга", "Петровна"),
    "воробей антон": ("Воробей", "Антон", ""),
    "толстой лев николаевич": ("Толстой", "Лев", "Николаевич"),
    "горький алексей": ("Горький", "Алексей", ""),
    "белый андрей": ("Белый", "Андрей", ""),
    "черных анна": ("Черных", "Анна", ""),
    "ильина любовь": ("Ильина", "Любовь", ""),
    "мухаммедов рашид": ("Мухаммедов", "Рашид", ""),
    "гюльнара алиева": ("Алиева", "Гюльнара", ""),
    "фамилия кыдырбаева имя айгуль": ("Кыдырбаева", "Айгуль", ""),
    "фамилия кыдырбаев": ("Кыдырбаев", "", ""),
    "королев андрей викторович": ("Королёв", "Андрей", "Викторович"),
    "дочку машу": ("", "Маша", ""),
    "маргарита семеновна": ("", "Маргарита", "Семёновна"),
    "николай васильевич гоголь": ("Гоголь", "Николай", "Васильевич"),
}


@pytest.mark.parametrize("said", SAID)
def test_a_name_is_understood(said: str) -> None:
    assert parse_person(said) == PersonName(*SAID[said])


@pytest.mark.parametrize(
    "said",
    ["", "да", "в пятницу", "к кардиологу", "хочу записаться", "завтра утром", "не знаю", "сколько стоит узи", "да верно"],
)
def test_no_name(said: str) -> None:
    assert parse_person(said) is None


@pytest.mark.parametrize(
    ("name", "gender"),
    [
        (PersonName("Коваленко", "Анна"), Gender.FEMININE),
        (PersonName("Иванов"), Gender.MASCULINE),
        (PersonName("Смирнова"), Gender.FEMININE),
        (PersonName("Шевченко"), None),
        (PersonName("Петренко", "Саша", "Ильинична"), Gender.FEMININE),
        (PersonName("", "Илья"), Gender.MASCULINE),
        (PersonName("Алиев", "", "Рашид оглы"), Gender.MASCULINE),
    ],
)
def test_gender(name: PersonName, gender: Gender | None) -> None:
    assert gender_of(name) is gender


def test_every_case() -> None:
    assert list(all_cases(PersonName("Иванов", "Пётр", "Ильич"))) == [
        "Иванов Пётр Ильич",
        "Иванова Петра Ильича",
        "Иванову Петру Ильичу",
        "Иванова Петра Ильича",
        "Ивановым Петром Ильичом",
        "Иванове Петре Ильиче",
    ]


def test_a_womans_surname_that_does_not_decline() -> None:
    assert decline(PersonName("Коваленко", "Анна"), Case.DATIVE) == "Коваленко Анне"


def test_a_clinic_corrects_the_rules() -> None:
    own = {"Кузнец": {Case.GENITIVE: "Кузнеца", Case.DATIVE: "Кузнецу"}}
    assert decline(PersonName("Кузнец", "Иван"), Case.GENITIVE, own) == "Кузнеца Ивана"
    assert decline(PersonName("Кузнец", "Иван"), Case.DATIVE, own) == "Кузнецу Ивану"


@pytest.mark.parametrize("surname", ["Иванов", "Смирнов", "Королёв", "Зайцев", "Никитин"])
@pytest.mark.parametrize("given", ["Иван", "Пётр", "Сергей", "Илья", "Лев", "Дмитрий"])
@pytest.mark.parametrize("patronymic", ["Иванович", "Сергеевич", "Ильич"])
def test_a_name_said_in_any_case_comes_back_in_the_nominative(surname: str, given: str, patronymic: str) -> None:
    name = PersonName(surname, given, patronymic)
    for said in all_cases(name):
        assert parse_person(said) == name


@pytest.mark.parametrize("surname", ["Иванова", "Смирнова", "Королёва", "Зайцева", "Коваленко"])
@pytest.mark.parametrize("given", ["Анна", "Ольга", "Мария", "Наталья", "Любовь"])
def test_a_womans_name_in_any_case(surname: str, given: str) -> None:
    name = PersonName(surname, given, "Сергеевна")
    for said in all_cases(name):
        assert parse_person(said) == name


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("кузнецовой мария", PersonName("Кузнецова", "Мария", "")),
        ("смирновой елена", PersonName("Смирнова", "Елена", "")),
        ("сидорову пётр", PersonName("Сидоров", "Пётр", "")),
    ],
)
def test_a_misheard_ending_does_not_cost_the_name(heard: str, meant: PersonName) -> None:
    assert parse_person(heard) == meant
