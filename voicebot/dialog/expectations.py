"""What hearing is told of a question: profile, grammar, digits."""

from collections.abc import Sequence
from typing import Any

from voicebot.dialog.schema import Application, FieldItem
from voicebot.dialog.talking import DigitRules, Expect, Profile
from voicebot.dialog.understanding import Understanding

_PROFILES = {
    "yes_no": Profile.YES_NO,
    "datetime": Profile.DATE,
    "phone": Profile.DIGITS,
    "birth_date": Profile.DIGITS,
    "name": Profile.NAME,
    "choice": Profile.CHOICE,
}
_ONE_KEY = DigitRules(minimum=1, maximum=1)
_DIGITS = {
    "phone": DigitRules(minimum=10, maximum=12, terminator="#", gap_seconds=4.0),
    "birth_date": DigitRules(minimum=8, maximum=8, terminator="#", gap_seconds=4.0),  # DDMMYYYY
}


def expect_for(
    one: FieldItem, application: Application, understanding: Understanding, page: Sequence[Any], *, is_read: bool = False
) -> Expect:
    """Return the expectation of a field's answer. `page` is what a choice offers now. `is_read`: no recogniser listens."""
    phrases = [phrase for option in one.options for phrase in option.phrases] + [*one.any, *one.also_no]
    moments = [entry.start for entry in page if hasattr(entry, "start")]
    return Expect(
        type=one.type,
        profile=_PROFILES.get(one.type, Profile.FREE),
        grammar=tuple(phrases) if is_read else understanding.grammar_for(one.type, tuple(phrases), tuple(moments)),
        is_bargein_allowed=one.bargein,
        noinput_seconds=one.noinput_seconds or application.noinput_seconds,
        digits=_DIGITS.get(one.type, _ONE_KEY),
    )
