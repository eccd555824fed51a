"""A meaning as plain values, for JSON: dates and times in ISO, IDs of the catalogue, and their titles beside them."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from voicebot.dialog import labels
from voicebot.dialog.understanding.reader import Understanding
from voicebot.dialog.understanding.understood import Understood
from voicebot.russian.names import PersonName
from voicebot.russian.text import normalise
from voicebot.russian.when import When

_LOOK_AHEAD_DAYS = 400
#: A wish of a dialplan's own by the word that stands for it elsewhere: who comes for a test books one.
_COMMON_WORDS = {"lab": "book"}
#: Parts of the day as ranges of a wish: [from, to).
_PARTS = {
    (None, time(10)): "morning",
    (None, time(12)): "morning",
    (None, time(13)): "morning",
    (time(11), time(13)): "morning",
    (time(12), time(14)): "day",
    (time(12), time(17)): "day",
    (time(11), time(15)): "day",
    (time(13), None): "day",
    (time(16), None): "evening",
    (time(17), None): "evening",
    (time(18), None): "evening",
    (time(19), None): "evening",
    (time(22), None): "night",
}
_WORDS_OF_PARTS = ("утр", "обед", "половин", "днем", "дневн", "вечер", "ноч", "дня", "работ")


def told(understanding: Understanding, understood: Understood, now: datetime, text: str = "") -> dict[str, Any]:
    """Return intent (and the form that has it under another name), confidence, slots, labels, and what may be meant else."""
    slots: dict[str, Any] = {}
    for name, value in understood.slots.items():
        match value:
            case When():
                slots.update(told_when(value, now, text))
            case PersonName():
                slots["name"] = {"surname": value.surname, "given": value.given, "patronymic": value.patronymic}
                slots.update({part: said for part, said in slots["name"].items() if said})
            case date():
                slots[name] = value.isoformat()
            case _:
                slots[name] = value
    answer: dict[str, Any] = {
        "intent": _COMMON_WORDS.get(understood.intent, understood.intent),
        "confidence": understood.intent_confidence or understood.confidence,
        "slots": slots,
    }
    if understood.intent in _COMMON_WORDS:
        answer["form"] = understood.intent
    shown = labels.labels(understanding.catalogue, understood.slots)
    if shown:
        answer["labels"] = shown
    if understood.ambiguous:
        answer["ambiguous"] = {kind: list(identifiers) for kind, identifiers in understood.ambiguous.items()}
    if understood.unwanted:
        kinds = dict.fromkeys(kind for kind, _ in understood.unwanted)
        answer["unwanted"] = {kind: [one for other, one in understood.unwanted if other == kind] for kind in kinds}
    if understood.change:
        answer["change"] = understood.change
    if understood.is_any:
        answer["any"] = True
    return answer


def told_when(when: When, now: datetime, text: str = "") -> Mapping[str, Any]:
    """A wish's date, time, bounds and part of the day; one day even where a weekday was said: the first that fits."""
    found: dict[str, Any] = {}
    days = _days(when, now.date())
    if days:
        found["date"] = days[0].isoformat()
        if len(days) > 1:
            found["dates"] = [day.isoformat() for day in days]
    else:
        if when.date_from is not None:
            found["date_from"] = when.date_from.isoformat()
        if when.date_to is not None:
            found["date_to"] = when.date_to.isoformat()
    if when.excluded_dates:
        found["not_dates"] = sorted(day.isoformat() for day in when.excluded_dates)
    if when.excluded_weekdays:
        found["not_weekdays"] = sorted(when.excluded_weekdays)
    if when.times:
        found["time"] = f"{when.times[0]:%H:%M}"
        if len(when.times) > 1:
            found["times"] = [f"{at:%H:%M}" for at in when.times]
    is_part_said = any(word in normalise(text) for word in _WORDS_OF_PARTS)
    part = _PARTS.get((when.time_from, when.time_to), "") if is_part_said else ""
    if part:
        found["part"] = part
    if when.time_from is not None and when.time_from != time(0):
        found["after"] = f"{when.time_from:%H:%M}"
    if when.time_to is not None:
        found["before"] = f"{when.time_to:%H:%M}"
    if when.is_nearest:
        found["nearest"] = True
    if when.alternatives:
        found["alternatives"] = [dict(told_when(other, now, text)) for other in when.alternatives]
    return found


def _days(when: When, today: date) -> list[date]:
    """The days a wish names: those said, or of weekdays the first that fits each."""
    if when.dates:
        return [day for day in when.dates if when.allows_date(day)] or list(when.dates)
    found: list[date] = []
    for weekday in sorted(when.weekdays):
        candidates = (today + timedelta(days=ahead) for ahead in range(_LOOK_AHEAD_DAYS))
        first = next((day for day in candidates if day.weekday() == weekday and when.allows_date(day)), None)
        if first is not None:
            found.append(first)
    return sorted(found)
