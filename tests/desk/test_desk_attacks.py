"""Attacks on the desk: by strangers, by users beyond their role, by other sites, by guessing, by what is typed.

The first tests walk over all routes of the application, so that a new page cannot be forgotten: they fail until `WHO` says who
may open it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from desk_browser import OURS, PAGE, PASSWORD, QUICK, actions, browser, log_in, token
from fastapi import FastAPI
from fastapi.testclient import TestClient

from voicebot import dialog_id
from voicebot.accounts import roles
from voicebot.accounts.roles import Role
from voicebot.accounts.sessions import LONGEST
from voicebot.accounts.users import Users
from voicebot.clock import VirtualClock
from voicebot.desk.guard import BODY_LIMIT_BYTES, COOKIE
from voicebot.records.dialogs import Dialog, Turn, Who

#: Open to the whole world (/metrics asks for a key of its own).
WORLD = {"/health", "/ready", "/login", "/metrics"}
#: Open to whoever is logged in.
ANYBODY = {"/", "/logout", "/password"}
#: The beginning of an address -> who may, besides the administrator. The longest beginning counts.
WHO = {
    "/operator": {"oper"},
    "/d/": {"oper"},
    "/callbacks": {"oper"},
    "/visits": {"oper"},
    "/dialogs": {"qa"},
    "/numbers": {"qa", "boss"},
    "/deliveries": {"qa", "boss"},
    "/users": set(),
    "/personal": set(),
    "/audit": set(),
    "/api/openapi.json": set(),
    "/api/v1/dialogs": {"qa"},
    "/api/v1/queue": {"oper"},
    "/api/v1/numbers": {"qa", "boss"},
    "/api/v1/bookings": {"oper"},
}
EVERYBODY = ("oper", "qa", "boss", "root")
OTHER = "other.user"
SCRIPT = "<script>document.title='taken'</script>"


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    app.state.desk.users.add(OTHER, Role.QA, PASSWORD)
    return app


@pytest.fixture
def called(app: FastAPI) -> str:
    """A dialog that waits for an operator; returns its ID."""
    records, one = app.state.desk.records, dialog_id.new()
    records.open_dialog(Dialog(id=one, caller_phone="+79161234567"))
    records.add_turn(one, Turn(1, Who.ROBOT, "Чем могу помочь?"))
    records.add_turn(one, Turn(2, Who.CALLER, f"к врачу {SCRIPT}"))
    records.update_dialog(one, transfer_target="operator", reason="requested")
    return one


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every (method, path template) that the application answers."""

    def flat(some: Iterable[Any]) -> Iterator[tuple[str, str]]:
        for route in some:
            if hasattr(route, "effective_candidates"):  # FastAPI's included router
                yield from flat(route.effective_candidates())
            elif getattr(route, "methods", None):
                yield from ((method, route.path) for method in route.methods - {"HEAD", "OPTIONS"})
            else:
                assert getattr(route, "path", "") == "/static", f"what is {route!r}, and who may open it?"

    found = sorted(set(flat(app.routes)))
    assert len(found) > 20
    return found


def filled(path: str, dialog: str) -> str:
    """A path template with values that exist."""
    values = {"typed": dialog, "number": "2", "name": OTHER}
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: values.get(found.group(1), "1"), path)


def may(name: str, path: str) -> bool:
    rule = max((start for start in WHO if path.startswith(start)), key=len, default="")
    assert rule, f"say in WHO who may open {path}"
    return name == "root" or name in WHO[rule]


def guarded(app: FastAPI) -> list[tuple[str, str]]:
    return [(method, path) for method, path in routes(app) if path not in WORLD | ANYBODY]


# -- nobody in particular ---------------------------------------------------------------------------------------------------


def test_a_stranger_opens_nothing(app: FastAPI, called: str) -> None:
    stranger = browser(app)
    for method, path in routes(app):
        if path in WORLD:
            continue
        where = filled(path, called)
        assert stranger.request(method, where).status_code == 401, (method, path)
        page = stranger.request(method, where, headers=PAGE)
        if method == "GET":
            assert (page.status_code, page.headers["location"][:12]) == (303, "/login?next="), path
        else:
            assert page.status_code == 401, path
        assert called not in page.text
    assert stranger.get("/metrics").status_code == 401


def test_a_role_that_allows_nothing_opens_nothing(app: FastAPI, called: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(roles._ALLOWED, Role.MANAGER, frozenset())
    boss = browser(app)
    assert log_in(boss, "boss") == 303
    headers = {**OURS, "x-csrf-token": token(boss)}
    for method, path in guarded(app):
        assert boss.request(method, filled(path, called), headers=headers).status_code == 403, (method, path)


@pytest.mark.parametrize("name", EVERYBODY)
def test_each_role_opens_its_own_pages_only(app: FastAPI, called: str, name: str) -> None:
    client = browser(app)
    assert log_in(client, name) == 303
    headers = {**OURS, "x-csrf-token": token(client)}
    for method, path in guarded(app):
        is_allowed = may(name, path)
        if is_allowed and path.endswith("/stream"):
            continue  # it never ends: the browser tests watch it
        status = client.request(method, filled(path, called), headers=headers).status_code
        assert (status != 403) == is_allowed, (method, path, status)
        assert status < 500, (method, path)
    if name != "root":
        assert "refused" in actions(app)


def test_whoever_must_change_the_password_does_nothing_else_before(app: FastAPI, called: str) -> None:
    drawn = app.state.desk.users.set_password("root")
    root = browser(app)
    assert log_in(root, "root", drawn) == 303
    headers = {**OURS, "x-csrf-token": token(root)}
    for method, path in guarded(app):
        answer = root.request(method, filled(path, called), headers=headers)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/password"), (method, path)


# -- another site ------------------------------------------------------------------------------------------------------------


def test_no_form_of_another_site_is_taken(app: FastAPI, called: str) -> None:
    root = browser(app)
    assert log_in(root, "root") == 303
    csrf = token(root)
    before = actions(app)
    changing = [path for method, path in routes(app) if method != "GET" and path != "/login"]
    assert len(changing) > 5
    for path in changing:
        where = filled(path, called)
        for headers, data, query in (
            (OURS, {}, ""),
            (OURS, {"csrf": "ключ"}, ""),
            ({**OURS, "x-csrf-token": "0" * len(csrf)}, {}, ""),
            (OURS, {}, f"?csrf={csrf}"),
            ({"sec-fetch-site": "cross-site", "x-csrf-token": csrf}, {"csrf": csrf}, ""),
            ({"sec-fetch-site": "same-site", "x-csrf-token": csrf}, {"csrf": csrf}, ""),
            ({"origin": "http://testserver.evil.example", "x-csrf-token": csrf}, {"csrf": csrf}, ""),
            ({"x-csrf-token": csrf}, {"csrf": csrf}, ""),
        ):
            assert root.post(where + query, data=data, headers=headers).status_code == 403, (path, headers, data)
        plain = {**OURS, "content-type": "text/plain"}
        assert root.post(where, content=f"csrf={csrf}", headers=plain).status_code == 403, path
    assert actions(app) == before


def test_nothing_is_changed_by_opening_an_address(app: FastAPI) -> None:
    changing = {path for method, path in routes(app) if method != "GET"}
    opened = {path for method, path in routes(app) if method == "GET"}
    assert {path for path in changing & opened if "{" in path} == set()  # no address that shows one thing and changes it


# -- sessions and keys -------------------------------------------------------------------------------------------------------


def test_a_session_that_was_set_before_the_login_is_not_taken_over(app: FastAPI) -> None:
    client = browser(app)
    client.cookies.set(COOKIE, "known-to-the-attacker")
    assert log_in(client, "root") == 303
    own = client.cookies.get(COOKIE, domain="testserver.local")
    assert own != "known-to-the-attacker"
    thief = browser(app)
    thief.cookies.set(COOKIE, "known-to-the-attacker")
    assert thief.get("/users").status_code == 401


def test_logging_in_again_ends_the_session_that_the_browser_had(app: FastAPI) -> None:
    client = browser(app)
    log_in(client, "oper")
    first = client.cookies[COOKIE]
    log_in(client, "oper")
    assert client.cookies[COOKIE] != first
    assert stolen(app, first).get("/operator").status_code == 401


@pytest.mark.parametrize("what", ["password", "closed", "role", "shift", "own password"])
def test_a_stolen_session_ends_with_the_right_to_it(app: FastAPI, clock: VirtualClock, what: str) -> None:
    client = browser(app)
    log_in(client, "qa")
    thief = stolen(app, client.cookies[COOKIE])
    assert thief.get("/dialogs").status_code == 200
    users = app.state.desk.users
    if what == "password":
        users.set_password("qa")
    elif what == "closed":
        users.set_active("qa", False)
    elif what == "role":
        users.set_role("qa", Role.ADMIN)
    elif what == "shift":
        for _ in range(int(LONGEST.total_seconds() // 1200) + 1):  # in use all the time
            clock.advance(1200)
            thief.get("/dialogs")
    else:
        form = {"csrf": token(client), "old": PASSWORD, "new": "совсем другая фраза", "again": "совсем другая фраза"}
        assert client.post("/password", data=form, headers=OURS).status_code == 303
        assert client.get("/dialogs").status_code == 200  # who changed it stays
    assert thief.get("/dialogs").status_code == 401
    assert thief.get("/users").status_code == 401


def stolen(app: FastAPI, session: str) -> TestClient:
    thief = browser(app)
    thief.cookies.set(COOKIE, session)
    return thief


def test_a_key_is_taken_from_the_header_only(app: FastAPI) -> None:
    key = app.state.desk.sessions.add_key("program", Role.ADMIN)
    for parameter in ("key", "api_key", "token", "access_token", "authorization"):
        assert browser(app).get(f"/users?{parameter}={key}").status_code == 401, parameter
    assert stolen(app, key).get("/users").status_code == 401
    assert browser(app).get("/users", auth=("program", key)).status_code == 401
    client = browser(app)
    log_in(client, "root")
    session = client.cookies[COOKIE]
    assert browser(app).get("/users", headers={"authorization": f"Bearer {session}"}).status_code == 401
    assert browser(app).get("/users", headers={"authorization": f"Bearer {key}"}).status_code == 200


# -- passwords ---------------------------------------------------------------------------------------------------------------


class Counted(PasswordHasher):
    """How often a password was really compared."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.verified: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.verified.append(str(hash))
        return super().verify(hash, password)


def test_an_unknown_login_costs_as_much_work_and_says_as_little(app: FastAPI, clock: VirtualClock) -> None:
    desk, counted = app.state.desk, Counted()
    desk.users.set_active(OTHER, False)
    object.__setattr__(desk, "users", Users(desk.database, clock, counted))
    counted.verified.clear()
    answers = set()
    for name in ("root", OTHER, "nobody.here", "не латиница", "x" * 64):
        answer = browser(app).post("/login", data={"name": name, "password": "wrong"}, headers=OURS)
        answers.add((answer.status_code, answer.text.replace(name, "")))
    assert len(answers) == 1
    assert len(counted.verified) == 5
    assert len({hash.rsplit("$", 2)[0] for hash in counted.verified if hash}) <= 2  # argon2's parameters are as dear


def test_a_name_is_guarded_wherever_the_guesses_come_from(app: FastAPI) -> None:
    statuses = []
    for last in range(8):
        client = TestClient(app, client=(f"192.0.2.{last}", 4000), follow_redirects=False)
        statuses.append(log_in(client, "root", "wrong"))
    assert statuses == [401] * 5 + [429] * 3


def test_an_address_is_slowed_whatever_names_it_tries(app: FastAPI) -> None:
    statuses = [log_in(browser(app), f"user{number}", "wrong") for number in range(25)]
    assert statuses[:20] == [401] * 20
    assert set(statuses[20:]) == {429}
    forwarded = browser(app).post(
        "/login", data={"name": "root", "password": PASSWORD}, headers={**OURS, "x-forwarded-for": "198.51.100.1"}
    )
    assert forwarded.status_code == 429  # who pretends to come from elsewhere does not


def test_the_own_password_cannot_be_guessed_from_a_stolen_session(app: FastAPI) -> None:
    client = browser(app)
    log_in(client, "oper")
    form = {"csrf": token(client), "old": "wrong", "new": "совсем другая фраза", "again": "совсем другая фраза"}
    statuses = [client.post("/password", data=form, headers=OURS).status_code for _ in range(7)]
    assert statuses == [400] * 5 + [429] * 2


def test_a_password_typed_as_the_login_stands_in_no_audit(app: FastAPI) -> None:
    log_in(browser(app), "abcde-fghkm-npqrs", "oper")
    log_in(browser(app), "root", "wrong")
    failed = [entry.subject for entry in app.state.desk.audit.entries() if entry.action == "login_failed"]
    assert failed == ["root", ""]


# -- guesses and strange values ----------------------------------------------------------------------------------------------


#: Values that the forms for one dialog take: the ID is what must be refused.
FORM = {"result": "solved", "kind": "fine", "outcome": "reached", "tries": "0", "text": "да", "key": "key-0001"}


def test_guessing_ids_is_slowed_and_noted_wherever_they_are_asked(app: FastAPI, called: str) -> None:
    root = browser(app)
    log_in(root, "root")
    headers = {**OURS, "x-csrf-token": token(root)}
    for method, path in routes(app):
        if "{typed}" not in path:
            continue
        app.state.desk.limits._limiter.storage.reset()
        form = FORM if method == "POST" else None
        statuses = [
            root.request(method, filled(path, dialog_id.new()), data=form, headers=headers).status_code for _ in range(12)
        ]
        assert statuses == [404] * 10 + [429] * 2, (method, path, statuses)
        assert actions(app)[:12] == ["guessing_throttled"] * 2 + ["unknown_dialog"] * 10, path


@pytest.mark.parametrize("typed", ["%00", "%ff%fe", "..%2f..%2fetc%2fpasswd", "%2e%2e", "x" * 4000, "' OR 1=1--", "%D0%B0" * 8])
def test_a_strange_id_is_no_dialog(app: FastAPI, typed: str) -> None:
    root = browser(app)
    log_in(root, "root")
    for path in (f"/dialogs/{typed}", f"/dialogs/{typed}/sound", f"/d/{typed}", f"/static/{typed}"):
        assert root.get(path, headers=PAGE).status_code in (404, 400, 422, 303), path
    assert root.get("/operator/open", params={"typed": typed}).status_code in (200, 303)


@pytest.mark.parametrize(
    "path", ["../desk.db", "..%2fdesk.db", "%2e%2e/app.py", "/etc/hostname", "..\\app.py", "vendor/../../app.py"]
)
def test_static_files_are_those_of_their_folder(app: FastAPI, path: str) -> None:
    answer = browser(app).get(f"/static/{path}")
    assert answer.status_code in (401, 404)


@pytest.mark.parametrize(
    "name", ["\x00", "root\x00", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "a'--", "x" * 65]
)
def test_a_strange_login_is_refused(app: FastAPI, name: str) -> None:
    assert log_in(browser(app), name) in (401, 422)


@pytest.mark.parametrize("path", ["/login", "/users"])
def test_a_body_without_end_is_not_read(app: FastAPI, path: str) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(400):
            sent += 65536
            yield b"x" * 65536

    client = browser(app)
    long = {**OURS, "content-type": "application/x-www-form-urlencoded"}
    if path == "/users":
        assert client.post(path, content=b"x" * (BODY_LIMIT_BYTES + 1), headers=long).status_code in (401, 413)
        log_in(client, "root")
        long |= {"x-csrf-token": token(client)}
    assert client.post(path, content=b"x" * (BODY_LIMIT_BYTES + 1), headers=long).status_code == 413
    assert client.post(path, content=endless(), headers=long).status_code == 413


@pytest.mark.parametrize(
    "elsewhere",
    ["/\t/evil.example", "/\n/evil.example", "\\\\evil.example", "/.//evil.example/..//", "http:evil.example", "%2f%2fevil"],
)
def test_no_login_leads_to_another_site(app: FastAPI, elsewhere: str) -> None:
    answer = browser(app).post("/login", data={"name": "root", "password": PASSWORD, "next": elsewhere}, headers=OURS)
    assert re.fullmatch(r"/(?![/\\\s]).*|/", answer.headers["location"])


def test_no_page_names_the_host_that_the_browser_says(app: FastAPI, called: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.desk.pages.dialogs.PAGE", 1)  # so that the list has links to its other pages
    for _ in range(3):
        app.state.desk.records.open_dialog(Dialog(id=dialog_id.new()))
    client = browser(app)
    log_in(client, "root")
    for method, path in routes(app):
        if method == "GET" and not path.endswith("/stream"):
            answer = client.get(
                filled(path, called), headers={**PAGE, "host": "evil.example", "x-forwarded-host": "evil.example"}
            )
            assert "evil.example" not in answer.text + answer.headers.get("location", ""), path


def test_what_is_counted_quickly_is_hashed_dearly() -> None:
    """The tests' own hasher is quick; the product's is not (RFC 9106, second recommended option: 64 MiB, 3 passes)."""
    real = PasswordHasher()
    assert QUICK.memory_cost < real.memory_cost >= 64 * 1024
    assert real.time_cost >= 3
