"""Tables of laboratory orders: read whole or not at all; messages name lines and columns, never a person."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from voicebot.clinic.lab_import import read_orders
from voicebot.clinic.lab_orders import LabOrder
from voicebot.errors import ConfigurationError

ZONE = ZoneInfo("Europe/Moscow")
BRANCHES = {"north": object()}
HEADING = "number;phone;birth_date;branch;ready_at\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "orders.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_both_ways_to_write_dates_and_both_delimiters(tmp_path: Path) -> None:
    orders = read_orders(table(tmp_path, HEADING + "100-1;8 916 000-00-01;25.03.1985;north;26.11.2026 14:00\n"), ZONE, BRANCHES)
    assert orders == [
        LabOrder("1001", "+79160000001", date(1985, 3, 25), "north", datetime(2026, 11, 26, 14, tzinfo=ZONE)),
    ]
    others = read_orders(table(tmp_path, "\ufeffphone,number,birth_date\n+79160000001,7,1985-03-25\n"), ZONE, BRANCHES)
    assert others == [LabOrder("7", "+79160000001", date(1985, 3, 25))]


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("x;89160000001;25.03.1985;;", "2: number"),
        ("1;12;25.03.1985;;", "2: phone"),
        ("1;89160000001;85-03-25;;", "2: birth_date"),
        ("1;89160000001;25.03.1985;south;", "2: branch is none of north"),
        ("1;89160000001;25.03.1985;;soon", "2: ready_at"),
        ("1;89160000001;25.03.1985;;\n1;89160000001;25.03.1985;;", "3: the number stands in line 2"),
    ],
)
def test_each_wrong_line_is_named_without_its_person(tmp_path: Path, row: str, wrong: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_orders(table(tmp_path, HEADING + row + "\n"), ZONE, BRANCHES)
    assert wrong in caught.value.message
    assert "8916" not in caught.value.message
    assert "1985" not in caught.value.message


def test_many_wrong_lines_are_counted(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="and 5 more"):
        read_orders(table(tmp_path, HEADING + "x;;;;\n" * 25), ZONE, BRANCHES)


@pytest.mark.parametrize("heading", ["number;phone\n", "number;phone;birth_date;result\n"])
def test_columns_are_known_ones(tmp_path: Path, heading: str) -> None:
    """Above all, no column may carry what came out."""
    with pytest.raises(ConfigurationError, match=":1: the table"):
        read_orders(table(tmp_path, heading), ZONE, BRANCHES)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_orders(tmp_path / "none.csv", ZONE, BRANCHES)
    (tmp_path / "odd.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_orders(tmp_path / "odd.csv", ZONE, BRANCHES)
