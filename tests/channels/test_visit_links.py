"""The page behind a link in a message: looking changes nothing, buttons do, guessing is useless."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_clinic import DEMO, MONDAY_NINE
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from voicebot.channels.visit_links import VisitPages, router
from voicebot.clinic.appointments import Appointment
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.setup import prepare
from voicebot.clinic.tables import AppointmentRow
from voicebot.clock import VirtualClock
from voicebot.messages.links import TOKEN_LETTERS, Links
from voicebot.russian.names import PersonName
from voicebot.settings import Channels, Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

PHONE = "+79161234567"
SETTINGS = Settings(channels=Channels(public_url="https://chat.clinic.example/"))


class Stage:
    """One booked visit, its link, and a browser."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = VirtualClock(MONDAY_NINE)
        self.catalogue = load_catalogue(DEMO / "clinic")
        prepare(database, self.catalogue, self.clock, days=6)
        self.bookings = Bookings(database, self.catalogue, self.clock)
        services = ClinicServices(self.bookings, self.catalogue, self.clock)
        self.links = Links(database, self.clock, SETTINGS)
        pages = VisitPages(self.bookings, self.catalogue, self.clock, services)
        app = FastAPI()
        app.include_router(router(pages, self.links, "Добрый доктор", self.catalogue.clinic.phone))
        self.browser = TestClient(app, follow_redirects=False)

    def book(self) -> Appointment:
        offer = self.bookings.find_slots(speciality="cardiologist", limit=1)[0]
        name = PersonName("Иванова", "Анна")
        return self.bookings.book(offer.slot_id, "D1", name, PHONE, offer.service_id, key=secrets.token_hex(8))

    def rows(self) -> dict[int, tuple[str, bool]]:
        def work(session):  # type: ignore[no-untyped-def]
            return {row.id: (row.status, row.confirmed_at is not None) for row in session.scalars(select(AppointmentRow))}

        return self.database.run(work, is_readonly=True)

    def path(self, visit: Appointment) -> str:
        return self.links.link_of(visit.id).removeprefix("https://chat.clinic.example")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('links') / 'one.db'}")
    upgrade(database)
    yield Stage(database)
    database.close()


@pytest.fixture
def stage(filled: Stage) -> Stage:
    """The same clinic; a browser whose tries are not counted yet."""
    services = ClinicServices(filled.bookings, filled.catalogue, filled.clock)
    pages = VisitPages(filled.bookings, filled.catalogue, filled.clock, services)
    app = FastAPI()
    app.include_router(router(pages, filled.links, "Добрый доктор", filled.catalogue.clinic.phone))
    filled.browser = TestClient(app, follow_redirects=False)
    return filled


def test_looking_tells_when_and_where_and_changes_nothing(stage: Stage) -> None:
    visit = stage.book()
    before = stage.rows()
    page = stage.browser.get(stage.path(visit))
    assert page.status_code == 200
    doctor = stage.catalogue.doctors[visit.doctor_id]
    assert stage.catalogue.branches[visit.branch_id].address in page.text
    for secret in (doctor.surname, "кардиолог", "Иванова", PHONE[-7:]):
        assert secret not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    for action in ("confirm", "cancel", "move", "times"):
        assert stage.browser.get(f"{stage.path(visit)}/{action}").status_code == 405
    assert stage.rows() == before


def test_confirming(stage: Stage) -> None:
    visit = stage.book()
    page = stage.browser.post(f"{stage.path(visit)}/confirm")
    assert "Спасибо, ждём вас!" in page.text
    assert stage.rows()[visit.id] == ("booked", True)
    assert "Подтвердить" not in stage.browser.get(stage.path(visit)).text


def test_cancelling_asks_once_more(stage: Stage) -> None:
    visit = stage.book()
    asked = stage.browser.post(f"{stage.path(visit)}/cancel")
    assert "Да, отменить запись" in asked.text
    assert stage.rows()[visit.id][0] == "booked"
    page = stage.browser.post(f"{stage.path(visit)}/cancel", data={"sure": "1"})
    assert "Запись отменена" in page.text
    assert stage.rows()[visit.id][0] == "cancelled"
    again = stage.browser.post(f"{stage.path(visit)}/cancel", data={"sure": "1"})
    assert again.status_code == 200
    assert "Запись отменена" in again.text
    assert "confirm" not in again.text


def test_moving_and_the_old_link_afterwards(stage: Stage) -> None:
    visit = stage.book()
    times = stage.browser.post(f"{stage.path(visit)}/times")
    slots = re.findall(r'name="slot" value="(\d+)"', times.text)
    assert len(slots) > 1
    page = stage.browser.post(f"{stage.path(visit)}/move", data={"slot": slots[1]})
    assert "Запись перенесена" in page.text
    assert stage.rows()[visit.id][0] == "cancelled"
    # The link in the first message shows the visit as it is now, and works on.
    shown = stage.browser.get(stage.path(visit))
    assert "Отменить запись" in shown.text
    stage.browser.post(f"{stage.path(visit)}/cancel", data={"sure": "1"})
    assert [status for number, (status, _) in stage.rows().items() if number >= visit.id] == ["cancelled", "cancelled"]


def test_only_to_times_of_the_same_doctor(stage: Stage) -> None:
    visit = stage.book()
    other = stage.bookings.find_slots(speciality="therapist", limit=1)[0]
    page = stage.browser.post(f"{stage.path(visit)}/move", data={"slot": str(other.slot_id)})
    assert "Это время уже заняли" in page.text
    assert stage.rows()[visit.id][0] == "booked"
    for nonsense in ("", "x", "-1", "9" * 30, "1; DROP"):
        assert stage.browser.post(f"{stage.path(visit)}/move", data={"slot": nonsense}).status_code == 404


def test_a_visit_that_is_over(stage: Stage) -> None:
    visit = stage.book()
    seconds = (visit.start - stage.clock.now()).total_seconds() + 60
    stage.clock.advance(seconds)
    try:
        page = stage.browser.get(stage.path(visit))
        assert "Приём уже прошёл" in page.text
        assert "<form" not in page.text
        stage.browser.post(f"{stage.path(visit)}/cancel", data={"sure": "1"})
        assert stage.rows()[visit.id][0] == "booked"
    finally:
        stage.clock.elapsed_seconds -= seconds


def test_tokens_cannot_be_made_up_and_tries_are_limited(stage: Stage) -> None:
    visit = stage.book()
    token = stage.links.token_of(visit.id)
    assert len(token) == TOKEN_LETTERS
    changed = [
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token[::-1],
        token + "A",
        "А" * TOKEN_LETTERS,
        "../../etc/passwd",
    ]
    for wrong in changed:
        assert stage.links.appointment_of(wrong) is None
    answers = [stage.browser.get(f"/v/{wrong}").status_code for wrong in changed[:3] * 5]
    assert answers[:10] == [404] * 10
    assert set(answers[10:]) == {429}
    assert stage.browser.get(stage.path(visit)).status_code == 200  # who knows a link is not hurt by it


def test_one_key_for_all_processes(stage: Stage, tmp_path: Path) -> None:
    other_process = Links(stage.database, stage.clock, SETTINGS)
    assert other_process.token_of(5) == stage.links.token_of(5)
    database = open_database(f"sqlite:///{tmp_path / 'another.db'}")
    upgrade(database)
    assert Links(database, stage.clock, SETTINGS).token_of(5) != stage.links.token_of(5)
    database.close()


def test_no_public_page_no_link(stage: Stage) -> None:
    links = Links(stage.database, stage.clock, Settings())
    assert (links.link_of(5), links.letters) == ("", 0)
    with_page = Links(stage.database, stage.clock, SETTINGS)
    assert len(with_page.link_of(4_000_000_000)) == with_page.letters
