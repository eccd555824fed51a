"""Transfers to real phones on loopback: the ID arrives, both are heard, failures give the caller back."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from line_brain import OPERATOR_HZ, PATIENT_HZ, ROBOT_HZ, Brain
from sip_peers import (
    SIPP_ANSWER_BYE,
    SIPP_ANSWERED,
    Baresip,
    LineProcess,
    Sipp,
    free_port,
    level_at,
    running_line,
    seconds_of,
    sipp_invite,
    sipp_reply,
    tone,
    wait_until,
)

from voicebot.link.messages import (
    CallEnded,
    CallStarted,
    EndedBy,
    Hangup,
    PlayEnded,
    Rename,
    Transfer,
    Transferring,
    TransferState,
)

pytestmark = pytest.mark.call

ID = "4341AM8A"


@contextmanager
def line_with_brain(tmp_path: Path, target: str, **transfer: Any) -> Iterator[tuple[LineProcess, Brain]]:
    settings = {"transfer": {"targets": {"operator": target}, **transfer}}
    with running_line(tmp_path, settings) as line, Brain(line.socket) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        yield line, brain


def hand_over(brain: Brain) -> str:
    """Let the first call be handed over under a known dialog ID."""
    call_id = brain.wait(CallStarted).call_id
    brain.send(Rename(call_id=call_id, dialog_id=ID), Transfer(call_id=call_id, target="operator"))
    return call_id


def states(brain: Brain) -> list[str]:
    return [message.state.value for message in brain.all(Transferring)]


def wait_final(brain: Brain, seconds: float = 20) -> Transferring:
    wait_until(
        lambda: any(m.state.is_final for m in brain.all(Transferring)), f"an end of the transfer {brain.messages}", seconds
    )
    return next(m for m in brain.all(Transferring) if m.state.is_final)


def grown(phone: Baresip) -> Callable[[], bytes]:
    """Return what the phone hears from now on."""
    start = len(phone.heard())
    return lambda: phone.heard()[start:]


def test_consult_then_refer_and_both_talk_without_us(tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
        line_with_brain(tmp_path, operator.uri) as (line, brain),
        Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient,
    ):
        patient.dial(line.uri)
        call_id = brain.wait(CallStarted).call_id
        brain.say(call_id, 0, tone(ROBOT_HZ, 1.0))
        hand_over(brain)
        ended = brain.wait(CallEnded, seconds=30)
        # The spoken hand-off was not cut, and came before the ringing.
        assert brain.wait(PlayEnded).is_complete
        assert seconds_of(patient.heard(), ROBOT_HZ) > 0.9
        assert ended.ended_by is EndedBy.TRANSFERRED, brain.messages
        assert states(brain) == ["ringing", "completed"]
        first_invite = operator.log[operator.log.index("INVITE sip:200") :]
        assert re.search(rf"(?m)^X-Dialog-ID: *{ID}\r?$", first_invite)
        assert re.search(rf"(?m)^User-to-User: *{ID.encode().hex()};encoding=hex\r?$", first_invite)
        assert re.search(rf"(?m)^X-Dialog-ID: *{ID}\r?$", patient.log[patient.log.index("REFER sip:") :])
        line.wait_calls(0)
        assert line.status()["legs"] == 0
        # The robot is out, and the two hear each other.
        to_operator, to_patient = grown(operator), grown(patient)
        wait_until(lambda: seconds_of(to_operator(), PATIENT_HZ) > 0.5, "the operator hears the patient")
        wait_until(lambda: seconds_of(to_patient(), OPERATOR_HZ) > 0.5, "the patient hears the operator")


def test_bridge_carries_and_records_both(tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
        line_with_brain(tmp_path, operator.uri, mode="bridge") as (line, brain),
        Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient,
    ):
        patient.dial(line.uri)
        call_id = hand_over(brain)
        assert wait_final(brain).state is TransferState.BRIDGED
        to_operator, to_patient, frames = grown(operator), grown(patient), len(brain.ticks[call_id])
        wait_until(lambda: seconds_of(to_operator(), PATIENT_HZ) > 1, "the operator hears the patient")
        wait_until(lambda: seconds_of(to_patient(), OPERATOR_HZ) > 1, "the patient hears the operator")
        wait_until(lambda: len(brain.ticks[call_id]) > frames + 100, "two seconds of ticks")
        recorded = brain.robot_sound(call_id)[(frames + 25) * 320 :]
        assert level_at(recorded, OPERATOR_HZ) > 6000  # the operator, in the robot's place
        assert level_at(recorded, PATIENT_HZ) < 200
        assert level_at(brain.caller_sound(call_id)[(frames + 25) * 320 :], PATIENT_HZ) > 6000
        operator.hang_up()
        assert brain.wait(CallEnded).ended_by is EndedBy.OPERATOR
        patient.wait_for("CALL_CLOSED")
        line.wait_calls(0)
        # A second call, and now the patient hangs up.
        patient.dial(line.uri)
        brain.wait(CallStarted, 2)
        call_id = brain.all(CallStarted)[1].call_id
        brain.send(Transfer(call_id=call_id, target="operator"))
        wait_until(lambda: states(brain).count("bridged") == 2, "bridged again")
        closed = operator.types().count("CALL_CLOSED")
        patient.hang_up()
        assert brain.wait(CallEnded, 2).ended_by is EndedBy.CALLER
        wait_until(lambda: operator.types().count("CALL_CLOSED") == closed + 1, "the operator's call ends")


def test_a_refused_refer_becomes_a_bridge(tmp_path: Path) -> None:
    refuses = '<recv request="REFER"/>\n' + sipp_reply("603 Decline").replace(";tag=[pid]SIPp[call_number]", "")
    scenario = sipp_invite() + SIPP_ANSWERED + refuses + SIPP_ANSWER_BYE
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
        line_with_brain(tmp_path, operator.uri) as (line, brain),
        Sipp(tmp_path, scenario, remote=f"127.0.0.1:{line.port}") as sipp,
    ):
        call_id = hand_over(brain)
        assert wait_final(brain).state is TransferState.BRIDGED
        wait_until(lambda: seconds_of(brain.robot_sound(call_id), OPERATOR_HZ) > 1, "the operator is still there")
        operator.hang_up()
        assert brain.wait(CallEnded).ended_by is EndedBy.OPERATOR
        sipp.wait()
        assert f"X-Dialog-ID: {ID}" in sipp.messages


def test_a_caller_that_says_it_takes_no_refer_gets_none(tmp_path: Path) -> None:
    scenario = sipp_invite("Allow: INVITE, ACK, BYE, CANCEL") + SIPP_ANSWERED + SIPP_ANSWER_BYE
    with (
        Baresip(tmp_path, "200", answers=True) as operator,
        line_with_brain(tmp_path, operator.uri) as (line, brain),
        Sipp(tmp_path, scenario, remote=f"127.0.0.1:{line.port}") as sipp,
    ):
        call_id = hand_over(brain)
        assert wait_final(brain).state is TransferState.BRIDGED
        brain.send(Hangup(call_id=call_id))
        sipp.wait()
        assert "REFER sip" not in sipp.messages
        operator.wait_for("CALL_CLOSED")


def test_blind_takes_the_caller_away_with_the_id_in_refer_to(tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
        line_with_brain(tmp_path, operator.uri, mode="blind") as (line, brain),
        Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient,
    ):
        patient.dial(line.uri)
        hand_over(brain)
        assert wait_final(brain).state is TransferState.COMPLETED
        assert brain.wait(CallEnded).ended_by is EndedBy.TRANSFERRED
        assert re.search(
            rf"(?m)^Refer-To: *<{operator.uri}\?X-Dialog-ID={ID}&User-to-User={ID.encode().hex()}%3Bencoding%3Dhex>",
            patient.log,
        )
        wait_until(lambda: seconds_of(operator.heard(), PATIENT_HZ) > 0.5, "the operator hears the patient")


def test_the_id_in_the_user_part_reaches_the_operator(tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, f"200-{ID}", answers=True) as operator,
        line_with_brain(tmp_path, operator.uri.replace(f"-{ID}", ""), mode="bridge", id_in=["user_part"]) as (line, brain),
        Baresip(tmp_path) as patient,
    ):
        patient.dial(line.uri)
        hand_over(brain)
        assert wait_final(brain).state is TransferState.BRIDGED
        assert f"INVITE sip:200-{ID}@127.0.0.1" in operator.log
        assert "X-Dialog-ID" not in operator.log


UAS_ACK = '<recv request="ACK"/>\n'


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("486 Busy Here", "busy"),
        ("603 Decline", "declined"),
        ("404 Not Found", "wrong_extension"),
        ("480 Temporarily Unavailable", "no_answer"),
        ("500 Server Internal Error", "unreachable"),
    ],
)
def test_a_refusing_operator_gives_the_caller_back(tmp_path: Path, status: str, state: str) -> None:
    scenario = '<recv request="INVITE"/>\n' + sipp_reply("180 Ringing") + sipp_reply(status) + UAS_ACK
    with (
        Sipp(tmp_path, scenario, name="operator") as operator,
        line_with_brain(tmp_path, f"sip:200@127.0.0.1:{operator.port}") as (line, brain),
        Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient,
    ):
        patient.dial(line.uri)
        call_id = hand_over(brain)
        assert wait_final(brain).state == state
        operator.wait()
        # The robot has the caller back and can be heard.
        brain.say(call_id, 5, tone(ROBOT_HZ, 0.5))
        assert brain.wait(PlayEnded).is_complete
        wait_until(lambda: seconds_of(patient.heard(), ROBOT_HZ) > 0.4, "the patient hears the robot")
        assert not brain.all(CallEnded)
        patient.hang_up()
        brain.wait(CallEnded)


def test_no_answer_is_cancelled_and_rings_meanwhile(tmp_path: Path) -> None:
    scenario = (
        '<recv request="INVITE"/>\n'
        + sipp_reply("180 Ringing")
        + '<recv request="CANCEL"/>\n'
        + sipp_reply("200 OK")
        + sipp_reply("487 Request Terminated").replace("[last_CSeq:]", "CSeq: [cseq] INVITE")
    )
    with (
        Sipp(tmp_path, scenario, name="operator") as operator,
        line_with_brain(tmp_path, f"sip:200@127.0.0.1:{operator.port}", ring_seconds=2.5) as (line, brain),
        Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient,
    ):
        patient.dial(line.uri)
        hand_over(brain)
        assert wait_final(brain).state is TransferState.NO_ANSWER
        assert states(brain) == ["ringing", "no_answer"]
        wait_until(lambda: "CANCEL sip:" in operator.messages, "the operator's phone stops ringing")
        assert 0.9 <= seconds_of(patient.heard(), 425) <= 1.1  # one ringback of a second
        assert not brain.all(CallEnded)


def test_an_unreachable_operator_is_known_within_seconds(tmp_path: Path) -> None:
    with (
        line_with_brain(tmp_path, f"sip:200@127.0.0.1:{free_port()}") as (line, brain),
        Baresip(tmp_path) as patient,
    ):
        patient.dial(line.uri)
        call_id = hand_over(brain)
        assert wait_final(brain, 10).state is TransferState.UNREACHABLE
        # An unknown name is refused without dialling anything.
        brain.send(Transfer(call_id=call_id, target="sip:evil@127.0.0.1:9"))
        assert brain.wait(Transferring, 2).state is TransferState.WRONG_EXTENSION


def test_the_caller_hanging_up_stops_the_operators_phone(tmp_path: Path) -> None:
    scenario = '<recv request="INVITE"/>\n' + sipp_reply("180 Ringing") + '<recv request="CANCEL"/>\n' + sipp_reply("200 OK")
    with (
        Sipp(tmp_path, scenario, name="operator") as operator,
        line_with_brain(tmp_path, f"sip:200@127.0.0.1:{operator.port}") as (line, brain),
        Baresip(tmp_path) as patient,
    ):
        patient.dial(line.uri)
        hand_over(brain)
        wait_until(lambda: states(brain) == ["ringing"], "ringing")
        patient.hang_up()
        assert brain.wait(CallEnded).ended_by is EndedBy.CALLER
        operator.wait()


def test_with_all_legs_taken_the_caller_is_referred_blindly(tmp_path: Path) -> None:
    # The wheel's four legs all given to patients: no leg for a consult, so REFER is what remains.
    wheel = tmp_path / "cache"
    holds = sipp_invite() + SIPP_ANSWERED + '<recv request="BYE" timeout="30000"/>\n' + sipp_reply("200 OK")
    with (
        Baresip(tmp_path, "200", answers=True) as operator,
        running_line(tmp_path, {"sip": {"lines": 4}, "transfer": {"targets": {"operator": operator.uri}}}, wheel) as line,
        Brain(line.socket) as brain,
        Sipp(tmp_path, holds, remote=f"127.0.0.1:{line.port}", calls=3, more=("-r", "3")),
        Baresip(tmp_path) as patient,
    ):
        line.wait_calls(3)
        patient.dial(line.uri)
        wait_until(lambda: any(m.caller == "patient" for m in brain.all(CallStarted)), "the fourth call")
        call_id = next(m.call_id for m in brain.all(CallStarted) if m.caller == "patient")
        brain.send(Rename(call_id=call_id, dialog_id=ID), Transfer(call_id=call_id, target="operator"))
        assert wait_final(brain).state is TransferState.COMPLETED
        assert f"?X-Dialog-ID={ID}&" in patient.log
