"""The patient's state machine in virtual time: a robot is a function of the frame number."""

from collections.abc import Callable
from typing import Any

from voicebot.audio.pcm import FRAME_MS
from voicebot.patient.scenario import Scenario, Step
from voicebot.patient.script import HangUp, Press, Script, Speak

Robot = Callable[[int], bool]


def make(*steps: dict[str, Any], durations_ms: int = 1000, **settings: Any) -> Script:
    scenario = Scenario(name="test", steps=tuple(Step(**step) for step in steps), **settings)
    durations = tuple(durations_ms if step.text or step.play else 0 for step in scenario.steps)
    return Script(scenario, durations)


def loud_in(*spans_ms: tuple[int, int]) -> Robot:
    return lambda at_ms: any(start <= at_ms < end for start, end in spans_ms)


def run(script: Script, robot: Robot, limit_ms: int = 400_000) -> list[tuple[int, object]]:
    """Return (time in ms, order) until the script is over."""
    done: list[tuple[int, object]] = []
    for at_ms in range(0, limit_ms, FRAME_MS):
        done += [(at_ms, order) for order in script.tick(robot(at_ms))]
        if script.is_over:
            return done
    raise AssertionError("the script did not end")


def test_speaks_after_the_robot_has_spoken_and_is_silent() -> None:
    script = make({"say": "раз"}, {"say": "два"}, turn_end_ms=900, reply_delay_ms=200, stay_seconds=2)
    robot = loud_in((400, 1400), (1800, 3000), (6000, 7000))  # a pause of 400 ms is between two sentences
    assert run(script, robot) == [
        (2980 + 900 + 200, Speak(0)),
        (6980 + 900 + 200, Speak(1)),
        (8080 + 1000 + 2000, HangUp("stayed", 2)),
    ]


def test_a_robot_that_answers_at_once_is_answered() -> None:
    script = make({"say": "раз"}, {"say": "два"}, stay_seconds=0, turn_end_ms=500, reply_delay_ms=0)
    # The first words end at 1480 + 1000; the robot begins 100 ms before that and ends 60 ms after it.
    robot = loud_in((500, 1000), (2380, 2540))
    speaking = [at for at, order in run(script, robot) if isinstance(order, Speak)]
    assert speaking == [980 + 500, 2520 + 500]


def test_what_the_robot_says_under_the_patients_words_is_no_turn() -> None:
    script = make({"say": "раз"}, {"say": "два"}, stay_seconds=0, turn_end_ms=500, timeout_seconds=5)
    robot = loud_in((0, 1000), (1800, 2100))  # the second under the first words, 1680..2680
    orders = run(script, robot)
    assert [type(order) for _, order in orders] == [Speak, HangUp]
    assert orders[-1][1] == HangUp("timeout", 1)


def test_clicks_are_no_speech() -> None:
    script = make({"say": "раз"}, timeout_seconds=3, stay_seconds=0)
    assert run(script, lambda at_ms: at_ms % 200 == 0) == [(3000, HangUp("timeout", 0))]


def test_a_robot_that_goes_on_during_the_delay_is_waited_for() -> None:
    script = make({"say": "раз", "after_ms": 1000}, turn_end_ms=500, stay_seconds=0)
    robot = loud_in((0, 1000), (1800, 2500))
    assert run(script, robot)[0] == (2480 + 500 + 1000, Speak(0))


def test_interrupts_so_long_after_the_robot_began() -> None:
    script = make({"interrupt": "стоп", "after_ms": 600}, {"interrupt": "хватит"}, stay_seconds=0)
    robot = loud_in((1000, 1900), (5000, 9000))
    (first, _), (second, order), *_ = run(script, robot)
    assert first == 1000 + FRAME_MS + 600  # the second loud frame makes it speech
    assert (second, order) == (5000 + FRAME_MS + 800, Speak(1))


def test_an_interruption_waits_for_a_new_prompt() -> None:
    script = make({"interrupt": "стоп", "after_ms": 100}, {"interrupt": "хватит", "after_ms": 100}, stay_seconds=0)
    robot = loud_in((0, 3000), (6000, 8000))  # goes on under the first interruption
    speaking = [at for at, order in run(script, robot) if isinstance(order, Speak)]
    assert speaking == [FRAME_MS + 100, 6000 + FRAME_MS + 100]


def test_waits_of_all_kinds() -> None:
    script = make(
        {"wait": "robot_speech"},
        {"wait": 2},
        {"say": "раз", "when": "now"},
        {"wait": "robot_silence"},
        {"hang_up": True, "when": "now"},
        turn_end_ms=500,
    )
    robot = loud_in((1000, 1400), (6000, 7000))
    start = 1000 + FRAME_MS + 2000
    assert run(script, robot) == [(start, Speak(0 + 2)), (6980 + 500, HangUp("step", 4))]


def test_after_a_wait_the_prompt_heard_before_still_counts() -> None:
    script = make({"wait": 3.0}, {"say": "раз"}, stay_seconds=0, reply_delay_ms=0)
    assert run(script, loud_in((0, 1000)))[0] == (3000, Speak(1))


def test_keys_take_their_time() -> None:
    script = make({"digits": "12#"}, {"say": "раз", "when": "now"}, stay_seconds=0, turn_end_ms=500, reply_delay_ms=0)
    orders = run(script, loud_in((0, 1000)))
    assert orders[0] == (1480, Press(0, "12#"))
    assert orders[1] == (1480 + 660, Speak(1))


def test_hangs_up_while_the_robot_speaks() -> None:
    script = make({"say": "раз"}, {"hang_up": True, "when": "robot_speaks", "after_ms": 300}, turn_end_ms=500, reply_delay_ms=0)
    orders = run(script, loud_in((0, 1000), (4000, 9000)))
    assert orders[-1] == (4000 + FRAME_MS + 300, HangUp("step", 1))


def test_a_long_answer_is_no_timeout_but_dead_air_is() -> None:
    script = make({"say": "раз"}, timeout_seconds=5, stay_seconds=0)
    assert run(script, loud_in((0, 20_000)))[0][1] == Speak(0)
    assert run(make({"say": "раз"}, timeout_seconds=5), loud_in())[0] == (5000, HangUp("timeout", 0))


def test_the_whole_call_is_limited() -> None:
    script = make({"wait": 500}, limit_seconds=60)
    assert run(script, loud_in()) == [(60_000, HangUp("limit", 0))]


def test_nothing_happens_after_the_end() -> None:
    script = make({"hang_up": True, "when": "now"})
    assert run(script, loud_in()) == [(0, HangUp("step", 0))]
    assert script.tick(True) == []
