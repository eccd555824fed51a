import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialog.budget import SECONDS_PER_FIELD, Budget, Stage, stage


@pytest.mark.parametrize(
    ("elapsed", "remaining", "expected"),
    [
        (0, 6, Stage.FULL),
        (125, 6, Stage.FULL),
        (127, 3, Stage.SHORT),
        (127, 6, Stage.OFFER),  # six more questions do not fit
        (168, 1, Stage.OFFER),
        (197, 0, Stage.OFFER),
        (198, 0, Stage.OVER),
        (500, 3, Stage.OVER),
    ],
)
def test_stages_of_the_ordinary_budget(elapsed: float, remaining: int, expected: Stage) -> None:
    assert stage(elapsed, remaining) is expected


@given(st.floats(20, 400), st.integers(0, 8), st.floats(0, 400), st.floats(0, 400))
def test_stages_never_go_back_as_time_passes(budget: float, remaining: int, first: float, second: float) -> None:
    clock = Budget(budget)
    early, late = sorted((first, second))
    assert clock.stage(early, remaining) <= clock.stage(late, remaining)
    assert clock.stage(early, remaining) <= clock.stage(early, remaining + 1)


@given(st.floats(20, 400))
def test_there_is_always_time_for_the_hand_over(budget: float) -> None:
    clock = Budget(budget)
    assert 3 <= clock.reserve_seconds <= budget / 3 + 0.01 or clock.reserve_seconds == 8
    assert clock.stage(budget - clock.reserve_seconds, 0) is Stage.OVER
    assert clock.stage(0, 1 if budget > 3 * SECONDS_PER_FIELD else 0) is Stage.FULL
    assert clock.left(budget + 1) == 0
