"""The queue of what a caller is to hear, and one call's sound, frame by frame."""

from hypothesis import given
from hypothesis import strategies as st

from voicebot.line.media import DRAINED_FRAMES, SILENCE, MediaSession
from voicebot.line.playqueue import FRAME_BYTES, Began, Ended, PlayNews, PlayQueue
from voicebot.line.tones import ringback_frames
from voicebot.link.messages import Digit, PlayEnded, PlayStarted, Tick

SOUND = bytes(range(1, 251)) * 4


def drain(queue: PlayQueue, frame: int = 0, frames: int = 100) -> tuple[bytes, list[PlayNews]]:
    sound, news = b"", []
    for number in range(frame, frame + frames):
        piece, more = queue.next_frame(number)
        assert len(piece) in (0, FRAME_BYTES)
        sound += piece
        news += more
    return sound, news


def test_an_utterance_is_played_whole_and_padded() -> None:
    queue = PlayQueue()
    assert queue.add(7, SOUND, is_last=True, frame=0) == []
    sound, news = drain(queue)
    assert sound == SOUND.ljust(4 * FRAME_BYTES, b"\x00")
    assert news == [Began(7, 0), Ended(7, 4, 500, is_complete=True)]


@given(st.lists(st.binary(max_size=1000).filter(lambda b: len(b) % 2 == 0), max_size=30))
def test_any_pieces_play_as_the_whole(pieces: list[bytes]) -> None:
    queue = PlayQueue()
    sound, news, frame = b"", [], 0
    for piece in pieces:
        news += queue.add(1, piece, is_last=False, frame=frame)
        got, more = queue.next_frame(frame)
        sound, news, frame = sound + got, news + more, frame + 1
    news += queue.add(1, b"", is_last=True, frame=frame)
    got, more = drain(queue, frame)
    sound, news = sound + got, news + more
    whole = b"".join(pieces)
    assert sound.rstrip(b"\x00") == whole.rstrip(b"\x00")
    assert 0 <= len(sound) - len(whole) < FRAME_BYTES
    ended = [item for item in news if isinstance(item, Ended)]
    assert [(item.played_samples, item.is_complete) for item in ended] == [(len(whole) // 2, True)]
    assert len([item for item in news if isinstance(item, Began)]) == (1 if whole else 0)


def test_a_late_voice_makes_silence_not_an_end() -> None:
    queue = PlayQueue()
    queue.add(1, bytes(2) * 200, is_last=False, frame=0)
    assert queue.next_frame(0)[1] == [Began(1, 0)]
    assert queue.next_frame(1) == (b"", [])  # 80 bytes wait for more
    queue.add(1, SOUND[:240], is_last=True, frame=2)
    piece, news = queue.next_frame(2)
    assert piece == bytes(80) + SOUND[:240]
    assert news == [Ended(1, 3, 320, is_complete=True)]


def test_stop_tells_what_was_played_and_drops_late_pieces() -> None:
    queue = PlayQueue()
    queue.add(1, SOUND, is_last=False, frame=0)
    queue.add(2, SOUND, is_last=True, frame=0)
    drain(queue, frames=2)
    assert queue.stop(2) == [Ended(1, 2, 320, is_complete=False), Ended(2, 2, 0, is_complete=False)]
    assert queue.next_frame(2) == (b"", [])
    assert queue.add(1, SOUND, is_last=False, frame=3) == []  # was on its way
    assert queue.add(1, b"", is_last=True, frame=3) == []
    assert queue.next_frame(3) == (b"", [])
    queue.add(3, SOUND, is_last=True, frame=4)
    assert queue.next_frame(4)[1] == [Began(3, 4)]


def test_an_empty_utterance_ends_at_once() -> None:
    assert PlayQueue().add(1, b"", is_last=True, frame=5) == [Ended(1, 5, 0, is_complete=True)]


def test_a_long_stream_keeps_no_played_sound() -> None:
    queue = PlayQueue()
    for frame in range(10_000):
        queue.add(1, bytes(FRAME_BYTES), is_last=False, frame=frame)
        assert queue.next_frame(frame)[0]
    assert queue.left_bytes == 0
    assert len(queue._queue[0].data) < 100 * FRAME_BYTES
    assert queue.stop(10_000)[0] == Ended(1, 10_000, 1_600_000, is_complete=False)


def frames_of(session: MediaSession, count: int, caller: bytes = b"\x01" * FRAME_BYTES) -> list[bytes]:
    sent = []
    for _ in range(count):
        sent.append(session.requested())
        session.received(caller)
    return sent


def test_ticks_hold_both_directions_of_the_same_frame() -> None:
    session = MediaSession("c1")
    session.play(1, SOUND[:FRAME_BYTES], is_last=True)
    assert frames_of(session, 2) == [SOUND[:FRAME_BYTES], SILENCE]
    session.received(SILENCE)
    session.received(b"odd")
    news = session.take_news()
    ticks = [item for item in news if isinstance(item, Tick)]
    assert [tick.frame for tick in ticks] == [0, 1, 2, 3]
    assert [bool(tick.robot) for tick in ticks] == [True, False, False, False]
    assert [bool(tick.caller) for tick in ticks] == [True, True, False, False]
    assert [item for item in news if not isinstance(item, Tick)] == [
        PlayStarted(call_id="c1", utterance=1, frame=0),
        PlayEnded(call_id="c1", utterance=1, frame=1, played_samples=160, is_complete=True),
    ]


def test_stop_is_silence_from_the_next_frame_on() -> None:
    session = MediaSession("c1")
    session.play(1, SOUND * 10, is_last=True)
    assert SILENCE not in frames_of(session, 3)
    session.stop()
    assert frames_of(session, 1) == [SILENCE]


def test_drained_only_after_the_last_frame_had_time_to_arrive() -> None:
    session = MediaSession("c1")
    frames_of(session, DRAINED_FRAMES)
    assert session.is_drained
    session.play(1, SOUND[:FRAME_BYTES], is_last=True)
    assert not session.is_drained
    frames_of(session, DRAINED_FRAMES)
    assert not session.is_drained
    frames_of(session, 1)
    assert session.is_drained


def test_hold_pauses_both_directions() -> None:
    session = MediaSession("c1")
    session.play(1, SOUND, is_last=True)
    session.hold(True)
    assert frames_of(session, 3) == [SILENCE] * 3
    session.digit("5")
    session.hold(False)
    assert frames_of(session, 1) == [SOUND[:FRAME_BYTES]]
    news = session.take_news()
    assert [tick.caller for tick in news if isinstance(tick, Tick)] == [b"", b"", b"", b"\x01" * FRAME_BYTES]
    assert Digit(call_id="c1", digit="5", frame=3) in news


def test_ringback_fills_silence_in_russian_cadence() -> None:
    session = MediaSession("c1")
    session.ringback(True)
    heard = [frame != SILENCE for frame in frames_of(session, 500)]
    assert heard == ([True] * 50 + [False] * 200) * 2
    assert len(ringback_frames()) == 250
    session.play(1, SOUND[:FRAME_BYTES], is_last=True)
    assert frames_of(session, 1) == [SOUND[:FRAME_BYTES]]
    session.ringback(False)
    assert frames_of(session, 1) == [SILENCE]


def test_a_joined_operator_stands_in_the_robots_place() -> None:
    session = MediaSession("c1")
    session.operator_received(SOUND[:FRAME_BYTES])  # not joined: nobody's
    session.join_operator(True)
    session.operator_received(SOUND[:FRAME_BYTES])
    frames_of(session, 2)
    session.join_operator(False)
    frames_of(session, 1)
    assert [tick.robot for tick in session.take_news() if isinstance(tick, Tick)] == [SOUND[:FRAME_BYTES], b"", b""]
