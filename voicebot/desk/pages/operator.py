"""The operator's pages: who waits, and a contact with everything it already told the robot."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BeforeValidator
from starlette.concurrency import run_in_threadpool

from voicebot import dialog_id as dialog_ids
from voicebot import status
from voicebot.accounts.roles import May, allows
from voicebot.accounts.sessions import Login
from voicebot.desk import operator_words, words
from voicebot.desk.booking_form import new_key
from voicebot.desk.clinic import Clinic, clinic_in
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page
from voicebot.desk.known import known_of, open_fields, phones_of
from voicebot.desk.limits import Tries
from voicebot.desk.live import Watched, as_events
from voicebot.desk.pages import call_backs, chats, contact_bookings, visits
from voicebot.desk.pages.dialogs import find
from voicebot.desk.phrases import phrases_of
from voicebot.messages.statistics import messages_to
from voicebot.records.call_backs import CallBacks
from voicebot.records.dialogs import Dialog, mask_phone
from voicebot.records.handed import Handed
from voicebot.records.masking import masked
from voicebot.records.queue import Queue, Result, Waiting, is_written
from voicebot.russian.spelling import write_dialog_id
from voicebot.russian.written import write_phone

router = APIRouter()
for _room in (contact_bookings, call_backs, visits, chats):
    router.include_router(_room.router)
Operator = Annotated[Login, Depends(need(May.TAKE_CALLS))]
OptionalMoment = Annotated[datetime | None, BeforeValidator(lambda value: None if value == "" else value)]

RESULTS = {Result.SOLVED: "Решено", Result.CALL_BACK: "Перезвонить", Result.WRONG: "Не к нам"}
_MOST_WATCHED = 500  # dialogs watched at a time: more than operators
_HISTORY = timedelta(days=30)  # of messages to the patient
_LEAST_CHARACTERS = 4  # of an ID that is only remembered in part


@dataclass(slots=True)
class Live:
    """The fragments that are watched in this process. Those without phone numbers are another fragment."""

    desk: Desk
    clinic: Clinic | None = None
    queues: dict[bool, Watched] = field(default_factory=dict)
    dialogs: dict[tuple[str, bool], Watched] = field(default_factory=dict)

    async def queue(self, *, with_phones: bool = True) -> AsyncIterator[str]:
        """Yield the queue's fragment whenever it changes."""
        if with_phones not in self.queues:
            self.queues[with_phones] = Watched(lambda: self._rendered("_queue.html", **queue_values(self.desk, with_phones)))
        async for fragment in self.queues[with_phones]:
            yield fragment

    async def dialog(self, dialog_id: str, *, with_phones: bool = True) -> AsyncIterator[str]:
        """Yield a dialog's fragment whenever it changes."""
        key = dialog_id, with_phones
        if key not in self.dialogs:
            if len(self.dialogs) >= _MOST_WATCHED:
                self.dialogs.clear()
            self.dialogs[key] = Watched(lambda: self._dialog(dialog_id, with_phones))
        async for fragment in self.dialogs[key]:
            yield fragment

    def _dialog(self, dialog_id: str, with_phones: bool) -> str:
        dialog = self.desk.records.get(dialog_id)
        if dialog is None:
            return ""
        place = Queue(self.desk.database, self.desk.clock).of(dialog_id)
        return self._rendered("_live.html", **live_values(dialog, place, self.clinic, with_phones=with_phones))

    def _rendered(self, name: str, **values: Any) -> str:
        return self.desk.templates.get_template(name).render(words=words, now=self.desk.clock.now(), **values)


def live_of(request: Request) -> Live:
    """Return the process's one Live, made at the first use."""
    state = request.app.state
    if not hasattr(state, "live"):
        state.live = Live(state.desk, clinic_in(state))
    live: Live = state.live
    return live


def queue_values(desk: Desk, with_phones: bool) -> dict[str, Any]:
    """What the queue shows: who waits now, and the first of those who are to be called."""
    calls = CallBacks(desk.database, desk.clock).open()
    unanswered = {chat.dialog_id: since for chat, since in Handed(desk.database, desk.clock).taken() if since is not None}
    shown = write_phone if with_phones else mask_phone
    return {"waiting": Queue(desk.database, desk.clock).open(), "unanswered": unanswered, "calls": len(calls), "phone": shown,
            "overdue": sum(call.is_overdue(desk.clock.now()) for call in calls), "on_hold": on_hold(desk)}  # fmt: skip


def on_hold(desk: Desk) -> int:
    """Callers in the queue of this machine's line, when the robot is full."""
    line = status.read(desk.settings.run_dir, desk.clock).get("line", {})
    return int(line.get("waiting", 0)) if line.get("is_alive") else 0


def live_values(dialog: Dialog, place: Waiting | None, clinic: Clinic | None, *, with_phones: bool) -> dict[str, Any]:
    """What changes on a contact's page while the call goes on."""
    shown = dialog if with_phones else masked(dialog)
    return {
        "dialog": shown,
        "known": known_of(shown),
        "open_fields": open_fields(dialog, clinic.forms) if clinic is not None else [],
        "todo": operator_words.todo(dialog.reason) if dialog.transfer_target else "",
        "place": place,
        "is_chat": is_written(dialog.channel),
    }


@router.get("/operator")
def queue(request: Request, desk: CurrentDesk, login: Operator) -> Response:
    """Who waits for a human, live."""
    return _queue_page(request, desk, login)


@router.get("/operator/stream")
async def queue_stream(request: Request, login: Operator) -> Response:
    """The queue as it changes."""
    return as_events(live_of(request).queue(with_phones=allows(login.role, May.SEE_PHONES)))


@router.get("/operator/next")
def next_one(desk: CurrentDesk, login: Operator) -> Response:
    """To the contact that has waited longest; to the queue if nobody waits."""
    dialog_id = Queue(desk.database, desk.clock).next()
    return RedirectResponse("/operator" if dialog_id is None else f"/d/{dialog_id}", 303)


@router.get("/operator/open")
def open_typed(request: Request, desk: CurrentDesk, login: Operator, typed: str = "") -> Response:
    """An ID as it was typed, whole or its last characters, or as it was heard: to its page."""
    written = write_dialog_id(typed[:100])
    whole = dialog_ids.parse(written)
    if whole is not None:
        return RedirectResponse(f"/d/{whole}", 303)
    found = _ending_with(request, desk, login, written)
    if len(found) == 1:
        return RedirectResponse(f"/d/{found[0].dialog_id}", 303)
    if found:
        return _queue_page(request, desk, login, suggested=found, typed=typed)
    plain = "".join(c for c in typed if c.isalnum())[:16]
    return RedirectResponse(f"/d/{plain or '-'}", 303)


@router.get("/operator/suggest")
def suggest(request: Request, desk: CurrentDesk, login: Operator, typed: str = "") -> Response:
    """The contacts whose ID ends as what is being typed."""
    found = _ending_with(request, desk, login, write_dialog_id(typed[:100]))
    return page(request, "_suggested.html", suggested=found, words=words, now=desk.clock.now(), typed=typed)


@router.get("/d/{typed}")
def contact(request: Request, desk: CurrentDesk, login: Operator, typed: str) -> Response:
    """One contact, for the operator who takes it; the address that telephone programs open (screen pop)."""
    dialog = find(request, desk, login, typed)
    desk.audit.note(login.who, "contact_opened", dialog.id, address_of(request))
    return _contact_page(request, desk, login, dialog)


@router.get("/d/{typed}/stream")
async def contact_stream(request: Request, desk: CurrentDesk, login: Operator, typed: str) -> Response:
    """The contact's words as they are said."""
    dialog = await run_in_threadpool(find, request, desk, login, typed)
    return as_events(live_of(request).dialog(dialog.id, with_phones=allows(login.role, May.SEE_PHONES)))


@router.post("/d/{typed}/take")
def take(request: Request, desk: CurrentDesk, login: Operator, typed: str, force: Annotated[bool, Form()] = False) -> Response:
    """Look after this contact; take it from another operator only by `force`."""
    dialog = find(request, desk, login, typed)
    who = Queue(desk.database, desk.clock).take(dialog.id, login.who, is_forced=force)
    if who != login.who:
        return _contact_page(request, desk, login, dialog, status=409, problem=f"Обращение уже ведёт {who}.")
    desk.audit.note(login.who, "contact_taken", dialog.id, address_of(request), "by force" if force else "")
    return RedirectResponse(f"/d/{dialog.id}", 303)


@router.post("/d/{typed}/result")
def settle(
    request: Request,
    desk: CurrentDesk,
    login: Operator,
    typed: str,
    result: Annotated[Result, Form()],
    note: Annotated[str, Form(max_length=1000)] = "",
    due: Annotated[OptionalMoment, Form()] = None,
    call_phone: Annotated[str, Form(max_length=30)] = "",
    mine: Annotated[bool, Form()] = False,
) -> Response:
    """Say what came of it; the contact leaves the queue. A call-back is put on its list."""
    dialog = find(request, desk, login, typed)
    number = contact_bookings.number_of(call_phone, dialog) if result is Result.CALL_BACK else ""
    if number is None:
        problem = "Перезвонить некуда: впишите телефон."
        return _contact_page(request, desk, login, dialog, status=422, problem=problem, note=note)
    who = Queue(desk.database, desk.clock).settle(dialog.id, login.who, result, note.strip())
    if who != login.who:
        problem = f"Обращение ведёт {who}: итог за ним. Заберите обращение себе, чтобы изменить итог."
        return _contact_page(request, desk, login, dialog, status=409, problem=problem, note=note)
    if result is Result.CALL_BACK:
        at = due.replace(tzinfo=desk.settings.zoneinfo) if due is not None else None
        calls = CallBacks(desk.database, desk.clock)
        calls.promise(dialog.id, number, at, note.strip(), login.who if mine else "")
    desk.audit.note(login.who, "contact_settled", dialog.id, address_of(request), result.value)
    return RedirectResponse("/operator", 303)


def _contact_page(
    request: Request, desk: Desk, login: Login, dialog: Dialog, *, status: int = 200, problem: str = "", note: str = ""
) -> Response:
    with_phones = allows(login.role, May.SEE_PHONES)
    clinic = clinic_in(request.app.state)
    place = Queue(desk.database, desk.clock).of(dialog.id)
    panel = contact_bookings.panel(desk, clinic, login, dialog)
    live = live_values(dialog, place, clinic, with_phones=with_phones)
    call_phone = next(iter(phones_of(dialog)), "")
    sent = messages_to(desk.database, phones_of(dialog), desk.clock.now() - _HISTORY)
    chat = chats.chat_of(desk, login, dialog)
    phrases = phrases_of(desk.settings.dialog.folder) if chat == chats.MINE else {}
    return page(
        request, "contact.html", status, **{**panel, **live}, results=RESULTS, now=desk.clock.now(), problem=problem, note=note,
        chat=chat, sent=sent, phrases=phrases, key=new_key(), call_phone=call_phone if with_phones else "",
        call_phone_hint=panel["phone"](call_phone),
    )  # fmt: skip


def _queue_page(request: Request, desk: Desk, login: Login, suggested: tuple[Waiting, ...] = (), typed: str = "") -> Response:
    values = queue_values(desk, allows(login.role, May.SEE_PHONES))
    return page(request, "operator.html", **values, suggested=suggested, typed=typed, words=words, now=desk.clock.now())


def _ending_with(request: Request, desk: Desk, login: Login, written: str) -> tuple[Waiting, ...]:
    """The operator's contacts whose ID ends so: never more than the queue would show, and not as fast as a program asks."""
    tail = dialog_ids.plain(written)
    if not _LEAST_CHARACTERS <= len(tail) <= dialog_ids.LENGTH or set(tail) - set(dialog_ids.ALPHABET):
        return ()
    if not desk.limits.take(Tries.SUGGESTION, f"{login.who} {address_of(request)}"):
        desk.audit.note(login.who, "guessing_throttled", address=address_of(request), detail="suggestions")
        return ()
    found = Queue(desk.database, desk.clock).ending_with(tail)
    for one in found:
        desk.audit.note(login.who, "id_suggested", one.dialog_id, address_of(request))
    return found
