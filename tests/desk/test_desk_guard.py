"""The desk's door: nothing without a login, nothing by another site, nothing by guessing."""

import re

import pytest
from desk_browser import OURS, PAGE, PASSWORD, actions, browser, log_in, token
from fastapi import FastAPI
from fastapi.testclient import TestClient

from voicebot.accounts.roles import Role
from voicebot.accounts.sessions import IDLE
from voicebot.clock import VirtualClock
from voicebot.desk.guard import COOKIE


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return browser(app)


def test_nothing_is_open_but_health_and_the_login_page(client: TestClient) -> None:
    assert client.get("/health").status_code == 200
    assert client.get("/login", headers=PAGE).status_code == 200
    assert client.get("/static/desk.css").status_code == 200
    for path in ("/", "/users", "/openapi.json", "/docs", "/no-such-page", "/static/../users", "/healthy/../users"):
        answer = client.get(path)
        assert answer.status_code in (401, 404), path
        assert "html" not in answer.headers["content-type"], path
    answer = client.get("/users?x=1", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fusers%3Fx%3D1")
    assert client.post("/users", data={"name": "x", "role": "admin"}).status_code == 401


def test_a_login_opens_a_session_and_logging_out_ends_it(client: TestClient, app: FastAPI) -> None:
    answer = client.post("/login", data={"name": "Root", "password": PASSWORD, "next": "/users"}, headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/users")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.get("/users", headers=PAGE).status_code == 200
    own = client.cookies[COOKIE]
    assert client.post("/logout", data={"csrf": token(client)}, headers=OURS).status_code == 303
    client.cookies.set(COOKIE, own)
    assert client.get("/users", headers=PAGE).status_code == 303
    assert actions(app)[:2] == ["logged_out", "logged_in"]


def test_https_makes_the_cookie_secure_and_strict(app: FastAPI) -> None:
    client = TestClient(app, base_url="https://testserver", follow_redirects=False)
    answer = client.post("/login", data={"name": "root", "password": PASSWORD}, headers=OURS)
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "max-age" in answer.headers["strict-transport-security"]


def test_a_session_expires(client: TestClient, clock: VirtualClock) -> None:
    assert log_in(client, "root") == 303
    clock.advance(IDLE.total_seconds() + 1)
    assert client.get("/users", headers=PAGE).headers["location"].startswith("/login")


def test_roles_open_their_own_pages_only(client: TestClient, app: FastAPI) -> None:
    for name in ("oper", "qa", "boss"):
        assert log_in(client, name) == 303
        assert client.get("/users", headers=PAGE).status_code == 403
        assert (
            client.post("/users", data={"csrf": token(client), "name": "x", "role": "admin"}, headers=OURS).status_code == 403
        )
        client.cookies.clear()
    assert "refused" in actions(app)


def test_another_site_can_do_nothing(client: TestClient) -> None:
    assert log_in(client, "root") == 303
    csrf = token(client)
    new = {"name": "evil", "role": "admin"}
    for headers in ({}, {"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}, {"origin": "null"}):
        assert client.post("/users", data={**new, "csrf": csrf}, headers=headers).status_code == 403, headers
    for wrong in ("", "guess", csrf[:-1]):
        assert client.post("/users", data={**new, "csrf": wrong}, headers=OURS).status_code == 403
    assert client.post("/users", data={**new, "csrf": csrf}, headers={"origin": "http://testserver"}).status_code == 200
    assert (
        client.post("/users", data={"name": "second", "role": "qa"}, headers={**OURS, "x-csrf-token": csrf}).status_code == 200
    )


def test_another_site_cannot_log_somebody_in(client: TestClient) -> None:
    data = {"name": "root", "password": PASSWORD}
    assert client.post("/login", data=data, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert COOKIE not in client.cookies


@pytest.mark.parametrize("elsewhere", ["//evil.example/x", "https://evil.example", "/\\evil.example", "javascript:x", "x"])
def test_the_login_leads_to_our_own_pages_only(client: TestClient, elsewhere: str) -> None:
    answer = client.post("/login", data={"name": "root", "password": PASSWORD, "next": elsewhere}, headers=OURS)
    assert answer.headers["location"] == "/"


def test_passwords_cannot_be_guessed_in_bulk(client: TestClient, app: FastAPI) -> None:
    statuses = [log_in(client, "root", "wrong password") for _ in range(8)]
    assert statuses[:5] == [401] * 5
    assert set(statuses[5:]) == {429}
    assert log_in(client, "root") == 429  # not even the right one, for a while
    assert log_in(client, "qa") == 303
    assert actions(app).count("login_failed") == 5
    assert "login_throttled" in actions(app)


def test_a_given_password_is_changed_first(client: TestClient, app: FastAPI) -> None:
    drawn = app.state.desk.users.set_password("root")
    answer = client.post("/login", data={"name": "root", "password": drawn, "next": "/users"}, headers=OURS)
    assert answer.headers["location"] == "/password"
    assert client.get("/users", headers=PAGE).headers["location"] == "/password"
    form = {"csrf": token(client), "old": drawn, "new": "новая хорошая фраза", "again": "новая хорошая фраза"}
    assert client.post("/password", data={**form, "again": "другая"}, headers=OURS).status_code == 400
    assert client.post("/password", data={**form, "old": "x"}, headers=OURS).status_code == 400
    assert client.post("/password", data={**form, "new": "короткая", "again": "короткая"}, headers=OURS).status_code == 400
    assert client.post("/password", data=form, headers=OURS).status_code == 303
    assert client.get("/users", headers=PAGE).status_code == 200


def test_a_program_comes_with_a_key(client: TestClient, app: FastAPI) -> None:
    key = app.state.desk.sessions.add_key("robot", Role.ADMIN)
    headers = {"authorization": f"Bearer {key}"}
    assert client.get("/users", headers=headers).status_code == 200
    assert client.get("/users", headers={"authorization": f"Bearer {key}x"}).status_code == 401
    manager = app.state.desk.sessions.add_key("prometheus", Role.MANAGER)
    assert client.get("/users", headers={"authorization": f"Bearer {manager}"}).status_code == 403


def test_every_answer_has_the_headers(client: TestClient) -> None:
    for path in ("/login", "/users", "/no-such-page", "/health"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_users_are_managed_on_their_page(client: TestClient, app: FastAPI) -> None:
    assert log_in(client, "root") == 303
    csrf = token(client)
    answer = client.post("/users", data={"csrf": csrf, "name": "new.one", "role": "qa", "title": "<b>Имя</b>"}, headers=OURS)
    shown = re.search(r"<code>([^<]+)</code>", answer.text)
    assert shown is not None
    assert "&lt;b&gt;Имя&lt;/b&gt;" in answer.text
    assert app.state.desk.users.verify("new.one", shown.group(1)) is not None
    assert client.post("/users", data={"csrf": csrf, "name": "new.one", "role": "qa"}, headers=OURS).status_code == 400
    closed = client.post("/users/new.one/state", data={"csrf": csrf, "role": "operator"}, headers=OURS)
    assert closed.status_code == 200
    assert app.state.desk.users.verify("new.one", shown.group(1)) is None
    last = client.post("/users/root/state", data={"csrf": csrf, "role": "qa", "is_active": "true"}, headers=OURS)
    assert last.status_code == 400
    assert client.get("/users", headers=PAGE).status_code == 200
    assert client.post("/users/nobody/password", data={"csrf": csrf}, headers=OURS).status_code == 404
