"""A brain's calls, from the queue to their results, with a line of messages and no sound."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from voicebot.clinic.outgoing_calls import CallResult, OutgoingCalls
from voicebot.clock import VirtualClock
from voicebot.errors import StorageError
from voicebot.link import messages as line
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade
from voicebot.talk.calling_out import CallingOut, holder_of, result_of

PHONE = "+79161234567"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calls") / "calls.db"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@dataclass
class Stage:
    calling: CallingOut
    queue: OutgoingCalls
    clock: VirtualClock
    orders: "asyncio.Queue[line.Dial]" = field(default_factory=asyncio.Queue)

    def put(self, key: str, **more: object) -> None:
        now = self.clock.now()
        self.queue.put(key, PHONE, "reminder", {}, now, now + HOUR, **more)  # type: ignore[arg-type]

    async def dialled(self) -> line.Dial:
        return await asyncio.wait_for(self.orders.get(), 20)

    async def result(self, key: str) -> str:
        """Wait until the call is over."""
        for _ in range(1000):
            call = self.queue.get(key)
            if call is not None and call.result:
                return call.result
            await asyncio.sleep(0.02)
        raise AssertionError(f"{key} has no result")


@asynccontextmanager
async def stage(file: Path, *, room: int = 5) -> AsyncIterator[Stage]:
    clock = VirtualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
    database = open_database(f"sqlite:///{file}")
    queue = OutgoingCalls(database, clock)
    with ThreadPoolExecutor(2) as pool:
        calling = CallingOut(queue, holder_of("b1"), pool, 0.01, ("reminder",), lambda: room > 0)
        made = Stage(calling, queue, clock)

        def send(message: line.FromBrain) -> None:
            assert isinstance(message, line.Dial)
            made.orders.put_nowait(message)

        task = asyncio.create_task(calling.run(send))
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await calling.close()
    database.close()


def started(order: int) -> line.CallStarted:
    return line.CallStarted(
        call_id="c1", dialog_id="7A3KM05X", caller=PHONE, called="robot", source_host="", sip_call_id="x", order=order
    )


async def test_from_the_queue_to_a_result(file: Path) -> None:
    async with stage(file) as made:
        made.put("a")
        dial = await made.dialled()
        assert (dial.phone, len(dial.dialog_id)) == (PHONE, 8)
        made.calling.dialing(line.Dialing(order=dial.order, state=line.DialState.RINGING))
        call = made.calling.answered(started(dial.order))
        assert call is not None
        assert (call.key, call.form) == ("a", "reminder")
        made.calling.settle(dial.order, result_of("confirmed", was_heard=True))
        assert await made.result("a") == "confirmed"


@pytest.mark.parametrize(
    ("state", "result"),
    [
        (line.DialState.BUSY, "busy"),
        (line.DialState.NO_ANSWER, "no_answer"),
        (line.DialState.DECLINED, "declined"),
        (line.DialState.WRONG_NUMBER, "wrong_number"),
        (line.DialState.UNREACHABLE, "unreachable"),
        (line.DialState.FORBIDDEN, "forbidden"),
        (line.DialState.FAILED, "failed"),
    ],
)
async def test_what_line_says_is_the_result(file: Path, state: line.DialState, result: str) -> None:
    async with stage(file) as made:
        made.put(result)
        dial = await made.dialled()
        made.calling.dialing(line.Dialing(order=dial.order, state=state))
        assert await made.result(result) == result
        await made.calling.close()  # what was begun in the threads is done
        assert made.calling.answered(started(dial.order)) is None  # it is over


async def test_no_line_means_later_and_no_try(file: Path) -> None:
    async with stage(file) as made:
        made.put("later")
        dial = await made.dialled()
        made.calling.dialing(line.Dialing(order=dial.order, state=line.DialState.NO_LINE))
        for _ in range(500):
            call = made.queue.get("later")
            assert call is not None
            if call.status == "queued":
                break
            await asyncio.sleep(0.02)
        assert (call.status, call.attempts) == ("queued", 0)
        made.queue.withdraw("later")


async def test_line_dies_while_it_rings_and_in_a_call(file: Path) -> None:
    async with stage(file) as made:
        made.put("rings")
        made.put("talks")
        first, second = await made.dialled(), await made.dialled()
        talks = second if made.queue.of(["talks"])["talks"].id == second.order else first
        made.calling.answered(started(talks.order))
        made.calling.link_lost()
        assert await made.result("rings") == "unreachable"
        assert made.queue.of(["talks"])["talks"].result == ""  # its conversation says what came of it
        made.calling.settle(talks.order, result_of("failed", was_heard=True))
        assert await made.result("talks") == "failed"


async def test_a_full_brain_takes_none(file: Path) -> None:
    async with stage(file, room=0) as made:
        made.put("waits")
        await asyncio.sleep(0.3)
        assert made.orders.empty()
        made.queue.withdraw("waits")


async def test_a_form_that_no_dialplan_knows_is_not_dialled(file: Path) -> None:
    async with stage(file) as made:
        now = made.clock.now()
        made.queue.put("unknown", PHONE, "survey", {}, now, now + HOUR)
        assert await made.result("unknown") == "failed"
        assert made.orders.empty()


async def test_a_result_waits_for_the_database(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(file) as made:
        made.put("kept")
        dial = await made.dialled()
        finish, refusals = OutgoingCalls.finish, iter(range(2))

        def refusing(self: OutgoingCalls, call_id: int, holder: str, result: CallResult) -> None:
            if next(refusals, None) is not None:
                raise StorageError("away", "wait")
            finish(self, call_id, holder, result)

        monkeypatch.setattr(OutgoingCalls, "finish", refusing)
        made.calling.dialing(line.Dialing(order=dial.order, state=line.DialState.BUSY))
        assert await made.result("kept") == "busy"


@pytest.mark.parametrize(
    ("outcome", "was_heard", "result"),
    [
        ("confirmed", True, CallResult.CONFIRMED),
        ("machine", False, CallResult.MACHINE),
        ("abandoned", True, CallResult.ANSWERED),
        ("abandoned", False, CallResult.DECLINED),
        ("transferred", True, CallResult.ANSWERED),
        ("failed", True, CallResult.FAILED),
        ("outdated", True, CallResult.ANSWERED),
    ],
)
def test_outcomes_and_results(outcome: str, was_heard: bool, result: CallResult) -> None:
    assert result_of(outcome, was_heard=was_heard) is result


def test_no_two_processes_have_the_same_name() -> None:
    assert holder_of("brain-1") != holder_of("brain-1")
    assert len(holder_of("b" * 80)) <= 64
