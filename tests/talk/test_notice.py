"""Which announcement of the recording a caller has heard, word for word and when; none where it was not heard out."""

from pathlib import Path

from talk_stage import MONDAY_NINE, Call, Clinic, Over, Reply


async def test_the_notice_that_was_heard_out_is_stored_with_its_text(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Reply("сколько стоит приём терапевта"), Reply("нет спасибо")) as call:
        dialog = await call.to_the_end()
        greeting = call.prompt("welcome.greeting")
        assert call.reader.notice(dialog.notice_version) == greeting.text
        assert greeting.text.endswith("Разговор записывается.")
        assert dialog.notice_said_at is not None
        told_ms = (dialog.notice_said_at - MONDAY_NINE).total_seconds() * 1000
        assert greeting.offset_end_ms is not None
        assert abs(told_ms - greeting.offset_end_ms) < 200


async def test_who_interrupts_it_has_not_been_told(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Over("запишите меня к кардиологу", after_ms=1000)) as call:
        await call.until(lambda: call.has_said("booking.when"))
        dialog = await call.hang_up()
        assert (dialog.notice_version, dialog.notice_said_at) == ("", None)


async def test_another_prompt_may_be_the_notice(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Reply("сколько стоит приём терапевта"), Reply("нет спасибо")) as call:
        call.conversation.chronicle.notice_prompts = ["request.wish"]
        dialog = await call.to_the_end()
        assert call.reader.notice(dialog.notice_version) == "Чем могу помочь?"  # its first time
