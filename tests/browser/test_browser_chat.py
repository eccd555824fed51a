"""The chat in a real browser: a booking, an operator who answers from the desk, a reload, a phone, no WebSocket, an attack."""

from collections.abc import Iterator
from typing import Any

import pytest
from chromium import DESK, PHONE, Seat, seat
from desk_browser import PASSWORD, QUICK
from desk_server import served
from web_chat import WebStage, web_stage

from voicebot.accounts.roles import Role
from voicebot.accounts.users import Users
from voicebot.desk.app import create_app as create_desk
from voicebot.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EVIL = "<img src=x onerror='window.taken=1'><script>window.taken=1</script>"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(tmp_path_factory.mktemp("chat"), hellos_per_minute=10_000) as one:
        yield one


@pytest.fixture(scope="module")
def desk_address(stage: WebStage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The operators' desk over the same database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("voicebot.desk.app.Users", lambda database, clock: Users(database, clock, QUICK))
        app = create_desk(Settings(data_dir=tmp_path_factory.mktemp("desk")), stage.clock, stage.database)
        app.state.desk.users.add("oper", Role.OPERATOR, PASSWORD)
        with served(app) as address:
            yield address


class Chat:
    """A patient's hands and eyes at the widget."""

    def __init__(self, own: Seat) -> None:
        self.page = own.page

    def open(self) -> None:
        self.page.get_by_role("button", name="Чат с клиникой").click()
        self.page.get_by_label("Сообщение", exact=True).wait_for()

    def say(self, text: str) -> None:
        self.page.get_by_label("Сообщение", exact=True).fill(text)
        self.page.keyboard.press("Enter")
        self.sees(text)

    def press(self, label: str) -> None:
        self.page.get_by_role("group", name="Варианты ответа").get_by_role("button", name=label).first.click()

    def sees(self, text: str) -> None:
        self.page.get_by_role("log").get_by_text(text).last.wait_for()

    def lines(self) -> list[str]:
        found: list[str] = self.page.locator(".line").all_inner_texts()
        return found


@pytest.fixture
def patient(chromium: Any, stage: WebStage) -> Iterator[tuple[Seat, Chat]]:
    with seat(chromium, stage.url) as own:
        own.go("/")
        yield own, Chat(own)
        assert own.complaints == []


def book(chat: Chat) -> None:
    chat.open()
    chat.press("Записаться к врачу")
    chat.sees("К какому врачу")
    chat.say("к терапевту")
    chat.press("Любое время")
    chat.sees("вариант")
    chat.press("11:00")
    chat.sees("фамилию")
    chat.say("Иванов Пётр")
    chat.sees("номер")
    chat.say("8 916 123-45-67")
    chat.sees("Всё верно?")


def test_a_booking_with_buttons_and_a_reload_in_the_middle(patient: tuple[Seat, Chat]) -> None:
    own, chat = patient
    book(chat)
    own.picture("chat-desk")
    before = [line for line in chat.lines() if "Напишите, чем помочь" not in line]
    own.page.reload()
    chat.sees("Всё верно?")
    assert chat.lines() == before
    chat.press("Да")
    chat.sees("записала")
    own.resize(PHONE)
    own.picture("chat-phone")
    panel = own.page.locator(".panel").bounding_box()
    assert (panel["x"], panel["y"], panel["width"], panel["height"]) == (0, 0, *PHONE)
    assert own.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_operator_takes_over_and_answers_from_the_desk(
    chromium: Any, stage: WebStage, desk_address: str, patient: tuple[Seat, Chat]
) -> None:
    _, chat = patient
    chat.open()
    chat.say("позовите оператора")
    chat.sees("Позвала оператора")
    dialog_id = stage.app.state.context.database.run(_last_dialog, is_readonly=True)
    with seat(chromium, desk_address, DESK) as operator:
        operator.log_in("oper")
        operator.go(f"/d/{dialog_id}")
        operator.page.get_by_test_id("take").click()
        chat.sees("Оператор подключился")
        operator.page.get_by_test_id("reply-text").wait_for()
        operator.page.get_by_test_id("reply-text").fill(f"Здравствуйте! {EVIL}")
        operator.page.get_by_test_id("reply-send").click()
        chat.sees(f"Здравствуйте! {EVIL}")
        chat.say("Спасибо, всё понятно")
        operator.page.get_by_text("Спасибо, всё понятно").first.wait_for()
    assert chat.page.evaluate("window.taken") is None


def _last_dialog(session: Any) -> str:
    from sqlalchemy import select

    from voicebot.records.tables import DialogRow

    return str(session.scalar(select(DialogRow.id).where(DialogRow.channel == "web").order_by(DialogRow.started_at.desc())))


def test_what_is_typed_is_shown_and_never_run(patient: tuple[Seat, Chat]) -> None:
    own, chat = patient
    chat.open()
    chat.say(EVIL)
    own.page.reload()
    chat.sees(EVIL)
    assert own.page.evaluate("window.taken") is None


def test_the_chat_works_where_websockets_do_not(chromium: Any, stage: WebStage) -> None:
    with seat(chromium, stage.url) as own:
        own.page.add_init_script("window.WebSocket = undefined")
        own.go("/")
        chat = Chat(own)
        chat.open()
        chat.say("где вы находитесь")
        chat.sees("Лесной")
        own.page.reload()
        chat.sees("где вы находитесь")
        assert own.complaints == []


def test_keys_alone_are_enough_and_the_focus_returns(patient: tuple[Seat, Chat]) -> None:
    own, chat = patient
    own.page.get_by_role("button", name="Чат с клиникой").focus()
    own.page.keyboard.press("Enter")
    chat.page.get_by_label("Сообщение", exact=True).wait_for()
    own.page.keyboard.type("часы работы")
    own.page.keyboard.press("Enter")
    chat.sees("филиал")
    own.page.keyboard.press("Escape")
    launcher = own.page.get_by_role("button", name="Чат с клиникой")
    launcher.wait_for()
    assert launcher.evaluate("one => one.getRootNode().activeElement === one")


def test_the_pages_own_style_does_not_reach_the_chat(patient: tuple[Seat, Chat]) -> None:
    own, chat = patient
    own.page.evaluate(
        """() => { const sheet = new CSSStyleSheet();
        sheet.replaceSync('* { font-size: 40px !important; display: block; } button, textarea { display: none !important; }');
        document.adoptedStyleSheets = [sheet]; }"""
    )
    chat.open()
    size = own.page.get_by_label("Сообщение", exact=True).evaluate("one => getComputedStyle(one).fontSize")
    assert size == "16px"
    chat.say("где вы находитесь")
    chat.sees("Лесной")


def test_after_the_server_was_away_the_chat_comes_back(chromium: Any, stage: WebStage) -> None:
    with seat(chromium, stage.url) as own:
        own.go("/")
        chat = Chat(own)
        chat.open()
        chat.say("часы работы")
        chat.sees("филиал")
        own.page.context.set_offline(True)
        own.page.evaluate("window.dispatchEvent(new Event('offline'))")
        own.page.get_by_label("Сообщение", exact=True).fill("на Лесной")
        own.page.keyboard.press("Enter")
        own.page.context.set_offline(False)
        chat.sees("8:00–21:00")
