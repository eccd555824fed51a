"""A conversation with a name, a dictated number and a birth date, at the chattiest level: none of it is in the log."""

from pathlib import Path

import pytest
from talk_stage import CALLER, Call, Clinic, Reply

from voicebot import logs
from voicebot.records.dialogs import Who
from voicebot.settings import Settings

SAID = (
    Reply("запишите меня к кардиологу"),
    Reply("завтра после обеда"),
    Reply("давайте второй"),
    Reply("иванова мария петровна"),
    Reply("нет"),
    Reply("восемь девятьсот три пятьсот пятьдесят пять ноль ноль одиннадцать"),
    Reply("да все верно"),
    Reply("готовы ли мои анализы"),
    Reply("двенадцатое мая тысяча девятьсот восемьдесят пятого года"),
    Reply("нет спасибо"),
)
SPELLED = (
    "иванов", "мария", "петровн", "9161234567", "903555", "девятьсот три", "пятьсот пятьдесят", "двенадцат", "мая",
    "1985", "восемьдесят", "кардиолог", "завтра", "обеда", "анализ",
)  # fmt: skip


async def test_no_log_line_has_what_was_said(clinic: Clinic, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(data_dir=tmp_path, log_level="debug"), "brain-1")
    with Call(clinic, tmp_path, *SAID, recordings=tmp_path / "recordings") as call:
        dialog = await call.to_the_end()
        story = call.story()
    written = capfd.readouterr()
    log = (written.err + written.out).lower()
    assert "appointment_booked" in log, story  # logging is on
    known = [dict(turn.slots) for turn in dialog.turns if turn.who is Who.CALLER]
    assert any(slots.get("phone") == "+79035550011" for slots in known), story
    assert any(slots.get("birth_date") == "12.05.1985" for slots in known), story
    assert any(slots.get("name") == "Иванова Мария Петровна" for slots in known), story
    for personal in (*SPELLED, CALLER, *(reply.text for reply in SAID if len(reply.text) > 3)):
        assert personal not in log, personal


async def test_what_breaks_is_logged_without_what_was_said(
    clinic: Clinic, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of every layer carry what they choked on; their words must stay out."""
    logs.configure(Settings(data_dir=tmp_path, log_level="debug"), "brain-1")
    with Call(clinic, tmp_path, *SAID[:4]) as call:
        engine = type(call.shared.engine)
        step = engine.step

        def breaking(self: object, state: object, event: object, *rest: object, **named: object) -> object:
            if "иванова" in repr(event):
                raise ValueError(f"cannot take {event!r} from {CALLER}")
            return step(self, state, event, *rest, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(engine, "step", breaking)
        await call.until(lambda: call.has_said("apology"), 120)
        await call.hang_up()
    written = capfd.readouterr()
    log = (written.err + written.out).lower()
    assert "valueerror" in log
    for personal in ("иванова", "мария", CALLER):
        assert personal not in log, personal
