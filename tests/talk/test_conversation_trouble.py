"""Whatever breaks in a call, the caller reaches a human, the call has an end in the records, and logs tell nobody's secrets."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import structlog
from talk_stage import Broken, Call, Clinic, Hanging, Reply, say
from test_conversation import BOOKING

from voicebot import logs
from voicebot.audio.pcm import Pcm
from voicebot.clock import VirtualClock
from voicebot.dialog.engine import Engine
from voicebot.errors import StorageError
from voicebot.link.messages import EndedBy, TransferState
from voicebot.records.dialogs import Dialog
from voicebot.records.store import RecordStore
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database

_SECRET = "секретная фамилия Загогулина"


def was_rescued(call: Call, dialog: Dialog) -> None:
    """The apology was heard whole, then a human took the call."""
    assert (dialog.outcome, dialog.reason, dialog.transfer_result) == ("transferred", "robot_failed", "completed"), call.story()
    assert [message.reason for message in call.transfers()] == ["robot_failed"]
    apology = call.prompt("apology")
    assert apology.played_text == apology.text
    assert "robot failed" in call.happened()
    assert dialog.ended_at is not None


class _BrokenEngine:
    """Breaks at the given step."""

    def __init__(self, engine: Engine, breaks_at: int) -> None:
        self._engine = engine
        self._left = breaks_at

    def begin(self, dialog_id: str) -> Any:
        return self._engine.begin(dialog_id)

    def step(self, *arguments: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            raise KeyError(_SECRET)
        return self._engine.step(*arguments)


def broken_engine(clinic: Clinic, breaks_at: int) -> Engine:
    return _BrokenEngine(clinic.engine(), breaks_at)  # type: ignore[return-value]


def voice_breaking_at(word: str) -> Callable[[str], Iterator[Pcm]]:
    def broken(text: str) -> Iterator[Pcm]:
        if word in text:
            raise RuntimeError(text)
        yield from say(text)

    return broken


@pytest.mark.parametrize("step", [1, 3])
async def test_a_broken_engine(clinic: Clinic, tmp_path: Path, step: int) -> None:
    with Call(clinic, tmp_path, *BOOKING, engine=broken_engine(clinic, step)) as call:
        was_rescued(call, await call.to_the_end())


async def test_what_was_known_goes_to_the_human(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, *BOOKING[:3], Broken(_SECRET)) as call:
        dialog = await call.to_the_end()
        was_rescued(call, dialog)
        assert dialog.summary["speciality"] == "кардиолог"


@pytest.mark.parametrize("word", ["Здр", "варианта"])
async def test_a_broken_voice(clinic: Clinic, tmp_path: Path, word: str) -> None:
    with Call(clinic, tmp_path, *BOOKING, say=voice_breaking_at("Здравствуйте" if word == "Здр" else "вариант")) as call:
        was_rescued(call, await call.to_the_end())


async def test_a_voice_that_breaks_at_the_goodbye_only_hangs_up(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, *BOOKING, Reply("нет спасибо"), say=voice_breaking_at("будьте здоровы")) as call:
        dialog = await call.to_the_end()
        assert dialog.outcome == "booked"
        assert not call.transfers()


async def test_a_voice_that_breaks_at_the_hand_off_still_hands_over(clinic: Clinic, tmp_path: Path) -> None:
    script = (Reply("соедините с оператором"),)
    with Call(clinic, tmp_path, *script, say=voice_breaking_at("Соединяю")) as call:
        dialog = await call.to_the_end()
        assert (dialog.outcome, dialog.reason) == ("transferred", "requested")
        assert len(call.transfers()) == 1


async def test_a_voice_that_hangs(clinic: Clinic, tmp_path: Path) -> None:
    class Never(Hanging):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            self.names = tuple(args[:1])
            return super().submit(fn, *args, **kwargs)

    with Call(clinic, tmp_path, voice_pool=Never()) as call:
        dialog = await call.to_the_end()
        was_rescued(call, dialog)
        assert (dialog.handling_seconds or 99) < 13


@pytest.mark.parametrize("is_at_once", [False, True])
async def test_a_broken_ear(clinic: Clinic, tmp_path: Path, is_at_once: bool) -> None:
    with Call(clinic, tmp_path, Broken(_SECRET, is_at_once)) as call:
        was_rescued(call, await call.to_the_end())


async def test_an_ear_that_hears_nothing_for_ever_is_dead_air(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path) as call:
        dialog = await call.to_the_end(60)
        was_rescued(call, dialog)
        robot_done_ms = max(turn.offset_end_ms or 0 for turn in call.robot_turns() if turn.prompt == "request.wish")
        apology_ms = call.prompt("apology").offset_start_ms or 0
        assert 13_500 <= apology_ms - robot_done_ms <= 14_500  # 6 s of the question, 8 s of the watch


async def test_an_ear_that_cannot_be_made(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path) as call:
        del call.ear
        dialog = await call.to_the_end()
        assert [message.reason for message in call.transfers()] == ["robot_failed"]
        assert dialog.outcome == "transferred"


async def test_no_human_after_a_failure_is_a_friendly_end(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Broken(_SECRET), transfers=(TransferState.NO_ANSWER,)) as call:
        dialog = await call.to_the_end()
        assert (dialog.outcome, dialog.reason, dialog.ended_by) == ("failed", "robot_failed", "robot")
        goodbye = call.prompt("goodbye")
        assert goodbye.played_text == goodbye.text
        assert call.line.kinds()[-1] == "Hangup"


async def test_a_failure_while_no_operator_works(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Broken(_SECRET), hours={"sat": "10:00-12:00"}) as call:
        dialog = await call.to_the_end()
        assert not call.transfers()
        assert dialog.outcome == "failed"
        assert call.prompt("goodbye").played_text


async def test_a_service_that_hangs_becomes_a_human_and_its_late_booking_is_undone(clinic: Clinic, tmp_path: Path) -> None:
    pool = Hanging("book")
    with Call(clinic, tmp_path, *BOOKING, service_pool=pool, service_timeout_seconds=1.0) as call:
        await call.until(lambda: bool(pool.waiting))
        await asyncio.sleep(1.2)  # the time-out is the real clock's, and the undoing must be done in it on a busy machine
        dialog = await call.to_the_end()
        assert (dialog.outcome, dialog.reason) == ("transferred", "service:unavailable"), call.story()
        pool.go_on()
        await call.idle()
        assert "book" in call.services.called
        assert call.booked() == ()
        assert call.happened()[-1] == "late answer undone"
        assert not call.alarms


async def test_a_late_booking_that_cannot_be_undone_is_an_alarm(clinic: Clinic, tmp_path: Path) -> None:
    pool = Hanging("book")
    with Call(clinic, tmp_path, *BOOKING, service_pool=pool, service_timeout_seconds=0.05) as call:
        await call.until(lambda: bool(pool.waiting))
        await asyncio.sleep(0.1)
        pool.names = ("book", "cancel")
        await call.to_the_end()
        pool.go_on()
        await asyncio.sleep(0.1)  # the undoing waits in vain
        assert call.alarms == ["untold_change"]
        assert call.happened()[-1] == "late answer stands"
        pool.go_on()


async def test_who_hangs_up_while_the_booking_is_made_has_booked(clinic: Clinic, tmp_path: Path) -> None:
    pool = Hanging("book")
    with Call(clinic, tmp_path, *BOOKING, service_pool=pool) as call:
        await call.until(lambda: bool(pool.waiting))
        await call.frame()
        call.line.end(EndedBy.CALLER)
        await call.frame()
        assert not call.is_finished
        pool.go_on()
        dialog = await call.to_the_end(1)
        assert (dialog.outcome, dialog.ended_by) == ("booked", "caller")
        assert len(call.booked()) == 1


class _Refusing:
    """A database that is away until told."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_back = False

    def session(self, *, is_readonly: bool = False) -> AbstractContextManager[Any]:
        if not self.is_back:
            raise StorageError("The database is away.", "Bring it back.")
        return self._database.session(is_readonly=is_readonly)


async def test_a_store_that_refuses_costs_nothing(clinic: Clinic, tmp_path: Path) -> None:
    made: list[_Refusing] = []

    def new_store(database: Database, folder: Path, clock: VirtualClock) -> RecordStore:
        made.append(_Refusing(database))
        return RecordStore(made[0], folder, clock)

    with Call(clinic, tmp_path, *BOOKING, Reply("нет спасибо"), new_store=new_store) as call:
        await call.until(lambda: call.is_finished)
        assert len(call.booked()) == 1
        assert call.store.is_degraded
        assert call.store.spooled_count > 20
        made[0].is_back = True
        call.store.replay_spool()
        dialog = call.dialog
        assert dialog.outcome == "booked"
        assert all(turn.played_text == turn.text for turn in call.robot_turns())
        assert not call.alarms


async def test_records_that_cannot_even_be_spooled_raise_an_alarm_and_the_call_goes_on(clinic: Clinic, tmp_path: Path) -> None:
    class Lost(RecordStore):
        def _write(self, entry: Any) -> None:
            raise RuntimeError(_SECRET)

    with Call(clinic, tmp_path, *BOOKING, Reply("нет спасибо"), new_store=Lost) as call:
        await call.until(lambda: call.is_finished)
        assert len(call.booked()) == 1
        assert "Transfer" not in call.line.kinds()
        assert set(call.alarms) == {"record_lost"}


async def test_logs_hold_nothing_of_the_caller(
    clinic: Clinic, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(structlog.reset_defaults)
    logs.configure(Settings(data_dir=tmp_path, log_level="debug"), "brain-test")
    script = (*BOOKING, Reply("да ещё вопрос"), Broken(_SECRET))
    with Call(clinic, tmp_path, *script) as call:
        was_rescued(call, await call.to_the_end())
    with Call(clinic, tmp_path, *BOOKING, engine=broken_engine(clinic, 5)) as call:
        was_rescued(call, await call.to_the_end())
    with Call(clinic, tmp_path, *BOOKING, say=voice_breaking_at("Проверим")) as call:
        was_rescued(call, await call.to_the_end())
    output = capsys.readouterr()
    text = (output.out + output.err).lower()
    assert text.count("conversation failed") == 3
    for secret in ("загогулин", "иванов", "мария", "кардиолог", "завтра", "9161234567", "проверим", "перезвон"):
        assert secret not in text, secret


@pytest.fixture(autouse=True)
def no_leftovers(tmp_path: Path) -> Iterator[None]:
    """Every call of a test that reached the records has an end there."""
    yield
    file = tmp_path / "voicebot.db"
    if file.exists():
        database = open_database(f"sqlite:///{file}")
        try:
            heads = RecordStore(database, tmp_path / "unused", VirtualClock()).find()
            assert all(head.outcome and head.ended_at for head in heads)
        finally:
            database.close()
