"""Main and backup: left alone when ill, tried again with single messages, back when well. In virtual time."""

import json
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_listener import Heard

from voicebot.clock import VirtualClock
from voicebot.messages.health import Breaker, Condition, Limits, Try
from voicebot.messages.prices import prices_of, sms_price
from voicebot.messages.providers import open_senders, webhooks, writes_to_files
from voicebot.messages.routes import Route
from voicebot.messages.senders.file import FileSender
from voicebot.messages.senders.sender import (
    Accepted,
    Channel,
    Listener,
    Outgoing,
    Receipt,
    ReceiptStatus,
    Refused,
    SendFailure,
    Throttled,
    Unavailable,
    Uncertain,
)
from voicebot.settings import FileProvider, HttpProvider, Messages, Settings, SmppProvider

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Provider:
    """A sender that is ill when told so. `taken`: keys it accepted."""

    channel = Channel.SMS
    is_idempotent = False

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.failure: SendFailure | None = None
        self.taken: list[str] = []
        self.listener: Listener | None = None

    async def open(self, listener: Listener) -> None:
        self.listener = listener

    async def close(self) -> None:
        self.listener = None

    async def send(self, outgoing: Outgoing) -> Accepted:
        if self.failure is not None:
            raise self.failure
        self.taken.append(outgoing.key)
        return Accepted(self.provider, outgoing.key)


async def deliver(route: Route, key: str, clock: VirtualClock) -> None:
    """As the courier does: provider after provider, until one takes it or its fate is unknown."""
    for sender in route.order():
        route.begin(sender.provider)
        try:
            await sender.send(Outgoing(key=key, address="+79161234567", text="Да"))
        except SendFailure as failure:
            route.note(sender.provider, failure, 0.1)
            if not isinstance(failure, Unavailable):
                return
        else:
            route.note(sender.provider, None, 0.1)
            return


def first(route: Route) -> str:
    return route.order()[0].provider


async def test_the_backup_takes_over_and_gives_back() -> None:
    clock, main, backup = VirtualClock(), Provider("main"), Provider("backup")
    route = Route((main, backup), clock, Limits(probes=2))
    await deliver(route, "a", clock)
    assert main.taken == ["a"]
    main.failure = Unavailable("away")
    for number in range(6):
        await deliver(route, f"b{number}", clock)
    assert backup.taken == [f"b{number}" for number in range(6)]  # nothing was lost on the way
    assert route.conditions() == {"main": "open", "backup": "closed"}
    main.failure = None
    await deliver(route, "c", clock)
    assert backup.taken[-1] == "c"  # left alone for a while
    clock.advance(31)
    await deliver(route, "d", clock)
    await deliver(route, "e", clock)
    assert main.taken == ["a", "d", "e"]
    assert route.conditions()["main"] == "closed"


async def test_each_failed_probe_doubles_the_while() -> None:
    clock, main, backup = VirtualClock(), Provider("main"), Provider("backup")
    route = Route((main, backup), clock)
    main.failure = Unavailable("away")
    for number in range(3):
        await deliver(route, f"a{number}", clock)
    waited = []
    for _ in range(7):
        seconds = 0.0
        while first(route) != "main":
            clock.advance(1)
            seconds += 1
        waited.append(seconds)
        await deliver(route, "probe", clock)
    assert waited == [30, 60, 120, 240, 480, 900, 900]


def test_one_probe_at_a_time() -> None:
    breaker = Breaker(Limits())
    for _ in range(3):
        breaker.tried(Try.FAILED, 0)
    assert not breaker.may_try(29)
    assert breaker.may_try(30)
    breaker.begin(30)
    assert not breaker.may_try(31)
    assert breaker.may_try(91)  # that one never came back
    breaker.tried(Try.BUSY, 92)  # throttled: it lives, try again
    assert breaker.may_try(92)
    assert breaker.condition is Condition.HALF_OPEN


@pytest.mark.parametrize(
    ("failure", "seconds", "condition"),
    [
        (Refused("this number"), 0.1, "closed"),
        (Throttled("slower", 5), 0.1, "closed"),
        (Uncertain("no answer"), 10, "open"),
        (Unavailable("away"), 0.1, "open"),
        (None, 9.0, "open"),  # taken, but after nine seconds
        (None, 1.0, "closed"),
    ],
)
def test_what_tells_of_an_illness(failure: SendFailure | None, seconds: float, condition: str) -> None:
    route = Route((Provider("main"),), VirtualClock())
    for _ in range(5):
        route.note("main", failure, seconds)
    assert route.conditions()["main"] == condition


def test_every_second_one_fails() -> None:
    breaker = Breaker(Limits())
    for number in range(9):
        breaker.tried(Try.FAILED if number % 2 else Try.WELL, number)
    assert breaker.condition is Condition.CLOSED
    breaker.tried(Try.FAILED, 10)
    assert breaker.condition is Condition.OPEN


async def test_taken_but_never_delivered() -> None:
    """A provider that accepts everything and delivers nothing is found out by its receipts."""
    main, backup, heard = Provider("main"), Provider("backup"), Heard()
    route = Route((main, backup), VirtualClock(), Limits(delivery_window=10))
    await route.open(heard)
    assert main.listener is not None
    for number in range(10):
        status = ReceiptStatus.DELIVERED if number < 4 else ReceiptStatus.UNDELIVERED
        await main.listener.receipt(Receipt("main", f"m{number}", status, NOW))
        await main.listener.receipt(Receipt("main", f"m{number}", ReceiptStatus.SENT, NOW))  # says nothing
    assert len(heard.receipts) == 20
    assert first(route) == "backup"


async def test_all_are_ill() -> None:
    """Then the main one is tried all the same: better a small chance than none."""
    clock, main, backup = VirtualClock(), Provider("main"), Provider("backup")
    route = Route((main, backup), clock)
    main.failure = backup.failure = Unavailable("away")
    for number in range(5):
        await deliver(route, f"a{number}", clock)
    assert [sender.provider for sender in route.order()] == ["main", "backup"]


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("try"), st.sampled_from(Try)),
        st.tuples(st.just("receipt"), st.booleans()),
        st.tuples(st.just("wait"), st.integers(0, 2000)),
        st.tuples(st.just("begin"), st.none()),
    ),
    max_size=120,
)


@given(EVENTS)
def test_whatever_happens_it_is_tried_again_and_can_come_back(events: Sequence[tuple[str, object]]) -> None:
    limits = Limits()
    breaker, now = Breaker(limits), 0.0
    for kind, value in events:
        match kind:
            case "try":
                breaker.tried(value, now)  # type: ignore[arg-type]
            case "receipt":
                breaker.delivered(bool(value), now)
            case "wait":
                now += float(value)  # type: ignore[arg-type]
            case _:
                breaker.begin(now)
        assert (breaker.condition is Condition.CLOSED) == (breaker.reason == "")
    now += limits.longest_open_seconds
    for _ in range(limits.probes + 1):
        assert breaker.may_try(now)
        breaker.begin(now)
        breaker.tried(Try.WELL, now)
    assert breaker.condition is Condition.CLOSED


# -- settings, files, prices ---------------------------------------------------------------------------------------------


async def test_files_where_nothing_is_set(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert writes_to_files(settings)
    (sender,) = open_senders(settings, VirtualClock(NOW))[Channel.SMS].order()
    heard = Heard()
    await sender.open(heard)
    accepted = await sender.send(Outgoing(key="7-1-abc", address="+79161234567", text="Ждём вас"))
    await sender.send(Outgoing(key="7-1-abc", address="+79161234567", text="Ждём вас"))
    (file,) = (tmp_path / "outbox").iterdir()
    written = json.loads(file.read_text(encoding="utf-8"))
    assert (written["address"], written["text"], written["channel"]) == ("+79161234567", "Ждём вас", "sms")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {(one.provider_id, one.status) for one in heard.receipts} == {(accepted.provider_id, ReceiptStatus.DELIVERED)}


async def test_old_files_go_and_keys_are_no_paths(tmp_path: Path) -> None:
    sender = FileSender("files", Channel.SMS, tmp_path / "outbox", VirtualClock(NOW), keep_files=3)
    for number in range(6):
        await sender.send(Outgoing(key=f"../../{number}", address="+79161234567", text="Да"))
    found = sorted(str(one.relative_to(tmp_path).parent) for one in tmp_path.rglob("*.json"))  # noqa: ASYNC240 - a test
    assert found == ["outbox"] * 3


def test_providers_of_the_settings_in_their_order(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef")
    providers = {
        "b_main": SmppProvider(kind="smpp", host="127.0.0.1", system_id="x", password_file=secret, source="CLINIC"),
        "a_backup": HttpProvider(kind="http", url="http://127.0.0.1/", webhook_secret_file=secret),
        "push": HttpProvider(kind="http", url="http://127.0.0.1/", channel="push"),
    }
    settings = Settings(messages=Messages(providers=providers))
    routes = open_senders(settings, VirtualClock(NOW))
    assert [sender.provider for sender in routes[Channel.SMS].order()] == ["b_main", "a_backup"]
    assert [sender.provider for sender in routes[Channel.PUSH].order()] == ["push"]
    assert not writes_to_files(settings)
    assert list(webhooks(settings)) == ["a_backup"]


def test_prices() -> None:
    providers = {
        "main": FileProvider(price_rub=Decimal("3.10")),
        "viber": HttpProvider(
            kind="http", url="http://127.0.0.1/", channel="viber", price_rub=Decimal("1.5"), pays_undelivered=False
        ),
    }
    settings = Messages(providers=providers)
    price = prices_of(settings)
    assert price("main", "sms", 3, "delivered") == price("main", "sms", 3, "undelivered") == Decimal("9.30")
    assert price("viber", "viber", 1, "read") == price("viber", "viber", 1, "sent") == Decimal("1.5")
    assert price("viber", "viber", 1, "undelivered") == price("viber", "viber", 1, "expired") == 0
    assert price("telegram", "telegram", 1, "delivered") == price("nobody", "sms", 1, "delivered") == 0
    assert sms_price(settings, 2) == Decimal("6.20")
    assert sms_price(Messages(), 2) == 0
