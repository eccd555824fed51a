"""Measured load opens and shuts the door, and does not flap. Virtual time."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from voicebot.line.gate import Gate, GateRules
from voicebot.line.own_load import OwnLoad
from voicebot.link.load import BusyMeter, Recent

RULES = GateRules(always_calls=2, reopen_below=0.85, close_after_seconds=2.0, reopen_after_seconds=5.0, settle_seconds=6.0)


def test_a_short_peak_shuts_nothing_and_a_lasting_one_does() -> None:
    gate = Gate(RULES)
    gate.measured(1.4, 30, 0.0)
    gate.measured(0.5, 30, 1.0)
    gate.measured(1.4, 30, 2.0)
    assert not gate.is_full
    gate.measured(1.4, 30, 4.0)
    assert gate.is_full
    assert not gate.is_open(30, 4.0)
    gate.measured(0.9, 28, 5.0)  # better, but not well
    gate.measured(0.9, 28, 60.0)
    assert gate.is_full
    gate.measured(0.5, 20, 61.0)
    gate.measured(0.5, 20, 65.9)
    assert gate.is_full
    gate.measured(0.5, 20, 66.0)
    assert gate.is_open(20, 66.0)


def test_few_calls_are_taken_however_slow_the_machine() -> None:
    gate = Gate(RULES)
    for second in range(10):
        gate.measured(9.0, 1, float(second))
    assert gate.is_full
    assert gate.is_open(1, 10.0)
    assert not gate.is_open(2, 10.0)


def test_a_burst_is_not_let_in_before_anything_could_be_measured() -> None:
    gate = Gate(RULES)
    gate.measured(0.8, 40, 0.0)  # a call is about 0.02
    taken = 0
    while gate.is_open(40 + taken, 1.0):
        gate.let_in(1.0)
        taken += 1
    assert 9 <= taken <= 10
    gate.measured(0.8, 40 + taken, 7.1)  # they did not weigh that much
    assert gate.is_open(40 + taken, 7.1)


@given(
    figures=st.lists(st.floats(min_value=0, max_value=5, allow_nan=False), min_size=1, max_size=80),
    calls=st.integers(min_value=2, max_value=100),
)
def test_it_turns_only_after_lasting_figures(figures: list[float], calls: int) -> None:
    gate = Gate(RULES)
    turned: list[tuple[int, bool]] = []
    for second, figure in enumerate(figures):
        before = gate.is_full
        gate.measured(figure, calls, float(second))
        if gate.is_full != before:
            turned.append((second, gate.is_full))
        if gate.is_full:
            assert not gate.is_open(calls, float(second))
        assert gate.is_open(RULES.always_calls - 1, float(second))
    for second, is_full in turned:
        if is_full:
            assert all(figure >= 1.0 for figure in figures[second - 2 : second + 1])
        else:
            assert all(figure <= 0.85 for figure in figures[second - 5 : second + 1])
    assert all(later - sooner >= 2 for (sooner, _), (later, _) in pairwise(turned))


@given(figure=st.floats(min_value=0, max_value=0.99), calls=st.integers(min_value=2, max_value=200), burst=st.integers(0, 300))
def test_more_calls_never_open_what_fewer_have_shut(figure: float, calls: int, burst: int) -> None:
    gate = Gate(RULES)
    gate.measured(figure, calls, 0.0)
    was_open = True
    for number in range(burst):
        is_open = gate.is_open(calls + number, 0.5)
        assert was_open or not is_open
        was_open = is_open
        gate.let_in(0.5)


def test_busy_time_is_a_share_of_the_cores() -> None:
    meter = BusyMeter(2.0, now=10.0, used_seconds=100.0)
    assert meter.share(11.0, 101.0) == 0.5
    assert meter.share(11.0, 101.0) == 0.0
    assert meter.share(13.0, 105.0) == 1.0


def test_the_95th_percentile_is_of_the_last_seconds_only() -> None:
    recent = Recent(seconds=5.0, least=5)
    for number in range(100):
        recent.add(float(number), now=0.0)
    assert recent.p95(5.0) == 94.0
    assert recent.p95(5.1) == 0.0
    for number in range(4):
        recent.add(900.0, now=6.0)
        assert recent.p95(6.0) == 0.0, f"{number + 1} values say nothing"


def test_the_line_is_full_by_late_frames_and_by_its_processor() -> None:
    rules = GateRules(always_calls=0)
    late = OwnLoad(0.85, 0.01, rules, now=0.0, used_seconds=0.0)
    busy = OwnLoad(0.85, 0.01, rules, now=0.0, used_seconds=0.0)
    well = OwnLoad(0.85, 0.01, rules, now=0.0, used_seconds=0.0)
    unmeasured = OwnLoad(0.85, 0.01, None, now=0.0, used_seconds=0.0)
    for second in range(1, 5):
        late.measured(float(second), 0.1 * second, late_frames=60 * second, calls=100)  # 60 of 5000
        busy.measured(float(second), 0.9 * second, late_frames=0, calls=100)
        well.measured(float(second), 0.5 * second, late_frames=10 * second, calls=100)
        unmeasured.measured(float(second), 9.0 * second, late_frames=9000 * second, calls=100)
    assert (late.is_open(100, 4.0), busy.is_open(100, 4.0)) == (False, False)
    assert (well.is_open(100, 4.0), unmeasured.is_open(100, 4.0)) == (True, True)
