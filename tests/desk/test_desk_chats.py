"""An operator answers in writing: takes a chat, writes, gives it back, ends it; others cannot; a silent one loses it."""

from pathlib import Path

import pytest
from desk_browser import OURS, PAGE, PASSWORD, actions, browser, log_in, token
from desk_clinic import with_clinic
from fastapi import FastAPI
from fastapi.testclient import TestClient

from voicebot import dialog_id
from voicebot.accounts.roles import Role
from voicebot.accounts.sessions import IDLE
from voicebot.clock import VirtualClock
from voicebot.desk.chat_watch import ChatWatch
from voicebot.desk.phrases import USUAL, phrases_of
from voicebot.records import handed
from voicebot.records.appending import append
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.handed import Handed, State

SILENT_SECONDS = 300


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    with_clinic(app, days=1)
    app.state.desk.users.add("anna", Role.OPERATOR, PASSWORD)
    return app


def logged_in(app: FastAPI, name: str) -> TestClient:
    client = browser(app)
    assert log_in(client, name) == 303
    return client


def chat(app: FastAPI, channel: str = "web", *, is_asked: bool = True) -> str:
    """A chat that waits for a human."""
    desk, one = app.state.desk, dialog_id.new()
    desk.records.open_dialog(Dialog(id=one, channel=channel))
    wrote(app, one, "хочу <b>человека</b>")
    if is_asked:
        desk.database.run(lambda session: handed.ask(session, desk.clock.now(), one, "operator", "requested", {}))
    return one


def wrote(app: FastAPI, one: str, text: str) -> None:
    desk = app.state.desk
    desk.database.run(lambda session: append(session, one, [Turn(0, Who.CALLER, text)], desk.clock.now()))


def send(client: TestClient, one: str, text: str, key: str = "key-0001") -> int:
    form = {"csrf": token(client), "text": text, "key": key}
    return client.post(f"/d/{one}/say", data=form, headers={**OURS, "accept": "application/json"}).status_code


def press(client: TestClient, one: str, what: str, **more: str) -> int:
    return client.post(f"/d/{one}/{what}", data={"csrf": token(client), **more}, headers=OURS).status_code


def said(app: FastAPI, one: str) -> list[tuple[str, str]]:
    dialog = app.state.desk.records.get(one)
    assert dialog is not None
    return [(str(turn.who), turn.text) for turn in dialog.turns]


def place(app: FastAPI, one: str) -> handed.Place:
    desk = app.state.desk
    return next(found for found in Handed(desk.database, desk.clock).look({one: 0}) if found.dialog_id == one)


def test_taken_answered_and_ended(app: FastAPI) -> None:
    oper, one = logged_in(app, "oper"), chat(app, "telegram")
    queue = oper.get("/operator", headers=PAGE).text
    assert "Telegram" in queue
    assert "в чате" in queue
    assert send(oper, one, "рано") == 409
    before = oper.get(f"/d/{one}", headers=PAGE).text
    assert 'id="reply"' not in before
    assert "ждёт человека" in before
    assert press(oper, one, "take") == 303
    page = oper.get(f"/d/{one}", headers=PAGE).text
    assert 'id="reply"' in page
    assert "Здравствуйте! Я оператор клиники" in page, "the clinic's own phrases"
    assert send(oper, one, "  Добрый день!\r\nСлушаю вас  ") == 200
    assert send(oper, one, "Добрый день!\nСлушаю вас") == 200, "sent twice"
    assert send(oper, one, "   ", key="key-0002") == 422
    assert said(app, one) == [("caller", "хочу <b>человека</b>"), ("operator", "Добрый день!\nСлушаю вас")]
    wrote(app, one, "болит зуб")
    live = oper.get(f"/d/{one}", headers=PAGE).text
    assert "болит зуб" in live
    assert "хочу &lt;b&gt;человека" in live
    assert press(oper, one, "result", result="solved") == 303
    assert (place(app, one).state, place(app, one).result) == (State.CLOSED, "solved")
    assert send(oper, one, "ещё слово", key="key-0003") == 409
    assert "Переписка закончена" in oper.get(f"/d/{one}", headers=PAGE).text
    assert [action for action in reversed(actions(app)) if "chat" in action or "taken" in action] == [
        "contact_taken", "chat_answered", "chat_answered"
    ]  # fmt: skip


def test_two_operators_cannot_have_it(app: FastAPI) -> None:
    oper, anna, one = logged_in(app, "oper"), logged_in(app, "anna"), chat(app)
    assert press(oper, one, "take") == 303
    assert press(anna, one, "take") == 409
    assert send(anna, one, "и я") == 409
    assert "Пациенту отвечает oper" in anna.get(f"/d/{one}", headers=PAGE).text
    assert press(anna, one, "back") == 409
    assert press(anna, one, "take", force="true") == 303
    assert send(oper, one, "это ещё я?") == 409
    assert send(anna, one, "теперь я") == 200
    assert said(app, one)[-1] == ("operator", "теперь я")


def test_given_back_to_the_robot(app: FastAPI) -> None:
    oper, one = logged_in(app, "oper"), chat(app)
    press(oper, one, "take")
    assert press(oper, one, "back") == 303
    assert place(app, one).state is State.WITH_ROBOT
    assert one not in oper.get("/operator", headers=PAGE).text
    assert "переписывается робот" in oper.get(f"/d/{one}", headers=PAGE).text
    assert press(oper, one, "take") == 303, "and taken from the robot again"
    assert place(app, one).state is State.TAKEN
    assert actions(app)[1:3] == ["contact_opened", "chat_given_back"]


def test_who_left_or_is_silent_loses_it(app: FastAPI, clock: VirtualClock) -> None:
    desk = app.state.desk
    watch = ChatWatch(desk.database, clock, SILENT_SECONDS)
    oper, anna, one, other = logged_in(app, "oper"), logged_in(app, "anna"), chat(app), chat(app)
    press(oper, one, "take")
    press(anna, other, "take")
    assert send(anna, other, "как вас зовут?") == 200
    assert watch.run() == 0
    wrote(app, one, "ау")
    clock.advance(SILENT_SECONDS - 1)
    assert watch.run() == 0
    assert "без ответа 4 мин" in oper.get("/operator", headers=PAGE).text
    clock.advance(1)
    assert watch.run() == 1
    assert place(app, one).state is State.WAITING
    assert place(app, other).state is State.TAKEN, "there it is the patient's turn"
    assert send(oper, one, "поздно") == 409
    anna.post("/logout", data={"csrf": token(anna)}, headers=OURS)
    assert watch.run() == 1, "who has logged out"
    press(oper, one, "take")
    clock.advance(IDLE.total_seconds() + 1)
    assert watch.run() == 1, "whose browser is closed"
    assert watch.run() == 0


def test_calls_and_forms_are_not_answered_in_writing(app: FastAPI) -> None:
    oper = logged_in(app, "oper")
    for channel in ("phone", "alice", "form"):
        one = chat(app, channel, is_asked=False)
        press(oper, one, "take")
        page = oper.get(f"/d/{one}", headers=PAGE).text
        assert 'id="chat"' not in page, channel
        assert send(oper, one, "слышите?") == 409, channel


def test_an_id_that_alice_gave_opens_what_was_said_to_her(app: FastAPI) -> None:
    oper, one = logged_in(app, "oper"), chat(app, "alice", is_asked=False)
    app.state.desk.records.finish_dialog(one, "informed")
    opened = oper.get("/operator/open", params={"typed": f"{one[:4]}-{one[4:]}"}, headers=PAGE)
    page = oper.get(opened.headers["location"], headers=PAGE).text
    assert "Алиса" in page
    assert "человека" in page


def test_phrases(tmp_path: Path) -> None:
    assert phrases_of(tmp_path) == USUAL
    (tmp_path / "desk").mkdir()
    file = tmp_path / "desk" / "phrases.yaml"
    for wrong in ("- список", "[", "Кнопка: 7", "Кнопка: ''"):
        file.write_text(wrong, encoding="utf-8")
        assert phrases_of(tmp_path) == USUAL, wrong
    file.write_text("Привет: Добрый день!", encoding="utf-8")
    assert phrases_of(tmp_path) == {"Привет": "Добрый день!"}
