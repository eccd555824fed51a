"""Questions about an answer: is it this one, or which of these; what they are asked for, and what is answered."""

from collections.abc import Mapping
from typing import Any

from voicebot.dialog import distinctive, values
from voicebot.dialog.schema import FieldItem
from voicebot.dialog.state import Doubt, Slot
from voicebot.dialog.turn import Turn
from voicebot.dialog.understanding import Understood
from voicebot.dialog.understanding.details import ordinal, speaks_of_doctor
from voicebot.russian.text import normalise

MOST_OPTIONS = 4


def confirm(turn: Turn, one: FieldItem, slot: Slot) -> None:
    """Ask whether the value is right; of a doctor whose name sounds like another's, which of them it is."""
    rivals = _likely_slots(turn, one) if one.type == "doctor" else ()
    others = tuple(rival for rival in rivals if rival.value != slot.value)
    turn.doubtful(Doubt(one.field, one.type, (slot, *others)))


def ask_which(turn: Turn, one: FieldItem, understood: Understood) -> None:
    """Ask which of several that fit about equally."""
    slots = tuple(
        Slot(key, turn.renderer.label(one.type, key, turn.now), understood.sure_of(one.type))
        for key in understood.ambiguous[one.type]
    )
    turn.doubtful(Doubt(one.field, one.type, slots[:MOST_OPTIONS]))


def ask_of_ambiguous(turn: Turn, understood: Understood, asked: FieldItem | None) -> bool:
    """Two doctors of that name: ask which, when the phrase gave nothing better."""
    if asked is not None and asked.type not in ("subject", "correction", "request"):
        return False
    for one in turn.form.fields():
        if one.type in understood.ambiguous and one.field not in turn.state.slots:
            ask_which(turn, one, understood)
            return True
    return False


def ask_of_half_heard(turn: Turn, text: str, *, is_answered: bool = False) -> bool:
    """Ask for a doctor whose name was half heard, where the form asks back (confirm). `is_answered`: the rest of the phrase
    was of use, so only a doctor that is still wanted is asked for.
    """
    one = next((field for field in turn.form.fields() if field.type == "doctor" and field.confirm != "never"), None)
    if one is None or turn.is_in_doubt or turn.is_over:
        return False
    is_wanted = one.field not in turn.state.slots and not _is_spared(turn, one)
    if not is_wanted and (is_answered or not speaks_of_doctor(normalise(text))):
        return False
    slots = _likely_slots(turn, one)
    if not slots or (one.field in turn.state.slots and slots[0].value == turn.state.slots[one.field].value):
        return False
    turn.doubtful(Doubt(one.field, one.type, slots))
    return True


def _is_spared(turn: Turn, one: FieldItem) -> bool:
    """Whether what is to be done is known without a doctor: a speciality or a service was named."""
    subjects = (field for field in turn.form.fields() if one.field in field.fills)
    return any(name in turn.state.slots for subject in subjects for name in subject.fills)


def _likely_slots(turn: Turn, one: FieldItem) -> tuple[Slot, ...]:
    return tuple(
        Slot(key, turn.renderer.label(one.type, key, turn.now), belief)
        for key, belief in turn.likely_doctors.items()
        if not is_denied(turn, one.field, key)
    )


def answer(turn: Turn, understood: Understood, text: str) -> bool:
    """The answer to "верно ли, что ...?" or "который из них?"."""
    doubt = turn.state.doubt
    assert doubt is not None
    one = turn.field_of(doubt.item)
    if one is None:
        turn.state.doubt = None
        return False
    chosen = _settled(turn, doubt, understood, text)
    if chosen is not None:
        turn.state.doubt = None
        values.fill(turn, doubt.item, Slot(chosen.value, chosen.label, 1.0))
        return True
    if understood.slots.get("yes_no") is False:
        turn.state.doubt = None
        for candidate in doubt.candidates:
            _deny(turn, doubt.item, candidate.value)
        rest: Mapping[str, Any] = {key: value for key, value in understood.slots.items() if key != "yes_no"}
        if doubt.type in rest and rest[doubt.type] != doubt.candidates[0].value:
            value = rest[doubt.type]
            values.fill(turn, doubt.item, Slot(value, turn.renderer.label(one.type, value, turn.now)))
        else:
            turn.state.focus = _asked_by(turn, doubt.item)
        return True
    return False


def _deny(turn: Turn, item: str, value: Any) -> None:
    """What the caller called wrong is not asked back again when it is half heard once more."""
    key = f"{turn.state.form}.{item}"
    turn.state.denied[key] = (*turn.state.denied.get(key, ()), value)


def is_denied(turn: Turn, item: str, value: Any) -> bool:
    """Whether the caller has called this value wrong."""
    return value in turn.state.denied.get(f"{turn.state.form}.{item}", ())


def _asked_by(turn: Turn, name: str) -> str:
    one = turn.field_of(name)
    if one is not None and one.prompt:
        return name
    return next((other.field for other in turn.form.fields() if name in other.fills), "")


def _settled(turn: Turn, doubt: Doubt, understood: Understood, text: str) -> Slot | None:
    said = understood.slots.get(doubt.type)
    for slot in doubt.candidates:
        if said is not None and said == slot.value:
            return slot
    if len(doubt.candidates) == 1:
        return doubt.candidates[0] if understood.slots.get("yes_no") is True else None
    if {slot.value for slot in doubt.candidates} <= set(understood.ambiguous.get(doubt.type, ())):
        return None  # the same half-heard surname once more tells no more than before
    number = understood.slots.get("ordinal") or ordinal(normalise(text))
    if isinstance(number, int) and 1 <= abs(number) <= len(doubt.candidates):
        return doubt.candidates[number - 1 if number > 0 else number]
    forms = {str(slot.value): turn.understanding.forms_of(doubt.type, slot.value) for slot in doubt.candidates}
    best = turn.understanding.best_phrase(text, forms)
    named = next((slot for slot in doubt.candidates if str(slot.value) == best), None)
    if named is not None or said is not None or understood.is_negated or understood.slots.get("yes_no") is False:
        return named
    of_its_kind = _of_speciality(turn, doubt, understood)
    if of_its_kind is not None:
        return of_its_kind
    number = distinctive.only_one(text, {at: slot.label for at, slot in enumerate(doubt.candidates)})
    return None if number is None else doubt.candidates[number]


def _of_speciality(turn: Turn, doubt: Doubt, understood: Understood) -> Slot | None:
    """Of two doctors of a name the one who is what the caller says: "терапевт"."""
    if doubt.type != "doctor":
        return None
    doctors = turn.renderer.catalogue.doctors
    fitting = [slot for slot in doubt.candidates if understood.slots.get("speciality") in doctors[slot.value].specialities]
    return fitting[0] if len(fitting) == 1 else None
