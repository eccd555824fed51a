"""Who came and who did not, out of a table: whole files or nothing, wrong lines named, nothing personal said."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from small_clinic import PHONE, Name, catalogue, diary, slot_at
from sqlalchemy import select

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.tables import AppointmentRow
from voicebot.clinic.visit_import import Imported, import_marks, read_marks
from voicebot.clock import VirtualClock
from voicebot.errors import ConfigurationError
from voicebot.storage.database import Database

MOSCOW = ZoneInfo("Europe/Moscow")
OTHER = "+79160000002"


def book(database: Database, bookings: Bookings, hour: int, doctor: str = "anna", phone: str = PHONE) -> int:
    slot = slot_at(database, doctor, hour)
    return bookings.book(slot, "d", Name(f"Имя{slot}"), phone, None, f"b{slot}").id


def put(folder: Path, text: str) -> Path:
    path = folder / "visits.csv"
    path.write_text(text, encoding="utf-8")
    return path


def imported(database: Database, clock: VirtualClock, path: Path, *, is_trial: bool = False) -> Imported:
    marks = read_marks(path, MOSCOW, catalogue().doctors)
    return import_marks(database, clock, path, marks, is_trial=is_trial)


def statuses(database: Database) -> dict[int, str]:
    with database.session(is_readonly=True) as session:
        return {row.id: row.status for row in session.scalars(select(AppointmentRow))}


def test_marks_by_number_and_by_phone(database: Database, bookings: Bookings, clock: VirtualClock, tmp_path: Path) -> None:
    first, second, third = (book(database, bookings, hour) for hour in (9, 10, 11))
    clock.advance(86400)
    path = put(
        tmp_path,
        "\ufeffномер;телефон;начало;врач;явка\n"
        f"{first};;;;Пришёл\n"
        ";8 (916) 000-00-01;23.11.2026 10:00;anna;не пришла\n"
        ";+79160000001;2026-11-23 11:00;;принят\n;;;;\n",
    )
    assert imported(database, clock, path, is_trial=True) == Imported(3, 0)
    assert set(statuses(database).values()) == {"booked"}, "a trial marks nothing"
    assert imported(database, clock, path) == Imported(3, 0)
    assert statuses(database) == {first: "arrived", second: "noshow", third: "fulfilled"}
    assert imported(database, clock, path) == Imported(0, 3), "the same file again"
    assert imported(database, clock, put(tmp_path, f"id,status\n{second},arrived\n")) == Imported(1, 0), "known better now"


def test_wrong_lines_are_named_and_nothing_is_marked(sqlite: Database, clock: VirtualClock, tmp_path: Path) -> None:
    bookings = diary(sqlite, clock)
    good = book(sqlite, bookings, 9)
    cancelled = book(sqlite, bookings, 10)
    bookings.cancel(cancelled, "c")
    family = book(sqlite, bookings, 11), book(sqlite, bookings, 11, "clara")
    to_come = bookings.book(slot_at(sqlite, "anna", 9, day=25), "d", Name(), PHONE, None, "b-later").id
    clock.advance(86400)
    path = put(
        tmp_path,
        "id,phone,start,doctor,status\n"
        f"{good},,,,arrived\n"
        f"{cancelled},,,,arrived\n"
        f"{to_come},,,,noshow\n"
        "999999,,,,arrived\n"
        f",{PHONE},2026-11-23 11:00,,arrived\n"
        f",{OTHER},2026-11-23 11:00,,arrived\n",
    )
    with pytest.raises(ConfigurationError) as refused:
        imported(sqlite, clock, path)
    told = str(refused.value)
    for line, words in (
        (3, "cancelled or moved"), (4, "still to come"), (5, "no visit of this number"), (6, "several visits"),
        (7, "no visit begins then"),
    ):  # fmt: skip
        assert any(f":{line}: " in one and words in one for one in told.splitlines()), (line, words)
    assert "9160000001" not in told
    assert statuses(sqlite)[good] == "booked"
    both = put(
        tmp_path,
        "".join(["phone;start;doctor;status\n", *(f"{PHONE};23.11.2026 11:00;{who};неявка\n" for who in ("anna", "clara"))]),
    )
    assert imported(sqlite, clock, both) == Imported(2, 0)
    assert [statuses(sqlite)[one] for one in family] == ["noshow", "noshow"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("phone;status\n", "id, or phone and start"),
        ("id;phone\n", "lacks the columns status"),
        ("id;status;diagnosis\n", "unknown columns diagnosis"),
        ("id;status\nx;arrived\n", ":2: id is no number"),
        ("id;status\n1;maybe\n", ":2: status is none of"),
        ("phone;start;status\n12;23.11.2026 10:00;arrived\n", ":2: phone is no phone"),
        ("phone;start;status\n+79160000001;вчера;arrived\n", ":2: start is no moment"),
        ("phone;start;doctor;status\n+79160000001;23.11.2026 10:00;house;arrived\n", ":2: doctor is not in"),
    ],
)
def test_wrong_tables(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_marks(put(tmp_path, text), MOSCOW, catalogue().doctors)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_marks(tmp_path / "absent.csv", MOSCOW, {})
    (tmp_path / "koi8.csv").write_bytes("статус".encode("koi8-r"))
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_marks(tmp_path / "koi8.csv", MOSCOW, {})


def test_who_comes_early_has_come(sqlite: Database, clock: VirtualClock, tmp_path: Path) -> None:
    one = book(sqlite, diary(sqlite, clock), 9)
    clock.advance(timedelta(minutes=30).total_seconds())  # 8:30
    assert imported(sqlite, clock, put(tmp_path, f"id;status\n{one};arrived\n")) == Imported(1, 0)
    with pytest.raises(ConfigurationError, match="still to come"):
        imported(sqlite, clock, put(tmp_path, f"id;status\n{one};noshow\n"))
