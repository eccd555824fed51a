"""A steered patient waits for the robot to finish, acts on orders, and tells when it is its turn."""

from voicebot.patient.scenario import Scenario, Step
from voicebot.patient.script import HangUp, Press, Speak
from voicebot.patient.steered import RobotEnded, SteeredScript

SCENARIO = Scenario(name="steered", turn_end_ms=900, steps=(Step(say="да"), Step(digits="12"), Step(say="нет")))


def script(limit_seconds: float = 60.0) -> SteeredScript:
    return SteeredScript(SCENARIO.model_copy(update={"limit_seconds": limit_seconds}), (500, 0, 400))


def run(steered: SteeredScript, loud: str) -> list[object]:
    """One character a tenth of a second: # is the robot's voice."""
    return [order for sign in loud for _ in range(5) for order in steered.tick(sign == "#")]


def test_the_robots_turn_is_over_after_its_silence_and_is_told_once() -> None:
    steered = script()
    assert run(steered, "..####" + "." * 8) == []
    (ended,) = run(steered, "." * 20)
    assert isinstance(ended, RobotEnded)
    assert 500 <= ended.at_ms <= 620


def test_an_order_waits_for_the_robot_and_for_the_own_phrase() -> None:
    steered = script()
    run(steered, "..###")
    steered.do(0)
    steered.do(1)
    assert run(steered, "##...") == []
    assert run(steered, "." * 10) == [Speak(0)]  # 0.9 s after the robot
    assert run(steered, "." * 6) == [Press(1, "12")]  # half a second later
    assert steered.number == 2


def test_it_speaks_at_once_where_the_robot_was_silent_for_long() -> None:
    steered = script()
    run(steered, "####" + "." * 20)
    steered.do(2)
    assert run(steered, ".")[0] == Speak(2)


def test_an_order_beyond_the_last_step_hangs_up_and_the_limit_does() -> None:
    steered = script()
    run(steered, "." * 10)
    steered.do(3)
    assert run(steered, ".") == [HangUp("step", 0)]
    assert run(steered, "#" * 20) == []
    assert run(script(limit_seconds=1.0), "." * 12) == [HangUp("limit", 0)]
