"""The operator's queue and a contact: what is known, live, taken, settled."""

import asyncio
from itertools import product

import pytest
from desk_browser import OURS, PAGE, actions, browser, log_in, token
from desk_clinic import handed_over, with_clinic
from fastapi import FastAPI
from fastapi.testclient import TestClient

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.desk.live import Watched
from voicebot.desk.pages.operator import Live
from voicebot.records.call_backs import CallBacks
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.queue import KEPT, Queue, Result
from voicebot.records.store import UnknownDialog
from voicebot.russian.spelling import say_dialog_id


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    with_clinic(app, days=2)
    return app


@pytest.fixture
def oper(app: FastAPI) -> TestClient:
    client = browser(app)
    assert log_in(client, "oper") == 303
    return client


def test_who_waits_is_in_the_queue_until_it_is_settled(app: FastAPI, oper: TestClient) -> None:
    assert "Никто не ждёт" in oper.get("/operator", headers=PAGE).text
    one = handed_over(app)
    text = oper.get("/operator", headers=PAGE).text
    for part in (one, "на линии", "не понят", "специальность: кардиолог", "+7 (916) 123-45-67", "меньше минуты"):
        assert part in text, part
    csrf = token(oper)
    assert oper.post(f"/d/{one}/take", data={"csrf": csrf}, headers=OURS).headers["location"] == f"/d/{one}"
    assert "oper" in oper.get(f"/d/{one}", headers=PAGE).text
    form = {"csrf": csrf, "result": "call_back", "note": "после шести", "due": "2026-11-23T18:00", "mine": "true"}
    assert oper.post(f"/d/{one}/result", data=form, headers=OURS).headers["location"] == "/operator"
    assert one not in oper.get("/operator", headers=PAGE).text
    assert '<b id="result">Перезвонить</b>' in oper.get(f"/d/{one}", headers=PAGE).text
    listed = oper.get("/callbacks", headers=PAGE).text
    for part in (one, "+7 (916) 123-45-67", "23.11.2026 18:00", "после шести", ">oper"):
        assert part in listed, part
    assert [action for action in actions(app) if action.startswith("contact")] == [
        "contact_opened", "contact_settled", "contact_opened", "contact_taken",
    ]  # fmt: skip


def test_a_contact_is_opened_by_an_id_as_it_is_told(app: FastAPI, oper: TestClient) -> None:
    one = handed_over(app)
    typed = oper.get("/operator/open", params={"typed": f"{one[:4].lower()}-{one[4:]}"}, headers=PAGE)
    text = oper.get(typed.headers["location"], headers=PAGE).text
    assert "к &lt;b&gt;кардиологу&lt;/b&gt;" in text
    assert oper.get("/operator/open", params={"typed": "//evil"}, headers=PAGE).headers["location"] == "/d/evil"
    assert oper.get("/d/evil", headers=PAGE).status_code == 404


def test_an_id_is_found_by_its_last_characters_or_as_it_is_heard(app: FastAPI, oper: TestClient) -> None:
    one = handed_over(app)
    with_robot_over = dialog_id.new()
    app.state.desk.records.open_dialog(Dialog(id=with_robot_over))
    app.state.desk.records.finish_dialog(with_robot_over, "booked")
    for typed in (one[-4:].lower(), one[-5:], ", ".join(say_dialog_id(one).split(", ")[-2:])):
        assert f'href="/d/{one}"' in oper.get("/operator/suggest", params={"typed": typed}, headers=PAGE).text, typed
        opened = oper.get("/operator/open", params={"typed": typed}, headers=PAGE)
        assert opened.headers["location"] == f"/d/{one}", typed
    heard = oper.get("/operator/open", params={"typed": f"обращение {say_dialog_id(one)}"}, headers=PAGE)
    assert heard.headers["location"] == f"/d/{one}"
    for typed in ("", one[-3:], "%%%%", "____", with_robot_over[-4:]):
        if typed != one[-4:]:
            assert "/d/" not in oper.get("/operator/suggest", params={"typed": typed}, headers=PAGE).text, typed
    assert "id_suggested" in actions(app)


def test_several_that_end_alike_are_offered(app: FastAPI, oper: TestClient) -> None:
    first = handed_over(app)
    beginnings = ("".join(three) for three in product(dialog_id.ALPHABET, repeat=3))
    second = next(one for three in beginnings if (one := three + first[3:]) != first and dialog_id.parse(one))
    app.state.desk.records.open_dialog(Dialog(id=second))
    text = oper.get("/operator/open", params={"typed": first[-5:]}, headers=PAGE).text
    for one in (first, second):
        assert f'href="/d/{one}" data-testid="suggestion"' in text


def test_suggestions_cannot_be_asked_for_by_a_program(app: FastAPI, oper: TestClient) -> None:
    one = handed_over(app)
    for _ in range(60):
        oper.get("/operator/suggest", params={"typed": "0000"}, headers=PAGE)
    assert one not in oper.get("/operator/suggest", params={"typed": one[-4:]}, headers=PAGE).text
    assert actions(app)[0] == "guessing_throttled"
    assert "/operator/suggest" not in [entry.detail for entry in app.state.desk.audit.entries()]
    for name in ("qa", "boss"):
        other = browser(app)
        log_in(other, name)
        assert other.get("/operator/suggest", params={"typed": one[-4:]}, headers=PAGE).status_code == 403


def test_next_is_who_waits_longest(app: FastAPI, oper: TestClient, clock: VirtualClock) -> None:
    assert oper.get("/operator/next", headers=PAGE).headers["location"] == "/operator"
    first = handed_over(app)
    clock.advance(3)
    second = handed_over(app)
    assert oper.get("/operator/next", headers=PAGE).headers["location"] == f"/d/{first}"
    Queue(app.state.desk.database, clock).take(first, "anna")
    assert oper.get("/operator/next", headers=PAGE).headers["location"] == f"/d/{second}"
    text = oper.get(f"/d/{first}", headers=PAGE).text
    assert 'name="force" value="true"' in text
    assert "Забрать себе" in text


def test_a_call_back_needs_a_number(app: FastAPI, oper: TestClient) -> None:
    one = handed_over(app, phone="anonymous")
    form = {"csrf": token(oper), "result": "call_back"}
    answer = oper.post(f"/d/{one}/result", data=form, headers=OURS)
    assert answer.status_code == 422
    assert "Перезвонить некуда" in answer.text
    assert oper.post(f"/d/{one}/result", data={**form, "call_phone": "8 916 000-00-01"}, headers=OURS).status_code == 303
    assert CallBacks(app.state.desk.database, app.state.desk.clock).open()[0].phone == "+79160000001"


def test_only_operators_take_calls(app: FastAPI) -> None:
    one = handed_over(app)
    for name in ("qa", "boss"):
        other = browser(app)
        log_in(other, name)
        for path in (
            "/operator",
            f"/d/{one}",
            "/operator/stream",
            f"/d/{one}/stream",
            "/operator/next",
            "/callbacks",
            "/visits",
        ):
            assert other.get(path, headers=PAGE).status_code == 403, path


def test_old_and_settled_contacts_leave_the_queue(app: FastAPI, clock: VirtualClock) -> None:
    queue = Queue(app.state.desk.database, clock)
    first, second = handed_over(app), handed_over(app)
    app.state.desk.records.finish_dialog(first, "transferred")
    assert [one.dialog_id for one in queue.open()] == [second, first]  # who is on the line comes first
    queue.settle(second, "oper", Result.SOLVED)
    place = queue.of(second)
    assert place is not None
    assert (place.taken_by, place.result) == ("oper", "solved")
    assert [one.dialog_id for one in queue.open()] == [first]
    clock.advance(KEPT.total_seconds() + 1)
    assert queue.open() == ()
    with pytest.raises(UnknownDialog):
        queue.take("00000000", "oper")


def test_who_waits_for_a_call_is_not_in_the_queue(app: FastAPI, clock: VirtualClock) -> None:
    records, one = app.state.desk.records, handed_over(app)
    records.finish_dialog(one, "lost")
    assert Queue(app.state.desk.database, clock).open() == ()
    assert [call.dialog_id for call in CallBacks(app.state.desk.database, clock).open()] == [one]


async def test_words_appear_while_they_are_said(app: FastAPI) -> None:
    one = handed_over(app)
    seen = Live(app.state.desk, app.state.clinic).dialog(one)
    first = await anext(seen)
    assert "кардиологу" in first
    assert "Осталось узнать:</b> время приёма." in first
    await asyncio.to_thread(app.state.desk.records.add_turn, one, Turn(2, Who.CALLER, "нет лучше к хирургу"))
    assert "нет лучше к хирургу" in await asyncio.wait_for(anext(seen), 5)
    await seen.aclose()  # type: ignore[attr-defined]


async def test_many_watch_at_the_cost_of_one() -> None:
    looks: list[int] = []

    def render() -> str:
        looks.append(1)
        return "<p>один</p>"

    watched = Watched(render)
    watchers = [watched.__aiter__() for _ in range(50)]
    assert [await anext(one) for one in watchers] == ["<p>один</p>"] * 50
    assert len(looks) < 5
    for one in watchers:
        await one.aclose()  # type: ignore[attr-defined]
    assert watched._task is None
