"""Codes that prove a number: good once, for a while, for a few tries; nobody is pestered or guessed. On both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from small_clinic import PHONE, catalogue
from sqlalchemy import select

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.failures import BadPhone
from voicebot.clinic.pin_tables import PinRow
from voicebot.clinic.pins import CodeExpired, PinLimits, Pins, TooManyCodes, WrongCode
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.tables import MessageRow
from voicebot.clock import VirtualClock
from voicebot.storage.database import Database

OTHER = "+79161112233"


def pins(database: Database, clock: VirtualClock, code: str = "01234", **limits: int) -> Pins:
    return Pins(database, clock, PinLimits(**limits), draw=lambda digits: code[:digits])


def queued(database: Database) -> list[MessageRow]:
    return database.run(lambda session: list(session.scalars(select(MessageRow).order_by(MessageRow.id))), is_readonly=True)


def test_the_right_code_is_good_once(database: Database, clock: VirtualClock) -> None:
    codes = pins(database, clock)
    sent = codes.send(PHONE, "D1", "k1")
    assert (sent.digits, sent.minutes) == (5, 5)
    assert codes.check(PHONE, " 01 234 ", "D1") == PHONE
    with pytest.raises(CodeExpired):
        codes.check(PHONE, "01234", "D1")


def test_what_is_sent_and_what_is_kept(database: Database, clock: VirtualClock) -> None:
    codes = pins(database, clock)
    codes.send(PHONE, "D1", "k1")
    (message,) = queued(database)
    assert (message.template, message.phone, message.values) == ("pin", PHONE, {"code": "01234", "minutes": 5})
    assert message.expires_at == clock.now() + timedelta(minutes=5)
    row = database.run(lambda session: session.scalars(select(PinRow)).one(), is_readonly=True)
    kept = " ".join(str(getattr(row, column.name)) for column in PinRow.__table__.columns if column.name != "id")
    assert "01234" not in kept
    assert PHONE[1:] not in kept
    codes.check(PHONE, "01234", "D1")
    assert queued(database)[0].values["code"] == ""  # of no use to anybody now


def test_a_few_tries(database: Database, clock: VirtualClock) -> None:
    codes = pins(database, clock, tries=3)
    codes.send(PHONE, "D1", "k1")
    for wrong in ("00000", "", "не пришёл", "012345", "1234"):
        with pytest.raises(WrongCode):
            codes.check(PHONE, wrong, "D1")
    with pytest.raises(CodeExpired):
        codes.check(PHONE, "01234", "D1")


def test_a_code_grows_old(database: Database, clock: VirtualClock) -> None:
    codes = pins(database, clock)
    codes.send(PHONE, "D1", "k1")
    clock.advance(300)
    with pytest.raises(CodeExpired):
        codes.check(PHONE, "01234", "D1")


def test_only_in_its_dialog_and_for_its_number(database: Database, clock: VirtualClock) -> None:
    codes = pins(database, clock)
    codes.send(PHONE, "D1", "k1")
    for phone, dialog in ((PHONE, "D2"), (OTHER, "D1")):
        with pytest.raises(CodeExpired):
            codes.check(phone, "01234", dialog)
    assert codes.check(PHONE, "01234", "D1") == PHONE


def test_the_last_code_counts(database: Database, clock: VirtualClock) -> None:
    pins(database, clock, code="11111").send(PHONE, "D1", "k1")
    last = pins(database, clock, code="22222")
    last.send(PHONE, "D1", "k2")
    with pytest.raises(WrongCode):
        last.check(PHONE, "11111", "D1")
    assert last.check(PHONE, "22222", "D1") == PHONE


def test_the_same_step_sends_one(database: Database, clock: VirtualClock) -> None:
    codes = pins(database, clock)
    for _ in range(5):
        codes.send(PHONE, "D1", "k1")
    assert len(queued(database)) == 1


def test_nobody_is_pestered(database: Database, clock: VirtualClock) -> None:
    codes = pins(database, clock, per_number_an_hour=3)
    for number in range(3):
        codes.send(PHONE, f"D{number}", f"k{number}")
    with pytest.raises(TooManyCodes):
        codes.send(PHONE, "D9", "k9")
    codes.send(OTHER, "D9", "k10")
    clock.advance(3601)
    codes.send(PHONE, "D9", "k11")


def test_the_clinics_bill_has_an_end(database: Database, clock: VirtualClock) -> None:
    codes = pins(database, clock, per_clinic_an_hour=4)
    for number in range(4):
        codes.send(f"+791600000{number:02}", "D1", f"k{number}")
    with pytest.raises(TooManyCodes):
        codes.send(OTHER, "D1", "k9")
    assert len(queued(database)) == 4


def test_no_number(database: Database, clock: VirtualClock) -> None:
    with pytest.raises(BadPhone):
        pins(database, clock).send("12", "D1", "k1")
    with pytest.raises(CodeExpired):
        pins(database, clock).check(PHONE, "01234", "D1")


def test_guesses_at_once_are_counted_one_by_one(database: Database, clock: VirtualClock) -> None:
    codes = pins(database, clock, tries=3)
    codes.send(PHONE, "D1", "k1")

    def guess(number: int) -> type[Exception]:
        try:
            codes.check(PHONE, f"9{number:04}", "D1")
        except (WrongCode, CodeExpired) as failure:
            return type(failure)
        raise AssertionError("a wrong code was taken")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(guess, range(8)))
    assert found.count(WrongCode) == 3
    assert found.count(CodeExpired) == 5


def test_as_services_of_the_clinic(database: Database, clock: VirtualClock) -> None:
    services = ClinicServices(Bookings(database, catalogue(), clock), catalogue(), clock)
    assert services.call("send_pin", {"phone": PHONE}, "D1", "D1/1").digits == 5
    code = queued(database)[0].values["code"]
    assert services.call("check_pin", {"phone": PHONE, "code": code}, "D1", "D1/2") == PHONE
