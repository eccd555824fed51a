"""What the caller's words do to the form: mixed initiative, corrections, the answer to the question asked."""

from dataclasses import replace
from typing import Any

from voicebot.dialog import choices, doubts, moving, said_options, unwanted, values, wanted
from voicebot.dialog.actions import execute
from voicebot.dialog.budget import Stage
from voicebot.dialog.confirmation import Policy, policy
from voicebot.dialog.schema import FREELY_SAID, FieldItem, item_id
from voicebot.dialog.state import Slot
from voicebot.dialog.turn import Turn
from voicebot.dialog.understanding import Understood
from voicebot.russian.names import PersonName
from voicebot.russian.phones import dictated_digits
from voicebot.russian.relative import parse_relative
from voicebot.russian.text import normalise

_WHOLE_NUMBER_DIGITS = 10


def take(turn: Turn, understood: Understood, text: str) -> bool:
    """Fill what can be filled; return False when nothing of the phrase was of use to this form."""
    one = turn.field_of(turn.state.item) if turn.state.item else None
    understood = wanted.first_of_several(turn, understood)
    understood = _told_from_a_visit(turn, understood, one, text)
    took_options = said_options.take(turn, text)
    is_ruled_out = unwanted.take(turn, understood)
    if is_ruled_out and understood.slots.get("yes_no") is False:
        # "Нет, только не на Парковой" is no other no.
        understood = replace(understood, slots={name: value for name, value in understood.slots.items() if name != "yes_no"})
    is_list_void = is_ruled_out and one is not None and one.from_ is not None and not turn.page_of(one)
    is_answered = one is not None and not is_list_void and _answer(turn, one, understood, text)
    if is_answered or _mixed_initiative(turn, understood, one):
        _also_another(turn, understood)
        return True
    return _change(turn, understood, one) or took_options or is_ruled_out


def _told_from_a_visit(turn: Turn, understood: Understood, asked: FieldItem | None, text: str) -> Understood:
    """ "На час позже", "в то же время": a wish for a time, told from the visit that the field names."""
    if asked is None:
        return understood
    for one in turn.form.fields():
        is_meant = one.field == asked.field or one.field in asked.beside
        moment = turn.evaluate(one.told_from) if one.told_from and is_meant else None
        wish = parse_relative(text, moment, understood.slots.get("datetime")) if moment is not None else None
        if wish is not None:
            return replace(understood, slots={**understood.slots, "datetime": wish}, change="", confidence=1.0)
    return understood


def _answer(turn: Turn, one: FieldItem, understood: Understood, text: str) -> bool:
    """The phrase answers the question that was asked."""
    match one.type:
        case "yes_no":
            if is_also_no(one, text):
                values.fill(turn, one.field, Slot(False, "нет", understood.confidence))
                return True
            value = understood.slots.get("yes_no")
            if value is None or (value is False and (understood.change or _news(turn, understood, one))):
                return False  # "нет, лучше в пятницу": the correction says more than the no
            _mixed_initiative(turn, understood, one)  # "да, и к Ивановой"
            values.fill(turn, one.field, Slot(value, "да" if value else "нет", understood.confidence))
            return True
        case "choice":
            return _choice(turn, one, understood, text)
        case "subject":
            return _gives_up(turn, understood)
        case "correction":
            if understood.change or _news(turn, understood, one) or "yes_no" not in understood.slots:
                return False
            values.fill(turn, one.field, Slot(None, "ничего"))  # "ничего, всё правильно"
            return True
        case "request":
            if understood.slots.get("yes_no") is not False or understood.intent != "no":
                return False
            values.fill(turn, one.field, Slot(False, "ничего"))
            return True
        case "phone" if "phone" not in understood.slots and (digits := _dictated(turn, understood, text)):
            return _digits(turn, one, digits)
        case "name" if "name" in understood.slots:
            return _name(turn, one, understood)
        case "free":
            values.fill(turn, one.field, Slot(text, text, understood.confidence))
            return True
    if one.any and one.type not in understood.slots and (understood.is_any or _says_any(turn, one, text)):
        _mixed_initiative(turn, understood, one)  # "к любому терапевту"
        value = understood.empty_wish if one.type == "datetime" else None
        values.fill(turn, one.field, Slot(value, one.any_label, understood.confidence), spare=one.replaces)
        return True
    if one.on_yes and one.type not in understood.slots and understood.slots.get("yes_no") is True:
        value = turn.evaluate(one.on_yes)
        if value is None:
            return False
        values.fill(turn, one.field, Slot(value, turn.renderer.label(one.type, value, turn.now), understood.confidence))
        return True
    if one.type in understood.ambiguous:
        doubts.ask_which(turn, one, understood)
        return True
    if one.type not in understood.slots:
        return False
    return _mixed_initiative(turn, understood, one)


def _gives_up(turn: Turn, understood: Understood) -> bool:
    """ "Цену чего назвать?" - "Нет, не надо": a digression is left, the interrupted form goes on."""
    is_digression = turn.form.digression and bool(turn.state.stack) and not turn.state.stack[-1].returns_to
    if not is_digression or understood.intent != "no" or understood.change or understood.slots.keys() - {"yes_no"}:
        return False
    turn.message("stopped")
    moving.abandon(turn)
    return True


def _name(turn: Turn, one: FieldItem, understood: Understood) -> bool:
    """A name may come in two turns, surname and given name; a part said twice is taken as it is."""
    said = understood.slots["name"]
    known = turn.state.session.get("partial")
    before = known if isinstance(known, PersonName) else None
    whole = said if before is None else completed(before, said)
    label = turn.renderer.label("name", whole, turn.now)
    slot = Slot(whole, label, understood.sure_of("name"))
    if one.partial and not whole.is_full and before is None:
        turn.state.session["partial"] = whole
        turn.ask(one, one.partial, "partial")
        return True
    turn.state.session["partial"] = None
    decision = policy(turn.form, one, understood.sure_of("name"), turn.stage(), turn.plans.application)
    if decision is Policy.REJECT:
        return False
    if decision is Policy.CONFIRM:
        doubts.confirm(turn, one, slot)
    else:
        values.fill(turn, one.field, slot)
    return True


def _dictated(turn: Turn, understood: Understood, text: str) -> str:
    """A part of a number; once it is begun, its last two digits alone are one too."""
    is_begun = isinstance(turn.state.session.get("partial"), str)
    return str(understood.slots.get("digits") or (dictated_digits(text) if is_begun else ""))


def _digits(turn: Turn, one: FieldItem, digits: str) -> bool:
    """A number dictated with pauses comes in several turns."""
    before = turn.state.session.get("partial")
    joined = (before if isinstance(before, str) else "") + digits
    phone = turn.understanding.phone_of_keys(joined)
    turn.state.session["partial"] = None
    if phone is not None:
        values.fill(turn, one.field, Slot(phone, turn.renderer.label("phone", phone, turn.now)))
        return True
    if not one.partial or len(joined) >= _WHOLE_NUMBER_DIGITS:
        return False
    turn.state.session["partial"] = joined
    turn.ask(one, one.partial, "partial")
    return True


def completed(before: PersonName, said: PersonName) -> PersonName:
    """Put two partial answers together; what was said later counts, and two surnames are a surname and a given name."""
    return PersonName(said.surname or before.surname, said.given or before.given, said.patronymic or before.patronymic)


def is_also_no(one: FieldItem, text: str) -> bool:
    """Whether the question itself lists this answer as a no, alone or with words of others it lists: "а всё поняла спасибо"."""
    plain = normalise(text)
    listed = [normalise(phrase) for phrase in one.also_no]
    words = {word for phrase in listed for word in phrase.split()}
    return any(f" {phrase} " in f" {plain} " for phrase in listed) and words.issuperset(plain.split())


def _says_any(turn: Turn, one: FieldItem, text: str) -> bool:
    return turn.understanding.best_phrase(text, {"any": tuple(one.any)}) is not None


def _choice(turn: Turn, one: FieldItem, understood: Understood, text: str) -> bool:
    if one.options:
        option = choices.choose_option(one.options, text, understood.slots, turn.understanding)
        if option is None:
            return False
        values.fill(turn, one.field, Slot(option.value, option.label or option.phrases[0], understood.confidence))
        for name, (other, value) in _targets(turn, understood, one).items():
            if name in one.beside:
                label = turn.renderer.label(other.type, value, turn.now)
                values.fill(turn, name, Slot(value, label, understood.sure_of(other.type)))
        return True
    entries = turn.page_of(one)
    entry = None
    shift = understood.change in ("earlier", "later") and not (one.earlier or one.later)
    if not understood.is_negated and (shift or not understood.change):  # "вторую, на час позже": which visit is what was asked
        entry = choices.choose_entry(entries, understood, one.of, text, turn.understanding)
    if entry is not None:
        choose(turn, one, entry, understood.confidence)
        return True
    if len(entries) > 1 and choices.fits_all(entries, understood):
        turn.state.troubles += 1
        turn.ask(one)  # "на Парковой", where all of them are: which?
        return True
    if _news(turn, understood, one):
        return False  # a correction of the wishes: the list is made anew
    if choices.is_refusal(understood):
        others(turn, one, understood)
        return True
    if understood.slots.get("yes_no") is True and turn.state.troubles < turn.plans.application.limits.trouble:
        turn.state.troubles += 1
        turn.ask(one)  # "да", but which?
        return True
    return False


def choose(turn: Turn, one: FieldItem, entry: Any, confidence: float) -> None:
    label = turn.renderer.label(one.of, entry, turn.now)
    values.fill(turn, one.field, Slot(entry, label, confidence))


def others(turn: Turn, one: FieldItem, understood: Understood) -> None:
    """Offer the next page of the list; when there is none, the dialplan says what to do."""
    if understood.change in ("doctor", "branch") and _reask(turn, understood.change):
        return
    wish = {"earlier": one.earlier, "later": one.later}.get(understood.change)
    if wish:
        turn.state.page = 0
        execute(turn, wish, f"{turn.state.form}.{one.field}.{understood.change}")
        return
    turn.state.page += 1
    if turn.page_of(one):
        turn.state.visits[f"{turn.state.form}.{one.field}"] = 0
        turn.ask(one)
        return
    turn.state.page = 0
    execute(turn, one.exhausted, f"{turn.state.form}.{one.field}.exhausted")


def _targets(turn: Turn, understood: Understood, asked: FieldItem | None) -> dict[str, tuple[FieldItem, Any]]:
    """Which fields of the form the phrase gives values for: field name -> (field, value)."""
    found: dict[str, tuple[FieldItem, Any]] = {}
    for one in turn.form.fields():
        is_asked = asked is not None and asked.field == one.field
        if one.type in ("yes_no", "choice", "subject", "correction", "request", "free") or one.type not in understood.slots:
            continue
        if is_asked or one.type in FREELY_SAID or one.type in understood.named:
            found[one.field] = (one, understood.slots[one.type])
    return found


def _news(turn: Turn, understood: Understood, asked: FieldItem | None) -> bool:
    """Whether the phrase gives values that differ from what is known."""
    for name, (one, value) in _targets(turn, understood, asked).items():
        known = turn.state.slots.get(name)
        if known is None or _combined(one, known, value, turn) != known.value:
            return True
    return False


def _combined(one: FieldItem, known: Slot | None, value: Any, turn: Turn) -> Any:
    """A wish for a time is added to the earlier one ("завтра" ... "лучше после обеда"); other values replace."""
    if one.type == "datetime" and known is not None and known.value is not None:
        return known.value.merged(value)
    if one.type == "name" and known is not None and known.value is not None:
        return completed(known.value, value)  # "фамилия не Петров, а Петрова"
    return value


def _mixed_initiative(turn: Turn, understood: Understood, asked: FieldItem | None) -> bool:
    """Fill every field that the phrase speaks of; return whether there was any."""
    targets = _targets(turn, understood, asked)
    took = _is_of_the_doctor(turn, understood, targets, asked)
    for name in [item_id(item) for item in turn.form.items if item_id(item) in targets]:
        one, value = targets[name]
        known = turn.state.slots.get(name)
        combined = _combined(one, known, value, turn)
        sure = understood.sure_of(one.type)
        slot = Slot(combined, turn.renderer.label(one.type, combined, turn.now), sure)
        decision = policy(turn.form, one, sure, turn.stage(), turn.plans.application)
        if decision is Policy.REJECT or (decision is Policy.CONFIRM and doubts.is_denied(turn, name, combined)):
            continue
        took = True
        if known is not None and known.value == combined:
            continue
        if decision is Policy.CONFIRM:
            doubts.confirm(turn, one, slot)
            return True
        values.fill(turn, name, slot, spare=targets.keys())
        if one.acknowledge and turn.stage() < Stage.SHORT:
            turn.say(one.acknowledge, f"{turn.state.form}.{name}.acknowledge")
    return took or doubts.ask_of_ambiguous(turn, understood, asked)


def _is_of_the_doctor(
    turn: Turn, understood: Understood, targets: dict[str, tuple[FieldItem, Any]], asked: FieldItem | None
) -> bool:
    """ "К Соколову" - "На какой день?" - "К кардиологу": what the doctor is makes him no other. `targets` loses the field.

    Once times were offered, a speciality may mean another of its doctors.
    """
    is_early = asked is not None and asked.type == "datetime"
    if not is_early or "speciality" not in targets or understood.is_any or understood.change or "doctor" in targets:
        return False
    named = next((one.field for one in turn.form.fields() if one.type == "doctor"), "")
    slot = turn.state.slots.get(named)
    doctor = turn.renderer.catalogue.doctors.get(slot.value) if slot is not None and slot.value is not None else None
    one, value = targets["speciality"]
    if doctor is None or named not in one.replaces or value not in doctor.specialities:
        return False
    del targets["speciality"]
    return True


def _change(turn: Turn, understood: Understood, asked: FieldItem | None) -> bool:
    """ "Другой врач", "фамилия неправильная": the value is forgotten and asked for again."""
    kind = "datetime" if understood.change in ("offers", "earlier", "later") else understood.change
    if not kind or (asked is not None and asked.type == kind):
        return False
    return _reask(turn, kind)


def _also_another(turn: Turn, understood: Understood) -> None:
    """ "А у другого врача на завтра?": the day was taken, and the doctor is not the old one."""
    kind = understood.change
    if kind in ("doctor", "branch") and kind not in understood.slots and not turn.is_over:
        _reask(turn, kind)


def _reask(turn: Turn, kind: str) -> bool:
    """Ask for a field again; a field that has no question of its own cannot be changed so."""
    for one in turn.form.fields():
        if one.type == kind and one.prompt:
            values.clear(turn, one.field)
            turn.state.focus = one.field
            return True
    return False
