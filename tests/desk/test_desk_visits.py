"""The reception's day and the calls to return, as pages."""

import re

import pytest
from desk_browser import OURS, PAGE, actions, browser, log_in, token
from desk_clinic import PHONE, handed_over, slots_of, with_clinic
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from voicebot import dialog_id
from voicebot.accounts.roles import May, Role
from voicebot.clinic.appointments import Appointment
from voicebot.clock import VirtualClock
from voicebot.desk.clinic import Clinic
from voicebot.records.call_backs import CallBacks
from voicebot.records.dialogs import Dialog
from voicebot.russian.names import PersonName

HTMX = {**OURS, "hx-request": "true"}
MASKED = "+7 916 ***-**-67"


@pytest.fixture
def clinic(app: FastAPI) -> Clinic:
    return with_clinic(app, days=2)


@pytest.fixture
def visit(clinic: Clinic) -> Appointment:
    """Anna's visit to the cardiologist, today."""
    slot = slots_of(clinic, "orlov")[0]
    return clinic.bookings.book(slot, "X", PersonName("Ветрова", "Анна", "Петровна"), PHONE, None, "x")


@pytest.fixture
def oper(app: FastAPI, clinic: Clinic) -> TestClient:
    client = browser(app)
    assert log_in(client, "oper") == 303
    return client


def post(client: TestClient, path: str, headers: dict[str, str] = HTMX, **fields: object) -> Response:
    form = {"csrf": token(client), **{name: str(value) for name, value in fields.items()}}
    return client.post(path, data=form, headers=headers)


def test_the_day_is_shown_and_filtered(oper: TestClient, visit: Appointment, clinic: Clinic, app: FastAPI) -> None:
    text = oper.get("/visits", headers=PAGE).text
    for part in (
        "Визиты сегодня: пн, 23 ноября",
        "Ветрова Анна Петровна",
        "+7 (916) 123-45-67",
        clinic.name("doctor", "orlov"),
        "ожидается",
    ):
        assert part in text, part
    for query, is_there in (
        (f"?branch={visit.branch_id}&doctor=orlov&status=booked", True),
        ("?day=2026-11-24", False),
        ("?status=arrived", False),
        ("?doctor=nobody", False),
        ("?day=", True),
        ("?page=2", False),
    ):
        assert ("Ветрова" in oper.get(f"/visits{query}", headers=PAGE).text) is is_there, query
    assert oper.get("/visits?day=never", headers=PAGE).status_code == 422
    assert actions(app)[0] == "visits_listed"


def test_a_long_day_has_pages(oper: TestClient, visit: Appointment, clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.desk.pages.visits.PAGE", 1)
    slot = slots_of(clinic, "orlov")[1]
    later = clinic.bookings.book(slot, "X", PersonName("Орлов", "Пётр"), "+79160000002", None, "y")
    first = oper.get("/visits?doctor=orlov", headers=PAGE).text
    assert f'id="visit-{visit.id}"' in first
    assert f'id="visit-{later.id}"' not in first
    assert 'href="?doctor=orlov&amp;page=2"' in first
    second = oper.get("/visits?doctor=orlov&page=2", headers=PAGE).text
    assert f'id="visit-{later.id}"' in second
    assert 'href="?doctor=orlov&amp;page=1"' in second


def test_who_came_is_marked_and_marked_back(
    oper: TestClient, visit: Appointment, clinic: Clinic, app: FastAPI, clock: VirtualClock
) -> None:
    path = f"/visits/{visit.id}/mark"
    assert "mark-noshow" not in oper.get("/visits", headers=PAGE).text  # the visit has not begun
    early = post(oper, path, status="noshow", seen="booked")
    assert (early.status_code, "Ещё рано: приём не начался." in early.text) == (409, True)
    for _ in range(2):
        answer = post(oper, path, status="arrived", seen="booked")
        assert answer.status_code == 200
        assert re.search(rf'<tr id="visit-{visit.id}" class="arrived"', answer.text)
    clock.advance((visit.start - clock.now()).total_seconds() + 60)
    assert log_in(oper, "oper") == 303
    stale = post(oper, path, status="noshow", seen="booked")
    assert (stale.status_code, "Другой сотрудник уже отметил" in stale.text, "пришёл" in stale.text) == (409, True, True)
    assert post(oper, path, status="noshow", seen="arrived").status_code == 200
    assert clinic.visits.get(visit.id).status == "noshow"  # type: ignore[union-attr]
    assert (
        post(oper, path, OURS, status="booked", seen="noshow", back="?doctor=orlov").headers["location"]
        == "/visits?doctor=orlov"
    )
    assert post(oper, path, OURS, status="arrived", seen="booked", back="//evil").headers["location"] == "/visits"
    assert actions(app).count("visit_marked") == 7
    for wrong in ("cancelled", "fulfilled"):
        assert post(oper, path, status=wrong, seen="booked").status_code == 409, wrong
    assert post(oper, "/visits/4711/mark", status="arrived", seen="booked").status_code == 404
    assert post(oper, path, status="nonsense", seen="booked").status_code == 422


def test_nobody_else_marks_and_no_other_site(app: FastAPI, oper: TestClient, visit: Appointment, clinic: Clinic) -> None:
    for name in ("qa", "boss"):
        other = browser(app)
        log_in(other, name)
        assert other.get("/visits", headers=PAGE).status_code == 403
        assert post(other, f"/visits/{visit.id}/mark", status="arrived", seen="booked").status_code == 403
    forged = {"status": "arrived", "seen": "booked"}
    assert oper.post(f"/visits/{visit.id}/mark", data=forged, headers=OURS).status_code == 403
    assert clinic.visits.get(visit.id).status == "booked"  # type: ignore[union-attr]


def lost(app: FastAPI, phone: str = PHONE) -> str:
    records, one = app.state.desk.records, dialog_id.new()
    records.open_dialog(Dialog(id=one, caller_phone=phone))
    records.finish_dialog(one, "lost", "line")
    return one


def test_a_lost_call_is_returned(app: FastAPI, oper: TestClient, clock: VirtualClock) -> None:
    one = lost(app)
    assert "Перезвонить: 1" in oper.get("/operator", headers=PAGE).text
    text = oper.get("/callbacks", headers=PAGE).text
    for part in (one, "+7 (916) 123-45-67", "потерян", "никто", "ждёт только что"):
        assert part in text, part
    assert post(oper, f"/callbacks/{one}/take", OURS).status_code == 303
    assert post(oper, f"/callbacks/{one}/tried", OURS, tries=0).status_code == 303
    text = oper.get("/callbacks", headers=PAGE).text
    assert "не ответил: 1, 23.11.2026 09:00" in text
    assert "23.11.2026 09:30" in text  # when it is tried again
    clock.advance(31 * 60)
    assert log_in(oper, "oper") == 303
    assert "просрочено" in oper.get("/callbacks", headers=PAGE).text
    assert "просрочено: 1" in oper.get("/operator", headers=PAGE).text
    assert post(oper, f"/callbacks/{one}/done", OURS, outcome="reached", note="записали", tries=1).status_code == 303
    assert one not in oper.get("/callbacks", headers=PAGE).text
    assert [name for name in actions(app) if name.startswith("call_back_")] == [
        "call_back_done",
        "call_back_tried",
        "call_back_taken",
    ]


def test_another_operator_has_it(app: FastAPI, oper: TestClient) -> None:
    one = lost(app)
    calls = CallBacks(app.state.desk.database, app.state.desk.clock)
    calls.take(one, "root")
    answer = post(oper, f"/callbacks/{one}/take", OURS)
    assert (answer.status_code, f"Обращению {one} уже перезванивает root." in answer.text) == (409, True)
    assert post(oper, f"/callbacks/{one}/take", OURS, force="true").status_code == 303
    assert calls.open()[0].assigned_to == "oper"
    root = browser(app)
    log_in(root, "root")
    assert post(root, f"/callbacks/{one}/done", OURS, outcome="gave_up").status_code == 303
    assert post(oper, f"/callbacks/{one}/done", OURS, outcome="reached").status_code == 409
    assert post(oper, f"/callbacks/{one}/done", OURS, outcome="nonsense").status_code == 422
    assert post(oper, "/callbacks/00000000/take", OURS).status_code == 404
    for name in ("qa", "boss"):
        other = browser(app)
        log_in(other, name)
        assert other.get("/callbacks", headers=PAGE).status_code == 403
        assert post(other, f"/callbacks/{one}/take", OURS).status_code == 403


def test_numbers_are_hidden_from_a_role_that_does_not_need_them(
    app: FastAPI, oper: TestClient, visit: Appointment, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = handed_over(app, телефон=PHONE)
    back = lost(app)
    allowed = {May.TAKE_CALLS}
    monkeypatch.setattr("voicebot.accounts.roles._ALLOWED", {Role.OPERATOR: frozenset(allowed)})
    for path in ("/operator", f"/d/{one}", "/visits", "/callbacks"):
        text = oper.get(path, headers=PAGE).text
        assert "9161234567" not in text, path
        assert MASKED in text, path
    assert back in oper.get("/callbacks", headers=PAGE).text
