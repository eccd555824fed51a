"""Reading a clinic's folder: every mistake is told with its file, line and cure."""

import shutil
from pathlib import Path

import pytest

from voicebot.clinic.catalogue import CatalogueError, load_catalogue
from voicebot.clinic.entry import matching_form
from voicebot.russian.case import Case

FILES = {
    "clinic.yaml": """\
name: Клиника
spoken: кл+иника
""",
    "branches.yaml": """\
- id: north
  name: северный филиал
  spoken: с+еверный фили+ал
  address: Северная, 1
  spoken_address: С+еверная один
  metro: Северная
  hours: {mon-fri: "08:00-20:00"}
""",
    "specialities.yaml": """\
- id: therapist
  title: терапевт
  synonyms: [участковый]
  complaints: [температура]

- id: ent
  title: лор
  cases: {gent: лора, datv: лору, accs: лора, ablt: лором, loct: лоре}
  synonyms: [ухо горло нос, отоларинголог]
""",
    "doctors.yaml": """\
- id: zayats
  surname: Заяц
  given: Пётр
  patronymic: Ильич
  gender: male
  spoken: З+аяц Пётр Иль+ич
  cases: {surname: {gent: Зайца}}
  specialities: [therapist]
  schedule:
    - {branch: north, days: mon-fri, hours: "09:00-12:00"}

- id: petrova
  surname: Петрова
  given: Анна
  gender: female
  spoken: Петр+ова +Анна
  specialities: [ent, therapist]
  slot_minutes: 20
  schedule:
    - {branch: north, days: "tue,thu", hours: "09:00-12:00", weeks: odd}
  away: [{from: 2027-01-01, to: 2027-01-08}]
""",
    "services.yaml": """\
- id: visit_therapist
  title: приём терапевта
  specialities: [therapist]
  duration_minutes: 30
  price_rub: 1500
  is_visit: true

- id: visit_ent
  title: приём лора
  specialities: [ent]
  duration_minutes: 20
  price_rub: 1700
  is_visit: true

- id: wash
  title: промывание
  synonyms: [промыть уши]
  specialities: [ent]
  doctors: [petrova]
  duration_minutes: 20
  price_rub: 900
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def spoil(folder: Path, file: str, old: str, new: str) -> int:
    """Replace a text that is there exactly once; return its line."""
    text = FILES[file]
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(folder)
    assert all(problem in str(caught.value) for problem in caught.value.problems[:20])
    return caught.value.problems


def test_a_good_folder(folder: Path) -> None:
    catalogue = load_catalogue(folder)
    zayats, petrova = catalogue.doctors["zayats"], catalogue.doctors["petrova"]
    assert (zayats.full_name, zayats.short_spoken, zayats.polite_spoken) == ("Заяц Пётр Ильич", "З+аяц", "Пётр Иль+ич")
    assert zayats.cases["surname"][Case.GENITIVE] == "Зайца"
    assert (petrova.full_name, petrova.branches) == ("Петрова Анна", ("north",))
    assert catalogue.specialities["ent"].declined(Case.DATIVE) == "лору"
    assert catalogue.specialities["therapist"].declined(Case.DATIVE) == "терапевту"
    assert catalogue.visit_of("ent") is catalogue.services["visit_ent"]
    assert catalogue.default_service(petrova) is catalogue.services["visit_ent"]
    assert catalogue.default_service(petrova, "therapist") is catalogue.services["visit_therapist"]
    assert not catalogue.can_do(zayats, catalogue.services["wash"])
    assert [d.id for d in catalogue.doctors_of("therapist")] == ["zayats", "petrova"]
    assert catalogue.zone.key == "Europe/Moscow"


def test_forms_for_matching(folder: Path) -> None:
    catalogue = load_catalogue(folder)
    assert catalogue.forms("doctor")["zayats"] == ("Заяц", "Заяц Пётр Ильич", "Пётр Ильич", "Пётр Ильич Заяц")
    assert catalogue.forms("doctor")["petrova"] == ("Петрова", "Петрова Анна", "Анна", "Анна Петрова")
    assert catalogue.forms("speciality")["ent"] == ("лор", "ухо горло нос", "отоларинголог")
    assert catalogue.forms("service")["wash"] == ("промывание", "промыть уши")
    assert catalogue.forms("branch")["north"] == ("северный филиал", "Северная")
    assert catalogue.complaints()["therapist"] == ("температура",)


def test_entries_are_frozen(folder: Path) -> None:
    catalogue = load_catalogue(folder)
    with pytest.raises(ValueError, match="frozen"):
        catalogue.doctors["zayats"].surname = "Волк"


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("doctors.yaml", "[ent, therapist]", "[ent, terapist]", "no speciality 'terapist'. Did you mean 'therapist'?"),
        ("doctors.yaml", "branch: north, days: mon", "branch: nord, days: mon", "no branch 'nord'. Did you mean 'north'?"),
        ("doctors.yaml", "days: mon-fri", "days: пн-пт", "'пн-пт'"),
        ("doctors.yaml", 'days: mon-fri, hours: "09:00-12:00"', 'days: mon-fri, hours: "9-12"', "is no time"),
        ("doctors.yaml", 'days: mon-fri, hours: "09:00-12:00"', 'days: mon-fri, hours: "09:01-12:00"', "multiples of 5"),
        ("doctors.yaml", "gender: male", "gender: мужской", "`gender`"),
        ("doctors.yaml", "slot_minutes: 20", "slot_minutes: 17", "multiple of 5"),
        ("doctors.yaml", "slot_minutes: 20", "slots: 20", "`slots` is not known"),
        ("doctors.yaml", "id: petrova", "id: zayats", "'zayats' is used in line 1"),
        ("doctors.yaml", "id: petrova", "id: Петрова", "lower-case Latin"),
        ("doctors.yaml", "from: 2027-01-01", "from: 2027-02-01", "before"),
        ("services.yaml", "doctors: [petrova]", "doctors: [petrov]", "no doctor 'petrov'. Did you mean 'petrova'?"),
        ("services.yaml", "price_rub: 900", "price_rub: много", "`price_rub`"),
        ("services.yaml", "synonyms: [промыть уши]", "synonyms: [Приём ЛОРа]", "a name of 'wash' and of 'visit_ent'"),
        ("specialities.yaml", "[ухо горло нос, отоларинголог]", "[участковый]", "a name of 'ent' and of 'therapist'"),
        ("specialities.yaml", "[ухо горло нос, отоларинголог]", "[Температура]", "a name of 'ent' and of 'therapist'"),
        ("specialities.yaml", "[ухо горло нос, отоларинголог]", "['!']", "has no words"),
        ("specialities.yaml", "cases: {gent: лора", "cases: {genitive: лора", "`cases"),
        ("branches.yaml", "spoken: с+еверный", "spoken: северн+ный", "stressed vowel"),
        ("branches.yaml", "С+еверная один", "С+еверная 1", "no digits"),
        ("branches.yaml", 'mon-fri: "08:00-20:00"', 'mon-fri: "20:00-08:00"', "ends before"),
        ("clinic.yaml", "spoken: кл+иника", "zone: Moscow", "`zone`"),
    ],
)  # fmt: skip
def test_mistakes_name_file_line_and_cure(folder: Path, file: str, old: str, new: str, told: str) -> None:
    line = spoil(folder, file, old, new)
    found = [problem for problem in problems_of(folder) if told in problem]
    assert len(found) == 1, problems_of(folder)
    assert found[0].startswith(f"{folder / file}:{line}: ")
    assert found[0].endswith((".", "?"))


@pytest.mark.parametrize(
    ("file", "old", "line", "told"),
    [
        ("doctors.yaml", "  gender: female\n", 12, "`gender` is missing. Add it."),
        ("doctors.yaml", "  specialities: [ent, therapist]\n", 12, "`specialities` is missing. Add it."),
        ("services.yaml", "  price_rub: 1700\n", 8, "`price_rub` is missing. Add it."),
        ("clinic.yaml", "name: Клиника\n", 1, "`name` is missing. Add it."),
        ("services.yaml", "  price_rub: 1700\n  is_visit: true\n", 8, "`price_rub` is missing. Add it."),
    ],
)
def test_missing_fields_point_at_the_entry(folder: Path, file: str, old: str, line: int, told: str) -> None:
    spoil(folder, file, old, "")
    assert f"{folder / file}:{line}: {told}" in problems_of(folder)


def test_spoken_name_must_be_the_name(folder: Path) -> None:
    spoil(folder, "doctors.yaml", "З+аяц Пётр Иль+ич", "З+аяц П+авел Иль+ич")
    assert [p for p in problems_of(folder) if "differs from the name" in p and "doctors.yaml:1:" in p]


def test_speciality_nobody_has(folder: Path) -> None:
    spoil(folder, "doctors.yaml", "[ent, therapist]", "[therapist]")
    assert [p for p in problems_of(folder) if "specialities.yaml:6: no doctor has the speciality 'ent'" in p]


def test_speciality_without_a_visit(folder: Path) -> None:
    spoil(folder, "services.yaml", "  price_rub: 1700\n  is_visit: true\n", "  price_rub: 1700\n")
    assert [p for p in problems_of(folder) if "specialities.yaml:6: 'ent' has 0 services marked is_visit" in p]


def test_missing_file_and_yaml_that_is_none(folder: Path) -> None:
    (folder / "branches.yaml").unlink()
    (folder / "services.yaml").write_text("- id: a\n  title: [", encoding="utf-8")
    (folder / "doctors.yaml").write_bytes("- id: я".encode("cp1251"))
    (folder / "specialities.yaml").write_text("{}", encoding="utf-8")
    problems = "\n".join(problems_of(folder))
    assert f"{folder / 'branches.yaml'}:1: the file cannot be read: No such file or directory" in problems
    assert f"{folder / 'services.yaml'}:2: " in problems
    assert f"{folder / 'doctors.yaml'}:1: not UTF-8" in problems
    assert f"{folder / 'specialities.yaml'}:1: the file is no list" in problems


def test_repeated_key(folder: Path) -> None:
    spoil(folder, "clinic.yaml", "spoken: кл+иника", "spoken: кл+иника\nname: Другая")
    assert [p for p in problems_of(folder) if "clinic.yaml:3: " in p and "duplicate" in p]


def test_all_mistakes_are_told_at_once_but_not_endlessly(folder: Path) -> None:
    entry = "- id: b{n}\n  name: 1\n"
    (folder / "branches.yaml").write_text("".join(entry.format(n=n) for n in range(30)), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(folder)
    assert len(caught.value.problems) > 30
    assert "more." in str(caught.value).splitlines()[-1]


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "x", ignore_errors=True)
    assert len(problems_of(tmp_path / "x")) == 5


def test_matching_form() -> None:
    assert matching_form("  УХО-горло, нос ") == "ухо горло нос"
    assert matching_form("Молочных ж+елёз") == "молочных желез"
