"""Doctors and branches that a caller rules out."""

from datetime import datetime

import pytest
from demo_clinic import DEMO

from voicebot.clinic.catalogue import load_catalogue
from voicebot.dialog.understanding.values import Values

NOW = datetime(2026, 11, 23, 9)


@pytest.fixture(scope="module")
def values() -> Values:
    return Values(load_catalogue(DEMO / "clinic"))


@pytest.mark.parametrize(
    ("said", "unwanted", "slots"),
    [
        ("к терапевту завтра но не на парковой", ["parkovaya"], {"speciality"}),
        ("к неврологу не к орлову", ["orlov"], {"speciality"}),
        ("только не к доктору орлову", ["orlov"], set()),
        ("к любому терапевту кроме морозова", ["morozov"], {"speciality"}),
        ("в любой филиал кроме парковой и садовой", ["parkovaya", "sadovaya"], set()),
        ("не на парковой и не на садовой", ["parkovaya", "sadovaya"], set()),
        ("на парковую я не поеду", ["parkovaya"], set()),
        ("не хочу ехать на парковую", ["parkovaya"], set()),
        ("не на парковую а на лесную", ["parkovaya"], {"branch"}),
        ("нет не к морозову к соколовой", ["morozov"], {"doctor"}),
    ],
)
def test_what_is_ruled_out(values: Values, said: str, unwanted: list[str], slots: set[str]) -> None:
    found = values.of(said, "choice", NOW)
    assert [identifier for _, identifier in found.unwanted] == unwanted
    assert found.slots.keys() - {"datetime", "yes_no"} == slots
    assert not set(unwanted) & {value for value in found.slots.values() if isinstance(value, str)}


@pytest.mark.parametrize(
    "said",
    [
        "почему не к орлову",
        "ни к кому кроме орлова",
        "вы не на парковой",
        "к орлову не в среду",
        "к морозову не раньше пятницы",
        "лебедева а не лебедев",
        "запишите к терапевту только не завтра",
    ],
)
def test_nothing_is_ruled_out(values: Values, said: str) -> None:
    assert values.of(said, "yes_no", NOW).unwanted == ()
