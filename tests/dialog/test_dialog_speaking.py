"""Which prompt is chosen, and how typed values sound."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.offers import Offer
from voicebot.dialog import prompts
from voicebot.dialog.rendering import Renderer
from voicebot.dialog.schema import Prompt
from voicebot.dialog.spoken_entries import EntrySpeaker, with_stress_of
from voicebot.dialog.spoken_lists import say_offers
from voicebot.russian.case import Case
from voicebot.russian.names import PersonName

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 23, 9, tzinfo=MOSCOW)


def _offer(day: int, hour: int, minute: int = 0, doctor: str = "orlov", branch: str = "lesnaya") -> Offer:
    return Offer(1, datetime(2026, 11, day, hour, minute, tzinfo=MOSCOW), 30, doctor, branch, "cardiologist")


def test_tapered_prompts() -> None:
    several = [Prompt(text="а"), Prompt(text="б", count=2), Prompt(text="в", count=2, cond="x"), Prompt(text="г", count=4)]

    def chosen(count: int, x: bool) -> list[str]:
        return [str(prompt.text) for prompt in prompts.choose(several, count, lambda condition: not condition or x)]

    assert chosen(1, False) == ["а"]
    assert chosen(2, False) == ["б"]
    assert chosen(3, True) == ["б", "в"]
    assert chosen(9, True) == ["г"]
    assert chosen(0, True) == []


def test_variety_without_chance() -> None:
    prompt = Prompt(text=["а", "б", "в"], short="к")
    spoken = [prompts.text_of(prompt, False, n, "7A3KM05X") for n in range(6)]
    assert sorted(spoken[:3]) == ["а", "б", "в"]
    assert spoken[:3] == spoken[3:]
    assert prompts.text_of(prompt, True, 0, "7A3KM05X") == "к"
    assert len({prompts.text_of(prompt, False, 0, f"ID{n}") for n in range(20)}) == 3


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Врач {doctor}.", "Врач Орл+ов Дм+итрий Алекс+андрович."),
        ("К {speciality|speciality:dative}.", "К карди+ологу."),
        ("{at|when}.", "Послезавтра, в среду, двадцать пятого ноября, в десять тридцать."),
        ("{at|date}, {at|time}", "Послезавтра, в среду, двадцать пятого ноября, десять тридцать"),
        ("Для {name|name:genitive}.", "Для Иванова Петра."),
        ("{phone}", "Восемь, девятьсот шестнадцать, сто двадцать три, сорок пять, шестьдесят семь"),
        ("Стоит {rubles|money}.", "Стоит две тысячи четыреста рублей."),
        ("Это {speciality|price}.", "Это две тысячи четыреста рублей."),
        ("{dialog_id|spelled}", "Семь а, три ка, эм ноль, пять ха"),
        ("{branch|address}.", "+Улица Лесн+ая, дом двен+адцать."),
        ("Вы {nothing}, идёте?", "Вы, идёте?"),
        ("Вы, {nothing}.", "Вы."),
    ],
)
def test_typed_values_in_words(catalogue: Catalogue, text: str, spoken: str) -> None:
    values = {
        "doctor": "orlov",
        "speciality": "cardiologist",
        "at": datetime(2026, 11, 25, 10, 30, tzinfo=MOSCOW),
        "name": PersonName("Иванов", "Пётр"),
        "phone": "+79161234567",
        "rubles": 2400,
        "dialog_id": "7A3KM05X",
        "branch": "lesnaya",
    }
    types = {"doctor": "doctor", "phone": "phone"}
    assert Renderer(catalogue).render(text, values.get, types, NOW) == spoken


def test_offers_say_once_what_they_share(catalogue: Catalogue) -> None:
    def speak(offers: list[Offer], now: datetime) -> str:
        return say_offers(EntrySpeaker(catalogue), offers, now)

    assert speak([_offer(24, 9), _offer(24, 10, 30)], NOW) == (
        "Врач Орл+ов Дм+итрий Алекс+андрович, фили+ал на Лесн+ой. Завтра, в девять часов утра или в десять тридцать."
    )
    mixed = speak([_offer(24, 9), _offer(25, 10, 30, "vasileva", "parkovaya")], NOW)
    assert mixed == (
        "Первый вариант: завтра в девять часов утра, врач Орл+ов, фили+ал на Лесн+ой. "
        "Второй: послезавтра в десять тридцать, врач Вас+ильева, фили+ал на П+арковой."
    )
    assert speak([_offer(24, 9)], NOW).endswith("Завтра в девять часов утра.")
    assert speak([], NOW) == ""


def test_stress_moves_only_where_the_beginning_is_the_same() -> None:
    assert with_stress_of("карди+олог", "кардиологу") == "карди+ологу"
    assert with_stress_of("Зах+аров", "Захарову") == "Зах+арову"
    assert with_stress_of("ор+ёл", "орлу") == "орлу"
    assert with_stress_of("+Анна", "Анне") == "+Анне"


def test_every_doctor_and_branch_can_be_spoken_in_every_case(catalogue: Catalogue) -> None:
    renderer = Renderer(catalogue)
    for doctor in catalogue.doctors:
        for case in Case:
            spoken = renderer.spoken("doctor", doctor, NOW, case)
            assert len(spoken.split()) == len(catalogue.doctors[doctor].full_name.split())
            assert not any(character.isdigit() or (character.isascii() and character.isalpha()) for character in spoken)
