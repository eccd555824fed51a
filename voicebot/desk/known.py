"""What a dialog tells the operator: the fields that are filled, what is still open, what a booking can begin with. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from voicebot.desk import words
from voicebot.desk.clinic import WISHED, Clinic
from voicebot.dialog.labels import wish
from voicebot.dialog.schema import FieldItem, Form
from voicebot.records.call_backs import phone_to_call
from voicebot.records.dialogs import Dialog, Who
from voicebot.russian.birth import parse_birth_date
from voicebot.russian.names import PersonName, parse_person
from voicebot.russian.phones import parse_phone_digits
from voicebot.russian.when import parse_when

_NOT_A_FIELD = frozenset({"yes_no", "ordinal"})
_REQUEST = "request"
_NEVER = "False"  # a condition of fields that are never asked by themselves


@dataclass(frozen=True, slots=True)
class Wished:
    """What a booking's form begins with. IDs of the catalogue or ""; `when` in words that can be read again."""

    speciality: str = ""
    doctor: str = ""
    service: str = ""
    branch: str = ""
    when: str = ""
    patient: PersonName = field(default_factory=PersonName)
    phone: str = ""  # E.164
    birth_date: date | None = None


def known_of(dialog: Dialog) -> Mapping[str, str]:
    """What the caller has told so far: the robot's summary, or while it still asks, the newest value of each slot."""
    if dialog.summary:
        return {words.slot(label): str(text) for label, text in dialog.summary.items()}
    return {words.slot(name): text for name, text in _said(dialog).items()}


def open_fields(dialog: Dialog, forms: Mapping[str, Form]) -> list[str]:
    """What the request's form still asks for, in the order of its questions."""
    form = _form(dialog, forms)
    if form is None:
        return []
    labels = set(dialog.summary)
    types = set() if dialog.summary else set(_said(dialog))
    if phones_of(dialog):
        types.add("phone")
    fields = {one.field: one for one in form.fields()}
    found: list[str] = []
    for one in form.fields():
        any_of = [fields[name] for name in one.fills if name in fields] if one.type == "subject" else [one]
        is_known = any(other.label in labels or other.type in types for other in any_of)
        names = [other.label for other in any_of if other.label]
        if _is_asked(one) and names and not is_known:
            found.append(_either(names))
    return list(dict.fromkeys(found))


def wished_of(dialog: Dialog, clinic: Clinic, now: datetime) -> Wished:
    """Read what the dialog knows back into values. `now`: the clinic's local time.

    The records hold texts for people; each is looked up where it came from, and what fits nothing is left open.
    """
    told = _by_type(dialog, clinic.forms)
    ids = {kind: clinic.ids.get((kind, told.get(kind, "")), "") for kind in WISHED}
    when = parse_when(told["datetime"], now) if told.get("datetime") else None
    name = parse_person(told["name"]) if told.get("name") else None
    birth = parse_birth_date(told["birth_date"], now.date()) if told.get("birth_date") else None
    phone = parse_phone_digits(told.get("phone", "")) or phone_to_call(dialog.summary, dialog.caller_phone)
    return Wished(**ids, when="" if when is None else wish(when), patient=name or PersonName(), phone=phone, birth_date=birth)


def phones_of(dialog: Dialog) -> tuple[str, ...]:
    """The numbers (E.164) that a dialog is about: the one it came from, and those that were told."""
    said = _said(dialog).get("phone", "")
    numbers = (parse_phone_digits(text) for text in (dialog.caller_phone, said, phone_to_call(dialog.summary, "")))
    return tuple(dict.fromkeys(number for number in numbers if number is not None))


def _either(names: list[str]) -> str:
    """ "врач, услуга или специальность"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} или {names[-1]}"


def _said(dialog: Dialog) -> dict[str, str]:
    """The newest value of each slot that the caller named, by its type."""
    found: dict[str, str] = {}
    for turn in dialog.turns:
        if turn.who is Who.CALLER:
            found.update({name: str(text) for name, text in turn.slots.items() if name not in _NOT_A_FIELD})
    return found


def _by_type(dialog: Dialog, forms: Mapping[str, Form]) -> dict[str, str]:
    """The texts by the type of their fields; the summary knows better than single turns."""
    found = _said(dialog)
    types = {one.label: one.type for form in forms.values() for one in form.fields() if one.label}
    for name, text in dialog.summary.items():
        kind = types.get(name)
        if kind is not None and kind != "choice":
            found[kind] = str(text)
    return found


def _form(dialog: Dialog, forms: Mapping[str, Form]) -> Form | None:
    """The form of the request: as the summary names it, else the one that the last wish opens."""
    request = dialog.summary.get(_REQUEST)
    if request:
        return next((form for form in forms.values() if form.request == request), None)
    by_wish = {intent: form for form in forms.values() if form.request for intent in form.wishes}
    wishes = [turn.intent for turn in dialog.turns if turn.who is Who.CALLER and turn.intent in by_wish]
    return by_wish[wishes[-1]] if wishes else None


def _is_asked(one: FieldItem) -> bool:
    """Whether every caller is asked for it: what depends on a condition may not concern this one."""
    return not one.optional and not one.anytime and one.cond != _NEVER and bool(one.prompt)
