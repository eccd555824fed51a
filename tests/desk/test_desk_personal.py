"""A patient's data handed out and erased by the administrator, and the audit of all that is looked at."""

import io
import re
import zipfile

import pytest
from desk_browser import OURS, PAGE, actions, browser, log_in, token
from fastapi import FastAPI
from fastapi.testclient import TestClient

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.records.dialogs import Dialog, Turn, Who

PHONE = "+79161234567"


@pytest.fixture
def root(app: FastAPI) -> TestClient:
    client = browser(app)
    assert log_in(client, "root") == 303
    return client


@pytest.fixture
def called(app: FastAPI) -> str:
    one = dialog_id.new()
    records = app.state.desk.records
    records.open_dialog(Dialog(id=one, caller_phone=PHONE))
    records.add_turn(one, Turn(1, Who.CALLER, "меня зовут кукушкина"))
    records.set_notice(one, "abc", "Разговор записывается.")
    records.finish_dialog(one, "informed")
    return one


def post(client: TestClient, path: str, **fields: str) -> "TestClient.response":  # type: ignore[name-defined]
    return client.post(path, data={"csrf": token(client), **fields}, headers=OURS)


def found(client: TestClient, phone: str = "8 916 123-45-67", born: str = "") -> str:
    """Look a patient up; return the name of the search."""
    answer = post(client, "/personal", phone=phone, born=born)
    assert answer.status_code == 303, answer.text
    assert re.fullmatch(r"/personal\?find=[\w-]{12}", answer.headers["location"])
    return str(answer.headers["location"]).split("=")[1]


def test_a_patient_is_found_handed_out_and_erased(root: TestClient, called: str, app: FastAPI) -> None:
    find = found(root)
    text = root.get(f"/personal?find={find}", headers=PAGE).text
    assert called in text
    assert "обращений (разговоры, отметки, записи): <b>1</b>" in text
    answer = post(root, "/personal/export", find=find)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == 'attachment; filename="patient.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert "кукушкина" in archive.read(f"dialogs/{called}.txt").decode()
    refused = post(root, "/personal/erase", find=find, confirmation="да")
    assert refused.status_code == 400
    assert "напечатайте слово СТЕРЕТЬ" in refused.text
    assert app.state.desk.records.get(called) is not None
    erased = post(root, "/personal/erase", find=find, confirmation=" стереть ", visits="true")
    assert "обращений: <b>1</b>" in erased.text
    assert app.state.desk.records.get(called) is None
    assert "ничего не хранится" in root.get(f"/personal?find={find}", headers=PAGE).text
    noted = actions(app)
    assert noted[:4] == ["patient_erased", "erasure_begun", "patient_exported", "patient_looked_up"]
    audit = [repr(entry) for entry in app.state.desk.audit.entries()]
    assert not [entry for entry in audit if "9161234567" in entry]
    assert [entry for entry in audit if "+7 916 ***-**-67" in entry]
    shown = root.get("/audit", headers=PAGE).text
    assert "обращений 1" in shown
    assert "dialogs 1" not in shown


def test_what_runs_is_said_before_and_after(root: TestClient, app: FastAPI) -> None:
    app.state.desk.records.open_dialog(Dialog(id=dialog_id.new(), caller_phone=PHONE))
    find = found(root)
    assert "разговор идёт сейчас" in root.get(f"/personal?find={find}", headers=PAGE).text
    erased = post(root, "/personal/erase", find=find, confirmation="СТЕРЕТЬ")
    assert "<b>1</b> — разговор идёт сейчас" in erased.text
    assert app.state.desk.records.count() == 1


def test_wrong_numbers_and_strangers_get_nothing(root: TestClient, called: str, app: FastAPI) -> None:
    assert post(root, "/personal", phone="916").status_code == 400
    assert post(root, "/personal", phone=PHONE, born="soon").status_code == 422
    find = found(root, born="1985-05-12")
    for name in ("qa", "oper", "boss"):
        client = browser(app)
        log_in(client, name)
        assert client.get(f"/personal?find={find}", headers=PAGE).status_code == 403
        assert client.get("/audit", headers=PAGE).status_code == 403
        assert client.get("/audit.csv").status_code == 403
        for path in ("/personal", "/personal/export", "/personal/erase"):
            assert post(client, path, find=find, phone=PHONE, confirmation="СТЕРЕТЬ").status_code == 403
    assert post(root, "/personal/erase", find="unknown", confirmation="СТЕРЕТЬ").status_code == 404
    assert post(root, "/personal/export", find="unknown").status_code == 404
    assert "уже забыт" in root.get("/personal?find=unknown", headers=PAGE).text
    assert root.post("/personal/erase", data={"find": find, "confirmation": "СТЕРЕТЬ"}, headers=OURS).status_code == 403
    assert app.state.desk.records.get(called) is not None


def test_the_audit_is_read_filtered_and_taken_away(root: TestClient, called: str, app: FastAPI, clock: VirtualClock) -> None:
    clock.advance(86_400)
    qa = browser(app)
    assert log_in(root, "root") == log_in(qa, "qa") == 303
    qa.get(f"/dialogs/{called}", headers=PAGE)
    app.state.desk.audit.note("", "login_failed", "=cmd()", "10.0.0.9")
    text = root.get("/audit", headers=PAGE).text
    for part in ("открыл обращение", "неверный вход", called, "qa"):
        assert part in text, part
    rows = re.findall(r"<td><code>(.*?)</code></td>", root.get(f"/audit?who=qa&subject={called}", headers=PAGE).text)
    assert rows == [called]
    assert "открыл обращение</td>" not in root.get("/audit?who=root", headers=PAGE).text
    assert "неверный вход</td>" in root.get("/audit?action=login_failed&since=2026-11-24&until=2026-11-24", headers=PAGE).text
    assert "Ничего не найдено" in root.get("/audit?until=2026-11-01", headers=PAGE).text
    lines = root.get("/audit.csv?action=login_failed").text.splitlines()
    assert len(lines) == 2
    assert ";неверный вход;login_failed;'=cmd();10.0.0.9;" in lines[1]
    assert actions(app)[0] == "audit_exported"
    for _ in range(120):
        app.state.desk.audit.note("root", "searched")
    first = root.get("/audit?action=searched", headers=PAGE).text
    assert first.count("искал по словам или телефону</td>") == 100
    second = root.get("/audit?action=searched&page=2", headers=PAGE).text
    assert second.count("искал по словам или телефону</td>") == 20


def test_the_notice_that_was_heard_is_shown_with_its_text(root: TestClient, called: str) -> None:
    text = root.get(f"/dialogs/{called}", headers=PAGE).text
    assert "<q>Разговор записывается.</q>" in text
    assert "прозвучало 23.11.2026 09:00" in text
