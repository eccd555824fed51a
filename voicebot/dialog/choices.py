"""Which of the offered entries did the caller mean: the second, the one at ten, the one with Ivanova, "да"."""

from collections.abc import Mapping, Sequence
from typing import Any

from voicebot.dialog.schema import FieldItem, Option
from voicebot.dialog.understanding import Understanding, Understood

#: Attributes by which an entry of a list may be named -> slot of the understanding.
_BY_ENTITY = {"doctor_id": "doctor", "branch_id": "branch", "service_id": "service", "speciality_id": "speciality"}

#: What a caller may want changed instead of choosing from the list.
REFUSALS = frozenset({"offers", "earlier", "later", "datetime", "doctor", "branch"})


def choose_option(
    options: Sequence[Option], text: str, slots: Mapping[str, Any], understanding: Understanding
) -> Option | None:
    """Return the option whose phrase was said, or whose number."""
    best = understanding.best_phrase(text, {option.value: tuple(option.phrases) for option in options})
    if best is not None:
        return next(option for option in options if option.value == best)
    number = slots.get("ordinal")
    if isinstance(number, int) and 1 <= number <= len(options):
        return options[number - 1]
    if "yes_no" in slots:
        plain = "yes" if slots["yes_no"] else "no"
        return next((option for option in options if option.means == plain), None)
    return None


def choose_entry(
    entries: Sequence[Any], understood: Understood, of: str, text: str, understanding: Understanding
) -> Any | None:
    """Return the one entry that the caller's words single out, else None. `of`: what the list holds (FieldItem.of).

    Every hint must agree with it: "второе, к Ивановой" must be the second and with Ivanova.
    """
    slots = understood.slots
    if of != "offer" and "ordinal" not in slots:
        return _named(entries, understood, of, text, understanding)
    candidates = list(entries)
    hinted = False
    ordinal = slots.get("ordinal")
    if isinstance(ordinal, int):
        index = ordinal - 1 if ordinal > 0 else len(entries) + ordinal
        candidates = [entry for entry in candidates if 0 <= index < len(entries) and entry is entries[index]]
        hinted = True
    when = slots.get("datetime")
    if when is not None and not when.is_empty:
        fitting = [entry for entry in candidates if when.allows(entry.start)]
        if hinted and not fitting:
            fitting = candidates  # "первое" was also read as a day of the month: the ordinal decides
        candidates = fitting
        hinted = True
    for attribute, slot in _BY_ENTITY.items():
        if slot in slots:
            candidates = [entry for entry in candidates if getattr(entry, attribute, None) == slots[slot]]
            hinted = True
    if hinted:
        return candidates[0] if len(candidates) == 1 else None
    if understood.is_any or (slots.get("yes_no") is True and len(entries) == 1):
        return entries[0]
    return None


def fits_all(entries: Sequence[Any], understood: Understood) -> bool:
    """Whether what was said is true of every entry and so chooses none of them: a branch, and nothing else."""
    slots = understood.slots
    if understood.change or understood.is_negated or slots.keys() - {"branch", "yes_no"} or slots.get("yes_no") is False:
        return False
    return "branch" in slots and all(getattr(entry, "branch_id", None) == slots["branch"] for entry in entries)


def _named(entries: Sequence[str], understood: Understood, of: str, text: str, understanding: Understanding) -> str | None:
    """Of IDs of the catalogue: the one that was named, wholly or by the word that sets it apart from the others offered."""
    if understood.slots.get(of) in entries:
        return str(understood.slots[of])
    best = understanding.best_phrase(text, {entry: understanding.forms_of(of, entry) for entry in entries})
    if best is not None:
        return best
    is_agreed = understood.is_any or (understood.slots.get("yes_no") is True and len(entries) == 1)
    return entries[0] if is_agreed and entries else None


def is_refusal(understood: Understood) -> bool:
    """None of these will do; show others."""
    return understood.slots.get("yes_no") is False or understood.change in REFUSALS


def by_key(one: FieldItem, entries: Sequence[Any], digits: str) -> Any | None:
    """Return what a pressed key stands for: the n-th option's value, or the n-th entry."""
    known: Sequence[Any] = [option.value for option in one.options] if one.options else entries
    if len(digits) == 1 and digits.isdigit() and 1 <= int(digits) <= len(known):
        return known[int(digits) - 1]
    return None
