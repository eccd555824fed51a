"""The operator's pages: who waits, and a contact with everything it already told the robot."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from voicebot.accounts.roles import May
from voicebot.accounts.sessions import Login
from voicebot.desk import words
from voicebot.desk.context import CurrentDesk, Desk, address_of, need, page
from voicebot.desk.live import Watched, as_events
from voicebot.desk.pages.dialogs import find
from voicebot.records.dialogs import Dialog, Who
from voicebot.records.queue import Queue, Result

router = APIRouter()
Operator = Annotated[Login, Depends(need(May.TAKE_CALLS))]

RESULTS = {Result.SOLVED: "Решено", Result.CALL_BACK: "Перезвонить", Result.WRONG: "Не к нам"}
_MOST_WATCHED = 500  # dialogs watched at a time: more than operators


@dataclass(slots=True)
class Live:
    """The fragments that are watched in this process."""

    desk: Desk
    queue: Watched = field(init=False)
    dialogs: dict[str, Watched] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queue = Watched(lambda: self._rendered("_queue.html", waiting=Queue(self.desk.database, self.desk.clock).open()))

    async def dialog(self, dialog_id: str) -> AsyncIterator[str]:
        """Yield a dialog's fragment whenever it changes."""
        if dialog_id not in self.dialogs:
            if len(self.dialogs) >= _MOST_WATCHED:
                self.dialogs.clear()
            self.dialogs[dialog_id] = Watched(lambda: self._dialog(dialog_id))
        async for fragment in self.dialogs[dialog_id]:
            yield fragment

    def _dialog(self, dialog_id: str) -> str:
        dialog = self.desk.records.get(dialog_id)
        return "" if dialog is None else self._rendered("_live.html", dialog=dialog, known=known_of(dialog))

    def _rendered(self, name: str, **values: Any) -> str:
        return self.desk.templates.get_template(name).render(words=words, now=self.desk.clock.now(), **values)


def live_of(request: Request) -> Live:
    """Return the process's one Live, made at the first use."""
    state = request.app.state
    if not hasattr(state, "live"):
        state.live = Live(state.desk)
    live: Live = state.live
    return live


@router.get("/operator")
def queue(request: Request, desk: CurrentDesk, login: Operator) -> Response:
    """Who waits for a human, live."""
    waiting = Queue(desk.database, desk.clock).open()
    return page(request, "operator.html", waiting=waiting, words=words, now=desk.clock.now())


@router.get("/operator/stream")
async def queue_stream(request: Request, login: Operator) -> Response:
    """The queue as it changes."""
    return as_events(live_of(request).queue.__aiter__())


@router.get("/operator/open")
def open_typed(request: Request, login: Operator, typed: str = "") -> Response:
    """An ID as it was typed: to its page."""
    plain = "".join(c for c in typed if c.isalnum())[:16]
    return RedirectResponse(f"/d/{plain or '-'}", 303)


@router.get("/d/{typed}")
def contact(request: Request, desk: CurrentDesk, login: Operator, typed: str) -> Response:
    """One contact, for the operator who takes it; the address that telephone programs open (screen pop)."""
    dialog = find(request, desk, login, typed)
    desk.audit.note(login.who, "contact_opened", dialog.id, address_of(request))
    return page(
        request, "contact.html", dialog=dialog, known=known_of(dialog), place=Queue(desk.database, desk.clock).of(dialog.id),
        results=RESULTS, words=words, now=desk.clock.now(),
    )  # fmt: skip


@router.get("/d/{typed}/stream")
async def contact_stream(request: Request, desk: CurrentDesk, login: Operator, typed: str) -> Response:
    """The contact's words as they are said."""
    dialog = await run_in_threadpool(find, request, desk, login, typed)
    return as_events(live_of(request).dialog(dialog.id))


@router.post("/d/{typed}/take")
def take(request: Request, desk: CurrentDesk, login: Operator, typed: str) -> Response:
    """Look after this contact."""
    dialog = find(request, desk, login, typed)
    Queue(desk.database, desk.clock).take(dialog.id, login.who)
    desk.audit.note(login.who, "contact_taken", dialog.id, address_of(request))
    return RedirectResponse(f"/d/{dialog.id}", 303)


@router.post("/d/{typed}/result")
def settle(
    request: Request,
    desk: CurrentDesk,
    login: Operator,
    typed: str,
    result: Annotated[Result, Form()],
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Say what came of it; the contact leaves the queue."""
    dialog = find(request, desk, login, typed)
    Queue(desk.database, desk.clock).settle(dialog.id, login.who, result, note.strip())
    desk.audit.note(login.who, "contact_settled", dialog.id, address_of(request), result.value)
    return RedirectResponse("/operator", 303)


def known_of(dialog: Dialog) -> Mapping[str, str]:
    """What the caller has told so far: the robot's summary, or while it still asks, the newest value of each slot."""
    if dialog.summary:
        return {words.slot(label): str(text) for label, text in dialog.summary.items()}
    known: dict[str, str] = {}
    for turn in dialog.turns:
        if turn.who is Who.CALLER:
            known.update(
                {words.slot(name): str(text) for name, text in turn.slots.items() if name not in ("yes_no", "ordinal")}
            )
    return known
