"""What an operator books, moves and cancels for a contact: one click, once, and never another's time."""

import re
from datetime import timedelta
from typing import Any

import pytest
from desk_browser import OURS, PAGE, actions, browser, log_in, token
from desk_clinic import PHONE, handed_over, slots_of, with_clinic
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from voicebot.clinic.contact_points import ContactPoints
from voicebot.clinic.tables import MessageRow, WaitingRow
from voicebot.clock import VirtualClock
from voicebot.desk.clinic import Clinic
from voicebot.records.queue import Queue
from voicebot.russian.names import PersonName

ANNA = {"surname": "Ветрова", "given": "Анна", "phone": PHONE}
HTMX = {**OURS, "hx-request": "true"}


@pytest.fixture
def clinic(app: FastAPI) -> Clinic:
    return with_clinic(app)


@pytest.fixture
def cardiologist(clinic: Clinic) -> str:
    return clinic.catalogue.doctors_of("cardiologist")[0].id


@pytest.fixture
def oper(app: FastAPI, clinic: Clinic) -> "Desktop":
    return Desktop(app, "oper")


class Desktop:
    """An operator at a browser."""

    def __init__(self, app: FastAPI, name: str) -> None:
        self.client: TestClient = browser(app)
        assert log_in(self.client, name) == 303
        self.csrf = token(self.client)

    def open(self, dialog_id: str) -> str:
        return self.client.get(f"/d/{dialog_id}", headers=PAGE).text

    def post(self, dialog_id: str, action: str, **fields: Any) -> Response:
        form = {"key": "k1", **ANNA, **{name: str(value) for name, value in fields.items()}}
        return self.client.post(f"/d/{dialog_id}/{action}", data=form, headers={**HTMX, "x-csrf-token": self.csrf})


def test_the_page_begins_with_what_the_dialog_knows(app: FastAPI, oper: Desktop, clinic: Clinic) -> None:
    one = handed_over(app, "nothing_free")
    clinic.bookings.book(slots_of(clinic, "orlov")[30], "X", PersonName("Ветрова", "Анна", "Петровна"), PHONE, None, "x")
    text = oper.open(one)
    for part in (
        '<option value="cardiologist" selected>',
        'name="when" value="24 ноября, с 12:00"',
        'name="surname" value="Ветрова"',
        f'name="phone" value="{PHONE}"',
        "Что сделать:</b> Свободного времени по пожеланию нет",
        "Осталось узнать:</b> время приёма.",
        "Ветрова Анна Петровна",
    ):
        assert part in text, part
    assert "вт, 24 ноября</h3>" in text
    assert "пн, 23 ноября</h3>" not in text  # the wish counts
    times = re.findall(r'data-testid="book-slot" title="Записать на (\d\d):', text)
    assert times
    assert min(times) == "12"


def test_one_click_books_and_a_double_click_books_once(app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str) -> None:
    one, slot = handed_over(app), slots_of(clinic, cardiologist)[5]
    for _ in range(2):
        answer = oper.post(one, "book", slot_id=slot, speciality="cardiologist")
        assert answer.status_code == 200
        assert "Записано: Ветрова Анна, " in answer.text
    (visit,) = clinic.bookings.appointments_of(PHONE)
    assert (visit.slot_id, visit.doctor_id, visit.surname) == (slot, cardiologist, "Ветрова")
    assert visit.service_id == clinic.catalogue.default_service(clinic.catalogue.doctors[cardiologist]).id  # type: ignore[union-attr]
    assert actions(app)[0] == "visit_booked"
    assert Queue(app.state.desk.database, app.state.desk.clock).of(one).taken_by == "oper"  # type: ignore[union-attr]


def test_a_time_that_was_taken_meanwhile_is_said_and_others_are_offered(
    app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str
) -> None:
    one, (first, second, *_) = handed_over(app), slots_of(clinic, cardiologist)[4:8]
    clinic.bookings.hold(first, "ROBOT000")
    clinic.bookings.book(second, "OTHER000", PersonName("Орлов", "Пётр"), "+79160000002", None, "other")
    for slot in (first, second):
        answer = oper.post(one, "book", slot_id=slot, doctor=cardiologist, patronymic="Петровна")
        assert answer.status_code == 409
        assert "Это время только что заняли. Выберите другое." in answer.text
        assert 'value="Петровна"' in answer.text  # what was typed stays
        offered = re.findall(r'name="slot_id" value="(\d+)"', answer.text)
        assert offered
        assert str(slot) not in offered
    assert clinic.bookings.appointments_of(PHONE) == ()


def test_the_robots_own_hold_is_this_contacts(app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str) -> None:
    one, slot = handed_over(app), slots_of(clinic, cardiologist)[9]
    clinic.bookings.hold(slot, one)
    assert "Придержано до 09:03" in oper.open(one)
    assert oper.post(one, "book", slot_id=slot).status_code == 200


def test_a_held_time_is_nobody_elses_until_it_is_given_back(
    app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str
) -> None:
    one, other, slot = handed_over(app), handed_over(app, phone="+79160000002"), slots_of(clinic, cardiologist)[9]
    assert "Придержано до 09:05" in oper.post(one, "hold", slot_id=slot).text
    assert oper.post(other, "book", slot_id=slot).status_code == 409
    assert "снова свободно" in oper.post(one, "release").text
    assert oper.post(other, "book", slot_id=slot, key="k2").status_code == 200


def test_a_visit_is_moved_and_cancelled(app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str) -> None:
    one, slots = handed_over(app), slots_of(clinic, cardiologist)
    visit = clinic.bookings.book(slots[5], "X", PersonName("Ветрова", "Анна"), PHONE, None, "x")
    text = oper.post(one, "moving", appointment_id=visit.id).text
    assert "Перенос: " in text
    assert f'<option value="{cardiologist}" selected>' in text
    assert f'name="moving" value="{visit.id}"' in text
    for _ in range(2):
        answer = oper.post(one, "move", moving=visit.id, slot_id=slots[8])
        assert "Перенесено: " in answer.text
    (moved,) = clinic.bookings.appointments_of(PHONE)
    assert (moved.slot_id, moved.replaces_id) == (slots[8], visit.id)
    clinic.bookings.hold(slots[10], "ROBOT000")
    assert oper.post(one, "move", moving=moved.id, slot_id=slots[10], key="k2").status_code == 409
    for _ in range(2):
        answer = oper.post(one, "cancel", appointment_id=moved.id, reason="ill")
        assert "Отменено: " in answer.text
    assert clinic.bookings.appointments_of(PHONE) == ()
    assert clinic.visits.get(moved.id).reason == "ill"  # type: ignore[union-attr]
    assert oper.post(one, "cancel", appointment_id=moved.id, key="k3").status_code == 409
    assert [name for name in actions(app) if name.startswith("visit_")] == [*["visit_cancelled"] * 3, *["visit_moved"] * 3]


def test_a_visit_of_another_number_is_not_touched(app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str) -> None:
    one, slots = handed_over(app), slots_of(clinic, cardiologist)
    visit = clinic.bookings.book(slots[5], "X", PersonName("Орлов", "Пётр"), "+79160000002", None, "x")
    for action, fields in (
        ("cancel", {"appointment_id": visit.id}),
        ("moving", {"appointment_id": visit.id}),
        ("move", {"moving": visit.id, "slot_id": slots[8]}),
        ("message", {"appointment_id": visit.id}),
    ):
        assert oper.post(one, action, **fields).status_code == 409, action
    assert len(clinic.bookings.appointments_of("+79160000002")) == 1


def test_only_who_looks_after_a_contact_changes_visits(app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str) -> None:
    one, slot = handed_over(app), slots_of(clinic, cardiologist)[5]
    desk = app.state.desk
    Queue(desk.database, desk.clock).take(one, "root")
    answer = oper.post(one, "book", slot_id=slot)
    assert answer.status_code == 409
    assert "Обращение ведёт root" in answer.text
    assert clinic.bookings.appointments_of(PHONE) == ()
    taken = oper.client.post(f"/d/{one}/take", data={"csrf": oper.csrf}, headers=OURS)
    assert taken.status_code == 409
    assert "Обращение уже ведёт root." in taken.text
    settled = oper.client.post(f"/d/{one}/result", data={"csrf": oper.csrf, "result": "solved"}, headers=OURS)
    assert settled.status_code == 409
    assert oper.client.post(f"/d/{one}/take", data={"csrf": oper.csrf, "force": "true"}, headers=OURS).status_code == 303
    assert oper.post(one, "book", slot_id=slot).status_code == 200


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"surname": ""}, "Впишите фамилию и имя пациента."),
        ({"phone": "12"}, "Впишите телефон пациента."),
        ({"birth_date": "вчера"}, "Дата рождения непонятна."),
        ({"slot_id": ""}, "Выберите время."),
    ],
)
def test_what_is_missing_is_said(
    app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str, fields: dict[str, str], said: str
) -> None:
    one = handed_over(app)
    answer = oper.post(one, "book", **{"slot_id": slots_of(clinic, cardiologist)[5], **fields})
    assert (answer.status_code, said in answer.text) == (422, True)
    assert clinic.bookings.appointments_of(PHONE) == ()


def test_the_age_is_looked_at_and_the_operator_may_insist(
    app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str
) -> None:
    one, slot = handed_over(app), slots_of(clinic, cardiologist)[5]
    child = {"slot_id": slot, "birth_date": "01.02.2019"}
    answer = oper.post(one, "book", **child)
    assert answer.status_code == 422
    assert "Пациенту 7 лет: этот врач в таком возрасте не принимает." in answer.text
    assert oper.post(one, "book", **child, anyway="true").status_code == 200
    assert str(clinic.bookings.appointments_of(PHONE)[0].birth_date) == "2019-02-01"


def test_free_times_are_filtered_and_wishes_that_nothing_fits_are_told(
    app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str
) -> None:
    one = handed_over(app)
    for fields, part in (
        ({"speciality": "cardiologist", "when": "завтра с 12 до 14"}, "Понято: 24 ноября, с 12:00, до 14:00."),
        ({"speciality": "cardiologist", "when": "абракадабра"}, "Непонятно, когда."),
        ({"speciality": "cardiologist", "when": "24 декабря"}, "На это время свободного нет. Другое время:"),
        ({}, "Выберите врача, специальность или услугу."),
        ({"doctor": "no_such"}, "Выберите врача, специальность или услугу."),
        ({"doctor": cardiologist, "after": "2027-01-01T00:00:00+03:00"}, "Свободного времени нет."),
    ):
        answer = oper.post(one, "slots", **fields)
        assert (answer.status_code, part in answer.text) == (200, True), part
    assert "24 ноября</h3>" in oper.post(one, "slots", speciality="cardiologist", when="завтра с 12 до 14").text


def test_nobody_waits_in_vain(app: FastAPI, oper: Desktop, clinic: Clinic) -> None:
    one = handed_over(app)
    assert oper.post(one, "wait", speciality="").status_code == 422
    for _ in range(2):
        assert "в листе ожидания" in oper.post(one, "wait", speciality="cardiologist", when="24 декабря").text
    with clinic.bookings.database.session(is_readonly=True) as session:
        (row,) = session.query(WaitingRow).all()
    assert (row.phone, row.surname, row.speciality_id, row.dialog_id) == (PHONE, "Ветрова", "cardiologist", one)
    assert row.wish == {"dates": ["2026-12-24"]}


def test_a_visit_is_told_by_message(app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str) -> None:
    one = handed_over(app)
    visit = clinic.bookings.book(slots_of(clinic, cardiologist)[5], "X", PersonName("Ветрова", "Анна"), PHONE, None, "x")
    for _ in range(2):
        assert "поставлено в очередь" in oper.post(one, "message", appointment_id=visit.id).text
    with clinic.bookings.database.session(is_readonly=True) as session:
        (row,) = session.query(MessageRow).all()
    assert (row.template, row.phone, row.values["appointment_id"]) == ("visit", PHONE, visit.id)


def test_without_scripts_the_answer_is_a_page(app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str) -> None:
    one, slot = handed_over(app), slots_of(clinic, cardiologist)[5]
    form = {"csrf": oper.csrf, "key": "k1", **ANNA, "slot_id": str(slot)}
    answer = oper.client.post(f"/d/{one}/book", data=form, headers=OURS)
    assert answer.status_code == 200
    assert "<html" in answer.text
    assert "Записано: " in answer.text


def test_nobody_else_may_and_no_other_site(app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str) -> None:
    one, slot = handed_over(app), slots_of(clinic, cardiologist)[5]
    for name in ("qa", "boss"):
        other = Desktop(app, name)
        for action in ("slots", "look", "hold", "release", "book", "moving", "move", "cancel", "message", "wait"):
            assert other.post(one, action, slot_id=slot).status_code == 403, (name, action)
    for action in ("book", "cancel", "move", "hold"):
        forged = oper.client.post(f"/d/{one}/{action}", data={**ANNA, "slot_id": str(slot)}, headers=OURS)
        assert forged.status_code == 403, action
        elsewhere = {"sec-fetch-site": "cross-site", "x-csrf-token": oper.csrf}
        assert oper.client.post(f"/d/{one}/{action}", data={**ANNA, "slot_id": str(slot)}, headers=elsewhere).status_code == 403
    assert clinic.bookings.appointments_of(PHONE) == ()


def test_what_a_caller_says_is_no_html_here_either(app: FastAPI, oper: Desktop) -> None:
    evil = "<script>alert('x')</script>"
    one = handed_over(app, пациент=f"{evil} Анна", причина=evil)
    app.state.desk.records.update_dialog(one, caller_phone=evil)
    text = oper.open(one)
    assert "<script>alert" not in text
    answer = oper.post(one, "slots", when=evil)
    assert "<script>alert" not in answer.text
    assert "<script>alert" not in oper.post(one, "look", surname=evil, phone=evil).text


def test_an_hour_later_a_hold_has_lapsed(
    app: FastAPI, oper: Desktop, clinic: Clinic, cardiologist: str, clock: VirtualClock
) -> None:
    one, slot = handed_over(app), slots_of(clinic, cardiologist)[20]
    oper.post(one, "hold", slot_id=slot)
    clock.advance(timedelta(minutes=6).total_seconds())
    assert "Придержано" not in oper.open(one)
    clinic.bookings.book(slot, "OTHER000", PersonName("Орлов", "Пётр"), "+79160000002", None, "other")
    assert oper.post(one, "book", slot_id=slot).status_code == 409


def test_consent_to_calls_is_noted_and_taken_back(app: FastAPI, oper: Desktop, clinic: Clinic) -> None:
    one, points = handed_over(app), ContactPoints(app.state.desk.database, app.state.desk.clock)
    assert "согласия нет: робот не звонит" in oper.open(one)
    answer = oper.post(one, "calls", number=PHONE, is_allowed="true")
    assert answer.status_code == 200
    assert "согласие есть, с 23.11.2026" in answer.text
    (point,) = points.of(PHONE)
    assert (point.system, point.value, point.is_usable) == ("call", PHONE, True)
    entry = app.state.desk.audit.entries()[0]
    assert (entry.action, PHONE in entry.detail) == ("calls_allowed", False)
    answer = oper.post(one, "calls", number=PHONE, is_allowed="false")
    assert "отказ</span> с 23.11.2026" in answer.text
    assert not points.of(PHONE)[0].is_usable
    assert actions(app)[0] == "calls_refused"


def test_consent_is_noted_for_numbers_of_the_contact_by_who_looks_after_it(app: FastAPI, oper: Desktop, clinic: Clinic) -> None:
    one = handed_over(app)
    assert oper.post(one, "calls", number="+79990000000", is_allowed="true").status_code == 422
    assert oper.post(one, "calls", number="нет", is_allowed="true").status_code == 422
    root = Desktop(app, "root")
    assert root.post(one, "calls", number=PHONE, is_allowed="true").status_code == 409
    for name in ("qa", "boss"):
        assert Desktop(app, name).post(one, "calls", number=PHONE, is_allowed="true").status_code == 403
    points = ContactPoints(app.state.desk.database, app.state.desk.clock)
    assert points.of(PHONE) == points.of("+79990000000") == ()
