"""How the desk looks: every page at two sizes, in light and dark; nothing cut, overlapping, pale, unnamed or not Russian."""

from collections.abc import Iterator
from typing import Any

import pytest
from busy_desk import BusyDesk, make_busy
from chromium import DESK, PHONE, SIZES, Seat, seat
from desk_browser import desk_app
from desk_server import served

from voicebot.clock import VirtualClock
from voicebot.desk.app import SECTIONS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, BusyDesk]]:
    folder, clock = tmp_path_factory.mktemp("desk"), VirtualClock()
    with pytest.MonkeyPatch.context() as patch, desk_app(folder, clock, patch) as app:
        busy = make_busy(app, folder, clock, patch)
        with served(app) as address:
            yield address, busy


@pytest.fixture(scope="module")
def root(chromium: Any, desk: tuple[str, BusyDesk]) -> Iterator[Seat]:
    """The administrator sees every page."""
    with seat(chromium, desk[0]) as own:
        own.log_in("root")
        yield own


def pages(busy: BusyDesk) -> dict[str, str]:
    """Name -> address of every page that people see."""
    named = {path.strip("/"): path for path, _, _ in SECTIONS}
    more = {
        "contact": f"/d/{busy.waiting}",
        "dialog": f"/dialogs/{busy.finished}",
        "password": "/password",
        "no_page": "/d/00000000",
    }
    return named | more


def settled(own: Seat, path: str) -> None:
    """Open a page and wait until what moves has come to rest."""
    own.go(path)
    own.page.wait_for_load_state("load")
    own.page.evaluate("() => document.fonts.ready")
    own.page.wait_for_timeout(300)


@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_readable(root: Seat, desk: tuple[str, BusyDesk], size: str) -> None:
    problems = {}
    for scheme in ("dark", "light") if size == "desk" else ("light",):
        root.page.emulate_media(color_scheme=scheme)
        root.resize(SIZES[size])
        for name, path in pages(desk[1]).items():
            settled(root, path)
            found = root.look()
            if found:
                problems[f"{name} {scheme}"] = found
            if scheme == "light":
                root.picture(f"{name}-{size}")
    assert not problems, "\n".join(f"{where}:\n  " + "\n  ".join(found) for where, found in problems.items())
    assert root.complaints == [] or all("404" in said for said in root.complaints)


@pytest.mark.parametrize("size", SIZES)
def test_the_login_page_is_readable(chromium: Any, desk: tuple[str, BusyDesk], size: str) -> None:
    with seat(chromium, desk[0], SIZES[size]) as stranger:
        settled(stranger, "/login")
        assert stranger.look() == []
        stranger.picture(f"login-{size}")
        stranger.page.fill("[name=name]", "oper")
        stranger.page.fill("[name=password]", "неверный пароль")
        stranger.page.keyboard.press("Enter")
        stranger.page.wait_for_selector("[role=alert]")
        assert stranger.look() == []


def test_what_has_the_focus_is_seen_and_reached_by_keys(root: Seat, desk: tuple[str, BusyDesk]) -> None:
    root.resize(DESK)
    for name in ("contact", "dialog", "numbers"):
        settled(root, pages(desk[1])[name])
        seen: set[str] = set()
        for _ in range(60):  # a date takes several
            root.page.keyboard.press("Tab")
            focus = root.page.evaluate(_FOCUS)
            if focus is None:
                break
            assert focus["isSeen"], f"{name}: nobody sees the focus on {focus['what']}"
            seen.add(focus["key"])
        wanted = root.page.evaluate(_REACHABLE)
        assert len(seen) >= min(wanted, 20), f"{name}: {len(seen)} of {wanted} are reached by Tab"


def test_a_page_enlarged_four_times_still_fits(root: Seat, desk: tuple[str, BusyDesk]) -> None:
    """WCAG 2.1, 1.4.10: 1280 pixels at 400 % are 320 CSS pixels."""
    root.resize((320, 600))
    wide = {}
    for name, path in pages(desk[1]).items():
        settled(root, path)
        width = root.page.evaluate("() => document.documentElement.scrollWidth")
        if width > 320:
            wide[name] = width
    root.resize(PHONE)
    assert not wide


_FOCUS = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const style = getComputedStyle(one), box = one.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const isOwn = one.matches("audio"); // the browser's own buttons in it show the focus themselves
  const all = [...document.querySelectorAll("*")];
  return { key: String(all.indexOf(one)), what: one.outerHTML.slice(0, 120), isSeen: isOwn || (outlined && box.width > 0) };
}"""
_REACHABLE = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0).length"""


def test_an_operator_notes_consent_to_calls_where_the_patients_visits_are(root: Seat, desk: tuple[str, BusyDesk]) -> None:
    root.resize(DESK)
    settled(root, pages(desk[1])["contact"])
    page = root.page
    assert "согласия нет" in page.get_by_test_id("calls-row").inner_text()
    page.get_by_test_id("allow-calls").click()
    page.get_by_test_id("calls-row").get_by_text("согласие есть").wait_for()
    assert page.get_by_test_id("allow-calls").count() == 0
    assert "робот может звонить" in page.locator("#say").inner_text()
    page.get_by_test_id("refuse-calls").click()
    page.get_by_test_id("calls-row").get_by_text("отказ").wait_for()
    assert page.get_by_test_id("refuse-calls").count() == 0
