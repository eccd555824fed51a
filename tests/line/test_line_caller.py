"""One call with a fake wire, in virtual time: hang-up after the last word, failover, watchdogs."""

from dataclasses import dataclass, field

import pytest

from voicebot.line.caller import OWN_UTTERANCE, CallerCall, CallRules, Farewell
from voicebot.line.failover import Failover, Step
from voicebot.line.media import DRAINED_FRAMES, SILENCE, MediaSession
from voicebot.line.playqueue import FRAME_BYTES
from voicebot.line.watchdog import Ghost, PeerWatchdog
from voicebot.link.messages import (
    CallEnded,
    CancelTransfer,
    EndedBy,
    FromLine,
    Hangup,
    Held,
    Play,
    Rename,
    StopPlaying,
    Tick,
    Transfer,
    TransferMode,
    Transferring,
    TransferState,
)

RULES = CallRules(
    mode=TransferMode.CONSULT,
    ring_seconds=20,
    silent_peer_seconds=30,
    hold_limit_seconds=300,
    target_names=frozenset({"operator", "laboratory"}),
)
APOLOGY = b"\x11" * FRAME_BYTES * 5
GOODBYE = b"\x22" * FRAME_BYTES * 5


@dataclass
class FakeWire:
    deeds: list[tuple[str, ...]] = field(default_factory=list)
    packets: int = 0
    is_leg_free: bool = True

    def hang_up(self) -> None:
        self.deeds.append(("hang_up",))

    def dial_operator(self, target: str, dialog_id: str) -> None:
        self.deeds.append(("dial", target, dialog_id))

    def hang_up_operator(self) -> None:
        self.deeds.append(("hang_up_operator",))

    def join(self, is_joined: bool) -> None:
        self.deeds.append(("join" if is_joined else "part",))

    def refer_replaces(self, dialog_id: str) -> None:
        self.deeds.append(("refer_replaces", dialog_id))

    def refer_blind(self, target: str, dialog_id: str) -> None:
        self.deeds.append(("refer_blind", target, dialog_id))

    def has_free_leg(self) -> bool:
        return self.is_leg_free

    def packets_received(self) -> int:
        return self.packets


class Bench:
    """A call whose clock is its frames."""

    def __init__(self, rules: CallRules = RULES) -> None:
        self.wire = FakeWire()
        self.media = MediaSession("c1")
        self.call = CallerCall("c1", "ID", self.wire, self.media, rules, takes_refer=True, now=0.0)
        self.frames = 0
        self.heard: list[bytes] = []

    @property
    def now(self) -> float:
        return self.frames * 0.02

    def order(self, *messages: Play | StopPlaying | Rename | Transfer | CancelTransfer | Hangup) -> None:
        for message in messages:
            self.call.order(message, self.now)

    def run(self, frames: int, *, is_rtp: bool = True, has_media: bool = True) -> None:
        for _ in range(frames):
            self.frames += 1
            if has_media:
                self.heard.append(self.media.requested())
                self.media.received(b"\x01" * FRAME_BYTES)
            self.wire.packets += is_rtp
            self.call.step(self.now)

    def told(self, kind: type[FromLine] | None = None) -> list[FromLine]:
        return [m for m in self.call.outbox if (isinstance(m, kind) if kind else not isinstance(m, Tick))]


def play(utterance: int, frames: int) -> Play:
    return Play(call_id="c1", utterance=utterance, pcm=b"\x33" * FRAME_BYTES * frames, is_last=True)


def test_hangup_waits_for_the_last_word() -> None:
    bench = Bench()
    bench.order(play(0, 20), Hangup(call_id="c1"))
    bench.run(20 + DRAINED_FRAMES - 1)
    assert bench.wire.deeds == []
    bench.run(2)
    assert bench.wire.deeds == [("hang_up",)]
    bench.call.ended(200, bench.now)
    assert bench.told(CallEnded) == [CallEnded(call_id="c1", ended_by=EndedBy.ROBOT, sip_status=200)]
    assert bench.heard.count(b"\x33" * FRAME_BYTES) == 20


def test_hangup_does_not_wait_for_media_that_stands_still_or_for_hold() -> None:
    bench = Bench()
    bench.order(play(0, 50), Hangup(call_id="c1"))
    bench.run(149, has_media=False)
    assert bench.wire.deeds == []
    bench.run(2, has_media=False)
    assert bench.wire.deeds == [("hang_up",)]
    held = Bench()
    held.call.held(True)
    held.order(play(0, 5000), Hangup(call_id="c1"))
    held.run(1)
    assert held.wire.deeds == [("hang_up",)]


@pytest.mark.parametrize(("status", "ended_by"), [(200, EndedBy.CALLER), (487, EndedBy.CALLER), (408, EndedBy.ERROR)])
def test_who_ended(status: int, ended_by: EndedBy) -> None:
    bench = Bench()
    bench.call.ended(status, 1.0)
    bench.call.ended(status, 1.0)
    assert bench.told() == [CallEnded(call_id="c1", ended_by=ended_by, sip_status=status)]


def test_a_transfer_waits_for_the_spoken_hand_off_and_carries_the_newest_id() -> None:
    bench = Bench()
    bench.order(play(0, 50), Transfer(call_id="c1", target="laboratory"), Rename(call_id="c1", dialog_id="NEW"))
    bench.run(50)
    assert bench.wire.deeds == []
    bench.run(DRAINED_FRAMES + 1)
    assert bench.wire.deeds == [("dial", "laboratory", "NEW")]
    bench.call.operator_progress(180, bench.now)
    bench.run(20)
    assert bench.heard[-1] not in (SILENCE, b"\x33" * FRAME_BYTES)  # ringback
    bench.call.operator_answered(bench.now)
    assert bench.wire.deeds[1:] == [("join",), ("refer_replaces", "NEW")]
    bench.order(play(1, 5))  # nothing of ours between two humans
    bench.run(5)
    assert bench.heard[-5:] == [SILENCE] * 5
    bench.call.refer_status(200, True, bench.now)
    bench.call.ended(200, bench.now)
    assert [m.state for m in bench.told() if isinstance(m, Transferring)] == [TransferState.RINGING, TransferState.COMPLETED]
    assert [m.ended_by for m in bench.told() if isinstance(m, CallEnded)] == [EndedBy.TRANSFERRED]
    assert bench.wire.deeds[-2:] == [("hang_up_operator",), ("hang_up",)]


def test_a_busy_operator_gives_the_caller_back_and_another_try_works() -> None:
    bench = Bench()
    for _ in range(2):
        bench.order(Transfer(call_id="c1", target="operator"))
        bench.run(DRAINED_FRAMES + 1)
        bench.call.operator_ended(486, bench.now)
    assert bench.wire.deeds.count(("dial", "operator", "ID")) == 2
    assert [m.state for m in bench.told() if isinstance(m, Transferring)] == [TransferState.BUSY] * 2
    bench.order(play(1, 5))
    bench.run(5)
    assert bench.heard[-1] == b"\x33" * FRAME_BYTES


def test_only_configured_targets_are_dialled() -> None:
    bench = Bench()
    bench.order(Transfer(call_id="c1", target="sip:evil@example.org"))
    bench.run(100)
    assert bench.wire.deeds == []
    assert bench.told() == [Transferring(call_id="c1", state=TransferState.WRONG_EXTENSION, sip_status=404)]


def test_bridged_either_side_ends_both() -> None:
    rules = CallRules(TransferMode.BRIDGE, 20, 30, 300, frozenset({"operator"}))
    for who in ("operator", "caller"):
        bench = Bench(rules)
        bench.order(Transfer(call_id="c1", target="operator"))
        bench.run(DRAINED_FRAMES + 1)
        bench.call.operator_answered(bench.now)
        bench.media.operator_received(b"\x44" * FRAME_BYTES)
        bench.run(1)
        assert bench.call.outbox[-1] == Tick(
            call_id="c1", frame=bench.frames - 1, caller=b"\x01" * FRAME_BYTES, robot=b"\x44" * FRAME_BYTES
        )
        if who == "operator":
            bench.call.operator_ended(200, bench.now)
            assert bench.wire.deeds[-1] == ("hang_up",)
            bench.call.ended(200, bench.now)
            assert bench.call.outbox[-1] == CallEnded(call_id="c1", ended_by=EndedBy.OPERATOR, sip_status=200)
        else:
            bench.call.ended(200, bench.now)
            assert bench.wire.deeds[-1] == ("hang_up_operator",)
            assert bench.call.outbox[-1] == CallEnded(call_id="c1", ended_by=EndedBy.CALLER, sip_status=200)


def test_a_dead_brain_means_apology_then_operator_with_the_id() -> None:
    bench = Bench()
    bench.order(play(0, 500))
    bench.run(10)
    bench.call.brain_lost(Farewell(APOLOGY, GOODBYE), bench.now)
    bench.run(1)
    assert bench.heard[-1] == b"\x11" * FRAME_BYTES  # at once
    bench.run(4 + DRAINED_FRAMES)
    assert ("dial", "operator", "ID") not in bench.wire.deeds
    bench.run(2 * DRAINED_FRAMES)
    assert bench.wire.deeds == [("dial", "operator", "ID")]
    assert bench.heard.count(b"\x11" * FRAME_BYTES) == 5
    bench.order(Hangup(call_id="c1"))  # the dead order nothing
    bench.call.operator_ended(486, bench.now)
    bench.run(6)
    assert bench.heard[-1] == SILENCE
    assert bench.heard.count(b"\x22" * FRAME_BYTES) == 5
    bench.run(DRAINED_FRAMES)
    assert bench.wire.deeds[-1] == ("hang_up",)


def test_a_brain_that_dies_during_its_transfer_does_not_disturb_it() -> None:
    bench = Bench()
    bench.order(Transfer(call_id="c1", target="laboratory"))
    bench.run(DRAINED_FRAMES + 1)
    bench.call.brain_lost(Farewell(APOLOGY, GOODBYE), bench.now)
    bench.run(5)
    assert bench.wire.deeds == [("dial", "laboratory", "ID")]
    bench.call.operator_ended(486, bench.now)
    bench.run(5 + 3 * DRAINED_FRAMES)
    assert bench.heard.count(b"\x11" * FRAME_BYTES) == 5
    assert bench.wire.deeds[-1] == ("dial", "operator", "ID")


def test_a_brain_that_dies_after_its_last_word_changes_nothing() -> None:
    bench = Bench()
    bench.order(play(0, 5), Hangup(call_id="c1"))
    bench.call.brain_lost(Farewell(APOLOGY, GOODBYE), bench.now)
    bench.run(30)
    assert bench.wire.deeds == [("hang_up",)]
    assert b"\x11" * FRAME_BYTES not in bench.heard


def test_failover_without_sounds_or_operator() -> None:
    quiet = Failover(has_apology=False, has_goodbye=False, has_operator=True, is_transferring=False)
    assert quiet.start() is Step.TRANSFER
    assert quiet.transfer_failed() is Step.HANG_UP
    alone = Failover(has_apology=True, has_goodbye=True, has_operator=False, is_transferring=False)
    assert [alone.start(), alone.played(), alone.played()] == [Step.APOLOGISE, Step.SAY_GOODBYE, Step.HANG_UP]
    mute = Failover(has_apology=False, has_goodbye=False, has_operator=False, is_transferring=False)
    assert mute.start() is Step.HANG_UP


def test_a_second_apology_is_not_dropped_as_a_late_piece() -> None:
    media = MediaSession("c1")
    media.play(OWN_UTTERANCE, APOLOGY, is_last=True)
    media.requested()
    media.stop()
    media.play(OWN_UTTERANCE, GOODBYE, is_last=True)
    assert media.requested() == b"\x22" * FRAME_BYTES


def test_a_silent_peer_is_hung_up_on_but_not_a_held_one() -> None:
    bench = Bench()
    bench.run(31 * 50, is_rtp=False)
    assert bench.wire.deeds[:1] == [("hang_up",)]
    bench.call.ended(200, bench.now)
    assert [m.ended_by for m in bench.told() if isinstance(m, CallEnded)] == [EndedBy.SILENT_PEER]
    held = Bench()
    held.call.held(True)
    held.run(299 * 50, is_rtp=False)
    assert held.wire.deeds == []
    held.run(3 * 50, is_rtp=False)
    assert held.wire.deeds[:1] == [("hang_up",)]
    assert held.told(Held) == [Held(call_id="c1", is_held=True)]


def test_watchdog_counts_anew_after_hold_and_0_is_no_limit() -> None:
    dog = PeerWatchdog(30, 300, 0)
    assert dog.update(29, 0, False) is None
    assert dog.update(100, 0, True) is None
    assert dog.update(129, 0, False) is None
    assert dog.update(131, 0, False) is Ghost.SILENT
    assert PeerWatchdog(0, 0, 0).update(1e6, 0, False) is None
    assert PeerWatchdog(0, 0, 0).update(1e6, 0, True) is None
