import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from voicebot.patient.measure import (
    BargeIn,
    Response,
    Span,
    barge_ins,
    percentile,
    responses,
    speech_spans,
    trimmed,
    turns_of,
)

RATE = 8000


def track(total_ms: int, *spans_ms: tuple[int, int], level: float = 3000.0, floor: float = 0.0) -> NDArray[np.int16]:
    """Noise bursts of RMS `level` in spans, over a floor."""
    random = np.random.default_rng(5)
    samples = random.normal(0, floor, total_ms * 8) if floor else np.zeros(total_ms * 8)
    for start, end in spans_ms:
        samples[start * 8 : end * 8] += random.normal(0, level, (end - start) * 8)
    return np.clip(samples, -32768, 32767).astype(np.int16)


def test_spans_are_found_to_five_milliseconds() -> None:
    spans = speech_spans(track(5000, (1000, 1500), (2005, 3200), floor=30), RATE)
    assert spans == [Span(1000, 1500), Span(2005, 3200)]


def test_short_dips_are_bridged_and_clicks_left_out() -> None:
    spans = speech_spans(track(3000, (500, 700), (750, 900), (1500, 1510), (2000, 2100)), RATE)
    assert spans == [Span(500, 900), Span(2000, 2100)]


@pytest.mark.parametrize("samples", [np.zeros(0, np.int16), np.zeros(39, np.int16), np.zeros(80_000, np.int16)])
def test_nothing_is_heard_in_silence(samples: NDArray[np.int16]) -> None:
    assert speech_spans(samples, RATE) == []


def test_speech_to_the_last_sample() -> None:
    assert speech_spans(track(1000, (800, 1000)), RATE) == [Span(800, 1000)]


def test_trimming_leaves_silent_edges_out() -> None:
    spans = [Span(0, 100), Span(1050, 1200), Span(1400, 1900), Span(5000, 5100)]
    assert trimmed(spans, Span(1000, 2000)) == Span(1050, 1900)
    assert trimmed(spans, Span(1100, 1500)) == Span(1100, 1500)
    assert trimmed(spans, Span(2000, 4000)) is None


def test_turns_join_what_pauses_part() -> None:
    assert turns_of([Span(0, 100), Span(400, 900), Span(1600, 1700)]) == [Span(0, 900), Span(1600, 1700)]


def test_response_latencies() -> None:
    robot = [Span(0, 1000), Span(3450, 5000), Span(5300, 6000), Span(9000, 9500)]
    turns = [Span(2000, 3000), Span(6500, 7000), Span(7500, 8000), Span(9600, 9700)]
    assert responses(turns, robot) == [
        Response(turns[0], 450),
        Response(turns[1], None),  # nothing before the next turn
        Response(turns[2], 1000),
        Response(turns[3], None),  # nothing at all
    ]


def test_a_robot_that_talks_over_the_end_of_a_turn_gave_no_latency() -> None:
    assert responses([Span(1000, 2000)], [Span(1900, 3000), Span(3500, 4000)])[0].latency_ms is None


def test_barge_in_stop_times() -> None:
    robot = [Span(0, 1210), Span(3000, 3400), Span(3800, 4240), Span(8000, 12000)]
    stopped = Span(1000, 2000)
    in_a_pause_of_a_prompt = Span(3500, 5000)
    not_heard = Span(9000, 9500)
    over_silence = Span(6000, 7000)
    found = barge_ins([stopped, in_a_pause_of_a_prompt, over_silence, not_heard], robot)
    assert found == [
        BargeIn(stopped, 210),
        BargeIn(in_a_pause_of_a_prompt, 740),
        BargeIn(not_heard, None),
    ]


def test_a_prompt_that_ended_by_itself_was_not_interrupted() -> None:
    assert barge_ins([Span(1000, 2000)], [Span(0, 900)]) == []
    assert barge_ins([Span(1000, 2000)], [Span(1500, 1900)]) == []


def test_percentile_by_nearest_rank() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([1, 2, 3, 4], 0.5) == 2
    assert percentile(list(range(1, 101)), 0.95) == 95
    assert percentile([7], 0.95) == 7


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=60), st.floats(0.01, 1))
def test_percentile_covers_its_share(values: list[int], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert found is not None
    assert sum(v <= found for v in values) >= share * len(values) - 1e-6
