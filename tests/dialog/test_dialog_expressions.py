from datetime import date, datetime
from types import SimpleNamespace

import pytest

from voicebot.dialog import expressions
from voicebot.errors import ConfigurationError
from voicebot.russian.when import When

OFFER = SimpleNamespace(start=datetime(2026, 11, 23, 9), duration_minutes=30)
VALUES = {"a": 1, "b": None, "text": "closed", "offers": (OFFER,), "none": (), "three": (1, 2, 3)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a and not b", True),
        ("b or a", 1),
        ("a == 1 and a < 2 <= 3", True),
        ("text in ['busy', 'closed']", True),
        ("text not in ['busy']", True),
        ("count(offers)", 1),
        ("count(b)", 0),
        ("b.start", None),
        ("'x' if b else -a", -1),
        ("later_than(none)", None),
        ("later_than(offers)", datetime(2026, 11, 23, 9, 1)),
        ("end_of(first(offers))", datetime(2026, 11, 23, 9, 30)),
        ("end_of(b)", None),
        ("first(three)", 1),
        ("first(none)", None),
        ("rest(three)", (2, 3)),
        ("rest(offers)", None),
        ("nth(three, 2)", 2),
        ("nth(three, -1)", 3),
        ("nth(three, 4)", None),
        ("nth(three, None)", None),
        ("rest(b)", None),
        ("unknown == None", True),
    ],
)
def test_values(text: str, value: object) -> None:
    assert expressions.evaluate(text, VALUES.get) == value


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.__class__", "open('x')", "[x for x in a]", "lambda: 1", "a + ", "a is b", "b'x'"]
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        expressions.parse(text)


def test_wishes_are_weakened_step_by_step_to_an_end() -> None:
    wish = When(dates=(date(2026, 11, 25),))
    tried, steps = None, []
    while (tried := expressions.FUNCTIONS["weaker"](wish, tried)) is not None:
        steps.append(tried)
        assert len(steps) < 10
    assert tuple(steps) == wish.relaxed()
    assert expressions.FUNCTIONS["weaker"](None, None) is None
