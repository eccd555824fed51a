"""Debian's Chromium for tests: a browser that complains, looks at the layout of a page and takes its picture."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from desk_browser import PASSWORD

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make .venv/.dev)")

DESK = (1366, 768)
PHONE = (390, 844)
SIZES = {"desk": DESK, "phone": PHONE}
#: Where pictures for the docs go; unset: none are taken.
PICTURES = os.environ.get("VOICEBOT_SCREENSHOTS", "")
MOST_PICTURE_BYTES = 150_000
PATIENCE_MS = 60_000

_LOOK = (Path(__file__).parent / "browser" / "look.js").read_text()
#: What stands in Latin letters on a Russian page by right: names of things, units, formats.
_LATIN = {
    "voicebot",
    "csv",
    "jsonl",
    "json",
    "sip",
    "api",
    "flac",
    "telegram",
    "max",
    "enter",
    "shift",
    "esc",
    "https",
    "prometheus",
    "root",
    "oper",
    "qa",
    "boss",
}
_WORD = re.compile(r"[A-Za-z]{2,}")


@contextmanager
def running_chromium() -> Iterator[Any]:
    """A browser; skips the test, saying why, where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium fonts-dejavu-core)")
    arguments = ["--mute-audio", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to start as root with it
    with playwright.sync_playwright() as started:
        # Dates are written as the browser's own language has it (Debian: chromium-l10n).
        environment = {**os.environ, "LANGUAGE": "ru", "LANG": "ru_RU.UTF-8"}
        browser = started.chromium.launch(executable_path=program, args=[*arguments, "--lang=ru"], env=environment)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Seat:
    """One person at one browser: a window of a size, and everything the browser complained about."""

    address: str
    page: Any
    complaints: list[str] = field(default_factory=list)

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        """From the login page to the first page of the role."""
        self.go("/login")
        self.page.fill("[name=name]", name)
        self.page.fill("[name=password]", password)
        self.page.click("main button")
        self.page.wait_for_url(lambda url: "/login" not in url)

    def go(self, path: str) -> Any:
        return self.page.goto(self.address + path)

    def resize(self, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def look(self) -> list[str]:
        """What is wrong with the page as it is: cut, overlapping, unlabelled, too pale, too small, not Russian."""
        found = self.page.evaluate(_LOOK)
        strange = {word for word in _WORD.findall(found["text"]) if word.lower() not in _LATIN}
        return [*found["problems"], *(f"not Russian: {word}" for word in sorted(strange))]

    def picture(self, name: str) -> None:
        """Take the page's picture for the docs, when they are asked for."""
        if not PICTURES:
            return
        folder = Path(PICTURES)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}.png"
        self.page.screenshot(path=str(file), animations="disabled", caret="hide")
        with contextlib.suppress(ImportError):  # a third of the size; nothing else here needs Pillow
            from PIL import Image

            Image.open(file).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(file, optimize=True)
        assert file.stat().st_size <= MOST_PICTURE_BYTES, f"{file} is too big for the repository"


@contextmanager
def seat(browser: Any, address: str, size: tuple[int, int] = DESK, **options: Any) -> Iterator[Seat]:
    """Sit down: a browser's window with cookies of its own, in Russian and Moscow."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale="ru-RU", timezone_id="Europe/Moscow", **options
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    own = Seat(address, page)
    page.on("pageerror", lambda error: own.complaints.append(f"script: {error}"))
    page.on("console", lambda said: own.complaints.append(said.text) if said.type == "error" else None)
    page.on("response", lambda got: own.complaints.append(f"{got.status} {got.url}") if got.status >= 500 else None)
    try:
        yield own
    finally:
        context.close()
