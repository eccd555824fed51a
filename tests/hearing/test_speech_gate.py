from voicebot.hearing.gate import SpeechGate


def fed(pattern: str) -> tuple[SpeechGate, list[bool]]:
    """One character a frame: S speech, anything else not."""
    gate = SpeechGate()
    opened = []
    for frame, mark in enumerate(pattern):
        gate.process(frame, mark == "S")
        opened.append(gate.is_open)
    return gate, opened


def test_one_or_two_frames_open_nothing() -> None:
    assert not any(fed("..S....SS.....S...S....")[1])


def test_it_opens_at_the_third_frame_and_knows_where_speech_began() -> None:
    gate, opened = fed("....SSS")
    assert opened.index(True) == 6
    assert gate.started_frame == 4


def test_a_missed_frame_does_not_hinder_it() -> None:
    assert fed("..S.S.S")[0].is_open


def test_it_stays_open_through_short_pauses_and_closes_after_eight_frames() -> None:
    assert fed("SSS.......SSS")[0].is_open
    gate, opened = fed("SSS" + "." * 8)
    assert opened[-2]
    assert not gate.is_open


def test_lone_frames_in_a_pause_do_not_count_as_speech() -> None:
    gate, _ = fed("SSSS....S....S")
    assert gate.last_speech_frame == 3
    assert gate.silence_frames(13) == 10


def test_reset_closes_it() -> None:
    gate, _ = fed("SSSS")
    gate.reset()
    assert not gate.is_open
    assert gate.last_speech_frame == -1
