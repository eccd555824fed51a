"""The form on the clinic's site: what patients send arrives at once, what programs send does not, and nothing is left twice."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from postgres import database_url, postgresql_url

from voicebot import dialog_id
from voicebot.channels import form_checks
from voicebot.channels.contact_form import ContactForms, Meant, router
from voicebot.channels.form_checks import BadToken, Filled, WrongFields, checked, spam_score
from voicebot.clock import VirtualClock
from voicebot.records.call_backs import CallBacks, Returned
from voicebot.records.queue import Queue, Result
from voicebot.records.store import RecordStore
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

__all__ = ["database_url", "postgresql_url"]

PHONE = "+7 (912) 345-67-89"
E164 = "+79123456789"
SITE = "https://clinic.example"
GOOD = {"name": "Анна", "phone": PHONE, "message": "Запишите меня, пожалуйста, к кардиологу", "consent": "on"}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, channels={"form": {"origins": [SITE]}}, transfer={"hours": {"mon-sun": "08:00-20:00"}})


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    upgrade(opened)
    yield opened
    opened.close()


def classify(text: str, now: datetime) -> Meant:
    return Meant("emergency", {}, is_emergency=True) if "сознания" in text else Meant("book", {"speciality": "кардиолог"})


@pytest.fixture
def forms(settings: Settings, clock: VirtualClock, database: Database) -> ContactForms:
    return ContactForms(settings, clock, database, classify, "+7 495 000-00-00")


@pytest.fixture
def client(forms: ContactForms, settings: Settings) -> TestClient:
    app = FastAPI()
    app.include_router(router(forms, settings))
    return TestClient(app, base_url="https://chat.example")


def page(client: TestClient, clock: VirtualClock, seconds: float = 20) -> str:
    token: str = client.get("/contact/token").json()["token"]
    clock.advance(seconds)
    return token


def send(client: TestClient, clock: VirtualClock, **fields: str) -> tuple[int, dict[str, object]]:
    form = {**GOOD, **fields}
    answer = client.post("/contact", json={"token": form.pop("token", None) or page(client, clock), **form})
    return answer.status_code, answer.json()


def test_a_message_stands_in_the_queue_at_once(
    client: TestClient, clock: VirtualClock, database: Database, tmp_path: Path
) -> None:
    status, answer = send(client, clock)
    assert status == 200, answer
    assert answer["accepted"]
    assert "ближайшее время" in str(answer["message"])
    one = dialog_id.parse(str(answer["number"]))
    assert one is not None
    (waiting,) = Queue(database, clock).open()
    assert (waiting.dialog_id, waiting.channel, waiting.caller_phone, waiting.reason) == (one, "form", E164, "form")
    assert waiting.summary == {"пациент": "Анна", "телефон": E164}
    (call,) = CallBacks(database, clock).open()
    assert (call.dialog_id, call.phone) == (one, E164)
    dialog = RecordStore(database, tmp_path / "spool", clock).get(one)
    assert dialog is not None
    (turn,) = dialog.turns
    assert (turn.text, turn.intent, turn.slots) == (GOOD["message"], "book", {"speciality": "кардиолог"})
    assert dialog.notice_said_at == clock.now()
    assert "согласен" in RecordStore(database, tmp_path / "spool", clock).notice(dialog.notice_version)


def test_settled_in_either_list_it_leaves_both(client: TestClient, clock: VirtualClock, database: Database) -> None:
    queue, calls = Queue(database, clock), CallBacks(database, clock)
    for number, message in enumerate(("раз", "два", "три", "четыре")):
        send(client, clock, phone=f"+7912345670{number}", message=message)
    first, second, third, fourth = (waiting.dialog_id for waiting in queue.open())
    queue.settle(first, "anna", Result.SOLVED)
    assert [call.dialog_id for call in calls.open()] == [second, third, fourth]
    assert calls.done(second, "anna", Returned.REACHED)
    assert [waiting.dialog_id for waiting in queue.open()] == [third, fourth]
    assert calls.done(third, "anna", Returned.GAVE_UP)
    queue.settle(fourth, "anna", Result.CALL_BACK)
    assert queue.open() == ()
    assert [call.dialog_id for call in calls.open()] == [fourth], "it is to be called later"


def test_the_same_page_is_left_once(client: TestClient, clock: VirtualClock, database: Database) -> None:
    token = page(client, clock)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: send(client, clock, token=token), range(4)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["number"] for _, answer in answers}) == 1
    assert len(Queue(database, clock).open()) == 1


def test_danger_is_told_what_to_do_and_shown(client: TestClient, clock: VirtualClock, database: Database) -> None:
    _, answer = send(client, clock, message="муж без сознания")
    assert str(answer["message"]).startswith("Если есть угроза жизни, не ждите ответа: звоните 103 или 112.")
    assert Queue(database, clock).open()[0].reason == "emergency"


def test_at_night_nobody_is_promised_an_answer_soon(client: TestClient, clock: VirtualClock) -> None:
    clock.advance(14 * 3600)
    _, answer = send(client, clock, message="")
    assert "начнётся рабочий день" in str(answer["message"])


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"consent": ""}, 422, "Проверьте"),
        ({"phone": "12"}, 422, "Проверьте"),
        ({"name": " "}, 422, "Проверьте"),
        ({"message": "а" * 2001}, 422, "Проверьте"),
        ({"website": "https://spam.example"}, 400, "Позвоните нам, пожалуйста: +7 495 000-00-00"),
        ({"token": "подделка"}, 400, "Обновите"),
        ({"token": "18d.aa.0123"}, 400, "Обновите"),
        ({"message": "Buy cheap pills http://a.example http://b.example"}, 400, "Не получилось принять"),
        ({"message": "а" * 20_000}, 413, "Не получилось принять"),
    ],
)
def test_refused_politely(
    client: TestClient, clock: VirtualClock, database: Database, fields: dict[str, str], status: int, words: str
) -> None:
    got, answer = send(client, clock, **fields)
    assert (got, answer["accepted"]) == (status, False)
    assert words in str(answer["message"])
    assert Queue(database, clock).open() == ()


def test_pages_are_neither_too_fresh_nor_too_old(client: TestClient, clock: VirtualClock) -> None:
    token = page(client, clock, seconds=2)
    assert send(client, clock, token=token)[0] == 429
    clock.advance(2)
    assert send(client, clock, token=token)[0] == 200
    old = page(client, clock, seconds=7201)
    status, answer = send(client, clock, token=old)
    assert status == 400
    assert "слишком давно" in str(answer["message"])


def test_how_often(client: TestClient, clock: VirtualClock, database: Database) -> None:
    statuses = [send(client, clock, message=f"сообщение {number}")[0] for number in range(6)]
    assert statuses == [200] * 5 + [429], "of one number in a day"
    clock.advance(24 * 3600)
    assert send(client, clock)[0] == 200
    many = [client.get("/contact/token").status_code for _ in range(70)]
    assert many.count(429) >= 10


def test_addresses_are_counted(forms: ContactForms, clock: VirtualClock) -> None:
    def one(address: str, number: int) -> str:
        token = forms.token(address)
        clock.advance(5)
        return forms.take({**GOOD, "token": token, "phone": f"+7912345{number:04}"}, address).problem

    assert [one("192.0.2.1", number) for number in range(11)] == [""] * 10 + ["too_often"]
    assert one("192.0.2.2", 20) == ""
    v6 = [one(f"2001:db8:0:1::{number}", 30 + number) for number in range(1, 12)]
    assert v6 == [""] * 10 + ["too_often"], "a household has a whole /64"
    assert one("2001:db8:0:2::1", 50) == ""


def test_sites(client: TestClient, clock: VirtualClock) -> None:
    token = page(client, clock)
    for origin, status in (("https://evil.example", 403), ("null", 403), (SITE, 200)):
        answer = client.post("/contact", json={**GOOD, "token": token}, headers={"origin": origin})
        assert answer.status_code == status, origin
        assert answer.headers.get("access-control-allow-origin") == (origin if status == 200 else None)
        asked = client.options("/contact", headers={"origin": origin, "access-control-request-method": "POST"})
        assert asked.status_code == (204 if status == 200 else 403)
        assert client.get("/contact/token", headers={"origin": origin}).status_code == status
    assert client.post("/contact", json={**GOOD, "token": token}, headers={"origin": "https://chat.example"}).status_code == 200


def test_without_scripts(client: TestClient, clock: VirtualClock, database: Database) -> None:
    shown = client.get("/contact/form.html")
    assert f"frame-ancestors 'self' {SITE}" in shown.headers["content-security-policy"]
    found = re.search(r'name="token" value="([^"]+)"', shown.text)
    assert found is not None
    clock.advance(30)
    wrong = client.post("/contact", data={**GOOD, "phone": "<b>12</b>", "token": found.group(1)})
    assert wrong.status_code == 422
    assert "номер телефона целиком" in wrong.text
    assert "<b>12" not in wrong.text
    done = client.post("/contact", data={**GOOD, "token": found.group(1)})
    assert done.status_code == 200
    assert "Спасибо!" in done.text
    assert "<form" not in done.text
    assert len(Queue(database, clock).open()) == 1
    for name, kind in (("form.js", "text/javascript"), ("form.css", "text/css")):
        assert client.get(f"/contact/{name}").headers["content-type"].startswith(kind)


def test_nobody_writes_it_twice(client: TestClient, clock: VirtualClock) -> None:
    form = {**GOOD, "phone": "12", "message": "<b>К кардиологу</b>", "token": page(client, clock)}
    told = client.post("/contact", data=form)
    assert told.status_code == 422
    assert 'value="Анна"' in told.text
    assert "&lt;b&gt;К кардиологу&lt;/b&gt;</textarea>" in told.text
    assert " checked" in told.text


def test_who_took_too_many_pages_is_told_so(client: TestClient, clock: VirtualClock) -> None:
    last = [page(client, clock, 0) for _ in range(60)][-1]
    told = client.post("/contact", data={**GOOD, "token": last})
    assert told.status_code == 429, "too fast, and there is no page more for him"
    assert "Подождите" in told.text
    assert "<form" not in told.text


@pytest.mark.parametrize("body", ["", "[]", "{", '"a"', "[" * 9000, '{"name": {"a": 1}}', '{"name": null, "consent": 7}'])
def test_odd_json(client: TestClient, body: str) -> None:
    answer = client.post("/contact", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert not answer.json()["accepted"]


def test_nothing_personal_in_logs(client: TestClient, clock: VirtualClock) -> None:
    with structlog.testing.capture_logs() as logs:
        send(client, clock)
        send(client, clock, consent="")
        send(client, clock, message="<a href=x>купи</a> www.a.ru www.b.ru")
    told = json.dumps(logs, ensure_ascii=False)
    assert {"form_taken", "form_refused"} <= {str(line["event"]) for line in logs}
    for secret in ("Анна", "912", "345", "кардиолог", "купи"):
        assert secret not in told, secret


# -- pure ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Здравствуйте! Можно ли сдать кровь на ТТГ и Т4 в субботу? Мой адрес для ответа: anna.petrova@mail.ru",
        "ОЧЕНЬ БОЛИТ СПИНА!!! перезвоните пожалуйста!!!",
        "МРТ пояcничного отдела, сколько стоит?",  # one Latin letter by mistake
        "Приём у Dr. Petrov, COVID-19 PCR test, когда готовы результаты?",
        "да",
        "",
        "Ребёнку 3 года, температура 38,5 °C :( 😷😷",
        "Смотрел цену на сайте clinic.ru, она верная?",
    ],
)
def test_patients_are_not_spam(text: str) -> None:
    assert spam_score(Filled("Анна", E164, text)) < form_checks.SPAM_SCORE


@pytest.mark.parametrize(
    "text",
    [
        "Продвижение сайтов! Пишите: http://seo.example и www.best-seo.ru",
        "<a href='x'>казино</a>",
        "[url=x]казино[/url]",
        "Hello, I would like to offer you a business loan, visit loans.com today",
        "尊敬的先生，我们提供最优惠的产品，请与我们联系以获取更多信息",
        "Kазинo Bулkaн дарит бoнycы ааааааааааааааа",
        "💰💰💰💰💰💰💰💰💰💰 aaaaaaaaaaaaaa заработок в интернете",
    ],
)
def test_programs_are(text: str) -> None:
    assert spam_score(Filled("Анна", E164, text)) >= form_checks.SPAM_SCORE


def test_fields_are_cleaned() -> None:
    filled = checked({**GOOD, "name": "  Анна\u202e\n Петрова\0 ", "message": "раз\r\n\x07два"})
    assert (filled.name, filled.text, filled.phone) == ("Анна Петрова", "раз\nдва", E164)
    with pytest.raises(WrongFields) as wrong:
        checked({})
    assert set(wrong.value.fields) == {"name", "phone", "consent"}


def test_tokens_of_another_secret_or_changed_are_forged() -> None:
    clock = VirtualClock()
    token = form_checks.new_token(b"one", clock.now())
    clock.advance(10)
    assert form_checks.opened(b"one", token, clock.now(), 3, 60).at < clock.now()
    for wrong in (token[:-1] + ("0" if token[-1] != "0" else "1"), "0" + token, token + "a", "", "..", token.replace(".", "")):
        with pytest.raises(BadToken, match="forged"):
            form_checks.opened(b"one", wrong, clock.now(), 3, 60)
    with pytest.raises(BadToken, match="forged"):
        form_checks.opened(b"two", token, clock.now(), 3, 60)
