"""The chat of the clinic's pages over a real WebSocket and by HTTP: who may come, what survives, what is refused."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import select
from web_chat import FOREIGN, WebStage, new_token, web_stage, window, words
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from voicebot.channels import web_protocol
from voicebot.records.chat_tables import ChatRow
from voicebot.records.handed import Handed
from voicebot.records.queue import Queue, Result

pytestmark = pytest.mark.timeout(400)  # the first run teaches the understanding


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(tmp_path_factory.mktemp("chat"), hellos_per_minute=10_000) as one:
        yield one


def post(stage: WebStage, path: str, token: str, body: Any = None, **headers: str) -> httpx.Response:
    own = {"origin": stage.url, "authorization": f"Bearer {token}", **headers}
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return httpx.post(f"{stage.url}/chat/{path}", content=content, headers=own, timeout=40)


def test_a_visit_is_booked_and_the_history_survives_a_reload(stage: WebStage) -> None:
    token = new_token()
    with window(stage, token) as own:
        assert own.welcome["suggestions"][0] == "Записаться к врачу"
        assert own.whole["lines"] == []
        update = own.say("хочу записаться к терапевту")
        update = own.say("завтра после обеда")
        update = own.press(update, update["buttons"][0]["label"])
        update = own.say("Иванов Пётр")
        assert update["wants_phone"]
        update = own.say("8 916 123-45-67")
        assert "Всё верно" in words(update)
    with window(stage, token) as again:
        lines = again.whole["lines"]
        assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
        assert lines[0]["who"] == "patient"
        assert lines[-1]["text"] == update["lines"][-1]["text"]
        assert again.whole["buttons"] == update["buttons"]
        assert "записала" in words(again.press(again.whole, "Да"))


def test_an_answer_that_was_lost_comes_again_and_nothing_is_done_twice(stage: WebStage) -> None:
    token = new_token()
    with window(stage, token) as own:
        own.send(t="say", id="lost-message-1", text="где вы находитесь")  # the network dies before the answer comes
    with window(stage, token) as again:
        update = again.say("где вы находитесь", id="lost-message-1")
        lines = [line for line in update["lines"] if line["n"]]
        assert lines
    with window(stage, token) as later:
        assert later.whole["done"] == ["lost-message-1"]
        assert sum(line["who"] == "patient" for line in later.whole["lines"]) == 1


def test_two_tabs_show_the_same(stage: WebStage) -> None:
    token = new_token()
    with window(stage, token) as first, window(stage, token) as second:
        said = first.say("где вы находитесь")
        seen = second.next()
        assert seen["is_whole"]
        assert [line["n"] for line in said["lines"]] == [line["n"] for line in seen["lines"] if line["who"] == "robot"]


def test_an_operator_answers_in_the_same_window(stage: WebStage) -> None:
    desk, queue = Handed(stage.database, stage.clock), Queue(stage.database, stage.clock)
    with window(stage, new_token()) as own:
        dialog_id = own.say("оператор")["dialog"]
        queue.take(dialog_id, "oper")
        assert own.next()["mode"] == "operator"
        desk.say(dialog_id, "oper", "Добрый день!", key="k")
        update = own.next()
        assert [(line["who"], line["text"]) for line in update["lines"]] == [("operator", "Добрый день!")]
        assert own.say("Здравствуйте")["lines"] == []
        queue.settle(dialog_id, "oper", Result.SOLVED)
        assert own.next()["mode"] == "over"


def test_operators_words_are_kept_for_a_patient_who_was_away(stage: WebStage) -> None:
    token = new_token()
    with window(stage, token) as own:
        dialog_id = own.say("оператор")["dialog"]
    Queue(stage.database, stage.clock).take(dialog_id, "oper")
    Handed(stage.database, stage.clock).say(dialog_id, "oper", "Перезвоните нам", key="k")
    with window(stage, token) as again:
        lines = again.whole["lines"]
        if not any(line["who"] == "operator" for line in lines):
            lines = again.next()["lines"]
        assert any(line["text"] == "Перезвоните нам" for line in lines)


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://127.0.0.1:1"])
def test_strange_pages_get_no_socket(stage: WebStage, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(stage.socket_url, origin=origin):  # type: ignore[arg-type]
        pass
    assert refused.value.response.status_code == 403


def test_pages_of_the_settings_may_show_the_chat(stage: WebStage) -> None:
    with window(stage, new_token(), FOREIGN) as own:
        assert own.say("где вы находитесь")["mode"] == "robot"
    preflight = httpx.options(f"{stage.url}/chat/message", headers={"origin": FOREIGN, "access-control-request-method": "POST"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == FOREIGN
    answer = post(stage, "hello", new_token(), origin=FOREIGN)
    assert answer.headers["access-control-allow-origin"] == FOREIGN
    strange = httpx.options(f"{stage.url}/chat/message", headers={"origin": "https://evil.example"})
    assert strange.status_code == 403
    assert post(stage, "message", new_token(), origin="https://evil.example").status_code == 403


@pytest.mark.parametrize(
    "first",
    [
        "",
        "[]",
        "{",
        '{"t":"hello","token":"short"}',
        '{"t":"ping"}',
        '{"t":"hello"}',
        '{"t":"say","id":"12345678","text":"x"}',
        "\x00",
    ],
)
def test_who_does_not_introduce_himself_is_sent_away(stage: WebStage, first: str) -> None:
    with connect(stage.socket_url, origin=stage.url) as socket:  # type: ignore[arg-type]
        socket.send(first)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=20)


@pytest.mark.parametrize(
    "message",
    ['{"t":"say","id":"1","text":"x"}', '{"t":"press","id":"12345678","button":"1; DROP"}', '{"t":"say","id":"12345678"}',
     '{"t":"say","id":"12345678","text":"' + "а" * 9000 + '"}', '{"t":"fly"}'],
)  # fmt: skip
def test_what_is_not_of_the_protocol_ends_the_connection(stage: WebStage, message: str) -> None:
    with window(stage, new_token()) as own:
        own.socket.send(message)
        with pytest.raises(ConnectionClosed):
            own.next()


def test_too_many_messages_wait(stage: WebStage) -> None:
    with window(stage, new_token()) as own:
        for _ in range(60):
            own.send(t="say", text="ё")
        own.send(t="say", text="ё")
        trouble = own.next("trouble")
        assert trouble["retry_seconds"] > 0


def test_the_same_by_http(stage: WebStage) -> None:
    token = new_token()
    welcome, whole = post(stage, "hello", token).json()
    assert (welcome["t"], whole["t"], whole["is_whole"]) == ("welcome", "update", True)
    message = {"message": {"t": "say", "id": "by-http-1", "text": "хочу записаться к терапевту"}}
    update = post(stage, "message", token, message).json()
    assert update["to"] == "by-http-1"
    assert post(stage, "message", token, message).json() == update
    pressed = {"message": {"t": "press", "id": "by-http-2", "button": update["buttons"][0]["button"]}}
    assert "Какой вариант" in words(post(stage, "message", token, pressed).json())
    seen = post(stage, "poll", token, {"seen": 0}).json()
    assert len(seen["lines"]) >= 5


def test_a_poll_ends_when_somebody_writes(stage: WebStage) -> None:
    token = new_token()
    dialog_id = post(stage, "message", token, {"message": {"t": "say", "id": "wait-for-it", "text": "оператор"}}).json()[
        "dialog"
    ]
    seen = post(stage, "poll", token, {"seen": 0}).json()["version"]
    answers: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: answers.append(post(stage, "poll", token, {"seen": seen}).json()))
    waiting.start()
    Queue(stage.database, stage.clock).take(dialog_id, "oper")
    waiting.join(20)
    assert answers[0]["mode"] == "operator"


@pytest.mark.parametrize(("path", "body"), [("message", b"{}"), ("message", b"x"), ("poll", b"["), ("message", b"a" * 70_000)])
def test_bad_posts_are_refused(stage: WebStage, path: str, body: bytes) -> None:
    assert post(stage, path, new_token(), body).status_code == 400


def test_no_token_no_chat(stage: WebStage) -> None:
    assert post(stage, "hello", "short").status_code == 401
    assert httpx.post(f"{stage.url}/chat/hello", headers={"origin": stage.url}).status_code == 401
    assert post(stage, "message", "x" * 43 + "!").status_code == 401


@pytest.mark.parametrize("note", [b"", b"rubbish" * 50])
def test_a_voice_note_that_cannot_be_read_is_answered(stage: WebStage, note: bytes) -> None:
    answer = post(stage, "voice", new_token(), note, **{"x-message-id": "voice-note-1"}).json()
    assert answer["t"] == "trouble"
    assert "голосовое" in answer["text"]


def test_a_voice_note_that_is_too_large_is_not_read(stage: WebStage) -> None:
    answer = post(stage, "voice", new_token(), bytes(2_100_000), **{"x-message-id": "voice-note-2"}).json()
    assert "слишком длинное" in answer["text"]


def test_only_the_tokens_hash_is_stored_and_nothing_said_is_logged(stage: WebStage) -> None:
    token = new_token()
    with structlog.testing.capture_logs() as logged, window(stage, token) as own:
        own.say("Меня зовут Тайнова Секрета, телефон 8 916 765-43-21")
    rows = stage.database.run(lambda session: list(session.scalars(select(ChatRow))), is_readonly=True)
    assert web_protocol.address_of(token) in [row.address for row in rows]
    assert not any(token in (row.address, row.state, row.replies) for row in rows)
    everything = json.dumps(logged, default=str, ensure_ascii=False)
    for secret in (token, "Тайнова", "765"):
        assert secret not in everything


def test_the_page_and_the_widget_are_served_without_other_hosts(stage: WebStage) -> None:
    page = httpx.get(f"{stage.url}/")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    widget = httpx.get(f"{stage.url}/widget.js")
    assert widget.headers["content-type"].startswith("text/javascript")
    assert widget.headers["x-content-type-options"] == "nosniff"
    for outside in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://fonts", "cdn"):
        assert outside not in widget.text
    assert httpx.get(f"{stage.url}/health").json()["is_well"]
    assert httpx.get(f"{stage.url}/operator").status_code == 404
