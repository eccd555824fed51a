"""A clinic's own tables: YAML or CSV, any spreadsheet's flavour, each mistake with its file, line and cure."""

from pathlib import Path

import pytest
from test_catalogue import FILES

from voicebot.clinic.catalogue import Catalogue, CatalogueError, load_catalogue
from voicebot.clinic.knowledge_entries import Ready

TESTS = """\
id;title;spoken;synonyms;price_rub;ready_days;ready_hours;material;preparation;branches
sugar;сахар;с+ахар;кровь на сахар|глюкоза;290;1;;venous_blood;fasting;
iron;железо;жел+езо;;310;1-3;;venous_blood;none;north
express;тропонин;тропон+ин;;1 190;;2-4;venous_blood;Приход+ите +утром.;
"""
RULES = """\
- id: fasting
  spoken: Натощ+ак.
- id: none
  spoken: Подгот+овки не н+ужно.
"""
FAQ = """\
- id: parking
  title: парковка
  topic: parking
  synonyms: [стоянка]
  questions: [где припарковаться]
  answer: Парк+овка есть.
  by_branch: {north: Парк+овка п+еред вх+одом.}
"""
GROUPS = """\
- id: blood
  kind: test
  synonyms: [анализ крови]
  members: [sugar, iron]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {**FILES, "tests.csv": TESTS, "preparations.yaml": RULES, "faq.yaml": FAQ, "groups.yaml": GROUPS}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(folder)
    return caught.value.problems


def test_a_clinic_without_a_laboratory(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    catalogue = load_catalogue(tmp_path)
    assert (catalogue.tests, catalogue.faq, catalogue.groups, catalogue.warnings) == ({}, {}, {}, ())


def _check(catalogue: Catalogue) -> None:
    sugar, iron, express = (catalogue.tests[key] for key in ("sugar", "iron", "express"))
    assert (sugar.price_rub, sugar.synonyms, sugar.preparation) == (290, ("кровь на сахар", "глюкоза"), "Натощ+ак.")
    assert (sugar.ready, iron.ready) == (Ready(1, 1, "days"), Ready(1, 3, "days"))
    assert (express.ready, express.price_rub) == (Ready(2, 4, "hours"), 1190)
    assert (iron.branches, iron.preparation) == (("north",), "Подгот+овки не н+ужно.")
    assert express.preparation == "Приход+ите +утром."
    assert catalogue.forms("test")["sugar"] == ("сахар", "кровь на сахар", "глюкоза")


def test_a_table_of_tests(folder: Path) -> None:
    catalogue = load_catalogue(folder)
    _check(catalogue)
    assert catalogue.faq["parking"].names() == ("парковка", "стоянка", "где припарковаться")
    assert catalogue.groups["blood"].members == ("sugar", "iron")


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"], ids=["semicolon", "comma", "tab"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
def test_flavours_of_spreadsheets(folder: Path, mark: str, delimiter: str, newline: str) -> None:
    text = mark + TESTS.replace(";", delimiter).replace("\n", newline)
    (folder / "tests.csv").write_bytes(text.encode("utf-8"))
    _check(load_catalogue(folder))


def test_russian_column_names_quotes_comments_and_empty_rows(folder: Path) -> None:
    (folder / "tests.csv").write_text(
        "Код;Название;Произношение;Синонимы;Цена;Готово через дней;Материал;Подготовка;Заметки;\n"
        "# комментарий\n;;;;;;;;;\n"
        'sugar;сахар;"с+ахар";"кровь на сахар|глюкоза";290;1;venous_blood;"Натощ+ак; в+оду м+ожно.";;\n'
        "iron;железо;жел+езо;;310;2;venous_blood;fasting;;\n",
        encoding="utf-8",
    )
    (folder / "groups.yaml").unlink()
    catalogue = load_catalogue(folder)
    assert catalogue.tests["sugar"].preparation == "Натощ+ак; в+оду м+ожно."
    assert (catalogue.tests["iron"].ready, catalogue.tests["iron"].price_rub) == (Ready(2, 2, "days"), 310)


def test_unknown_columns_are_told_where_they_are_filled(folder: Path) -> None:
    (folder / "tests.csv").write_text(TESTS.replace("branches\n", "зал\n"), encoding="utf-8")
    assert [p for p in problems_of(folder) if p.startswith(f"{folder / 'tests.csv'}:3: `зал` is not known.")]


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        (";290;", ";дорого;", 2, "`price_rub`"),
        (";290;", ";-5;", 2, "`price_rub`"),
        (";1-3;", ";3-1;", 3, "the first number is greater"),
        (";1-3;", ";скоро;", 3, "is no number of days or hours"),
        (";1-3;;", ";1;2;", 3, "exactly one of `ready_days` and `ready_hours`"),
        (";1-3;;", ";;;", 3, "exactly one of `ready_days` and `ready_hours`"),
        ("venous_blood;none;north", "blood;none;north", 3, "`material`"),
        (";none;north", ";nothing;north", 3, "there is no rule of preparation 'nothing'"),
        (";none;north", ";none;nord", 3, "there is no branch 'nord'. Did you mean 'north'?"),
        ("iron;", "sugar;", 3, "the id 'sugar' is used in line 2"),
        ("iron;", "Железо;", 3, "lower-case Latin"),
        ("жел+езо", "желе+зо", 3, "stressed vowel"),
        ("жел+езо;;", "жел+езо;Кровь на САХАР;", 3, "'Кровь на САХАР' is a name of 'iron' and of 'sugar'"),
        ("жел+езо;;", "жел+езо;анализ крови;", 3, "is a name of"),
        ("price_rub;ready_days", "price_rub;price_rub", 1, "two columns are called 'price_rub'"),
        ("жел+езо;;", "жел+езо;железо; кровь;", 3, "11 cells in a table of 10 columns"),
        ("iron;железо", 'iron;"железо', 3, "Check the quotes"),
    ],
)  # fmt: skip
def test_mistakes_in_a_table_name_file_line_and_cure(folder: Path, old: str, new: str, line: int, told: str) -> None:
    assert TESTS.count(old) == 1
    (folder / "tests.csv").write_text(TESTS.replace(old, new), encoding="utf-8")
    found = [problem for problem in problems_of(folder) if told in problem]
    if "is a name of" in told and "анализ крови" in new:
        assert found[0].startswith(f"{folder / 'groups.yaml'}:3: ") or found[0].startswith(f"{folder / 'tests.csv'}:{line}: ")
    else:
        assert len(found) == 1, problems_of(folder)
        assert found[0].startswith(f"{folder / 'tests.csv'}:{line}: ")
    assert found[0].endswith((".", "?"))


def test_a_quoted_cell_over_two_lines_keeps_the_count(folder: Path) -> None:
    text = TESTS.replace("iron;железо;", 'two;"два\nслова";дв+а сл+ова;;1;1;;urine;;\niron;железо;').replace(";310;", ";много;")
    (folder / "tests.csv").write_text(text, encoding="utf-8")
    assert [p for p in problems_of(folder) if p.startswith(f"{folder / 'tests.csv'}:5: `price_rub`")]


def test_a_table_that_is_not_utf8(folder: Path) -> None:
    (folder / "tests.csv").write_bytes(TESTS.encode("cp1251"))
    assert [p for p in problems_of(folder) if "tests.csv:1: not UTF-8" in p and "save as CSV UTF-8" in p]


def test_a_table_without_rows(folder: Path) -> None:
    (folder / "tests.csv").write_text(TESTS.partition("\n")[0], encoding="utf-8")
    assert [p for p in problems_of(folder) if "tests.csv:1: the file is no list of entries" in p]


def test_services_in_a_table_beside_the_yaml(folder: Path) -> None:
    (folder / "services.csv").write_text(
        "id,title,specialities,duration_minutes,price_rub,is_visit,repeat\n"
        "again,повторный приём,therapist|ent,20,900,нет,\nwash2,капли,ent,5,100,,\n",
        encoding="utf-8",
    )
    catalogue = load_catalogue(folder)
    assert catalogue.services["again"].specialities == ("therapist", "ent")
    assert not catalogue.services["again"].is_visit
    assert len(catalogue.services) == 5
    (folder / "services.csv").write_text(
        "id,title,specialities,duration_minutes,price_rub\nwash,мыть,ent,5,100\n", encoding="utf-8"
    )
    assert [p for p in problems_of(folder) if "services.csv:2: the id 'wash' is used in services.yaml, line 15" in p]


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "told"),
    [
        ("faq.yaml", "topic: parking", "topic: машины", 3, "`topic`"),
        ("faq.yaml", "  questions: [где припарковаться]\n", "", 1, "`questions` is missing"),
        ("faq.yaml", "{north: Парк+овка", "{nord: Парк+овка", 7, "there is no branch 'nord'"),
        ("faq.yaml", "answer: Парк+овка есть.", "answer: Парк+овка 24 часа.", 6, "no digits"),
        ("groups.yaml", "members: [sugar, iron]", "members: [sugar, irom]", 4, "there is no test 'irom'. Did you mean 'iron'?"),
        ("groups.yaml", "members: [sugar, iron]", "members: [sugar]", 4, "`members`"),
        ("groups.yaml", "id: blood", "id: sugar", 1, "the id 'sugar' is used in tests.csv"),
        ("preparations.yaml", "spoken: Натощ+ак.", "spoken: 8 часов", 2, "no digits"),
        ("services.yaml", "price_rub: 1500", "price_rub: 1500\n  repeat: visit_again", 6, "there is no service 'visit_again'"),
        ("specialities.yaml", "title: лор", "title: лор\n  child_speciality: child", 8, "there is no speciality 'child'"),
    ],
)  # fmt: skip
def test_mistakes_in_the_other_files(folder: Path, file: str, old: str, new: str, line: int, told: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    found = [problem for problem in problems_of(folder) if told in problem]
    assert len(found) == 1, problems_of(folder)
    assert found[0].startswith(f"{folder / file}:{line}: "), found


def test_a_name_of_two_kinds_is_a_warning_that_says_who_wins(folder: Path) -> None:
    (folder / "tests.csv").write_text(TESTS.replace("жел+езо;;", "жел+езо;промыть уши;"), encoding="utf-8")
    warnings = load_catalogue(folder).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{folder / 'tests.csv'}:3: 'промыть уши' is a name of the test 'iron'")
    assert "The service is understood" in warnings[0]
