"""The robot hears nothing, cannot speak, cannot load its model, reaches no operator: the caller gets a human or a call back."""

import shutil
import socket
from collections.abc import Iterator

import pytest
from bad_day import Day, a_day
from sip_peers import Sipp, sipp_reply, wait_until

from voicebot.hearing.models import embedded_model
from voicebot.records.dialogs import Who

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("senses")
    model = embedded_model()
    if model is None:
        pytest.skip("no embedded model here")
    shutil.copytree(model, folder / model.name)
    with a_day(folder, {"hearing": {"model": str(folder / model.name)}}) as day:
        yield day


def test_a_recogniser_that_returns_nothing_ends_with_a_human(day: Day) -> None:
    with day.caller("+79160000001") as patient:
        dialog_id = day.begin(patient)
        with day.broken("deaf"):
            while "CALL_ESTABLISHED" not in day.human.types():
                patient.say_now("Запишите меня к терапевту.")
                wait_until(
                    lambda: patient.robot_has_finished() or "CALL_ESTABLISHED" in day.human.types(), "an answer or a human", 40
                )
            day.hears_operator(patient)
        day.human.hang_up()
    dialog = day.ended(dialog_id)
    assert dialog.outcome == "transferred", day.story(dialog_id)
    tries = [turn for turn in dialog.turns if turn.who is Who.CALLER]
    assert 1 <= len(tries) <= 4, day.story(dialog_id)  # nobody is asked for ever
    assert day.recorded_seconds(dialog) > 8


def test_a_voice_that_fails_is_a_prepared_apology_and_a_human(day: Day) -> None:
    with day.caller("+79160000002") as patient:
        dialog_id = day.begin(patient)
        with day.broken("dumb"):
            patient.say_now("Сколько стоит общий анализ крови?")
            day.hears_operator(patient)
        day.human.hang_up()
    dialog = day.ended(dialog_id)
    assert (dialog.outcome, dialog.reason) == ("transferred", "robot_failed"), day.story(dialog_id)
    assert any(turn.prompt == "apology" and turn.played_text == turn.text for turn in dialog.turns), day.story(dialog_id)
    assert "анализ" in day.said(dialog_id, Who.CALLER)


def test_a_model_that_is_damaged_when_a_brain_comes_back(day: Day) -> None:
    file = next(day.folder.glob("vosk-*/am/final.mdl"))
    whole = file.read_bytes()
    with day.caller("+79160000003") as patient:
        dialog_id = day.begin(patient)
        patient.say("Запишите меня к терапевту.")
        patient.wait_robot()
        file.write_bytes(whole[: len(whole) // 2])
        day.robot.kill("brain-1")
        day.hears_operator(patient)
        day.human.hang_up()
    wait_until(lambda: "final.mdl" in day.robot.log or "does not load" in day.robot.log, "the engineer is told", 60)
    with day.caller("+79160000004") as patient:  # no brain at all: line itself takes the caller to a human
        patient.dial(day.robot.uri)
        day.hears_operator(patient, 40)
        day.human.hang_up()
    file.write_bytes(whole)
    day.robot.wait_ready()
    assert day.ended(dialog_id).outcome == "transferred"
    assert "терапевт" in day.said(dialog_id, Who.CALLER)
    newest = day.robot.dialogs()[0]
    assert newest.id != dialog_id
    assert day.ended(newest.id).outcome == "transferred"


def test_an_operator_out_of_reach_in_every_way_becomes_a_call_back(day: Day) -> None:
    port = day.human.port
    day.human.stop()  # nobody there: the machine refuses
    refuses = '<recv request="INVITE"/>\n' + sipp_reply("503 Service Unavailable") + '<recv request="ACK"/>\n'
    with day.caller("+79160000005") as patient:
        dialog_id = day.begin(patient)
        patient.say("Соедините с оператором.")
        day.wait_asked(dialog_id, "Или перезвонить вам?")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", port))  # nobody says anything, not even 100
            patient.say_now("Попробуйте ещё раз.")
            day.wait_asked(dialog_id, "Или перезвонить вам?", 2)
            assert silent.recv(4096).startswith(b"INVITE")
        with Sipp(day.folder, refuses, name="pbx", port=port) as pbx:
            patient.say_now("Попробуйте ещё раз.")
            day.wait_asked(dialog_id, "Мы можем перезвонить вам, когда")
            pbx.wait()
        patient.say_now("Перезвоните мне.")
        dialog = day.ended(dialog_id)
    tried = [turn.text for turn in dialog.turns if turn.who is Who.SYSTEM and turn.text.startswith("transfer")]
    assert tried == ["transfer unreachable"] * 3, day.story(dialog_id)
    assert dialog.outcome == "callback", day.story(dialog_id)
    assert dialog_id in day.to_call_back()
