"""Whole calls in virtual time: what is said, stored and done is right, also when the caller behaves like a caller."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import soundfile
from talk_stage import DIALOG_ID, Call, Clinic, Cough, Noise, Over, Reply, Roar, Silence, say

from voicebot.link import messages as line
from voicebot.link.messages import TransferState
from voicebot.records.dialogs import Who

BOOKING = (
    Reply("запишите меня к кардиологу"),
    Reply("завтра после обеда"),
    Reply("давайте второй"),
    Reply("иванова мария петровна"),
    Reply("да"),
    Reply("да все верно"),
)


async def test_a_booking_from_the_greeting_to_the_goodbye(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, *BOOKING, Reply("нет спасибо"), recordings=tmp_path / "recordings") as call:
        dialog = await call.to_the_end()
        story = call.story()
        assert (dialog.outcome, dialog.ended_by) == ("booked", "robot"), story
        (appointment,) = call.booked()
        assert (appointment.surname, appointment.given) == ("Иванова", "Мария")
        assert call.services.called == ["find_slots", "hold", "book", "queue_message"]  # the last yes takes the address

        assert [turn.number for turn in dialog.turns] == list(range(1, len(dialog.turns) + 1))
        robot = call.robot_turns()
        assert all(turn.played_text == turn.text for turn in robot), story
        assert all(turn.played_ms and turn.offset_start_ms is not None for turn in robot)
        starts = [turn.offset_start_ms or 0 for turn in dialog.turns]
        assert starts == sorted(starts), story

        # A turn is in the database before the first of its sound goes to line.
        assert set(call.stored_before) == set(range(1, len(robot) + 1))
        assert all(stored >= number for number, stored in call.stored_before.items())

        answers = [turn for turn in robot if turn.latency_ms]
        assert len(answers) == len(BOOKING) + 1
        for turn in answers:
            assert turn.latency_ms["endpoint_ms"] == 400
            assert turn.latency_ms["recognise_ms"] == 5
            assert 400 <= turn.latency_ms["total_ms"] <= 460
        assert dialog.notice_version
        assert abs((dialog.handling_seconds or 0) - call.line.frame * 0.02) < 0.03

        sound, _ = soundfile.read(str(tmp_path / "recordings" / dialog.recording_path), dtype="int16")
        assert abs(len(sound) / 8000 - call.line.frame * 0.02) < 0.01
        assert sound[:, 1].max() == 1000
        assert not call.alarms


async def test_who_hangs_up_after_the_booking_has_booked(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, *BOOKING) as call:
        await call.until(lambda: call.has_said("booking.appointment.filled"))
        dialog = await call.hang_up()
        assert (dialog.outcome, dialog.reason, dialog.ended_by) == ("booked", "caller", "caller")
        assert len(call.booked()) == 1
        assert call.prompt("more.more").played_text != call.prompt("more.more").text  # it was not heard to its end


async def test_an_interruption_cuts_the_prompt_and_is_stored_so(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Over("запишите меня к кардиологу", after_ms=2000)) as call:
        await call.until(lambda: call.has_said("booking.when"))
        greeting, wish = call.prompt("welcome.greeting"), call.prompt("request.wish")
        assert greeting.played_text
        assert greeting.text.startswith(greeting.played_text)
        assert len(greeting.played_text) < len(greeting.text)
        assert 1900 <= (greeting.played_ms or 0) <= 2100
        assert (wish.played_text, wish.played_ms) == ("", 0)
        said = next(turn for turn in call.turns if turn.who is Who.CALLER)
        assert said.is_bargein
        assert said.text == "запишите меня к кардиологу"
        assert call.dialog.notice_version == ""  # the announcement was not heard whole
        assert call.prompt("booking.when").latency_ms["endpoint_ms"] == 400
        await call.hang_up()


async def test_a_cough_pauses_the_prompt_and_loses_nothing_of_it(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Cough(after_ms=1000), Reply("к кардиологу")) as call:
        await call.until(lambda: call.has_said("booking.when"))
        greeting, wish = call.prompt("welcome.greeting"), call.prompt("request.wish")
        assert greeting.played_text == greeting.text
        assert greeting.played_ms == len_ms(greeting.text)
        assert wish.played_text == wish.text
        assert (wish.offset_start_ms or 0) - (greeting.offset_start_ms or 0) >= len_ms(greeting.text) + 180  # the pause
        assert call.line.kinds().count("StopPlaying") == 1
        await call.hang_up()


def len_ms(text: str) -> int:
    """The sound's length; the voice is given the text with its stress marks, of which the greeting has four."""
    return (len(text) + (4 if text.startswith("Здравствуйте") else 0)) * 1000 // 28


async def test_noise_without_an_end_does_not_silence_the_robot(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Roar(after_ms=1000)) as call:
        await call.until(lambda: call.has_said("request.wish"), 30)
        assert call.prompt("welcome.greeting").played_text == call.prompt("welcome.greeting").text
        assert "Transfer" not in call.line.kinds()
        await call.hang_up()


async def test_who_hangs_up_in_mid_prompt_has_abandoned(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path) as call:
        await call.for_seconds(1.5)
        dialog = await call.hang_up()
        assert (dialog.outcome, dialog.reason) == ("abandoned", "caller")
        greeting, wish = call.prompt("welcome.greeting"), call.prompt("request.wish")
        assert greeting.played_text
        assert greeting.text.startswith(greeting.played_text)
        assert abs((greeting.played_ms or 0) - 1500) <= 60
        assert (wish.played_text, wish.offset_start_ms) == ("", None)
        assert dialog.ended_at is not None


async def test_a_held_time_is_free_again_when_the_caller_hangs_up(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, *BOOKING[:3]) as call:
        await call.until(lambda: call.has_said("booking.patient"))
        dialog = await call.hang_up()
        assert dialog.outcome == "abandoned"
        assert call.services.called[-1] == "release"
        assert call.bookings.release(DIALOG_ID) == 0  # nothing was left


async def test_keys_give_a_phone_number_and_are_no_speech(clinic: Clinic, tmp_path: Path) -> None:
    script = (*BOOKING[:4],)
    with Call(clinic, tmp_path, *script, caller="anonymous") as call:
        await call.until(lambda: call.has_said("booking.phone"))
        for digit in "89161112233":
            call.line.press(digit)
            await call.for_seconds(0.3)
        await call.until(lambda: call.has_said("booking.confirm"))
        keyed = next(turn for turn in call.turns if turn.digits)
        assert keyed.digits == "89161112233"
        assert "сто одиннадцать" in call.prompt("booking.confirm").text
        call.line.press("1")
        await call.until(lambda: call.has_said("more.more"))
        assert len(call.bookings.appointments_of("+79161112233")) == 1
        call.line.press("2")
        assert (await call.to_the_end()).outcome == "booked"


async def test_a_key_over_the_prompt_silences_it(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path) as call:
        await call.for_seconds(1.0)
        call.line.press("0")
        dialog = await call.to_the_end()
        assert (dialog.outcome, dialog.reason) == ("transferred", "requested")
        assert call.prompt("welcome.greeting").played_text != call.prompt("welcome.greeting").text


async def test_a_busy_operator_brings_the_robot_back_and_a_call_back_is_promised(clinic: Clinic, tmp_path: Path) -> None:
    script = (Reply("позовите живого человека"), Reply("перезвоните мне"))
    with Call(clinic, tmp_path, *script, transfers=(TransferState.BUSY,)) as call:
        dialog = await call.to_the_end()
        story = call.story()
        assert (dialog.outcome, dialog.transfer_result, dialog.transfer_target) == ("callback", "busy", "operator"), story
        assert call.happened() == ["transfer ringing", "transfer busy"]
        handed = call.prompt("messages.operator")
        assert handed.played_text == handed.text  # the hand-off was heard whole
        assert call.line.kinds()[-1] == "Hangup"


async def test_a_human_takes_over(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Reply("к кардиологу"), Reply("соедините с оператором")) as call:
        dialog = await call.to_the_end()
        assert (dialog.outcome, dialog.reason, dialog.transfer_result) == ("transferred", "requested", "completed")
        assert dialog.summary["специальность"] == "кардиолог"
        assert [message.target for message in call.transfers()] == ["operator"]


async def test_the_operators_conversation_is_no_handling_time(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Reply("соедините с оператором"), transfers=(TransferState.BRIDGED,)) as call:
        await call.until(lambda: "transfer bridged" in call.happened())
        bridged_seconds = call.line.frame * 0.02
        await call.for_seconds(30)
        call.line.end(line.EndedBy.OPERATOR)
        dialog = await call.to_the_end(1)
        assert dialog.outcome == "transferred"
        assert abs((dialog.handling_seconds or 0) - bridged_seconds) < 0.1


async def test_closed_hours_are_told_without_dialling(clinic: Clinic, tmp_path: Path) -> None:
    script = (Reply("соедините с оператором"), Reply("перезвоните"))
    with Call(clinic, tmp_path, *script, hours={"sat": "10:00-12:00"}) as call:
        dialog = await call.to_the_end()
        assert (dialog.outcome, dialog.transfer_result) == ("callback", "closed"), call.story()
        assert not call.transfers()
        assert "не работают" in call.prompt("no_operator.told").text
        assert "соединяю" not in call.story().lower()  # nothing is promised that cannot be kept


async def test_what_is_never_understood_goes_to_a_human(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Noise(), Noise(), Noise()) as call:
        dialog = await call.to_the_end()
        assert (dialog.outcome, dialog.reason) == ("transferred", "nomatch")
        assert sum(turn.intent == "notheard" for turn in dialog.turns) == 3


async def test_who_says_nothing_goes_to_a_human(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path, Silence(), Silence(), Silence()) as call:
        dialog = await call.to_the_end()
        assert (dialog.outcome, dialog.reason) == ("transferred", "noinput")


async def test_the_budget_ends_in_a_human_before_its_time(clinic: Clinic, tmp_path: Path) -> None:
    dithering = [Reply("к кардиологу"), *[Reply("подождите минутку"), Silence()] * 12]
    with Call(clinic, tmp_path, *dithering) as call:
        dialog = await call.to_the_end(260)
        assert dialog.outcome == "transferred", call.story()
        assert dialog.reason == "budget", call.story()
        assert (dialog.handling_seconds or 999) <= 210


@pytest.mark.parametrize("budget_seconds", [24, 29, 35, 42])
async def test_a_long_prompt_does_not_carry_the_caller_past_the_budget(
    clinic: Clinic, tmp_path: Path, budget_seconds: int
) -> None:
    engine = clinic.engine(budget_seconds)
    script = (Reply("к кардиологу"), Reply("завтра после обеда"), *[Silence()] * 4)
    with Call(clinic, tmp_path, *script, engine=engine, say=partial(say, characters_a_second=13)) as call:
        await call.until(lambda: "transfer ringing" in call.happened())
        assert call.dialog.reason == "budget", call.story()
        assert call.line.frame * 0.02 <= budget_seconds, call.story()
        assert call.prompt("messages.budget_over").played_text == call.prompt("messages.budget_over").text
        await call.to_the_end()


async def test_a_call_on_hold_is_left_in_peace(clinic: Clinic, tmp_path: Path) -> None:
    with Call(clinic, tmp_path) as call:
        await call.until(lambda: call.has_said("request.wish"))
        call.line.news.append(line.Held(call_id="c1", is_held=True))
        await call.for_seconds(230)
        assert "Transfer" not in call.line.kinds()
        assert call.happened() == ["hold"]
        dialog = await call.hang_up()
        assert dialog.outcome == "abandoned"


async def test_a_taken_dialog_id_is_replaced_everywhere(clinic: Clinic, tmp_path: Path) -> None:
    script = (Reply("соедините с оператором"), Reply("перезвоните"))
    with Call(clinic, tmp_path, *script, transfers=(TransferState.BUSY,)) as call:
        head = replace(call.conversation.chronicle._head(call.conversation.started, call.clock.now()), id=DIALOG_ID)
        call.store.open_dialog(replace(head, sip_call_id="another"))
        dialog = await call.to_the_end()
        assert dialog.id != DIALOG_ID
        renames = [message for message in call.line.sent if isinstance(message, line.Rename)]
        assert [message.dialog_id for message in renames] == [dialog.id]
        assert call.conversation.dialog_id == dialog.id  # the number that callers are told
        assert dialog.outcome == "callback"
