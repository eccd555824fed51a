"""Real calls on loopback: sound, digits, hold, cancel, the last word."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from line_brain import PATIENT_HZ, ROBOT_HZ, Brain
from sip_peers import (
    SIPP_ACK,
    SIPP_ANSWER_BYE,
    SIPP_ANSWERED,
    SIPP_BYE,
    SIPP_PROVISIONAL,
    Baresip,
    LineProcess,
    RawSip,
    Sipp,
    running_line,
    seconds_of,
    sipp_invite,
    sipp_request,
    tone,
    wait_until,
)

from voicebot.line.headers import header
from voicebot.link.messages import (
    CallEnded,
    CallStarted,
    Digit,
    EndedBy,
    Hangup,
    Held,
    PlayEnded,
    PlayStarted,
    StopPlaying,
)

pytestmark = pytest.mark.call


@pytest.fixture
def line(tmp_path: Path) -> Iterator[LineProcess]:
    with running_line(tmp_path) as line:
        yield line


@pytest.fixture
def brain(line: LineProcess) -> Iterator[Brain]:
    with Brain(line.socket) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        yield brain


def test_a_call_is_heard_both_ways_to_the_last_word(line: LineProcess, brain: Brain, tmp_path: Path) -> None:
    with Baresip(tmp_path, says=tone(PATIENT_HZ, 20)) as patient:
        patient.dial(line.uri)
        started = brain.wait(CallStarted)
        assert (started.caller, started.called, started.source_host) == ("patient", "100", "127.0.0.1")
        assert started.sip_call_id in patient.log
        call_id = started.call_id
        brain.say(call_id, 0, tone(ROBOT_HZ, 1.5))
        brain.say(call_id, 1, tone(2 * ROBOT_HZ, 0.5))
        brain.send(Hangup(call_id=call_id))
        ended = brain.wait(CallEnded)
        assert ended.ended_by is EndedBy.ROBOT
        patient.wait_for("CALL_CLOSED")
        heard = patient.heard()
    # The last word is whole: nothing is cut at hang-up (a frame may straddle a window of the measurement).
    assert 1.44 <= seconds_of(heard, ROBOT_HZ) <= 1.54
    assert 0.44 <= seconds_of(heard, 2 * ROBOT_HZ) <= 0.54
    assert [(p.utterance, p.played_samples, p.is_complete) for p in brain.all(PlayEnded)] == [(0, 12000, True), (1, 4000, True)]
    starts, ends = brain.all(PlayStarted), brain.all(PlayEnded)
    assert [e.frame - s.frame for s, e in zip(starts, ends, strict=True)] == [75, 25]
    ticks = brain.ticks[call_id]
    assert [tick.frame for tick in ticks] == list(range(len(ticks)))
    robot = brain.robot_sound(call_id)
    assert seconds_of(robot[starts[0].frame * 320 : ends[0].frame * 320], ROBOT_HZ) == pytest.approx(1.5)
    # From the first moments on: the patient talks all the time.
    assert seconds_of(brain.caller_sound(call_id), PATIENT_HZ) > len(ticks) * 0.02 - 0.5
    assert line.status()["late_frames"] < len(ticks) / 10


def test_barge_in_is_silence_at_once(line: LineProcess, brain: Brain, tmp_path: Path) -> None:
    with Baresip(tmp_path, says=tone(PATIENT_HZ, 20)) as patient:
        patient.dial(line.uri)
        call_id = brain.wait(CallStarted).call_id
        brain.say(call_id, 0, tone(ROBOT_HZ, 5.0))
        wait_until(lambda: len(brain.ticks.get(call_id, [])) > 50, "a second of the call")
        sent_at_frame = brain.ticks[call_id][-1].frame
        brain.send(StopPlaying(call_id=call_id))
        ended = brain.wait(PlayEnded)
        assert not ended.is_complete
        # Each side's loop takes a few milliseconds; the bound is for a loaded machine, the deed itself is one frame.
        assert ended.frame - sent_at_frame <= 10
        assert ended.played_samples == (ended.frame - brain.wait(PlayStarted).frame) * 160
        wait_until(lambda: brain.ticks[call_id][-1].frame > ended.frame + 20, "more of the call")
        assert all(not tick.robot for tick in brain.ticks[call_id][ended.frame :])
        # It goes on with another utterance.
        brain.say(call_id, 1, tone(ROBOT_HZ, 0.2))
        assert brain.wait(PlayEnded, 2).is_complete


def test_digits_by_rfc4733(line: LineProcess, brain: Brain, tmp_path: Path) -> None:
    with Baresip(tmp_path, says=tone(PATIENT_HZ, 30)) as patient:
        patient.dial(line.uri)
        brain.wait(CallStarted)
        patient.press("159*0#")
        brain.wait(Digit, 6)
        time.sleep(0.3)
        assert "".join(message.digit for message in brain.all(Digit)) == "159*0#"
        frames = [message.frame for message in brain.all(Digit)]
        assert frames == sorted(frames)


def test_digits_by_info(line: LineProcess, brain: Brain, tmp_path: Path) -> None:
    scenario = sipp_invite() + SIPP_ANSWERED
    # pjsip itself answers the plain body with 500, which ends no dialog (RFC 5057 5.1); the key counts all the same.
    keys = [
        ("dtmf-relay", "Signal=7\nDuration=160\n", 200),
        ("dtmf", "8", 500),
        ("dtmf-relay", "Signal=#\nDuration=160\n", 200),
        ("dtmf", "nonsense", 500),
    ]
    for cseq, (kind, body, status) in enumerate(keys, 2):
        scenario += sipp_request("INFO", cseq, f"Content-Type: application/{kind}", body)
        scenario += f'<recv response="{status}"/>\n<pause milliseconds="100"/>\n'
    with Sipp(tmp_path, scenario + SIPP_BYE, remote=f"127.0.0.1:{line.port}") as sipp:
        sipp.wait()
        brain.wait(CallEnded)
        assert "".join(message.digit for message in brain.all(Digit)) == "78#", sipp.messages


def test_hold_and_back(line: LineProcess, brain: Brain, tmp_path: Path) -> None:
    with Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient:
        patient.dial(line.uri)
        call_id = brain.wait(CallStarted).call_id
        brain.say(call_id, 0, tone(ROBOT_HZ, 2.0))
        brain.wait(PlayStarted)
        patient.command("hold")
        assert brain.wait(Held).is_held
        held_at = len(brain.ticks[call_id])
        wait_until(lambda: len(brain.ticks[call_id]) > held_at + 60, "ticks go on while held")
        assert not brain.all(PlayEnded)  # the prompt waits
        patient.command("resume")
        assert not brain.wait(Held, 2).is_held
        ended = brain.wait(PlayEnded)
        assert ended.is_complete
        assert ended.played_samples == 16000
        wait_until(lambda: brain.ticks[call_id][-1].caller, "the patient is heard again")
        assert 1.9 <= seconds_of(brain.robot_sound(call_id), ROBOT_HZ) <= 2.0
        patient.hang_up()
        assert brain.wait(CallEnded).ended_by is EndedBy.CALLER


@pytest.mark.parametrize(
    "hold",
    [{"direction": "sendonly"}, {"direction": "inactive"}, {"media_host": "0.0.0.0"}],
    ids=["sendonly", "inactive", "old"],
)
def test_every_way_of_hold(line: LineProcess, brain: Brain, hold: dict[str, str]) -> None:
    with RawSip(line.port) as raw:
        raw.send(raw.invite())
        raw.wait_for("SIP/2.0 200")
        raw.send(raw.message("ACK"))
        call_id = brain.wait(CallStarted).call_id
        for cseq, offer in enumerate([hold, {}], 2):
            raw.send(raw.invite(cseq=cseq, **offer))
            raw.wait_for("SIP/2.0 200")
            raw.send(raw.message("ACK", cseq=cseq, branch=f"{raw.key}ACK{cseq}"))
            assert brain.wait(Held, cseq - 1).is_held is (cseq == 2)
            frames = len(brain.ticks[call_id])
            wait_until(lambda seen=frames: len(brain.ticks[call_id]) > seen + 25, "ticks go on")  # type: ignore[misc]
        ticks = brain.ticks[call_id]
        assert [tick.frame for tick in ticks] == list(range(len(ticks)))
        brain.say(call_id, 0, tone(ROBOT_HZ, 0.2))
        assert brain.wait(PlayEnded).is_complete


def test_an_invite_without_an_offer_is_answered_with_one(line: LineProcess, brain: Brain) -> None:
    with RawSip(line.port) as raw:
        raw.send(raw.message("INVITE"))
        assert "m=audio" in raw.wait_for("SIP/2.0 200")
        raw.send(raw.message("ACK", headers="Content-Type: application/sdp", body=raw.sdp()))
        call_id = brain.wait(CallStarted).call_id
        brain.say(call_id, 0, tone(ROBOT_HZ, 0.2))
        assert brain.wait(PlayEnded).is_complete


def test_the_caller_hangs_up_while_the_robot_speaks(line: LineProcess, brain: Brain, tmp_path: Path) -> None:
    with Baresip(tmp_path, says=tone(PATIENT_HZ, 20)) as patient:
        patient.dial(line.uri)
        call_id = brain.wait(CallStarted).call_id
        brain.say(call_id, 0, tone(ROBOT_HZ, 10.0))
        brain.wait(PlayStarted)
        patient.hang_up()
        assert brain.wait(CallEnded).ended_by is EndedBy.CALLER
        line.wait_calls(0)
    assert line.status()["legs"] == 0
    assert line.status()["brains"][0]["calls"] == 0


def test_rtp_flows_before_the_ack_and_an_unacknowledged_call_bothers_no_brain(
    line: LineProcess, brain: Brain, tmp_path: Path
) -> None:
    scenario = sipp_invite() + SIPP_PROVISIONAL + '<recv response="200" rrs="true"/>\n<pause milliseconds="1500"/>\n'
    scenario += SIPP_ACK + '<pause milliseconds="500"/>\n' + SIPP_BYE
    with Sipp(tmp_path, scenario, remote=f"127.0.0.1:{line.port}") as sipp:
        line.wait_calls(1)
        wait_until(lambda: "SIP/2.0 200" in sipp.messages, "answered")
        assert not brain.messages
        started = brain.wait(CallStarted)
        sipp.wait()
        brain.wait(CallEnded)
    assert started.caller == "+79161234567"
    # The sound of the time before the ACK was kept: the first words are not lost.
    assert len(brain.ticks[started.call_id]) >= 60
    assert brain.ticks[started.call_id][0].frame == 0


def test_a_cancel_right_behind_the_invite_leaves_nothing(line: LineProcess, brain: Brain) -> None:
    # We answer at once, so the CANCEL may come in time (487) or late (200, then BYE ends it: RFC 3261 9.2).
    for _ in range(5):
        with RawSip(line.port) as raw:
            raw.send(raw.invite())
            raw.send(raw.message("CANCEL", branch=raw.key + "INVITE"))
            statuses = [text.split()[1] + " " + header(text, "CSeq") for text in raw.receive(0.5)]
            assert "200 1 CANCEL" in statuses or "481 1 CANCEL" in statuses
            assert "200 1 INVITE" in statuses or "487 1 INVITE" in statuses
            raw.send(raw.message("ACK"))
            if "200 1 INVITE" in statuses:
                raw.send(raw.message("BYE", cseq=2))
                raw.wait_for("SIP/2.0 200")
            wait_until(lambda: line.status()["answered"] and not line.status()["legs"], "no leg is left")
    assert line.status()["calls"] == 0


def test_an_incoming_refer_is_declined(line: LineProcess, brain: Brain, tmp_path: Path) -> None:
    refer = sipp_request("REFER", 2, "Refer-To: <sip:evil@127.0.0.1:9>") + '<recv response="603"/>\n'
    with Sipp(tmp_path, sipp_invite() + SIPP_ANSWERED + refer + SIPP_BYE, remote=f"127.0.0.1:{line.port}") as sipp:
        sipp.wait()
    assert brain.wait(CallEnded).ended_by is EndedBy.CALLER
    assert line.process.poll() is None


def test_session_timer_is_agreed(line: LineProcess, brain: Brain, tmp_path: Path) -> None:
    headers = "Supported: timer\nSession-Expires: 1800;refresher=uac\nMin-SE: 90"
    with Sipp(tmp_path, sipp_invite(headers) + SIPP_ANSWERED + SIPP_BYE, remote=f"127.0.0.1:{line.port}") as sipp:
        sipp.wait()
        assert re.search(r"(?im)^Session-Expires: *1800;refresher=uac", sipp.messages.split("SIP/2.0 200")[1])


def test_many_calls_one_after_another(line: LineProcess, brain: Brain, tmp_path: Path) -> None:
    scenario = sipp_invite() + SIPP_ANSWERED + '<pause milliseconds="100"/>\n' + SIPP_BYE
    with Sipp(tmp_path, scenario, remote=f"127.0.0.1:{line.port}", calls=20, more=("-l", "2", "-r", "5")) as sipp:
        sipp.wait()
    brain.wait(CallEnded, 20)
    assert len({message.dialog_id for message in brain.all(CallStarted)}) == 20
    line.wait_calls(0)
    assert line.status()["legs"] == 0


def test_a_robot_hangup_is_answered(line: LineProcess, tmp_path: Path) -> None:
    with (
        Brain(line.socket, on_started=lambda b, call: b.send(Hangup(call_id=call.call_id))) as brain,
        Sipp(tmp_path, sipp_invite() + SIPP_ANSWERED + SIPP_ANSWER_BYE, remote=f"127.0.0.1:{line.port}") as sipp,
    ):
        sipp.wait()
        assert brain.wait(CallEnded).ended_by is EndedBy.ROBOT
