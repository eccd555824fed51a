"""Who may hear of a visit: the number alone never tells."""

from dataclasses import dataclass
from datetime import date

import pytest

from voicebot.clinic.identity import is_patient
from voicebot.russian.names import PersonName

BORN = date(1985, 3, 25)


@dataclass(frozen=True)
class Known:
    surname: str = "Иванова"
    given: str = "Мария"
    patronymic: str = "Петровна"
    birth_date: date | None = None


@pytest.mark.parametrize(
    ("name", "birth_date", "own", "dictated"),
    [
        (None, None, False, False),
        (PersonName("Иванова"), None, True, False),
        (PersonName("Иванов"), None, True, False),  # the ending was lost
        (PersonName("Иванова", "Мария"), None, True, True),
        (PersonName("", "Мария"), None, False, False),
        (PersonName("Петрова", "Мария"), None, False, False),
        (PersonName("Иванова", "Светлана"), None, False, False),
        (PersonName("Ивонова", "Мария"), None, True, True),  # it sounds the same
        (PersonName("Иванькова", "Мария"), None, True, False),  # alike: enough only from the patient's own number
    ],
)
def test_name(name: PersonName | None, birth_date: date | None, own: bool, dictated: bool) -> None:
    assert is_patient(Known(), name, birth_date, is_own_number=True) is own
    assert is_patient(Known(), name, birth_date, is_own_number=False) is dictated


@pytest.mark.parametrize(
    ("name", "birth_date", "own", "dictated"),
    [
        (None, BORN, True, False),
        (None, date(1985, 3, 26), False, False),
        (PersonName("Иванова"), BORN, True, True),
        (PersonName("Петрова"), BORN, False, False),
        (PersonName("Иванова", "Мария"), date(1985, 3, 26), False, False),  # all that is told must agree
    ],
)
def test_birth_date(name: PersonName | None, birth_date: date, own: bool, dictated: bool) -> None:
    known = Known(birth_date=BORN)
    assert is_patient(known, name, birth_date, is_own_number=True) is own
    assert is_patient(known, name, birth_date, is_own_number=False) is dictated


def test_unknown_birth_date_proves_nothing() -> None:
    assert not is_patient(Known(), None, BORN, is_own_number=True)
    assert not is_patient(Known(), PersonName("Иванова"), BORN, is_own_number=False)
