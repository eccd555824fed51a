"""The interface for programs keeps its contract: what /api/openapi.json says is what comes, whatever is asked."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from demo_clinic import DEMO
from desk_browser import OURS, PAGE, actions, browser, log_in
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from json_schema import violations
from postgres import database_url, postgresql_url

from voicebot import dialog_id
from voicebot.accounts.roles import Role, Scope
from voicebot.clinic.tables import AppointmentRow, AppointmentStatus, PatientRow, SlotRow
from voicebot.clock import VirtualClock
from voicebot.desk.api.openapi import description
from voicebot.desk.api.routes import router
from voicebot.desk.app import create_app
from voicebot.desk.limits import Tries
from voicebot.errors import StorageError
from voicebot.records.dialogs import Dialog, HeardAs, Turn, Who
from voicebot.records.digest import Digester
from voicebot.records.marks import Kind, Mark, Marks
from voicebot.settings import Dialog as DialogSettings
from voicebot.settings import Settings
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

__all__ = ["database_url", "postgresql_url"]

V1 = "/api/v1"
PHONE = "+79161234567"


@contextmanager
def filled(url: str, folder: Path, clock: VirtualClock) -> Iterator[FastAPI]:
    """A desk of the demo clinic: dialogs finished, handed over and running, marks, visits of every kind."""
    database = open_database(url)
    upgrade(database)
    own = create_app(Settings(data_dir=folder, dialog=DialogSettings(folder=DEMO)), clock, database)
    fill(own, clock, folder)
    yield own
    database.close()


@pytest.fixture
def app(tmp_path: Path, clock: VirtualClock) -> Iterator[FastAPI]:
    with filled(f"sqlite:///{tmp_path / 'desk.db'}", tmp_path, clock) as own:
        yield own


@pytest.fixture
def any_app(database_url: str, tmp_path: Path, clock: VirtualClock) -> Iterator[FastAPI]:
    """The same on each database."""
    with filled(database_url, tmp_path, clock) as own:
        yield own


IDS = ("AAAAAAA6", "EEEEEEEP", "KKKKKKK4")  # with their check characters

HEARD: HeardAs = {"text": "к терапевту", "confidence": 0.7, "source": "open"}


def fill(app: FastAPI, clock: VirtualClock, folder: Path) -> None:
    desk = app.state.desk
    for place, one in enumerate(IDS):
        at = clock.now() + timedelta(minutes=place)
        path = f"2026/11/23/{one}.flac" if place == 0 else ""
        desk.records.open_dialog(
            Dialog(id=one, caller_phone=PHONE, dialplan="demo", started_at=at, recording_path=path, versions={"voice": "x"})
        )
        desk.records.add_turn(one, Turn(1, Who.ROBOT, "Слушаю.", prompt="request.wish", played_text="Слушаю.", played_ms=900,
                                        latency_ms={"total_ms": 480, "think_ms": 5}))  # fmt: skip
        desk.records.add_turn(one, Turn(2, Who.CALLER, "к терапевту мой номер 89161234567", confidence=0.7, intent="book",
                                        slots={"phone": PHONE}, offset_start_ms=100, alternatives=(HEARD,)))  # fmt: skip
        desk.records.add_turn(one, Turn(3, Who.CALLER, "невнятно", confidence=0.1, intent="none"))
    desk.records.finish_dialog(IDS[0], "booked", handling_seconds=65.0, summary={"phone": PHONE})
    desk.records.finish_dialog(IDS[1], "transferred", "requested", handling_seconds=230.0, transfer_target="operator",
                               transfer_result="completed")  # fmt: skip
    desk.records.update_dialog(IDS[2], transfer_target="operator", reason="nomatch", summary={"doctor": "Орлов"})
    Marks(desk.database, clock).put(Mark(IDS[0], 2, Kind.MISHEARD, "к терапевтам", author="qa"))
    Digester(desk.database, clock, desk.settings.zoneinfo).run()
    file = folder / "recordings" / "2026/11/23" / f"{IDS[0]}.flac"
    file.parent.mkdir(parents=True)
    soundfile.write(file, np.zeros((8000, 2), dtype=np.int16), 8000)
    with desk.database.session() as session:
        patient = PatientRow(phone=PHONE, surname="Иванова", given="Мария", patronymic="", birth_date=date(1990, 5, 1),
                             created_at=clock.now())  # fmt: skip
        session.add(patient)
        session.flush()
        for place, status in enumerate(AppointmentStatus):
            start = clock.now() + timedelta(hours=place)
            slot = SlotRow(doctor_id="morozov", branch_id="center", start=start, duration_minutes=30)
            session.add(slot)
            session.flush()
            session.add(AppointmentRow(slot_id=slot.id, patient_id=patient.id, doctor_id="morozov", branch_id="center",
                                       start=start, duration_minutes=30, status=status.value, phone=PHONE, dialog_id=IDS[0],
                                       created_at=clock.now()))  # fmt: skip


def program(app: FastAPI, role: Role = Role.ADMIN, *scopes: Scope) -> TestClient:
    """A program with a key."""
    client = TestClient(app, follow_redirects=False, raise_server_exceptions=False)
    name = f"{role}-{'-'.join(scopes)}"
    client.headers["authorization"] = f"Bearer {app.state.desk.sessions.add_key(name, role, scopes)}"
    return client


# -- the contract -----------------------------------------------------------------------------------------------------------


def kept(answer: Any, path: str, method: str) -> Any:
    """Prove that an answer is one of those described, and of the shape described; return its JSON."""
    whole = description()
    described = whole["paths"][path][method]["responses"]
    code = str(answer.status_code)
    assert code in described, (path, code, answer.text[:300])
    content = described[code].get("content", {})
    if "application/json" in content:
        body = answer.json()
        wrong = list(violations(body, content["application/json"]["schema"], whole))
        assert not wrong, (path, code, wrong[:5])
        return body
    return None


def test_the_description_is_openapi_3_1_of_all_operations_and_nothing_else(app: FastAPI) -> None:
    found = program(app, Role.MANAGER, Scope.METRICS).get("/api/openapi.json").json()
    assert found["openapi"].startswith("3.1.")
    assert set(found["paths"]) == {route.path for route in router.routes}  # type: ignore[attr-defined]
    assert "/dialogs" not in found["paths"]
    operations = [operation for path in found["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert sorted(names) == [
        "get_audio", "get_dialog", "get_numbers", "get_queue", "get_transcript", "list_bookings", "list_dialogs",
        "search_bookings", "search_dialogs",
    ]  # fmt: skip
    scopes = {scope.value for scope in Scope}
    assert all(set(operation["tags"]) <= scopes and operation["summary"] for operation in operations)
    assert found["security"] == [{"key": []}]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(found)))
    assert references == set(found["components"]["schemas"])
    for path, methods in found["paths"].items():
        # Words and numbers of patients have no place in an address: proxies write addresses down.
        assert not {"words", "phone"} & {one["name"] for one in methods.get("get", {}).get("parameters", ())}, path


def test_the_description_is_for_programs_and_the_administrator(app: FastAPI) -> None:
    desk = app.state.desk
    for login, role, expected in (("root", Role.ADMIN, 200), ("qa", Role.QA, 403)):
        desk.users.add(login, role, "длинная фраза 7")
        client = browser(app)
        log_in(client, login)
        assert client.get("/api/openapi.json").status_code == expected
    assert browser(app).get("/api/openapi.json").status_code == 401


def test_every_answer_is_as_described(any_app: FastAPI) -> None:
    client = program(any_app)
    page = kept(client.get(f"{V1}/dialogs"), f"{V1}/dialogs", "get")
    assert [item["id"] for item in page["items"]] == list(reversed(IDS))
    assert page["next"] is None
    assert page["items"][2]["is_marked"]
    assert page["items"][0]["caller_turns"] is None  # it goes on
    detail = kept(client.get(f"{V1}/dialogs/{IDS[0]}"), f"{V1}/dialogs/{{dialog_id}}", "get")
    assert detail["has_recording"]
    assert detail["caller_phone"] == PHONE
    path = f"{V1}/dialogs/{{dialog_id}}/transcript"
    transcript = kept(client.get(path.format(dialog_id=IDS[0].lower())), path, "get")
    assert [turn["who"] for turn in transcript["turns"]] == ["robot", "caller", "caller"]
    assert transcript["turns"][0]["latency_ms"]["total_ms"] == 480
    assert transcript["turns"][1]["alternatives"][0]["source"] == "open"
    assert not transcript["is_running"]
    queue = kept(client.get(f"{V1}/queue"), f"{V1}/queue", "get")
    assert [item["dialog_id"] for item in queue["items"]] == [IDS[2], IDS[1]]
    numbers = kept(client.get(f"{V1}/numbers?step=month"), f"{V1}/numbers", "get")
    assert numbers["total"]["contacts"] == 2
    assert numbers["total"]["answered"] == 2
    assert numbers["not_understood"] == [{"phrase": "невнятно", "count": 2}]
    assert numbers["visits"] == {"due": 4, "came": 2, "missed": 1, "cancelled": 1, "missed_share": pytest.approx(1 / 3)}
    assert numbers["recognition"]["turns"] == 1
    bookings = kept(client.get(f"{V1}/bookings"), f"{V1}/bookings", "get")
    assert {item["status"] for item in bookings["items"]} == {status.value for status in AppointmentStatus}
    assert bookings["items"][0]["surname"] == "Иванова"
    missed = kept(client.get(f"{V1}/bookings?status=noshow"), f"{V1}/bookings", "get")
    assert len(missed["items"]) == 1


def test_words_and_phones_are_looked_for_in_a_body(any_app: FastAPI) -> None:
    client = program(any_app)

    def ids(**query: Any) -> list[str]:
        answer = kept(client.post(f"{V1}/dialogs/search", json=query), f"{V1}/dialogs/search", "post")
        return [item["id"] for item in answer["items"]]

    assert ids(words="терапевты") == [IDS[1], IDS[0]]
    assert ids(words="слушать", words_by="caller") == []
    assert ids(phone="1234567", outcome="booked") == [IDS[0]]
    assert ids(phone="000") == []
    assert ids(marked=True) == [IDS[0]]
    assert ids(since="2026-11-23T09:01:00") == [IDS[2], IDS[1]]  # without an offset: the clinic's time
    assert ids(since="2026-11-23T06:01:00Z", until="2026-11-23T06:02:00Z") == [IDS[1]]
    found = kept(client.post(f"{V1}/bookings/search", json={"phone": "8 916 123-45-67"}), f"{V1}/bookings/search", "post")
    assert len(found["items"]) == 5
    assert kept(client.post(f"{V1}/bookings/search", json={"phone": "12"}), f"{V1}/bookings/search", "post")["detail"]


def test_pages_follow_each_other_without_gaps(any_app: FastAPI) -> None:
    client, seen, cursor = program(any_app), [], ""
    while True:
        page = kept(client.get(f"{V1}/dialogs", params={"limit": 1, "cursor": cursor}), f"{V1}/dialogs", "get")
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert seen == list(reversed(IDS))


def test_the_sound_comes_whole_and_in_ranges(app: FastAPI) -> None:
    client, path = program(app, Role.QA, Scope.AUDIO), f"{V1}/dialogs/{{dialog_id}}/audio"
    url = path.format(dialog_id=IDS[0])
    whole = client.get(url)
    kept(whole, path, "get")
    assert whole.content[:4] == b"fLaC"
    part = client.get(url, headers={"range": "bytes=0-3"})
    kept(part, path, "get")
    assert (part.status_code, part.content) == (206, b"fLaC")
    assert client.get(url, headers={"range": "bytes=99999999-"}).status_code == 416
    assert kept(client.get(path.format(dialog_id=IDS[1])), path, "get")["detail"] == "Записи нет."
    assert "api_recording_read" in actions(app)


# -- whatever is asked ------------------------------------------------------------------------------------------------------

ODD = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "0", "-1", "1e400", "nan", "2026-02-30", "9999-12-31", "0001-01-01", "true", "None", "null", "\x00",
                     "%", "' OR 1=1 --", "book", "month", "2026-11-23T10:00:00+25:00", "99999999999999999999", IDS[0]]),
)  # fmt: skip
GETS = [f"{V1}/dialogs", f"{V1}/numbers", f"{V1}/bookings", f"{V1}/queue", f"{V1}/dialogs/{{dialog_id}}"]
POSTS = [f"{V1}/dialogs/search", f"{V1}/bookings/search"]


@pytest.fixture
def patient_app(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """One that does not count how often it is asked."""
    monkeypatch.setattr(app.state.desk.limits, "take", lambda *_: True)
    monkeypatch.setattr(app.state.desk.limits, "is_exhausted", lambda *_: False)
    return app


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=st.data())
@pytest.mark.parametrize("path", GETS)
def test_odd_questions_get_described_answers(patient_app: FastAPI, path: str, data: st.DataObject) -> None:
    names = [one["name"] for one in description()["paths"][path]["get"].get("parameters", ())]
    query = data.draw(st.dictionaries(st.sampled_from([*names, "unknown"]), ODD, max_size=3))
    typed = data.draw(st.text("AEKMHPCTYX019.%-", min_size=1, max_size=10)) if "{" in path else ""
    client = client_of(patient_app)
    answer = client.get(path.replace("{dialog_id}", typed.replace("%", "%25")), params=query)
    if answer.status_code != 404 or "{" in path:
        kept(answer, path, "get")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=st.data())
@pytest.mark.parametrize("path", POSTS)
def test_odd_bodies_get_described_answers(patient_app: FastAPI, path: str, data: st.DataObject) -> None:
    whole = description()
    schema = whole["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    names = list(whole["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["properties"])
    odd = st.one_of(ODD, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none(), st.just([]))
    body = data.draw(st.one_of(st.dictionaries(st.sampled_from([*names, "unknown"]), odd, max_size=3), odd))
    kept(client_of(patient_app).post(path, json=body), path, "post")


def client_of(app: FastAPI) -> TestClient:
    if not hasattr(app.state, "tried_by"):
        app.state.tried_by = program(app)
    client: TestClient = app.state.tried_by
    return client


# -- who may ------------------------------------------------------------------------------------------------------------------

ASKED = {
    Scope.DIALOGS: (f"{V1}/dialogs", f"{V1}/dialogs/{IDS[0]}", f"{V1}/dialogs/{IDS[0]}/transcript"),
    Scope.AUDIO: (f"{V1}/dialogs/{IDS[0]}/audio",),
    Scope.QUEUE: (f"{V1}/queue",),
    Scope.NUMBERS: (f"{V1}/numbers",),
    Scope.BOOKINGS: (f"{V1}/bookings",),
}


def test_a_key_opens_its_scopes_only(app: FastAPI) -> None:
    for scope in ASKED:
        client = program(app, Role.ADMIN, scope)
        for other, paths in ASKED.items():
            for path in paths:
                assert client.get(path).status_code == (200 if other is scope else 403), (scope, path)
        assert client.get("/dialogs", headers=PAGE).status_code == 403
        assert client.post("/dialogs/export", data={"format": "csv"}, headers=OURS).status_code == 403
    assert "refused" in actions(app)


def test_a_role_limits_a_key_without_scopes(app: FastAPI) -> None:
    may = {
        Role.OPERATOR: {Scope.QUEUE, Scope.BOOKINGS},
        Role.QA: {Scope.DIALOGS, Scope.AUDIO, Scope.NUMBERS},
        Role.MANAGER: {Scope.NUMBERS},
    }
    for role, scopes in may.items():
        client = program(app, role)
        for scope, paths in ASKED.items():
            assert client.get(paths[0]).status_code == (200 if scope in scopes else 403), (role, scope)


def test_without_a_key_there_is_nothing(app: FastAPI) -> None:
    for paths in ASKED.values():
        for path in paths:
            answer = browser(app).get(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
    revoked = program(app, Role.ADMIN)
    app.state.desk.sessions.revoke_key("admin-")
    assert revoked.get(f"{V1}/queue").status_code == 401


def test_phones_are_masked_for_keys_that_do_not_need_them(app: FastAPI) -> None:
    client = program(app, Role.QA)
    for path in (*ASKED[Scope.DIALOGS], f"{V1}/numbers"):
        assert "9161234567" not in client.get(path).text, path
    assert client.get(f"{V1}/dialogs/{IDS[0]}").json()["caller_phone"] == "+7 916 ***-**-67"
    found = client.post(f"{V1}/dialogs/search", json={"phone": "000"}).json()
    assert len(found["items"]) == 3  # nor can they be found out by searching
    manager = program(app, Role.MANAGER)
    assert manager.get(f"{V1}/numbers").json()["not_understood"] is None


def test_each_key_has_its_own_pace(app: FastAPI) -> None:
    busy, other = program(app, Role.MANAGER, Scope.NUMBERS), program(app, Role.QA, Scope.NUMBERS)
    assert busy.get(f"{V1}/numbers").status_code == 200
    limits = app.state.desk.limits
    while limits.take(Tries.API, "key:manager-numbers"):
        pass
    answer = busy.get(f"{V1}/numbers")
    kept(answer, f"{V1}/numbers", "get")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert other.get(f"{V1}/numbers").status_code == 200


def test_guessing_ids_is_slowed(app: FastAPI) -> None:
    client, path = program(app, Role.QA), f"{V1}/dialogs/{{dialog_id}}"
    codes = []
    for _ in range(12):
        answer = client.get(path.format(dialog_id=dialog_id.new()))
        kept(answer, path, "get")
        codes.append(answer.status_code)
    assert codes == [404] * 10 + [429] * 2


def test_readings_are_audited_and_polling_is_so_once_a_minute(app: FastAPI) -> None:
    client = program(app)
    for _ in range(5):
        client.get(f"{V1}/queue")
        client.get(f"{V1}/dialogs/{IDS[0]}")
    found = actions(app)
    assert found.count("api_queue_read") == 1
    assert found.count("api_dialog_read") == 5
    entry = app.state.desk.audit.entries(subject=IDS[0])[0]
    assert entry.who == "key:admin-"


def test_a_database_that_refuses_is_said_so(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    client = program(app)

    def refuse(*_args: object, **_more: object) -> None:
        raise StorageError("gone", "wait")

    monkeypatch.setattr("voicebot.desk.api.routes.browse", refuse)
    answer = client.get(f"{V1}/dialogs")
    kept(answer, f"{V1}/dialogs", "get")
    assert answer.status_code == 503
