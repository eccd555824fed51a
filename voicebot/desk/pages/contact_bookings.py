"""What an operator does for a contact in the clinic's diary: the robot's own services, its holds, its conflicts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from voicebot.accounts.roles import May, allows
from voicebot.accounts.sessions import Login
from voicebot.clinic.appointments import Appointment
from voicebot.clinic.contact_points import ContactPoint, ContactPoints
from voicebot.clinic.failures import ServiceFailure
from voicebot.desk import operator_words, words
from voicebot.desk.booking_form import (
    HOLD_SECONDS,
    BookingForm,
    FormProblem,
    form_of,
    form_to_move,
    new_key,
    patient_of,
    slots_of,
    when_of,
)
from voicebot.desk.clinic import Clinic, clinic_of
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page, written_phones
from voicebot.desk.known import phones_of, wished_of
from voicebot.desk.pages.dialogs import find
from voicebot.records.dialogs import Dialog, mask_phone
from voicebot.records.queue import Queue
from voicebot.russian.inflect import agree
from voicebot.russian.phones import parse_phone_digits

router = APIRouter()
Operator = Annotated[Login, Depends(need(May.TAKE_CALLS))]
CurrentClinic = Annotated[Clinic, Depends(clinic_of)]
SentForm = Annotated[BookingForm, Form()]

_GONE = 409  # the time, or the visit, is not there any more
_WRONG = 422
_OPEN_STATUS = "booked"
CALL = "call"  # of the systems of contact points


class _Refused(Exception):
    """Why nothing was done: words for the operator, and the HTTP status."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.words = words
        self.status = status


@router.post("/d/{typed}/slots")
def slots(request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm) -> Response:
    """The free times that fit the form."""
    dialog = find(request, desk, login, typed)
    if "hx-request" not in request.headers:
        return _panel(request, desk, clinic, login, dialog, form)
    found = slots_of(form, clinic, dialog.id, _local(desk, clinic))
    return page(request, "_slots.html", dialog=dialog, form=form, slots=found, clinic=clinic, texts=operator_words,
                held=clinic.held(dialog.id), zone=clinic.catalogue.zone)  # fmt: skip


@router.post("/d/{typed}/look")
def look(request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm) -> Response:
    """The visits of the number in the form, too."""
    dialog = find(request, desk, login, typed)
    desk.audit.note(login.who, "visits_looked_up", dialog.id, address_of(request))
    say = "" if parse_phone_digits(form.phone) else "Впишите телефон, чьи записи показать."
    return _panel(request, desk, clinic, login, dialog, form.renewed(), say=say)


@router.post("/d/{typed}/hold")
def hold(request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm) -> Response:
    """Keep a time while the patient thinks."""
    dialog = find(request, desk, login, typed)

    def work() -> str:
        arguments = {"slot_id": form.slot_id, "seconds": HOLD_SECONDS, "service": _none(form.service)}
        held = _call(desk, clinic, login, request, dialog, "hold", arguments, "slot_held", f"slot {form.slot_id}")
        return f"Придержано до {held.expires_at:%H:%M}: никто другой это время не займёт."

    return _done(request, desk, clinic, login, dialog, form, work)


@router.post("/d/{typed}/release")
def release(
    request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm
) -> Response:
    """Give the held time back."""
    dialog = find(request, desk, login, typed)

    def work() -> str:
        _call(desk, clinic, login, request, dialog, "release", {}, "slot_released")
        return "Время снова свободно для всех."

    return _done(request, desk, clinic, login, dialog, form, work)


@router.post("/d/{typed}/book")
def book(request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm) -> Response:
    """Book a time for the patient in the form."""
    dialog = find(request, desk, login, typed)

    def work() -> str:
        patient = patient_of(form, _local(desk, clinic).date(), next(iter(phones_of(dialog)), ""))
        if not form.anyway:
            _check_age(clinic, form, dialog.id, patient.birth_date)
        arguments = {
            "slot_id": form.slot_id, "patient": patient.name, "phone": patient.phone, "service": _none(form.service),
            "birth_date": patient.birth_date,
        }  # fmt: skip
        made = _call(desk, clinic, login, request, dialog, "book", arguments, "visit_booked", f"slot {form.slot_id}", form)
        return f"Записано: {_told(clinic, made)}."

    return _done(request, desk, clinic, login, dialog, form, work)


@router.post("/d/{typed}/moving")
def moving(request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm) -> Response:
    """Look for another time of a visit; without a visit: for a new one again."""
    dialog = find(request, desk, login, typed)
    if form.appointment_id is None:
        return _panel(request, desk, clinic, login, dialog, form.renewed(moving=None))
    visit = _visit(clinic, dialog, form, form.appointment_id)
    if visit is None or visit.status != _OPEN_STATUS:
        say = "Такой записи больше нет."
        return _panel(request, desk, clinic, login, dialog, form.renewed(moving=None), say=say, is_bad=True, status=_GONE)
    return _panel(request, desk, clinic, login, dialog, form_to_move(form, visit), focus="slots")


@router.post("/d/{typed}/move")
def move(request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm) -> Response:
    """Move a visit to another time: both change, or neither."""
    dialog = find(request, desk, login, typed)

    def work() -> str:
        visit = _needed(_visit(clinic, dialog, form, form.moving))
        arguments = {"appointment_id": visit.id, "slot_id": form.slot_id, "phone": visit.phone}
        detail = f"visit {form.moving} to slot {form.slot_id}"
        moved = _call(desk, clinic, login, request, dialog, "reschedule", arguments, "visit_moved", detail, form)
        return f"Перенесено: {_told(clinic, moved)}."

    return _done(request, desk, clinic, login, dialog, form, work, after={"moving": None})


@router.post("/d/{typed}/cancel")
def cancel(request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm) -> Response:
    """Cancel a visit."""
    dialog = find(request, desk, login, typed)

    def work() -> str:
        reason = form.reason if form.reason in operator_words.CANCEL_REASONS else ""
        visit = _needed(_visit(clinic, dialog, form, form.appointment_id))
        arguments = {"appointment_id": visit.id, "phone": visit.phone, "reason": _none(reason)}
        detail = f"visit {visit.id}"
        gone = _call(desk, clinic, login, request, dialog, "cancel", arguments, "visit_cancelled", detail, form)
        return f"Отменено: {_told(clinic, gone)}."

    return _done(request, desk, clinic, login, dialog, form, work)


@router.post("/d/{typed}/message")
def message(
    request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm
) -> Response:
    """Have the patient sent the time and the address of a visit."""
    dialog = find(request, desk, login, typed)

    def work() -> str:
        visit = _needed(_visit(clinic, dialog, form, form.appointment_id))
        arguments = {"template": "visit", "phone": visit.phone, "appointment": visit}
        _call(desk, clinic, login, request, dialog, "queue_message", arguments, "message_queued", f"visit {visit.id}", form)
        return "Сообщение с временем и адресом поставлено в очередь."

    return _done(request, desk, clinic, login, dialog, form, work)


@router.post("/d/{typed}/wait")
def wait(request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm) -> Response:
    """Put the patient on the waiting list for such a time."""
    dialog = find(request, desk, login, typed)

    def work() -> str:
        now = _local(desk, clinic)
        if not form.has_subject:
            raise _Refused("Выберите врача, специальность или услугу, которых ждёт пациент.", _WRONG)
        patient = patient_of(form, now.date(), next(iter(phones_of(dialog)), ""))
        arguments = {
            **form.wishes(), "patient": patient.name, "phone": patient.phone, "birth_date": patient.birth_date,
            "when": when_of(form, now),
        }  # fmt: skip
        _call(desk, clinic, login, request, dialog, "join_waiting_list", arguments, "waiting_joined", "", form)
        return "Пациент в листе ожидания: когда время освободится, его предложат ему первому."

    return _done(request, desk, clinic, login, dialog, form, work)


@router.post("/d/{typed}/calls")
def calls(request: Request, desk: CurrentDesk, clinic: CurrentClinic, login: Operator, typed: str, form: SentForm) -> Response:
    """Note what the patient says of calls that remind of visits: the robot may call (the law wants that said), or may not."""
    dialog = find(request, desk, login, typed)

    def work() -> str:
        number = parse_phone_digits(form.number)
        if number is None or number not in _numbers(dialog, form):
            raise _Refused("Этого номера в обращении нет.", _WRONG)
        action = "calls_allowed" if form.is_allowed else "calls_refused"
        desk.audit.note(login.who, action, dialog.id, address_of(request), mask_phone(number))
        points = ContactPoints(desk.database, desk.clock)
        if form.is_allowed:
            points.link(number, CALL, has_consent=True, source=login.who[:64])
            return "Согласие записано: робот может звонить с напоминаниями."
        points.withdraw(number, CALL, source=login.who[:64])
        return "Записано: робот этому номеру звонить не будет."

    return _done(request, desk, clinic, login, dialog, form, work)


# -- what they share --------------------------------------------------------------------------------------------------------


def panel(
    desk: Desk,
    clinic: Clinic,
    login: Login,
    dialog: Dialog,
    form: BookingForm | None = None,
    *,
    say: str = "",
    is_bad: bool = False,
    focus: str = "say",
) -> dict[str, Any]:
    """The values of _clinic.html: the patient's visits, the form, the free times."""
    now = _local(desk, clinic)
    with_phones = allows(login.role, May.SEE_PHONES)
    if form is None:
        form = form_of(wished_of(dialog, clinic, now))
    form = form if form.key else form.renewed()
    if not with_phones:
        form = form.model_copy(update={"phone": ""})
    numbers = _numbers(dialog, form)
    visits = visits_of(clinic, dialog, numbers, now)
    place = Queue(desk.database, desk.clock).of(dialog.id)
    return {
        "dialog": dialog,
        "clinic": clinic,
        "form": form,
        "slots": slots_of(form, clinic, dialog.id, now),
        "held": clinic.held(dialog.id),
        "visits": visits,
        "moved": next((visit for visit in visits if visit.id == form.moving), None),
        "patients": [entry for number in numbers for entry in clinic.patients(number)],
        "numbers": numbers,
        "calls": calls_of(desk, numbers) if with_phones else [],
        "phone": written_phones(login),
        "taken_by": place.taken_by if place is not None else "",
        "say": say,
        "is_bad": is_bad,
        "focus": focus if say or focus != "say" else "",
        "texts": operator_words,
        "words": words,
        "zone": clinic.catalogue.zone,
        "now_local": now,
    }


def visits_of(clinic: Clinic, dialog: Dialog, numbers: list[str], now: datetime) -> list[Appointment]:
    """The coming visits of these numbers, and what this dialog has booked or cancelled; in order of time."""
    found = {visit.id: visit for visit in clinic.visits.made_in(dialog.id) if visit.start > now}
    for number in numbers:
        found.update({visit.id: visit for visit in clinic.bookings.appointments_of(number)})
    return sorted(found.values(), key=lambda visit: (visit.start, visit.id))


def calls_of(desk: Desk, numbers: list[str]) -> list[tuple[str, ContactPoint | None]]:
    """What is known of each number's consent to calls: None where nobody has asked."""
    points = ContactPoints(desk.database, desk.clock)
    return [(number, next((one for one in points.of(number) if one.system == CALL), None)) for number in numbers]


def number_of(typed: str, dialog: Dialog) -> str | None:
    """The number to call back: as it is typed, else the dialog's own; None when there is none."""
    if typed.strip():
        return parse_phone_digits(typed)
    return next(iter(phones_of(dialog)), None)


def _panel(
    request: Request, desk: Desk, clinic: Clinic, login: Login, dialog: Dialog, form: BookingForm, *,
    say: str = "", is_bad: bool = False, status: int = 200, focus: str = "say",
) -> Response:  # fmt: skip
    values = panel(desk, clinic, login, dialog, form, say=say, is_bad=is_bad, focus=focus)
    # Without scripts the answer is a page of its own.
    return page(request, "_clinic.html" if "hx-request" in request.headers else "contact_plain.html", status, **values)


def _done(
    request: Request, desk: Desk, clinic: Clinic, login: Login, dialog: Dialog, form: BookingForm, work: Any,
    after: Mapping[str, Any] | None = None,
) -> Response:  # fmt: skip
    """Do it if the contact is this operator's; answer with the panel as it is then, and with what was done or why not."""
    who = Queue(desk.database, desk.clock).take(dialog.id, login.who)
    if who != login.who:
        say = f"Обращение ведёт {who}. Заберите его себе, чтобы менять записи."
        return _panel(request, desk, clinic, login, dialog, form.renewed(), say=say, is_bad=True, status=_GONE)
    try:
        say = work()
    except (FormProblem, _Refused) as problem:
        status = problem.status if isinstance(problem, _Refused) else _WRONG
        return _panel(request, desk, clinic, login, dialog, form.renewed(), say=str(problem), is_bad=True, status=status)
    except ServiceFailure as failure:
        say = operator_words.failure(failure)
        return _panel(request, desk, clinic, login, dialog, form.renewed(), say=say, is_bad=True, status=_GONE)
    return _panel(request, desk, clinic, login, dialog, form.renewed(**(after or {})), say=say)


def _call(
    desk: Desk,
    clinic: Clinic,
    login: Login,
    request: Request,
    dialog: Dialog,
    service: str,
    arguments: Mapping[str, Any],
    action: str,
    detail: str = "",
    form: BookingForm | None = None,
) -> Any:
    """Audit it and carry it out. A form sent twice has the same key, and so does nothing the second time."""
    wanted = {name: value for name, value in arguments.items() if value is not None}
    subject = wanted.get("slot_id") or wanted.get("appointment_id") or ""
    if service in ("hold", "book", "reschedule") and wanted.get("slot_id") is None:
        raise _Refused("Выберите время.", _WRONG)
    desk.audit.note(login.who, action, dialog.id, address_of(request), detail)
    key = f"{dialog.id}:desk:{(form.key if form is not None else '') or new_key()}:{service}:{subject}"
    return clinic.services.call(service, wanted, dialog.id, key)


def _check_age(clinic: Clinic, form: BookingForm, dialog_id: str, birth_date: Any) -> None:
    """Raise _Refused where the doctor does not see patients of that age; the operator may insist."""
    doctor = clinic.doctor_of(form.slot_id) if form.slot_id is not None else None
    if doctor is None or birth_date is None:
        return
    arguments = {"doctor": doctor, "birth_date": birth_date, **({"service": form.service} if form.service else {})}
    rule = clinic.services.call("age_rule", arguments, dialog_id, "")
    if rule.is_fit is False:
        years = rule.age_years or 0
        age = f"Пациенту {years} {agree(years, 'год')}"
        say = f"{age}: этот врач в таком возрасте не принимает. Если он согласен, отметьте «Несмотря на возраст»."
        raise _Refused(say, _WRONG)


def _visit(clinic: Clinic, dialog: Dialog, form: BookingForm, appointment_id: int | None) -> Appointment | None:
    """A visit that the page shows: of the numbers of the dialog and the form, or made by the dialog. Whatever its state."""
    visit = None if appointment_id is None else clinic.visits.get(appointment_id)
    if visit is None or visit.phone in _numbers(dialog, form):
        return visit
    return next((made for made in clinic.visits.made_in(dialog.id) if made.id == visit.id), None)


def _needed(visit: Appointment | None) -> Appointment:
    if visit is None:
        raise _Refused("Такой записи больше нет.", _GONE)
    return visit


def _numbers(dialog: Dialog, form: BookingForm) -> list[str]:
    return list(dict.fromkeys([*phones_of(dialog), *filter(None, [parse_phone_digits(form.phone)])]))


def _told(clinic: Clinic, visit: Appointment) -> str:
    patient = " ".join(part for part in (visit.surname, visit.given) if part)
    doctor, branch = clinic.name("doctor", visit.doctor_id), clinic.name("branch", visit.branch_id)
    return f"{patient}, {operator_words.moment(visit.start)}, {doctor}, {branch}"


def _local(desk: Desk, clinic: Clinic) -> datetime:
    return desk.clock.now().astimezone(clinic.catalogue.zone)


def _none(text: str) -> str | None:
    return text or None
