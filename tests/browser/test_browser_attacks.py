"""Attacks that only a real browser can show: scripts in what patients say, forged forms, sessions that end under a page."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from chromium import Seat, seat
from desk_browser import desk_app
from desk_clinic import with_clinic
from desk_server import served
from fastapi import FastAPI

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.desk.guard import COOKIE
from voicebot.records.call_backs import CallBacks
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.digest import Digester
from voicebot.records.marks import Kind, Mark, Marks
from voicebot.russian.names import PersonName

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

#: Each tries to run in another place: in text, in an attribute, in an address, in a template, in JSON inside a script.
EVILS = (
    "<script>window.taken=1</script>",
    "\"><img src=x onerror='window.taken=1'>",
    "' onfocus='window.taken=1' autofocus x='",
    "javascript:window.taken=1",
    "</script><svg onload=window.taken=1>",
    "{{ 7*7 }}${7*7}<b hx-get=/users hx-trigger=load>",
)
EVIL = " ".join(EVILS)


@dataclass(frozen=True)
class Target:
    app: FastAPI
    address: str
    dialog_id: str


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A desk whose every field that a patient, an operator or QA can fill holds an attack."""
    folder, clock = tmp_path_factory.mktemp("target"), VirtualClock()
    with pytest.MonkeyPatch.context() as patch, desk_app(folder, clock, patch) as app:
        patch.setattr("voicebot.desk.guard.RECHECK_SECONDS", 0.2)
        patch.setattr("voicebot.desk.live._COMMENT_SECONDS", 0.5)
        one = _poisoned(app, clock)
        with served(app) as address:
            yield Target(app, address, one)


def _poisoned(app: FastAPI, clock: VirtualClock) -> str:
    desk, one = app.state.desk, dialog_id.new()
    clinic = with_clinic(app, days=3)
    records = desk.records
    records.open_dialog(Dialog(id=one, caller_phone=EVIL[:40], called=EVIL[:40], dialplan=EVIL[:40], channel=EVILS[0][:16]))
    records.add_turn(one, Turn(1, Who.ROBOT, EVIL, prompt=EVIL[:60], played_text=EVIL[:20]))
    records.add_turn(
        one,
        Turn(
            2,
            Who.CALLER,
            EVIL,
            intent=EVIL[:30],
            digits=EVIL[:20],
            slots={EVIL: EVIL},
            confidence=0.3,
            alternatives=[
                {"text": EVIL, "confidence": 0.2, "source": "open"},
                {"text": "да", "confidence": 0.1, "source": EVIL},
            ],
        ),
    )
    records.add_turn(one, Turn(3, Who.SYSTEM, EVIL))
    records.add_turn(one, Turn(4, Who.CALLER, f"ничего не понятно {EVIL}", intent="none"))
    records.finish_dialog(one, "callback", EVIL[:30], transfer_target=EVIL[:30], transfer_result=EVIL[:20],
                          summary={EVIL: EVIL, "пациент": EVIL}, handling_seconds=5.0)  # fmt: skip
    records.update_dialog(one, versions={EVIL: EVIL})
    Marks(desk.database, clock).put(Mark(one, 2, Kind.MISHEARD, EVIL, EVIL[:60], EVIL, "qa"))
    CallBacks(desk.database, clock).promise(one, "+79160000001", None, EVIL, "oper")
    offer = clinic.bookings.find_slots(speciality="cardiologist", limit=1)[0]
    clinic.bookings.book(offer.slot_id, one, PersonName(EVILS[0], EVILS[1], EVILS[2]), "+79160000001", None, "evil")
    while Digester(desk.database, clock, desk.settings.zoneinfo).run(100):
        pass
    return one


#: Elements of ours that no template writes: each came from somebody's words.
_STRANGE = """() => [...document.querySelectorAll("main *")]
  .filter((one) => [...one.attributes].some((own) => own.name.startsWith("on"))
    || one.matches("script:not([src], [type='application/json']), svg, img, [hx-get='/users'], a[href^='javascript']"))
  .map((one) => one.outerHTML.slice(0, 80))"""


def test_what_people_say_and_write_never_runs(chromium: Any, target: Target) -> None:
    with seat(chromium, target.address) as root:
        root.log_in("root")
        one, page = target.dialog_id, root.page
        visits = ["/visits", "/visits?day=2026-11-23", "/visits?day=2026-11-24"]
        for path in (f"/d/{one}", f"/dialogs/{one}", "/dialogs", "/callbacks", "/operator", "/numbers", "/audit", *visits):
            assert root.go(path).status == 200, path
            page.wait_for_timeout(200)
            for summary in page.locator("summary").all():
                summary.click()
            assert page.evaluate("() => window.taken") is None, path
            assert page.evaluate(_STRANGE) == [], path
            if one in path:
                assert EVILS[0] in page.inner_text("main"), path  # it is shown, as the words it is
        root.go("/dialogs")
        page.fill("[name=words]", EVILS[1])
        page.click("button:has-text('Найти')")
        page.wait_for_url("**find=*")
        assert page.input_value("[name=words]") == EVILS[1]
        assert page.evaluate("() => window.taken") is None
        assert not [said for said in root.complaints if "Content Security Policy" in said], root.complaints
        assert [said for said in root.complaints if not said.startswith("Failed to load")] == []


def test_the_policy_stops_a_script_that_got_in_all_the_same(chromium: Any, target: Target) -> None:
    with seat(chromium, target.address) as root:
        root.log_in("root")
        root.go("/dialogs")
        root.page.evaluate(
            """() => {
              const script = document.createElement("script");
              script.textContent = "window.taken = 1";
              document.body.append(script);
              document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.taken=1'>");
              const far = document.createElement("script");
              far.src = "http://localhost:1/x.js";
              document.body.append(far);
            }"""
        )
        root.page.wait_for_timeout(500)
        assert root.page.evaluate("() => window.taken") is None
        stopped = [said for said in root.complaints if "Content Security Policy" in said]
        assert len(stopped) >= 3, root.complaints
        sent = root.page.evaluate("() => fetch('http://localhost:1/', {method: 'POST', body: 'x'}).then(() => 1, () => 0)")
        assert sent == 0
        assert root.page.evaluate("() => document.cookie") == ""  # no script may read the session


@contextlib.contextmanager
def another_site(html: str) -> Iterator[str]:
    """A page on another host (localhost is another site than 127.0.0.1)."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = html.encode()
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_another_site_sends_no_form_in_the_users_name(chromium: Any, target: Target) -> None:
    users = target.app.state.desk.users
    form = (
        f"<form id=f method=post action='{target.address}/users'><input name=name value=evil><input name=role value=admin>"
        "</form><script>document.getElementById('f').submit()</script>"
    )
    with seat(chromium, target.address) as root, another_site(form) as elsewhere:
        root.log_in("root")
        with root.page.expect_response(lambda got: got.request.method == "POST") as sent:
            root.page.goto(elsewhere)
        assert sent.value.status in (401, 403)
        assert not any(user.login == "evil" for user in users.all())


def test_another_site_shows_no_page_of_ours_in_a_frame(chromium: Any, target: Target) -> None:
    frame = f"<iframe src='{target.address}/login'></iframe>"
    with seat(chromium, target.address) as root, another_site(frame) as elsewhere:
        root.page.goto(elsewhere)
        root.page.wait_for_timeout(500)
        assert all("Вход" not in frame.content() for frame in root.page.frames)


def test_a_page_that_is_open_shows_nothing_more_when_its_session_has_ended(chromium: Any, target: Target) -> None:
    records, one = target.app.state.desk.records, dialog_id.new()
    records.open_dialog(Dialog(id=one))
    records.update_dialog(one, transfer_target="operator", reason="requested")
    with seat(chromium, target.address) as oper:
        oper.log_in("oper")
        oper.go(f"/d/{one}")
        records.add_turn(one, Turn(1, Who.CALLER, "это ещё видно"))
        oper.page.wait_for_selector("#live >> text=это ещё видно")
        session = next(cookie for cookie in oper.page.context.cookies() if cookie["name"] == COOKIE)
        target.app.state.desk.sessions.close(session["value"])
        oper.page.wait_for_url("**/login?next=*")  # the page does not stay open with what it had
        records.add_turn(one, Turn(2, Who.CALLER, "этого не видно"))
        assert "видно" not in oper.page.content()


def test_a_page_says_when_it_is_not_live(chromium: Any, target: Target) -> None:
    with seat(chromium, target.address) as oper:
        oper.log_in("oper")
        assert oper.page.is_hidden("#offline")
        oper.page.context.set_offline(True)
        oper.page.route("**/operator/stream", lambda route: route.abort())
        _break_stream(oper)
        oper.page.wait_for_selector("#offline", state="visible")
        assert oper.look() == []
        oper.page.unroute("**/operator/stream")
        oper.page.context.set_offline(False)
        oper.page.wait_for_selector("#offline", state="hidden", timeout=60_000)


def _break_stream(oper: Seat) -> None:
    """End the open stream as a lost network does."""
    oper.page.evaluate("() => document.getElementById('queue')._htmx.sse.reader.cancel()")
