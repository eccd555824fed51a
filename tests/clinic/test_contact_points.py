"""Addresses of patients: proved, agreed to, withdrawn, refused."""

import pytest
from small_clinic import PHONE

from voicebot.clinic.contact_points import ContactPoints, address_for
from voicebot.clinic.failures import BadPhone
from voicebot.clock import VirtualClock
from voicebot.storage.database import Database

OTHER = "+79160000002"


@pytest.fixture
def points(database: Database, clock: VirtualClock) -> ContactPoints:
    return ContactPoints(database, clock)


def where(points: ContactPoints, system: str, phone: str = PHONE) -> str | None:
    found = address_for(points.of(phone), system, phone)
    return None if found is None else found.value


def test_a_number_is_its_own_address_but_a_call_needs_consent(points: ContactPoints) -> None:
    assert where(points, "sms") == PHONE
    assert where(points, "viber") == PHONE
    assert where(points, "telegram") is None
    assert where(points, "call") is None
    points.link(PHONE, "call")
    assert where(points, "call") is None
    points.link(PHONE, "call", has_consent=True, source="K7MP3XQA")
    assert where(points, "call") == PHONE
    points.withdraw(PHONE, "call")
    assert where(points, "call") is None


def test_a_withdrawn_number_gets_no_sms(points: ContactPoints) -> None:
    points.withdraw("8 916 000-00-01", "sms")
    assert where(points, "sms") is None
    assert where(points, "viber") == PHONE
    points.link(PHONE, "sms")
    assert where(points, "sms") == PHONE


def test_the_chat_proved_last_is_used_until_it_is_refused(points: ContactPoints, clock: VirtualClock) -> None:
    points.link(PHONE, "telegram", "100", is_verified=True)
    clock.advance(60)
    points.link(PHONE, "telegram", "200", is_verified=True, allows_details=True)
    assert where(points, "telegram") == "200"
    assert points.of(PHONE)[0].allows_details
    points.refused("telegram", "200")
    assert where(points, "telegram") == "100"
    points.link(PHONE, "telegram", "200", is_verified=True)
    assert where(points, "telegram") == "200"
    assert points.of(PHONE)[0].allows_details  # not asked again, not forgotten


def test_a_chat_is_of_who_proved_it_last(points: ContactPoints) -> None:
    points.link(PHONE, "telegram", "100", is_verified=True)
    assert points.phone_of("telegram", "100") == PHONE
    points.link(OTHER, "telegram", "100")  # only said so
    assert points.phone_of("telegram", "100") == PHONE
    points.link(OTHER, "telegram", "100", is_verified=True)
    assert points.phone_of("telegram", "100") == OTHER
    assert where(points, "telegram") is None
    assert where(points, "telegram", OTHER) == "100"
    assert points.withdraw_address("telegram", "100") == 1
    assert where(points, "telegram", OTHER) is None
    assert points.phone_of("telegram", "500") is None


def test_no_number(points: ContactPoints) -> None:
    with pytest.raises(BadPhone):
        points.link("twelve", "sms")
