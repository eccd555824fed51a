"""The transfer machine, in virtual time."""

import pytest

from voicebot.line.transfer import (
    REFER_SECONDS,
    SIGN_OF_LIFE_SECONDS,
    Deed,
    Outcome,
    Report,
    Stage,
    TransferMachine,
    state_of,
)
from voicebot.link.messages import TransferMode, TransferState

D = Deed
DIALLED: list[Outcome] = [D.RINGBACK_ON, D.DIAL_OPERATOR]
JOINED: list[Outcome] = [D.RINGBACK_OFF, D.BRIDGE]


def machine(mode: TransferMode = TransferMode.CONSULT, *, takes_refer: bool = True) -> TransferMachine:
    return TransferMachine(mode, takes_refer=takes_refer, ring_seconds=20)


def failed(state: TransferState, status: int) -> list[Outcome]:
    return [D.RINGBACK_OFF, D.DROP_OPERATOR, Report(state, status)]


def answered(m: TransferMachine) -> list[Outcome]:
    m.start(0, has_free_leg=True)
    m.operator_progress(100)
    m.operator_progress(180)
    return m.operator_answered(5)


def test_consult_refers_on_answer_and_leaves() -> None:
    m = machine()
    assert m.start(0, has_free_leg=True) == DIALLED
    assert m.operator_progress(100) == []
    assert m.operator_progress(180) == [Report(TransferState.RINGING, 180)]
    assert m.operator_progress(183) == []
    assert m.operator_answered(5) == [*JOINED, D.REFER_REPLACES]
    assert m.is_joined
    assert m.refer_status(202, False, 5) == []
    assert m.operator_ended(200, 5.5) == []  # replaced
    assert m.refer_status(200, True, 6) == [Report(TransferState.COMPLETED, 200), D.DROP_OPERATOR, D.RELEASE_CALLER]
    assert m.is_over
    assert m.caller_ended() == (False, [])


def test_a_refused_refer_leaves_the_legs_joined() -> None:
    m = machine()
    answered(m)
    assert m.refer_status(603, True, 6) == [Report(TransferState.BRIDGED, 200)]
    assert m.stage is Stage.BRIDGED
    assert m.operator_ended(200, 60) == [D.DROP_CALLER]


def test_a_refer_nobody_carries_out_leaves_the_legs_joined() -> None:
    m = machine()
    answered(m)
    m.refer_status(100, False, 5)
    assert m.tick(5 + REFER_SECONDS - 0.1) == []
    assert m.tick(5 + REFER_SECONDS) == [Report(TransferState.BRIDGED, 200)]
    # and if it was carried out after all
    assert m.refer_status(200, True, 60) == [D.DROP_OPERATOR, D.RELEASE_CALLER]


def test_the_operator_hanging_up_during_refer_gives_the_caller_back() -> None:
    m = machine()
    answered(m)
    m.refer_status(100, False, 5)
    assert m.operator_ended(200, 6) == []
    assert m.tick(8.9) == []
    assert m.tick(9) == failed(TransferState.FAILED, 408)


def test_a_caller_who_leaves_after_taking_the_refer_was_transferred() -> None:
    m = machine()
    answered(m)
    m.refer_status(100, False, 5)
    assert m.caller_ended() == (True, [D.DROP_OPERATOR])
    n = machine()
    answered(n)
    assert n.caller_ended() == (False, [D.DROP_OPERATOR])


@pytest.mark.parametrize("mode", [TransferMode.BRIDGE, TransferMode.CONSULT])
def test_bridge(mode: TransferMode) -> None:
    m = machine(mode, takes_refer=mode is TransferMode.BRIDGE)
    assert answered(m) == [*JOINED, Report(TransferState.BRIDGED, 200)]
    assert m.caller_ended() == (False, [D.DROP_OPERATOR])


@pytest.mark.parametrize(
    ("status", "was_ringing", "state"),
    [
        (486, True, "busy"), (600, False, "busy"), (480, False, "no_answer"), (408, True, "no_answer"),
        (408, False, "unreachable"), (487, True, "no_answer"), (603, True, "declined"), (404, False, "wrong_extension"),
        (410, False, "wrong_extension"), (484, False, "wrong_extension"), (503, False, "unreachable"),
        (500, True, "unreachable"), (403, False, "failed"), (488, False, "failed"), (301, False, "failed"),
    ],
)  # fmt: skip
def test_status_of_a_failed_operator_leg(status: int, was_ringing: bool, state: str) -> None:
    assert state_of(status, was_ringing=was_ringing) is TransferState(state)
    m = machine()
    m.start(0, has_free_leg=True)
    if was_ringing:
        m.operator_progress(180)
    assert m.operator_ended(status, 1) == failed(TransferState(state), status)
    assert m.is_over


def test_ring_limit_and_no_sign_of_life() -> None:
    m = machine()
    m.start(0, has_free_leg=True)
    m.operator_progress(180)
    assert m.tick(19.9) == []
    assert m.tick(20) == failed(TransferState.NO_ANSWER, 408)
    n = machine()
    n.start(0, has_free_leg=True)
    assert n.tick(SIGN_OF_LIFE_SECONDS - 0.1) == []
    assert n.tick(SIGN_OF_LIFE_SECONDS) == failed(TransferState.UNREACHABLE, 408)
    assert n.tick(99) == []
    assert n.operator_ended(487, 99) == []


def test_blind() -> None:
    m = machine(TransferMode.BLIND)
    assert m.start(0, has_free_leg=True) == [D.REFER_BLIND]
    assert m.refer_status(100, False, 0) == []
    assert m.refer_status(180, False, 1) == [Report(TransferState.RINGING, 180)]
    assert m.refer_status(200, True, 2) == [Report(TransferState.COMPLETED, 200), D.DROP_OPERATOR, D.RELEASE_CALLER]


def test_blind_to_a_busy_operator_gives_the_caller_back() -> None:
    m = machine(TransferMode.BLIND)
    m.start(0, has_free_leg=True)
    m.refer_status(100, False, 0)
    assert m.refer_status(486, True, 1) == failed(TransferState.BUSY, 486)


def test_a_refused_blind_refer_becomes_a_bridge() -> None:
    m = machine(TransferMode.BLIND)
    m.start(0, has_free_leg=True)
    assert m.refer_status(603, True, 0) == DIALLED
    m.operator_progress(180)
    assert m.operator_answered(3) == [*JOINED, Report(TransferState.BRIDGED, 200)]


def test_blind_without_any_news_ends() -> None:
    m = machine(TransferMode.BLIND)
    m.start(0, has_free_leg=True)
    assert m.tick(20 + REFER_SECONDS) == failed(TransferState.UNREACHABLE, 408)


def test_without_a_free_leg_blind_is_what_remains() -> None:
    m = machine()
    assert m.start(0, has_free_leg=False) == [D.REFER_BLIND]
    assert m.refer_status(405, True, 0) == failed(TransferState.FAILED, 503)
    n = machine(takes_refer=False)
    assert n.start(0, has_free_leg=False) == failed(TransferState.FAILED, 503)


def test_cancel_works_until_the_operator_answers() -> None:
    for is_dialled in (False, True):
        m = machine()
        if is_dialled:
            m.start(0, has_free_leg=True)
        assert m.cancel() == failed(TransferState.FAILED, 487)
        assert m.cancel() == []
    m = machine()
    answered(m)
    assert m.cancel() == []
