"""Amounts as the robot says them: "от одного до трёх дней", "полтора часа", digits one by one, lists."""

from collections.abc import Sequence

from voicebot.russian.case import Case
from voicebot.russian.inflect import adjective_form, agree, counted, gender_of_noun
from voicebot.russian.numbers import say_number

_SAME_DAY = "день"
_HOUR_MINUTES = 60
_PAIR = 2


def say_count(n: int, noun: str, case: Case = Case.NOMINATIVE) -> str:
    """A number with its noun, which may have adjectives: say_count(2, "рабочий день") is "два рабочих дня"."""
    *adjectives, head = noun.split(" ")
    if not adjectives:
        return counted(n, noun, case)
    said = counted(n, head, case).removesuffix(agree(n, head, case)).strip()
    agreed = [adjective_form(adjective, n, head, case) for adjective in adjectives]
    return " ".join([said, *agreed, agree(n, head, case)])


def say_span(low: int, high: int, noun: str) -> str:
    """An amount between two numbers: "от одного до трёх дней", "два часа" when they are equal.

    Of days, none is the same day: "в тот же день", "в тот же или на следующий день", "от нуля" is never said.
    """
    is_days = noun.split(" ")[-1] == _SAME_DAY
    if is_days and high <= 0:
        return "в тот же день"
    if is_days and low <= 0:
        return "в тот же или на следующий день" if high == 1 else f"до {say_count(high, noun, Case.GENITIVE)}"
    if low >= high:
        return say_count(high, noun)
    if low <= 0:
        return f"до {say_count(high, noun, Case.GENITIVE)}"
    gender = gender_of_noun(noun.split(" ")[-1])
    return f"от {say_number(low, Case.GENITIVE, gender)} до {say_count(high, noun, Case.GENITIVE)}"


def say_duration(minutes: int) -> str:
    """A length of time: "сорок пять минут", "час", "полтора часа", "два с половиной часа", "два часа двадцать минут"."""
    hours, rest = divmod(minutes, _HOUR_MINUTES)
    if hours == 0:
        return "полчаса" if rest == 30 else counted(rest, "минута")
    if (hours, rest) == (1, 30):
        return "полтора часа"
    if rest == 30:
        return f"{say_number(hours)} с половиной часа"
    whole = "час" if hours == 1 else counted(hours, "час")
    return f"{whole} {counted(rest, 'минута')}" if rest else whole


def say_digits(digits: str) -> str:
    """Digits to be written down, in pairs: "двенадцать" is never said for "12", it is "один два"."""
    named = [say_number(int(digit)) for digit in digits if digit.isdecimal()]
    return ", ".join(" ".join(named[i : i + _PAIR]) for i in range(0, len(named), _PAIR))


def say_list(parts: Sequence[str], last: str = "и") -> str:
    """ "а, б и в"; `last` joins the last two."""
    return "".join(parts) if len(parts) < 2 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"
