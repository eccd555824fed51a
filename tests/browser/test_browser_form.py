"""The contact form on a clinic's own page: what a patient sends stands in the operators' queue without a reload."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from chromium import DESK, PHONE, SIZES, Seat, seat
from desk_browser import desk_app
from desk_server import served
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from voicebot.channels.contact_form import ContactForms, Meant, router
from voicebot.clock import SystemClock
from voicebot.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_SITE = """<!doctype html><html lang="ru"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Клиника</title><style>label, input {{ color: red; float: right }}</style></head><body><h1>Напишите нам</h1>
<div data-voicebot-form></div><script src="{address}/contact/form.js" defer></script></body></html>"""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses of the desk, of the public form, and of two sites: only one of them may send the form."""
    folder = tmp_path_factory.mktemp("form")
    sites, addresses = [FastAPI(), FastAPI()], {}

    def classify(_text: str, _now: datetime) -> Meant:
        return Meant("book", {"speciality": "кардиолог"})

    for site in sites:
        site.add_api_route("/", lambda: HTMLResponse(_SITE.format(address=addresses["form"])))
    with (
        pytest.MonkeyPatch.context() as patch,
        desk_app(folder, SystemClock(), patch) as desk,  # type: ignore[arg-type]
        served(desk) as addresses["desk"],
        served(sites[0]) as addresses["site"],
        served(sites[1]) as addresses["evil"],
    ):
        form = {"origins": [addresses["site"]], "least_seconds": 0}
        settings = Settings(data_dir=folder, channels={"form": form})
        public = FastAPI()
        public.include_router(router(ContactForms(settings, SystemClock(), desk.state.desk.database, classify), settings))
        with served(public) as addresses["form"]:
            yield addresses


def fill(page: Any, phone: str) -> None:
    page.fill("input[name=name]", "Анна")
    page.fill("input[name=phone]", phone)
    page.fill("textarea[name=message]", "Хочу к кардиологу & терапевту")
    page.check("input[name=consent]")
    page.click("button")


@pytest.fixture
def operator(chromium: Any, places: dict[str, str]) -> Iterator[Seat]:
    with seat(chromium, places["desk"], DESK) as own:
        own.log_in("oper")
        own.page.wait_for_selector("text=Никто не ждёт")
        yield own


def test_from_the_clinics_page_into_the_queue(chromium: Any, places: dict[str, str], operator: Seat) -> None:
    with seat(chromium, places["site"], PHONE) as patient:
        patient.go("/")
        fill(patient.page, "12")
        patient.page.wait_for_selector("text=Напишите номер телефона целиком")
        fill(patient.page, "8 912 345 67 89")
        patient.page.wait_for_selector("text=Ваше сообщение у оператора")
        assert patient.page.locator("form").count() == 0, "it is sent once"
        # 422 is what we asked for; 404 is the site without an icon.
        assert [said for said in patient.complaints if "422" not in said and "404" not in said] == []
    row = operator.page.locator("[data-testid=queue-row]")
    row.wait_for()
    for part in ("форма", "новое", "+7 (912) 345-67-89", "Анна", "просит связаться"):
        assert part in row.inner_text(), part
    row.locator("a").click()
    operator.page.wait_for_selector("text=Хочу к кардиологу & терапевту")
    operator.page.click("[data-testid=result-solved]")
    operator.page.wait_for_selector("text=Никто не ждёт")
    assert operator.complaints == []


def test_another_site_cannot_send_it(chromium: Any, places: dict[str, str]) -> None:
    with seat(chromium, places["evil"], DESK) as stranger:
        stranger.go("/")
        stranger.page.wait_for_selector(".told.bad")
        fill(stranger.page, "8 912 345 67 89")
        stranger.page.wait_for_selector("text=Нет связи: сообщение не отправлено")


@pytest.mark.parametrize("size", SIZES)
def test_the_page_without_scripts(chromium: Any, places: dict[str, str], size: str) -> None:
    with seat(chromium, places["form"], SIZES[size], java_script_enabled=False) as patient:
        patient.go("/contact/form.html")
        patient.picture(f"contact-form-{size}")
        fill(patient.page, "8 912 345 67 80")
        patient.page.wait_for_selector("text=Ваше сообщение у оператора")
    with seat(chromium, places["form"], SIZES[size]) as reader:
        reader.go("/contact/form.html")
        # The trap for programs is off the screen on purpose.
        assert [problem for problem in reader.look() if "website" not in problem] == []
