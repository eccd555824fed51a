"""`voicebot understand`: a meaning as JSON."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from voicebot.dialog.understanding import Understanding
from voicebot.errors import VoicebotError
from voicebot.understand_command import EXPECTED, answers

NOW = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Europe/Moscow"))  # a Monday

TOLD = [
    ("завтра в десять утра", {"date": "2026-11-24", "time": "10:00"}),
    ("@date\tв пятницу", {"date": "2026-11-27"}),
    ("@date\tне в пятницу а в субботу", {"date": "2026-11-28"}),
    ("@date\tпятнадцатого", {"date": "2026-12-15"}),
    ("@date\tчерез две недели", {"date": "2026-12-07"}),
    ("@time\tполтретьего", {"time": "14:30"}),
    ("@time\tбез пятнадцати три", {"time": "14:45"}),
    ("@time\tпосле шести", {"after": "18:00"}),
    ("@time\tутром", {"part": "morning"}),
    ("@time\tвечером", {"part": "evening"}),
    ("@time\tдо обеда", {"part": "morning", "before": "13:00"}),
    ("@datetime\tсамое ближайшее", {"nearest": True}),
    ("@datetime\tна следующей неделе", {"date_from": "2026-11-30", "date_to": "2026-12-06"}),
    ("@phone\tвосемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь", {"phone": "+79161234567"}),
    ("@name\tкузнецова мария ивановна", {"surname": "Кузнецова", "given": "Мария", "patronymic": "Ивановна"}),
    ("@birth_date\tдвенадцатое третье восемьдесят пятого", {"birth_date": "1985-03-12"}),
    ("@doctor\tк морозову", {"doctor": "morozov"}),
    ("@branch\tпарковый проспект", {"branch": "parkovaya"}),
    ("@test\tферритин", {"test": "ferritin"}),
    ("@yes_no\tну давайте", {"yes_no": True}),
    ("@yes_no\tда нет наверное", {"yes_no": False}),
    ("@choice\tвторой вариант", {"ordinal": 2}),
    (
        "запишите к терапевту на завтра меня зовут кузнецова мария телефон восемь девятьсот шестнадцать сто двадцать три "
        "сорок пять шестьдесят семь",
        {"speciality": "therapist", "date": "2026-11-24", "surname": "Кузнецова", "phone": "+79161234567"},
    ),
]


@pytest.mark.parametrize(("line", "slots"), TOLD, ids=[line for line, _ in TOLD])
def test_slots(understanding: Understanding, line: str, slots: dict[str, Any]) -> None:
    (told,) = answers(understanding, [line], NOW)
    assert {name: told["slots"].get(name) for name in slots} == slots
    assert json.loads(json.dumps(told, ensure_ascii=False)) == told
    assert 0.0 <= told["confidence"] <= 1.0


INTENTS = [
    ("через сколько дней готов анализ ферритин", "ready"), ("готовы ли мои анализы", "results"),
    ("когда я записан на какое время", "appointments"), ("пришлите адрес смской", "sms"),
    ("сообщите если освободится место", "waitlist"), ("не смогу прийти завтра", "cancel"),
    ("хочу прийти позже чем записана", "reschedule"), ("стоп хватит", "stop"), ("есть ли у вас парковка", "info"),
    ("нужна справка в бассейн", "document"), ("вы ошиблись номером", "off_topic"), ("у мамы инсульт", "emergency"),
    ("до скольки вы работаете", "hours"), ("сколько стоит ферритин", "price"),
]  # fmt: skip


def test_giving_up_is_heard_at_any_question(understanding: Understanding) -> None:
    for phrase in ("стоп", "стоп не надо ничего", "передумала ничего не надо", "хватит"):
        (told,) = answers(understanding, [f"@name\t{phrase}"], NOW)
        assert told["intent"] == "stop", phrase


@pytest.mark.parametrize(("text", "intent"), INTENTS)
def test_intents(understanding: Understanding, text: str, intent: str) -> None:
    (told,) = answers(understanding, [text], NOW)
    assert told["intent"] == intent
    assert told["confidence"] >= 0.4


def test_taking_a_test_is_a_booking_of_a_form_of_its_own(understanding: Understanding) -> None:
    (told,) = answers(understanding, ["хочу сдать кровь на ферритин"], NOW)
    assert (told["intent"], told["form"], told["slots"]["test"]) == ("book", "lab", "ferritin")
    (told,) = answers(understanding, ["к кардиологу"], NOW)
    assert "form" not in told


def test_titles_stand_beside_ids(understanding: Understanding) -> None:
    (told,) = answers(understanding, ["к кардиологу"], NOW)
    assert told["slots"]["speciality"] == "cardiologist"
    assert told["labels"]["speciality"] == "кардиолог"


def test_what_may_be_several_is_told(understanding: Understanding) -> None:
    (told,) = answers(understanding, ["запишите на узи"], NOW)
    assert "service" not in told["slots"]
    assert len(told["ambiguous"]["service"]) > 2


def test_each_line_has_its_own_question(understanding: Understanding) -> None:
    first, second, third = answers(understanding, ["@yes_no\tда", "адрес", "@phone\tдевятьсот шестнадцать"], NOW)
    assert (first["intent"], second["intent"], third["slots"]) == ("yes", "address", {"digits": "916"})
    assert (first["text"], third["text"]) == ("да", "девятьсот шестнадцать")


def test_an_unknown_question_is_refused(understanding: Understanding) -> None:
    with pytest.raises(VoicebotError, match="planet"):
        next(answers(understanding, ["@planet\tмарс"], NOW))
    assert set(EXPECTED) >= {"yes_no", "date", "time", "datetime", "phone", "name", "birth_date", "doctor", "choice"}


def test_an_empty_line_means_nothing(understanding: Understanding) -> None:
    (told,) = answers(understanding, [""], NOW)
    assert told == {"text": "", "intent": "none", "confidence": 0.0, "slots": {}}


def test_the_past_never_comes_out(understanding: Understanding) -> None:
    for phrase in ("вчера", "двадцатого ноября", "в понедельник", "первого числа", "сегодня в восемь"):
        (told,) = answers(understanding, [f"@datetime\t{phrase}"], NOW)
        assert told["slots"].get("date", "9999") >= "2026-11-23", phrase


def test_a_misheard_yes_does_not_end_the_call(understanding: Understanding) -> None:
    for word in ("до", "доо", "пак"):
        assert understanding.understand(word, None, datetime(2026, 11, 23, 9, 0)).intent not in ("goodbye", "stop"), word
