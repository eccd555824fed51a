import pytest

from voicebot.hearing.echo import EchoGuard
from voicebot.hearing.noise import NoiseFloor


def test_the_floor_is_unknown_at_first_then_follows_the_quiet_frames() -> None:
    floor = NoiseFloor()
    assert not floor.is_known
    for frame in range(150):
        floor.add(-20.0 if frame % 10 < 8 else -45.0)  # someone speaks, with short pauses
    assert floor.is_known
    assert floor.level_db == -45.0


def test_the_floor_rises_within_three_seconds_of_louder_noise() -> None:
    floor = NoiseFloor()
    for _ in range(200):
        floor.add(-50.0)
    for _ in range(151):
        floor.add(-38.0)
    assert floor.level_db == -38.0


@pytest.mark.parametrize(("always_db", "expected_db"), [(-96.0, -56.0), (-10.0, -32.0)])
def test_the_floor_has_bounds(always_db: float, expected_db: float) -> None:
    floor = NoiseFloor()
    for _ in range(200):
        floor.add(always_db)
    assert floor.level_db == expected_db


def test_nothing_is_guarded_while_the_robot_is_silent() -> None:
    guard = EchoGuard()
    guard.add(-20.0, -96.0)
    assert guard.threshold_db == float("-inf")


def test_before_anything_is_known_a_callers_normal_voice_passes_and_echo_does_not() -> None:
    guard = EchoGuard()
    guard.add(-60.0, -20.0)
    assert -40.0 < guard.threshold_db < -30.0


def test_a_line_without_echo_lets_a_soft_voice_through() -> None:
    guard = EchoGuard()
    for _ in range(200):
        guard.add(-65.0, -20.0)
    assert guard.threshold_db < -50.0


def test_a_line_with_loud_echo_asks_for_a_louder_voice() -> None:
    guard = EchoGuard()
    for _ in range(200):
        guard.add(-30.0, -20.0)
    assert -28.0 < guard.threshold_db < -20.0


def test_the_guard_outlasts_the_robots_voice_by_the_delay_of_echo() -> None:
    guard = EchoGuard()
    guard.add(-60.0, -20.0)
    for _ in range(19):
        guard.add(-60.0, -96.0)
    assert guard.threshold_db > -60.0
    guard.add(-60.0, -96.0)
    assert guard.threshold_db == float("-inf")


def test_a_second_of_talking_over_the_robot_does_not_pass_for_echo() -> None:
    guard = EchoGuard()
    for _ in range(200):
        guard.add(-60.0, -20.0)
    before = guard.threshold_db
    for _ in range(45):
        guard.add(-20.0, -20.0)
    assert guard.threshold_db == before


def test_callers_who_interrupt_again_and_again_do_not_pass_for_echo() -> None:
    guard = EchoGuard()
    for _ in range(6):
        for _ in range(60):
            guard.add(-60.0, -20.0)
        for _ in range(20):
            guard.add(-20.0, -20.0)  # not believed yet
        guard.unlearn(20)
        for _ in range(30):
            guard.add(-20.0, -20.0, is_caller=True)
        assert guard.threshold_db < -30.0


def test_unlearning_takes_no_frame_of_real_echo() -> None:
    guard = EchoGuard()
    for _ in range(200):
        guard.add(-30.0, -20.0)
    before = guard.return_db
    for _ in range(40):
        guard.add(-20.0, -96.0)  # the robot is silent: half of these come too late to be its echo
    for _ in range(50):
        guard.add(-20.0, -20.0, is_caller=True)
    guard.unlearn(90)
    assert guard.return_db == before
