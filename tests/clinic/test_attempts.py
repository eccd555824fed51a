"""Nobody guesses names or birth dates, one call after another. On both databases."""

from datetime import date, timedelta

import pytest
from small_clinic import PHONE, Name, catalogue, slot_at
from sqlalchemy import func, select

from voicebot.clinic.attempts import AttemptLimits, Attempts, hashed
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.failures import NotFound, NotIdentified, TooManyAttempts
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.tables import FailedIdentityRow
from voicebot.clock import VirtualClock
from voicebot.storage.database import Database

LIMITS = AttemptLimits(of_number=3, of_clinic=7)
OTHERS = [f"+7916000{number:04}" for number in range(10, 30)]


def fail() -> None:
    raise NotIdentified


def guess(attempts: Attempts, *phones: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(NotIdentified):
            attempts.guard(phones, fail)


def test_a_right_guess_is_refused_too(database: Database, clock: VirtualClock) -> None:
    attempts = Attempts(database, clock, LIMITS)
    guess(attempts, PHONE, times=3)
    with pytest.raises(TooManyAttempts):
        attempts.guard([PHONE], lambda: "told")
    assert attempts.guard(OTHERS[:1], lambda: "told") == "told"


def test_a_restart_forgets_nothing_and_an_hour_does(database: Database, clock: VirtualClock) -> None:
    guess(Attempts(database, clock, LIMITS), PHONE, times=3)
    with pytest.raises(TooManyAttempts):
        Attempts(database, clock, LIMITS).guard([PHONE], fail)
    clock.advance(timedelta(hours=1, seconds=1).total_seconds())
    guess(Attempts(database, clock, LIMITS), PHONE)


def test_the_caller_counts_as_well_as_the_number_asked_about(database: Database, clock: VirtualClock) -> None:
    attempts = Attempts(database, clock, LIMITS)
    for victim in OTHERS[:3]:
        guess(attempts, victim, PHONE)
    with pytest.raises(TooManyAttempts):
        attempts.guard([OTHERS[5], PHONE], fail)
    assert attempts.guard([OTHERS[0]], lambda: "told") == "told"  # her own line, one failure only


def test_the_whole_clinic_has_a_limit(database: Database, clock: VirtualClock) -> None:
    attempts = Attempts(database, clock, LIMITS)
    for victim in OTHERS[:7]:
        guess(attempts, victim)
    with pytest.raises(TooManyAttempts):
        attempts.guard([OTHERS[9]], lambda: "told")


def test_no_number_is_kept_and_old_rows_go(database: Database, clock: VirtualClock) -> None:
    attempts = Attempts(database, clock, LIMITS)
    guess(attempts, PHONE)
    with database.session(is_readonly=True) as session:
        keys = set(session.scalars(select(FailedIdentityRow.key)))
    assert keys == {hashed(PHONE), ""}
    assert hashed(PHONE) == hashed("8" + PHONE[2:])
    clock.advance(timedelta(days=2).total_seconds())
    guess(attempts, OTHERS[0])
    with database.session(is_readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(FailedIdentityRow)) == 2


def test_every_service_that_identifies_is_guarded(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    services = ClinicServices(bookings, catalogue(), clock)
    visit = bookings.book(slot_at(database, "anna", 10), "d0", Name(), PHONE, None, "1", None)
    own = {"phone": PHONE, "caller_phone": PHONE, "patient": Name()}
    assert services.call("last_doctor", own, "d1", "").doctor == visit.doctor_id
    for number in range(AttemptLimits().of_number):
        born = {"phone": PHONE, "birth_date": date(1980, 1, 1 + number)}
        with pytest.raises(NotFound):
            services.call("order_ready", born, "d1", "")
    for service in ("appointments_of", "last_doctor"):
        with pytest.raises(TooManyAttempts):
            services.call(service, own, "d1", "")


def test_the_last_doctor_is_the_latest_that_was_not_called_off(
    bookings: Bookings, database: Database, clock: VirtualClock
) -> None:
    services = ClinicServices(bookings, catalogue(), clock)
    own = {"phone": PHONE, "caller_phone": PHONE, "patient": Name()}
    with pytest.raises(NotIdentified):
        services.call("last_doctor", own, "d1", "")
    first = bookings.book(slot_at(database, "anna", 10), "d0", Name(), PHONE, None, "1", None)
    second = bookings.book(slot_at(database, "boris", 15), "d0", Name(), PHONE, None, "2", None)
    assert services.call("last_doctor", own, "d1", "").doctor == second.doctor_id
    bookings.cancel(second.id, "3", PHONE)
    assert services.call("last_doctor", own, "d1", "").doctor == first.doctor_id
    with pytest.raises(NotIdentified):
        services.call("last_doctor", {**own, "patient": Name("Чужой", "Анна")}, "d1", "")
