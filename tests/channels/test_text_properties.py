"""Whatever a patient sends: there is an answer, nothing breaks, nothing is done twice, everything is in order."""

import asyncio
import shutil
from pathlib import Path

import pytest
from chat_stage import ChatStage, DemoDialogs, demo_dialogs
from demo_clinic import MONDAY_NINE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.channels.contact import Mode, Reply
from voicebot.clock import VirtualClock
from voicebot.storage.database import open_database

__all__ = ["demo_dialogs"]

_USUAL = st.sampled_from(
    ["хочу записаться к терапевту", "завтра после обеда", "1", "2", "да", "нет", "Иванов Пётр", "8 916 123-45-67", "оператор",
     "другое время", "назад", "сколько стоит", "до свидания", "25.03.1985", "0", "отменить запись", "повторите"]
)  # fmt: skip
_STRANGE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["{doctor}", "+", "\x00", "\u202eтекст", "😀" * 30, "а" * 1001, "%s %(x)s", "' OR 1=1 --", "<b>", "\n\n", "…"]
    ),
)
_BUTTON = st.one_of(st.sampled_from(["1.1", "2.1", "999999.9", "x", "1.", ".1", "1.0"]), st.text(max_size=16))
_ACTION = st.one_of(
    st.tuples(st.just("say"), st.one_of(_USUAL, _USUAL, _STRANGE)),
    st.tuples(st.just("press"), st.integers(0, 8)),
    st.tuples(st.just("forge"), _BUTTON),
    st.tuples(st.just("again"), st.none()),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("wait"), st.integers(1, 2500)),
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(_ACTION, min_size=3, max_size=9))
def test_anything_is_answered_once_and_in_order(
    demo_dialogs: DemoDialogs, tmp_path: Path, actions: list[tuple[str, object]]
) -> None:
    path = tmp_path / "chats.db"
    shutil.copy(demo_dialogs.diary, path)
    for leftover in tmp_path.glob("chats.db-*"):
        leftover.unlink()
    asyncio.run(_live(ChatStage(demo_dialogs, open_database(f"sqlite:///{path}"), VirtualClock(MONDAY_NINE)), actions))


async def _live(stage: ChatStage, actions: list[tuple[str, object]]) -> None:
    last: Reply | None = None
    dialogs: dict[str, None] = {}
    try:
        for number, (kind, value) in enumerate(actions):
            message_id = f"message-{number}"
            if kind == "restart":
                stage.restart()
                continue
            if kind == "wait":
                await stage.wait(float(str(value)))
                continue
            if kind == "again" or (kind == "press" and (last is None or not last.buttons)):
                continue
            if kind == "press":
                assert last is not None
                button = last.buttons[int(str(value)) % len(last.buttons)].payload
                reply = await stage.say(button=button, message_id=message_id)
                again = await stage.say(button=button, message_id=message_id)
            else:
                content = {"text": str(value)} if kind == "say" else {"button": str(value)}
                reply = await stage.say(**content, message_id=message_id)  # type: ignore[arg-type]
                again = await stage.say(**content, message_id=message_id)  # type: ignore[arg-type]
            _check(reply)
            if any(one.number for one in reply.messages):
                assert again == reply
                last = reply
            if reply.dialog_id:
                dialogs[reply.dialog_id] = None
        for dialog_id in dialogs:
            turns = stage.turns(dialog_id)
            assert [turn[0] for turn in turns] == list(range(1, len(turns) + 1))
    finally:
        stage.close()


def _check(reply: Reply) -> None:
    """An answer that a patient can do something with."""
    with_people = reply.mode in (Mode.WAITING, Mode.OPERATOR)
    assert reply.messages or reply.buttons or with_people
    for one in reply.messages:
        assert one.text.strip()
        assert "{" not in one.text.replace("{doctor}", "")
    for button in reply.buttons:
        assert button.label
        assert len(button.payload) <= 16
