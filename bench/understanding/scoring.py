"""What was understood against what should have been. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.understanding.cases import ANY, Case

_BINS = 10
REJECTED = frozenset({"none", "off_topic"})
#: At a question for a value yes and no count as the answer they are, and its name alone as the wish to have it.
_NO_WISH = frozenset({"none", "yes", "no", "book"})


@dataclass(frozen=True, slots=True)
class Result:
    """A phrase as it reached the robot, and the JSON that `voicebot understand` prints of it."""

    case: Case
    heard: str
    told: Mapping[str, Any]

    @property
    def is_intent_right(self) -> bool:
        return self.told["intent"] in (_NO_WISH if self.case.intents == {ANY} else self.case.intents)

    def wrong_slots(self) -> list[str]:
        return [f"{name}{sign}{value}" for name, sign, value in self.case.slots if not _is_right(self.told, name, sign, value)]


def _is_right(told: Mapping[str, Any], name: str, sign: str, value: str) -> bool:
    """`a~x|b=y|z`: the title of a holds x, or b is y, or the title of a holds z."""
    first, *others = value.split("|")
    return any(_holds(told, *one) for one in ((name, sign, first), *(_other(name, sign, text) for text in others)))


def _other(name: str, sign: str, text: str) -> tuple[str, str, str]:
    for own in "=~":
        kind, found, value = text.partition(own)
        if found and kind.isidentifier():
            return kind, own, value
    return name, sign, text


def _holds(told: Mapping[str, Any], name: str, sign: str, value: str) -> bool:
    said = told.get("labels", {}).get(name, "") if sign == "~" else told["slots"].get(name)
    if isinstance(said, list):
        said = ",".join(map(str, said))
    shown, wanted = (text.lower().replace("ё", "е") for text in (str(said), value))
    return wanted in shown if sign == "~" else wanted == shown


def share(right: Iterable[bool]) -> float | None:
    """Per cent; None of nothing."""
    marks = list(right)
    return round(100.0 * sum(marks) / len(marks), 1) if marks else None


def figures(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """Name -> value, per cent, and of how many."""
    inside = [one for one in results if not one.case.is_outside]
    outside = [one for one in results if one.case.is_outside]
    wishes = [one for one in inside if one.case.intents != {ANY}]
    calm = [one for one in results if "emergency" not in one.case.intents]
    rows = {
        "intent": [one.is_intent_right for one in wishes],
        "no wish heard in an answer": [one.is_intent_right for one in inside if one.case.intents == {ANY}],
        "slots": [not _is_missing(one, slot) for one in inside for slot in one.case.slots],
        "all slots of a phrase": [not one.wrong_slots() for one in inside if one.case.slots],
        "out of scope rejected": [one.told["intent"] in REJECTED for one in outside],
        "false rejection": [one.told["intent"] in REJECTED for one in wishes if not REJECTED & one.case.intents],
        "emergencies caught": [one.told["intent"] == "emergency" for one in results if one.case.is_emergency],
        "false emergencies": [one.told["intent"] == "emergency" for one in calm],
    }
    table: dict[str, dict[str, Any]] = {name: {"value": share(marks), "of": len(marks)} for name, marks in rows.items()}
    table["expected calibration error"] = {"value": calibration_error(wishes + outside), "of": len(wishes + outside)}
    return table


def _is_missing(one: Result, slot: tuple[str, str, str]) -> bool:
    return not _is_right(one.told, *slot)


def calibration_error(results: Sequence[Result]) -> float | None:
    """Expected calibration error, per cent: confidence against how often it was right, in ten bins (Guo et al. 2017)."""
    sure = [(float(one.told["confidence"]), one.is_intent_right) for one in results if one.told["intent"] != "none"]
    if not sure:
        return None
    error = 0.0
    for number in range(_BINS):
        low, high = number / _BINS, (number + 1) / _BINS
        inside = [(p, right) for p, right in sure if low < p <= high or (number == 0 and p == 0.0)]
        if inside:
            mean = sum(p for p, _ in inside) / len(inside)
            error += len(inside) / len(sure) * abs(mean - sum(right for _, right in inside) / len(inside))
    return round(100.0 * error, 1)
