"""Frames: any cut of the stream gives the same messages; garbage is a typed error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.link.framing import LENGTH, LIMIT_BYTES, BadFrame, FrameReader, encode, reader_of_brain, reader_of_line
from voicebot.link.messages import (
    CallEnded,
    CallStarted,
    EndedBy,
    Hangup,
    Held,
    Hello,
    Ping,
    Play,
    Pong,
    Tick,
    Transferring,
    TransferState,
)

FROM_LINE = [
    Ping(sequence=1),
    CallStarted(call_id="c1", dialog_id="X", caller="+7", called="100", source_host="127.0.0.1", sip_call_id="a@b"),
    Tick(call_id="c1", frame=0, caller=bytes(320), robot=b""),
    Transferring(call_id="c1", state=TransferState.BUSY, sip_status=486),
    Held(call_id="c1", is_held=True),
    CallEnded(call_id="c1", ended_by=EndedBy.CALLER),
]


@given(st.lists(st.integers(1, 200), max_size=40))
def test_any_cut_gives_the_same_messages(cuts: list[int]) -> None:
    stream = b"".join(encode(message) for message in FROM_LINE)
    reader = reader_of_line()
    got = []
    for cut in cuts:
        got += reader.feed(stream[:cut])
        stream = stream[cut:]
    got += reader.feed(stream)
    assert got == FROM_LINE


def test_a_message_of_the_other_direction_is_refused() -> None:
    with pytest.raises(BadFrame):
        reader_of_brain().feed(encode(Ping(sequence=1)))
    with pytest.raises(BadFrame):
        reader_of_line().feed(encode(Pong(sequence=1)))


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",
        b"",
        b"\x80",
        encode(Hangup(call_id="c1"))[4:-1],
        b"\x82\xa4type\xa6Hangup\xa7call_id\x05",
        encode(Hangup(call_id="c1"))[4:] + b"\x00",
    ],
)
def test_garbage_in_a_frame_is_a_typed_error(body: bytes) -> None:
    with pytest.raises(BadFrame) as caught:
        reader_of_brain().feed(LENGTH.pack(len(body)) + body)
    assert caught.value.cure


def test_an_http_request_is_refused_at_once() -> None:
    with pytest.raises(BadFrame, match="announced"):
        reader_of_brain().feed(b"GET / HTTP/1.1\r\n\r\n")


def test_the_limit_holds_in_both_directions() -> None:
    with pytest.raises(BadFrame):
        encode(Play(call_id="c", utterance=1, pcm=bytes(LIMIT_BYTES), is_last=False))
    frames: FrameReader[Hello] = FrameReader(Hello, limit_bytes=100)
    with pytest.raises(BadFrame):
        frames.feed(encode(Hello(brain_id="b", pid=1, capacity_calls=1, apology=bytes(101))))


@given(st.binary(max_size=400))
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    reader = reader_of_brain()
    try:
        reader.feed(data)
    except BadFrame:
        return
