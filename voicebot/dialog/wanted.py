"""Several things wanted at once: "к терапевту и кардиологу" is two bookings, made one after another."""

from dataclasses import dataclass, replace

from voicebot.dialog.schema import FieldItem
from voicebot.dialog.turn import Turn
from voicebot.dialog.understanding import Understood


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to be booked: an ID of the catalogue in one of the attributes, the others None."""

    doctor: str | None = None
    speciality: str | None = None
    service: str | None = None


def first_of_several(turn: Turn, understood: Understood) -> Understood:
    """Keep the first of what a phrase lists; the form's subject puts the others into the variable that it names.

    A form whose subject has no `others` (a price, say) deals with them in its own way.
    """
    subject = next((one for one in turn.form.fields() if one.type == "subject" and one.others), None)
    if subject is None or not understood.listed or not _takes_all(subject, understood):
        return understood
    (kind, key), *rest = understood.listed
    turn.state.variables[subject.others] = tuple(Wanted(**{kind: key}) for kind, key in rest)
    slots = {name: value for name, value in understood.slots.items() if name not in subject.fills}
    return replace(understood, slots={**slots, kind: key}, ambiguous={})


def _takes_all(subject: FieldItem, understood: Understood) -> bool:
    return all(kind in subject.fills for kind, _ in understood.listed)
