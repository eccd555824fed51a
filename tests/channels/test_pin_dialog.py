"""In the web chat a number is proven by a code; where the network vouches for it, nobody is asked for one."""

import re

from chat_stage import ChatStage, demo_dialogs, said, stage
from sqlalchemy import select

from voicebot.clinic.tables import MessageRow

__all__ = ["demo_dialogs", "stage"]

PHONE = "8 916 123-45-67"


def codes(stage: ChatStage) -> list[str]:
    """The codes that were sent, in order; a used one is empty."""
    query = select(MessageRow).where(MessageRow.template == "pin").order_by(MessageRow.id)
    rows = stage.database.run(lambda session: list(session.scalars(query)), is_readonly=True)
    return [row.values["code"] for row in rows]


async def booked(stage: ChatStage) -> None:
    reply = await stage.book()
    reply = await stage.press(reply, "Да")
    await stage.press(reply, "Нет")


async def asked_for_code(stage: ChatStage) -> str:
    await stage.say("хочу отменить запись", address="later")
    reply = await stage.say(PHONE, address="later")
    reply = await stage.say("Иванов Пётр", address="later")
    return said(reply)


async def test_a_visit_is_cancelled_after_the_right_code(stage: ChatStage) -> None:
    await booked(stage)
    assert "код" in (await asked_for_code(stage)).lower()
    (code,) = codes(stage)
    wrong = f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"
    assert "Код не подошёл" in said(await stage.say(wrong, address="later"))
    shown = said(await stage.say(f"вот он: {code}", address="later"))
    assert re.search(r"24 ноября|отменить", shown), shown
    assert codes(stage) == [""]


async def test_guessing_ends_with_a_human(stage: ChatStage) -> None:
    await booked(stage)
    await asked_for_code(stage)
    told = ""
    for _ in range(12):
        last = codes(stage)[-1]
        wrong = f"{(int(last) + 1) % 10 ** len(last):0{len(last)}}"
        told = said(await stage.say(wrong, address="later"))
        if "администратор" in told.lower():
            break
    assert "администратор" in told.lower()
    assert len(codes(stage)) == 3  # no more than the number may get in an hour


async def test_no_code_where_the_number_is_known(stage: ChatStage) -> None:
    await booked(stage)
    await stage.say("хочу отменить запись", address="known", phone="+79161234567", is_new=True)
    shown = said(await stage.say("Иванов Пётр", address="known", phone="+79161234567"))
    assert codes(stage) == []
    assert re.search(r"24 ноября|отменить", shown), shown
