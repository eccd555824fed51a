"""Nobody but the settings decides what the robot dials: no redirection, no REFER, no Replaces, nothing in headers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from line_brain import OPERATOR_HZ, PATIENT_HZ, ROBOT_HZ, Brain
from sip_peers import Baresip, LineProcess, RawSip, running_line, seconds_of, tone, wait_until

from voicebot.line.headers import header
from voicebot.link.messages import CallEnded, CallStarted, Dial, Dialing, DialState, Rename, Transfer, Transferring

pytestmark = pytest.mark.call

PHONE, ID = "+79161234567", "4341AM8A"
#: Final answers that name another place (RFC 3261, 21.3).
REDIRECTIONS = ("301 Moved Permanently", "302 Moved Temporarily", "305 Use Proxy", "300 Multiple Choices")


@contextmanager
def line_with_brain(tmp_path: Path, settings: dict[str, Any]) -> Iterator[tuple[LineProcess, Brain]]:
    with running_line(tmp_path, settings) as line, Brain(line.socket) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        yield line, brain


def redirects(peer: RawSip, status: str, to: RawSip) -> None:
    """Answer an INVITE of the robot by sending it elsewhere."""
    invite = peer.wait_for("INVITE ")
    peer.reply(invite, status, f"Contact: <sip:premium@127.0.0.1:{to.port}>, <sip:+8810@127.0.0.1:{to.port}>;q=0.9")
    peer.wait_for("ACK ")


def finals(brain: Brain) -> int:
    return sum(m.state.is_final for m in brain.all(Transferring))


def was_reached(peer: RawSip) -> list[str]:
    return [text.partition("\r\n")[0] for text in peer.receive(1.0)]


def test_an_operator_who_redirects_is_not_followed(tmp_path: Path) -> None:
    with RawSip(0) as operator, RawSip(0) as elsewhere, Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient:
        target = f"sip:200@127.0.0.1:{operator.port}"
        with line_with_brain(tmp_path, {"transfer": {"targets": {"operator": target}}}) as (line, brain):
            operator.far_port = line.port
            patient.dial(line.uri)
            call_id = brain.wait(CallStarted).call_id
            brain.send(Rename(call_id=call_id, dialog_id=ID))
            for number, status in enumerate(REDIRECTIONS, start=1):
                brain.send(Transfer(call_id=call_id, target="operator"))
                redirects(operator, status, elsewhere)
                wait_until(lambda n=number: finals(brain) >= n, f"the transfer ends {status}")
            assert not any(m.state.is_success for m in brain.all(Transferring))
            assert was_reached(elsewhere) == []
            brain.say(call_id, 5, tone(ROBOT_HZ, 0.5))  # and the robot has the caller back
            wait_until(lambda: seconds_of(patient.heard(), ROBOT_HZ) > 0.4, "the patient hears the robot")
            assert not brain.all(CallEnded)


def test_a_patient_who_redirects_is_not_followed(tmp_path: Path) -> None:
    with RawSip(0) as trunk, RawSip(0) as elsewhere:
        target = f"sip:{{phone}}@127.0.0.1:{trunk.port}"
        with line_with_brain(tmp_path, {"calls": {"target": target}}) as (line, brain):
            trunk.far_port = line.port
            brain.send(Dial(order=1, phone=PHONE, dialog_id=ID))
            redirects(trunk, "302 Moved Temporarily", elsewhere)
            wait_until(lambda: any(m.state.is_final for m in brain.all(Dialing)), "the call ends")
            assert was_reached(elsewhere) == []
            line.wait_calls(0)


def test_a_caller_who_sends_refer_or_another_offer_makes_the_robot_dial_nothing(tmp_path: Path) -> None:
    with line_with_brain(tmp_path, {}) as (line, brain), RawSip(line.port) as caller, RawSip(0) as elsewhere:
        place = f"sip:premium@127.0.0.1:{elsewhere.port}"
        # Before there is a call, from nowhere.
        caller.send(caller.message("REFER", headers=f"Refer-To: <{place}>", branch="alone"))
        assert not [text for text in caller.receive(0.5) if text.startswith("SIP/2.0 2")]
        caller.key += "call"
        caller.send(caller.invite("\n".join(f"{name}: <{place}>" for name in ("Refer-To", "Referred-By", "Alert-Info"))))
        caller.wait_for("SIP/2.0 200")
        caller.send(caller.message("ACK", branch=f"{caller.key}ack"))
        brain.wait(CallStarted)
        for cseq, more in ((2, ""), (3, "?Replaces=a%3Bto-tag%3Db")):
            caller.send(caller.message("REFER", cseq, f"Refer-To: <{place}{more}>", branch=f"{caller.key}refer{cseq}"))
            caller.wait_for("SIP/2.0 603")
        caller.send(caller.invite(f"Contact: <{place}>\nRefer-To: <{place}>", cseq=4))
        caller.wait_for("SIP/2.0 200")
        caller.send(caller.message("ACK", 4, branch=f"{caller.key}ack4"))
        assert was_reached(elsewhere) == []
        assert line.status()["legs"] == 1
        caller.send(caller.message("BYE", 5))
        brain.wait(CallEnded)


def test_nobody_takes_a_call_over_by_replaces(tmp_path: Path) -> None:
    """RFC 3891: whoever knows a call's IDs would be put in its place."""
    with (
        line_with_brain(tmp_path, {"sip": {"allow": ["127.0.0.1/32"]}}) as (line, brain),
        Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient,
    ):
        patient.dial(line.uri)
        call_id = brain.wait(CallStarted).call_id
        patient.wait_for("CALL_ESTABLISHED")
        answer = patient.log[patient.log.index("SIP/2.0 200") :]
        tags = [re.search(r";tag=([^;\s]+)", header(answer, name)) for name in ("To", "From")]
        assert tags[0] is not None
        assert tags[1] is not None
        known = f"Replaces: {header(answer, 'Call-ID')};to-tag={tags[0][1]};from-tag={tags[1][1]}"
        for host in ("127.0.0.1", "127.0.0.2"):
            for replaces in (known, "Replaces: nothing@known;to-tag=a;from-tag=b"):
                with RawSip(line.port, host) as thief:
                    thief.send(thief.invite(f"{replaces}\nRequire: replaces"))
                    answers = [text for text in thief.receive(0.5) if text.startswith("SIP/2.0 ")]
                    assert [text[8] for text in answers if text[8] != "1"][:1] in (["4"], ["6"]), answers
                    thief.send(thief.message("ACK", branch=thief.key + "INVITE"))
        before = len(patient.heard())
        brain.say(call_id, 1, tone(ROBOT_HZ, 0.6))
        wait_until(lambda: seconds_of(patient.heard()[before:], ROBOT_HZ) > 0.4, "the patient still talks to the robot")
        assert len(brain.all(CallStarted)) == 1
        assert not brain.all(CallEnded)


def test_a_brain_gone_mad_has_no_dear_number_dialled(tmp_path: Path) -> None:
    numbers = ("+77011234567", "+78091234567", "+442071234567", "+7916123456", f"{PHONE}@127.0.0.1", "sip:9@127.0.0.1")
    with RawSip(0) as trunk:
        with line_with_brain(tmp_path, {"calls": {"target": f"sip:{{phone}}@127.0.0.1:{trunk.port}"}}) as (line, brain):
            brain.send(*(Dial(order=n, phone=phone, dialog_id=ID) for n, phone in enumerate(numbers)))
            brain.wait(Dialing, len(numbers))
            assert [m.state for m in brain.all(Dialing)] == [DialState.FORBIDDEN] * len(numbers)
            assert not [phone for phone in numbers if phone in line.log]
        assert was_reached(trunk) == []


def test_an_hour_has_its_limit(tmp_path: Path) -> None:
    with Baresip(tmp_path, PHONE, says=tone(OPERATOR_HZ, 30)) as patient:
        settings = {"calls": {"target": f"sip:{{phone}}@127.0.0.1:{patient.port}", "per_hour": 1, "ring_seconds": 1}}
        with line_with_brain(tmp_path, settings) as (line, brain):
            brain.send(Dial(order=1, phone=PHONE, dialog_id=ID))
            wait_until(lambda: any(m.order == 1 and m.state.is_final for m in brain.all(Dialing)), "nobody answers")
            line.wait_calls(0)
            brain.send(Dial(order=2, phone=PHONE, dialog_id=ID))
            wait_until(lambda: any(m.order == 2 for m in brain.all(Dialing)), "an answer")
            assert [m.state for m in brain.all(Dialing) if m.order == 2] == [DialState.NO_LINE]
            assert "calls_of_an_hour_used_up" in line.log
            assert patient.types().count("CALL_INCOMING") == 1
