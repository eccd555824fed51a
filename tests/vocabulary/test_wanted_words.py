"""Which words a clinic needs heard: from grammars, from its files with all forms, and what of it cannot be heard."""

from pathlib import Path

import pytest

from voicebot.vocabulary.wanted import clinic_files, forms, wanted, ways_to_say, words_of_files

DOCTORS = """\
# Комментарий не читается
- id: abyrvalgov
  surname: Абырвалгов
  spoken: Абырв+алгов Серг+ей
- id: second
  surname: Bosch
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clinic").mkdir()
    (tmp_path / "conversations").mkdir()
    (tmp_path / "clinic" / "doctors.yaml").write_text(DOCTORS)
    (tmp_path / "clinic" / "tests.csv").write_text("id;title\nalt;АЛТ\n")
    (tmp_path / "clinic" / "notes.md").write_text("чепуха")
    (tmp_path / "conversations" / "one.yaml").write_text("says: белиберда")
    return tmp_path


def test_words_of_data_and_dialplans_come_with_their_forms(folder: Path) -> None:
    files = clinic_files(folder)
    assert [path.name for path in files] == ["doctors.yaml", "tests.csv"]
    assert words_of_files(files) == ["Абырвалгов", "Абырв+алгов", "Серг+ей", "АЛТ"]
    found = wanted([], [], files)
    assert {"абырвалгов", "абырвалгову", "абырвалгова", "абырвалговым", "сергею", "алт"} <= set(found.written)
    assert not {"комментарий", "чепуха", "белиберда", "сurname"} & set(found.written)
    assert found.unsayable == ()


def test_marks_tell_more_than_capitals_and_these_more_than_nothing(folder: Path) -> None:
    written = wanted(["алт абырвалгов"], [], clinic_files(folder)).written
    assert ways_to_say(written["абырвалгов"]) == ["Абырв+алгов"]
    assert ways_to_say(written["алт"]) == ["АЛТ"]
    assert ways_to_say(written["абырвалгову"]) == ["абырвалгову"]


def test_forms_follow_the_dictionary() -> None:
    assert {"терапевт", "терапевта", "терапевту", "терапевтами"} <= forms("терапевт")
    assert forms("УЗИ") == forms("из") == forms("быстро") == set()
    assert {"иванов", "ивановой", "иванову", "ивановым"} <= forms("Иванов")
    for surname in ("Тыквоедов", "Тыквоедова"):
        assert {"тыквоедов", "тыквоедову", "тыквоедовым", "тыквоедовой"} <= forms(surname)
    assert {"щурюбский", "щурюбского", "щурюбскую"} <= forms("Щурюбский")
    assert not any(form.endswith("ою") for form in forms("английская"))


def test_a_name_that_cannot_be_said_is_told_with_its_place(folder: Path) -> None:
    files = clinic_files(folder)
    names = [("Bosch",), ("УЗИ 4D", "узи четыре дэ"), ("Абырвалгов",)]
    (bad,) = wanted([], names, files).unsayable
    assert (bad.word, bad.why) == ("Bosch", "it has Latin letters")
    assert bad.place == f"{folder / 'clinic' / 'doctors.yaml'}:6"
    assert str(bad) == f"{bad.place}: Bosch: it has Latin letters"


def test_a_phrase_that_cannot_be_said_is_told_and_not_wanted(folder: Path) -> None:
    found = wanted(["да", "анализ кпснтр", "стр"], [], [])
    assert {one.word for one in found.unsayable} == {"кпснтр", "стр"}
    assert set(found.written) == {"да", "анализ"}


def test_added_words_with_a_stress_are_said_so_even_if_known() -> None:
    found = wanted([], [], [], ["з+автра", "Жёлудевич"])
    assert found.stressed == {"завтра"}
    assert found.written == {"завтра": ("з+автра",), "жёлудевич": ("Жёлудевич",)}
