"""A full robot answers all the same: real phones wait with music, are told their place, are served, or reach a human."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from line_brain import OPERATOR_HZ, PATIENT_HZ, ROBOT_HZ, Brain
from sip_peers import Baresip, LineProcess, RawSip, free_port, running_line, seconds_of, tone, wait_until

from voicebot.line.headers import header
from voicebot.link.messages import CallEnded, CallStarted, EndedBy, Hangup, Load, Orphaned, TransferState, Waiting
from voicebot.link.waiting_sounds import WaitingSounds, save

pytestmark = pytest.mark.call

GREETING_HZ, FIRST_HZ, SECOND_HZ, MUSIC_HZ = 600, 800, 900, 350
SERVED_HZ, TO_OPERATOR_HZ, CALL_BACK_HZ, NO_OPERATOR_HZ = 1100, 1200, 1700, 1900
SOUNDS = WaitingSounds(
    greeting=tone(GREETING_HZ, 0.4),
    more=tone(2100, 0.4),
    no_operator=tone(NO_OPERATOR_HZ, 0.4),
    served=tone(SERVED_HZ, 0.4),
    to_operator=tone(TO_OPERATOR_HZ, 0.4),
    call_back=tone(CALL_BACK_HZ, 0.4),
    goodbye=tone(2300, 0.4),
    music=tone(MUSIC_HZ, 1.0),
    places=(tone(FIRST_HZ, 0.4), tone(SECOND_HZ, 0.4)),
)
NUMBER = "+79161234567"


def greet(brain: Brain, call: CallStarted) -> None:
    brain.say(call.call_id, 0, tone(ROBOT_HZ, 1.0))


@contextmanager
def full_line(
    folder: Path, admission: dict[str, Any], operator_uri: str = "", **settings: dict[str, Any]
) -> Iterator[tuple[LineProcess, Brain, RawSip]]:
    """A line with one place, which a caller has taken; the others are what the tests are about."""
    save(folder / "var" / "waiting", SOUNDS)
    uri = operator_uri or f"sip:200@127.0.0.1:{free_port()}"
    wanted = {
        "sip": {"lines": 1, "retry_after_seconds": 9},
        "admission": {"tell_seconds": 10, **admission},
        "transfer": {"mode": "bridge", "targets": {"operator": uri}, "ring_seconds": 3},
        **settings,
    }
    with running_line(folder, wanted) as line, Brain(line.socket, on_started=greet) as brain, RawSip(line.port) as first:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        first.send(first.invite())
        first.wait_for("SIP/2.0 200")
        first.send(first.message("ACK"))
        brain.wait(CallStarted)
        yield line, brain, first


def phone(folder: Path, name: str) -> Baresip:
    return Baresip(
        folder,
        name,
        says=tone(PATIENT_HZ, 60),
        account=f"<sip:{NUMBER}@127.0.0.1>;regint=0;answermode=manual;audio_codecs=PCMA",
    )


def hears(who: Baresip, hertz: float, what: str, seconds: float = 0.25) -> None:
    wait_until(lambda: seconds_of(who.heard(), hertz, 1000) >= seconds, what)


def test_callers_wait_with_music_are_told_their_place_and_served_in_turn(tmp_path: Path) -> None:
    with (
        full_line(tmp_path, {}) as (line, brain, first),
        phone(tmp_path, "one") as one,
        phone(tmp_path, "two") as two,
    ):
        one.dial(line.uri)
        hears(one, FIRST_HZ, "the first place")
        two.dial(line.uri)
        hears(two, SECOND_HZ, "the second place")
        for caller in (one, two):
            hears(caller, GREETING_HZ, "the greeting")
            hears(caller, MUSIC_HZ, "music", 1.0)
        assert seconds_of(one.heard(), SECOND_HZ, 1000) == 0
        told = brain.all(Waiting)
        assert [(call.started.caller, call.reason) for call in told] == [(NUMBER, "")] * 2
        facts = line.status()
        assert (facts["waiting"], len(brain.all(CallStarted))) == (2, 1)

        first.send(first.message("BYE", cseq=2))  # a place is free
        served = brain.wait(CallStarted, 2)
        assert served.dialog_id == told[0].started.dialog_id
        assert served.waited_seconds is not None
        assert served.waited_seconds > 1
        hears(one, SERVED_HZ, "thanks")
        hears(one, ROBOT_HZ, "the robot", 0.8)
        assert min(tick.frame for tick in brain.ticks[served.call_id]) == 0  # its time begins now
        hears(two, FIRST_HZ, "a better place")
        assert len(brain.all(CallStarted)) == 2
        music = seconds_of(one.heard()[-16000:], MUSIC_HZ, 1000)
        assert music == 0

        two.hang_up()
        left = brain.wait(Orphaned)
        assert (left.reason, left.ended_by, left.transfer) == ("queue_left", EndedBy.CALLER, None)
        assert left.started.dialog_id == told[1].started.dialog_id
        brain.send(Hangup(call_id=served.call_id))
        brain.wait(CallEnded, 2)
        wait_until(lambda: line.status()["waiting"] == 0, "nobody waits")
        facts = line.status()
        assert (facts["admitted_from_queue"], facts["left_the_queue"], facts["passed_to_operators"]) == (1, 1, 0)
        assert facts["waited_seconds"] > 2


def test_zero_brings_an_operator_and_who_gets_none_keeps_his_place(tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
        full_line(tmp_path, {}, operator.uri) as (line, brain, _),
        phone(tmp_path, "one") as one,
    ):
        operator.stop()
        one.dial(line.uri)
        hears(one, MUSIC_HZ, "music")
        one.press("0")
        hears(one, TO_OPERATOR_HZ, "the announcement")
        hears(one, NO_OPERATOR_HZ, "nobody answers")
        hears(one, FIRST_HZ, "the place again", 0.7)
        assert [told.reason for told in brain.all(Waiting)] == ["", "queue_operator"]
        music = seconds_of(one.heard(), MUSIC_HZ, 1000)
        wait_until(lambda: seconds_of(one.heard(), MUSIC_HZ, 1000) > music + 0.5, "music again")
        with Baresip(tmp_path / "again", "200", says=tone(OPERATOR_HZ, 60), answers=True, port=operator.port) as second:
            one.press("0")
            hears(one, OPERATOR_HZ, "the operator", 0.5)
            hears(second, PATIENT_HZ, "the patient", 0.5)
            assert f"X-Dialog-ID: {brain.all(Waiting)[0].started.dialog_id}" in second.log
            wait_until(lambda: line.status()["waiting"] == 0, "he waits no more")
            one.hang_up()
            ended = brain.wait(Orphaned)
        assert (ended.reason, ended.transfer) == ("queue_operator", TransferState.BRIDGED)
        assert len(brain.all(CallStarted)) == 1


@pytest.mark.parametrize("admission", [{"when_full": "operators"}, {"places": 1}], ids=["at once", "queue full"])
def test_callers_without_a_place_are_the_operators_at_once(tmp_path: Path, admission: dict[str, Any]) -> None:
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
        full_line(tmp_path, admission, operator.uri) as (line, brain, _),
        RawSip(line.port) as waits,
        phone(tmp_path, "one") as one,
    ):
        if "places" in admission:
            waits.send(waits.invite())
            waits.wait_for("SIP/2.0 200")
            waits.send(waits.message("ACK"))
            wait_until(lambda: line.status()["waiting"] == 1, "the queue is full")
        one.dial(line.uri)
        hears(one, TO_OPERATOR_HZ, "the announcement")
        hears(one, OPERATOR_HZ, "the operator", 0.5)
        told = brain.all(Waiting)[-1]
        assert told.reason == "queue_full"
        assert f"X-Dialog-ID: {told.started.dialog_id}" in operator.log
        assert seconds_of(one.heard(), MUSIC_HZ, 1000) == 0
        operator.hang_up()
        ended = brain.wait(Orphaned)
        assert (ended.reason, ended.transfer) == ("queue_full", TransferState.BRIDGED)
        assert line.status()["passed_to_operators"] == 1


def test_without_operators_a_call_back_is_promised_and_only_then_calls_are_refused(tmp_path: Path) -> None:
    uri = f"sip:200@127.0.0.1:{free_port()}"  # nobody listens there
    transfer = {"mode": "bridge", "targets": {"operator": uri}, "ring_seconds": 20}
    with (
        full_line(tmp_path, {"when_full": "operators"}, transfer=transfer) as (line, brain, _),
        phone(tmp_path, "one") as one,
    ):
        one.dial(line.uri)
        hears(one, CALL_BACK_HZ, "the promise")
        one.wait_for("CALL_CLOSED")
        ended = brain.wait(Orphaned)
        assert (ended.reason, ended.transfer, ended.started.caller) == ("queue_full", TransferState.UNREACHABLE, NUMBER)
        with RawSip(line.port) as raw:
            raw.send(raw.invite())
            answer = raw.wait_for("SIP/2.0 503")
            assert header(answer, "Retry-After") == "9"
            raw.send(raw.message("ACK", branch=raw.key + "INVITE"))


def test_who_has_waited_long_enough_goes_to_the_operators(tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
        full_line(tmp_path, {"wait_seconds": 4}, operator.uri) as (line, brain, _),
        phone(tmp_path, "one") as one,
    ):
        one.dial(line.uri)
        hears(one, MUSIC_HZ, "music", 1.0)
        hears(one, OPERATOR_HZ, "the operator", 0.5)
        assert [told.reason for told in brain.all(Waiting)] == ["", "queue_too_long"]
        one.hang_up()
        assert brain.wait(Orphaned).reason == "queue_too_long"
        assert line.status()["waiting"] == 0


def test_a_brain_with_too_much_to_do_has_its_callers_wait_and_takes_them_when_it_can(tmp_path: Path) -> None:
    measured = {"is_measured": True, "always_calls": 1}
    with (
        full_line(tmp_path, measured, sip={"lines": 3}) as (line, brain, _),
        phone(tmp_path, "one") as one,
    ):

        def tell(behind_ms: float) -> bool:
            brain.send(Load(busy_share=0.1, behind_ms=behind_ms, answer_ms=0))
            return bool(line.status()["brains"][0]["is_full"])

        wait_until(lambda: tell(2000.0), "the brain is full")
        one.dial(line.uri)
        hears(one, FIRST_HZ, "the place")
        assert line.status()["load"] >= 5
        wait_until(lambda: not tell(0.0), "the brain has caught up")
        assert brain.wait(CallStarted, 2).waited_seconds is not None
        hears(one, ROBOT_HZ, "the robot", 0.8)


def test_callers_who_wait_are_the_operators_when_no_brain_is_left(tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
        full_line(tmp_path, {}, operator.uri) as (line, brain, first),
        phone(tmp_path, "one") as one,
    ):
        one.dial(line.uri)
        hears(one, MUSIC_HZ, "music")
        first.send(first.message("BYE", cseq=2))  # he would be next, in the moment the brain dies
        brain.close()
        hears(one, OPERATOR_HZ, "the operator", 0.5)
        one.hang_up()
        line.wait_calls(0)
        with Brain(line.socket, brain_id="b2") as other:
            # Whether line saw the BYE or the lost brain first is chance: the first call is an orphan in the latter case only.
            wait_until(lambda: NUMBER in {ended.started.caller for ended in other.all(Orphaned)}, "the waiting caller")
