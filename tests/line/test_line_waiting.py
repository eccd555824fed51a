"""The queue without a wire: what a waiting caller is told and when, and the order in which they are served. Virtual time."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.line.caller import CallerCall, CallRules
from voicebot.line.media import MediaSession
from voicebot.line.waiting import Waiting, WaitRules, Way, Word
from voicebot.line.waiting_room import LEFT, TOO_LONG, WaitingRoom
from voicebot.link.messages import CallStarted, Orphaned, TransferMode
from voicebot.link.waiting_sounds import FRAME_BYTES, WaitingSounds, load, save

RULES = WaitRules(wait_seconds=120, tell_seconds=30)


def sound(number: int, frames: int = 5) -> bytes:
    return bytes([number, number]) * (FRAME_BYTES // 2) * frames


SOUNDS = WaitingSounds(
    greeting=sound(1), hint=sound(2), more=sound(3), no_operator=sound(4), served=sound(5), to_operator=sound(6),
    call_back=sound(7), goodbye=sound(8), music=sound(9, 50), places=(sound(11), sound(12), sound(13)),
)  # fmt: skip


def test_the_place_is_told_at_once_when_it_changes_and_now_and_then() -> None:
    one = Waiting(RULES, 0.0)
    assert one.step(3, is_speaking=False, now=0.0) is Word.GREETING
    assert one.step(3, is_speaking=True, now=1.0) is None
    assert one.step(2, is_speaking=True, now=5.0) is None  # never into its own words
    assert one.step(2, is_speaking=False, now=5.1) is None  # music for a moment
    assert one.step(1, is_speaking=False, now=11.1) is Word.PLACE
    assert one.step(1, is_speaking=True, now=13.0) is None
    assert one.step(1, is_speaking=False, now=42.9) is None
    assert one.step(1, is_speaking=False, now=43.0) is Word.PLACE


def test_zero_asks_for_an_operator_and_failing_that_the_caller_keeps_his_place() -> None:
    one = Waiting(RULES, 0.0)
    one.step(1, is_speaking=False, now=0.0)
    one.pressed("5")
    assert one.step(1, is_speaking=True, now=1.0) is None
    one.pressed("0")
    assert one.step(1, is_speaking=True, now=1.1) is Way.ASK_OPERATOR  # in mid-word, too
    one.pressed("0")
    assert one.step(1, is_speaking=False, now=9.0) is None
    assert one.is_asking
    one.no_operator()
    assert one.step(1, is_speaking=False, now=20.0) is Word.NO_OPERATOR
    assert one.step(1, is_speaking=False, now=20.1) is None


def test_nobody_waits_longer_than_the_limit_but_a_ringing_operator_is_not_hung_up_on() -> None:
    one = Waiting(RULES, 100.0)
    one.step(1, is_speaking=False, now=100.0)
    assert one.step(1, is_speaking=True, now=219.9) is None
    assert one.step(1, is_speaking=True, now=220.0) is Way.LEAVE
    other = Waiting(RULES, 100.0)
    other.pressed("0")
    assert other.step(1, is_speaking=False, now=219.0) is Way.ASK_OPERATOR
    assert other.step(1, is_speaking=False, now=225.0) is None
    other.no_operator()
    assert other.step(1, is_speaking=False, now=226.0) is Way.LEAVE


@given(
    places=st.lists(st.integers(min_value=0, max_value=2), min_size=1, max_size=300),
    speaking=st.lists(st.booleans(), min_size=300, max_size=300),
)
def test_never_silent_for_long_and_never_two_things_at_once(places: list[int], speaking: list[bool]) -> None:
    one = Waiting(WaitRules(wait_seconds=1000, tell_seconds=20), 0.0)
    place, last_word, told = 100, 0.0, 0
    for second, (fewer, is_speaking) in enumerate(zip(places, speaking, strict=False)):
        place = max(1, place - fewer)
        deed = one.step(place, is_speaking=is_speaking, now=float(second))
        if deed is not None:
            assert not is_speaking
            assert deed is (Word.GREETING if not told else Word.PLACE)
            told += 1
        if deed is not None or is_speaking:
            last_word = second
        assert second - last_word < 20 + 1


@dataclass
class Wire:
    deeds: list[str] = field(default_factory=list)

    def hang_up(self) -> None:
        self.deeds.append("hang_up")

    def dial_operator(self, target: str, dialog_id: str) -> None:
        self.deeds.append(f"dial {target} {dialog_id}")

    def hang_up_operator(self) -> None:
        self.deeds.append("hang_up_operator")

    def join(self, is_joined: bool) -> None:
        self.deeds.append(f"join {is_joined}")

    def refer_replaces(self, dialog_id: str) -> None: ...

    def refer_blind(self, target: str, dialog_id: str) -> None: ...

    def has_free_leg(self) -> bool:
        return True

    def packets_received(self) -> int:
        return 0


class Hall:
    """A room whose clock is its frames; a caller's `heard` is what was played to him, a number a frame."""

    def __init__(self, rules: WaitRules = RULES) -> None:
        self.gone: list[tuple[str, str]] = []
        self.told: list[tuple[str, str]] = []
        self.room = WaitingRoom(rules, SOUNDS, lambda who, why: self.told.append((who.call_id, why)))
        self.calls: dict[str, tuple[CallerCall, MediaSession, Wire, list[int]]] = {}
        self.frames = 0

    @property
    def now(self) -> float:
        return self.frames / 50

    def enter(self, name: str, caller: str = "+79161234567") -> CallerCall:
        wire, media = Wire(), MediaSession(name)
        rules = CallRules(
            mode=TransferMode.BRIDGE, ring_seconds=20, silent_peer_seconds=0, hold_limit_seconds=0,
            target_names=frozenset({"operator"}),
        )  # fmt: skip
        call = CallerCall(name, f"ID-{name}", wire, media, rules, takes_refer=False, now=self.now)
        started = CallStarted(
            call_id=name, dialog_id=f"ID-{name}", caller=caller, called="100", source_host="127.0.0.1", sip_call_id=name
        )
        self.calls[name] = (call, media, wire, [])
        self.room.enter(call, media, started, self.now)
        return call

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 50)):
            self.frames += 1
            for call, media, _, heard in self.calls.values():
                heard.append(media.requested()[0])
                media.received(b"\x01\x02" * 160)
                call.step(self.now)
                call.outbox.clear()
            self.gone += self.room.step(self.now)

    def heard(self, name: str) -> list[int]:
        """The sounds one after another, each once."""
        frames = self.calls[name][3]
        return [number for place, number in enumerate(frames) if place == 0 or frames[place - 1] != number]


def test_two_wait_with_music_and_the_first_is_served_first() -> None:
    hall = Hall()
    hall.enter("a")
    hall.enter("b")
    hall.run(3)
    assert [number for number in hall.heard("a") if number] == [1, 11, 2, 9]
    assert [number for number in hall.heard("b") if number] == [1, 12, 2, 9]
    assert hall.room.next() == "a"
    call, media, _, heard = hall.calls["a"]
    assert hall.room.serve("a", hall.now) == pytest.approx(3.0)
    call.serve(7)
    assert (call.brain, media.frame) == (7, 0)
    heard.clear()
    hall.run(8)
    assert [number for number in hall.heard("a") if number] == [5]  # thanks, and no more music
    assert [number for number in hall.heard("b") if number] == [1, 12, 2, 9, 11, 9]
    assert (hall.room.served, hall.room.waited_seconds) == (1, pytest.approx(3.0))


def test_who_waited_for_a_moment_only_is_not_thanked() -> None:
    hall = Hall()
    call = hall.enter("a")
    hall.run(0.2)
    hall.room.serve("a", hall.now)
    call.serve(1)
    hall.calls["a"][3].clear()
    hall.run(1)
    assert set(hall.heard("a")) == {0}


def test_who_hangs_up_is_counted_and_the_others_move_on() -> None:
    hall = Hall()
    hall.enter("a")
    hall.enter("b")
    hall.run(2)
    call = hall.calls["a"][0]
    call.ended(200, hall.now)
    assert hall.room.ended("a", hall.now) == LEFT
    assert hall.room.ended("a", hall.now) == ""
    assert (len(hall.room), hall.room.left, hall.room.next()) == (1, 1, "b")


def test_who_is_being_put_through_is_passed_over_and_keeps_his_place() -> None:
    hall = Hall()
    call = hall.enter("a")
    hall.enter("b")
    hall.run(2)
    hall.room.pressed("a", "0")
    hall.run(1)
    assert hall.told == [("a", "queue_operator")]
    assert "dial operator ID-a" in hall.calls["a"][2].deeds
    assert hall.room.next() == "b"
    call.operator_ended(486, hall.now)
    hall.calls["a"][3].clear()
    hall.run(2)
    assert hall.room.next() == "a"
    assert [number for number in hall.heard("a") if number] == [4, 11, 9]
    hall.room.pressed("a", "0")
    hall.run(1)
    call.operator_progress(180, hall.now)
    call.operator_answered(hall.now)
    hall.run(0.1)
    assert hall.gone == [("a", "queue_operator")]
    assert (hall.room.passed, hall.room.next()) == (1, "b")


@pytest.mark.parametrize(("caller", "last"), [("+79161234567", 7), ("anonymous", 8)])
def test_after_the_longest_wait_an_operator_is_tried_and_then_a_promise_is_spoken(caller: str, last: int) -> None:
    hall = Hall(WaitRules(wait_seconds=5, tell_seconds=30))
    call = hall.enter("a", caller)
    hall.run(6)
    assert hall.gone == [("a", TOO_LONG)]
    assert len(hall.room) == 0
    assert "dial operator ID-a" in hall.calls["a"][2].deeds
    call.operator_ended(480, hall.now)
    hall.run(1)
    assert [number for number in hall.heard("a") if number][-1] == last
    assert "hang_up" in hall.calls["a"][2].deeds


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("esxo"), st.integers(0, 5)), max_size=40))
def test_first_come_first_served_whatever_happens(deeds: list[tuple[str, int]]) -> None:
    """Entering, serving, hanging up, in any order: the one who is served has waited longest of those who are there."""
    hall = Hall()
    there: list[str] = []
    served, count = [], 0
    for deed, number in deeds:
        if deed == "e":
            count += 1
            hall.enter(f"c{count}")
            there.append(f"c{count}")
        elif deed == "s" and there:
            first = hall.room.next()
            assert first == there.pop(0)
            hall.room.serve(first, hall.now)
            hall.calls[first][0].serve(1)
            served.append(first)
        elif deed == "x" and there:
            gone = there.pop(number % len(there))
            hall.calls[gone][0].ended(200, hall.now)
            hall.room.ended(gone, hall.now)
        hall.run(0.1)
        assert len(hall.room) == len(there)
    assert served == sorted(served, key=lambda name: int(name[1:]))


def test_sounds_survive_on_disk_and_only_whole_ones_count(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert not load(tmp_path / "nothing").is_complete
    save(tmp_path, SOUNDS)
    assert load(tmp_path) == SOUNDS
    assert SOUNDS.is_complete
    assert SOUNDS.place(2) == SOUNDS.places[1]
    assert SOUNDS.place(9) == SOUNDS.more
    assert len(SOUNDS.music_frames()) == 50
    shorter = replace(SOUNDS, places=SOUNDS.places[:1])
    save(tmp_path, shorter)
    assert load(tmp_path) == shorter, "places of a queue that was longer are told no more"
    (tmp_path / "music.pcm").write_bytes(b"\x01")  # torn
    assert not load(tmp_path).is_complete
    assert not list(tmp_path.glob(".*"))


def test_an_orphan_without_a_word_lost_its_brain() -> None:
    started = CallStarted(call_id="c", dialog_id="d", caller="", called="", source_host="", sip_call_id="")
    assert Orphaned(started=started, ended_by="caller", transfer=None).reason == "brain_died"  # type: ignore[arg-type]
