"""What a message, an operator or the clock does to one text dialog: from a place to a change. Blocking where the engine thinks;
writes nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from voicebot import dialog_id as dialog_ids
from voicebot.channels.contact import Incoming, Mode, Reply, Said
from voicebot.channels.editions import Thinkers
from voicebot.channels.rules import LONGEST_TEXT, LONGEST_TO_OPERATOR, Rules
from voicebot.channels.store import KEPT_REPLIES, Change, Opened, Place
from voicebot.channels.texts import Texts
from voicebot.channels.thinking import Thinker, Thought, greeting_only
from voicebot.dialog.state import Phase, State
from voicebot.dialog.talking import (
    Alternative,
    Chosen,
    End,
    Event,
    Heard,
    Keyed,
    Resumed,
    Say,
    Started,
    TransferEnded,
)
from voicebot.records.dialogs import HeardAs, Turn, Who
from voicebot.russian.text import without_stress

#: What a step makes of a place: the reply, and what is to be written (None: nothing).
StepOf = Callable[[Place], tuple[Reply, Change | None]]

REMIND, CLOSE, WAIT = "remind", "close", "wait"
_E164 = re.compile(r"^\+\d{10,15}$")
#: Questions at which a typed number is the number of a button.
_NUMBERED = frozenset({"choice", "yes_no", "request"})


@dataclass(frozen=True, slots=True)
class Steps:
    """The rules of text dialogs. Use from many threads."""

    thinker: Thinker | Thinkers
    rules: Mapping[str, Rules]
    texts: Texts
    dialplan: str
    operator_wait_seconds: float

    # -- the patient ----------------------------------------------------------------------------------------------------

    def receive(self, incoming: Incoming, place: Place) -> tuple[Reply, Change | None]:
        """Answer a message."""
        with_people = place.mode in (Mode.WAITING, Mode.OPERATOR)
        if len(incoming.text) > (LONGEST_TO_OPERATOR if with_people else LONGEST_TEXT):
            return self._remark(place, self.texts.too_long), None
        is_new = incoming.is_new or bool(incoming.form)
        if place.mode is Mode.OVER or (is_new and not with_people):
            return self._begin(incoming, place)
        if with_people:
            return self._to_people(incoming, place)
        assert place.state is not None
        if incoming.is_empty:
            return self.as_it_stands(place), None
        event = self._event(incoming, place.state)
        if event is None:
            return self._remark(place, self.texts.stale_button), None
        state = _with_phone(place.state, incoming.phone)
        thought = self.thinker.think(state, event, has_operators=self._of(place).has_operators)
        return self._answer(incoming, place, event, thought)

    def leave(self, place: Place) -> tuple[Reply, Change | None]:
        """The patient has gone."""
        if place.mode is Mode.OVER:
            return Reply(place.dialog_id, mode=Mode.OVER), None
        return self._close(place, End(self._settled(place) or "abandoned", "left"), (), "caller")

    def _begin(self, incoming: Incoming, place: Place) -> tuple[Reply, Change | None]:
        """A new dialog: greet, and answer what was said at once."""
        rules = self.rules[incoming.channel]
        now = self.thinker.clock.now()
        dialog_id = dialog_ids.new()
        started = Started(
            incoming.phone,
            incoming.channel,
            are_operators_open=rules.has_operators and self.thinker.is_open(),
            form=incoming.form,
            given=dict(incoming.given),
        )
        thought = self.thinker.begin(dialog_id, started, has_operators=rules.has_operators)
        event: Event = started
        said = incoming.text.strip() or incoming.alternatives
        if said and thought.state.phase is Phase.LISTENING:
            first = [] if incoming.form else greeting_only(thought)
            event = self._event(incoming, thought.state) or started
            thought = self.thinker.think(thought.state, event, has_operators=rules.has_operators)
            thought.says[:0] = first
        opened = Opened(dialog_id, incoming.channel, incoming.phone, self.dialplan)
        fresh = replace(place, channel=incoming.channel, address=incoming.address, dialog_id=dialog_id, delivered=0)
        reply, change = self._answer(incoming, fresh, event, thought, is_said=bool(said))
        ended = place.dialog_id if place.mode is not Mode.OVER else ""
        replaced = End(self._settled(place) or "abandoned", "new_dialog")
        return reply, replace(change, before=place, opened=opened, ended_dialog_id=ended, replaced=replaced, now=now)

    def _answer(
        self, incoming: Incoming, place: Place, event: Event, thought: Thought, *, is_said: bool = True
    ) -> tuple[Reply, Change]:
        now = self.thinker.clock.now()
        turns = [self._caller_turn(incoming, event, thought, place.state, now)] if is_said else []
        return self._told(place, thought, now, turns, incoming.message_id)

    def _told(
        self,
        place: Place,
        thought: Thought,
        now: datetime,
        turns: list[Turn],
        message_id: str = "",
        words: tuple[str, ...] = (),
    ) -> tuple[Reply, Change]:
        """What the engine wants said and done, as a change. `words`: of the channel's own, said before."""
        own = tuple(Said(0, "robot", text, prompt="channels") for text in words)
        messages = (*own, *(_said(say) for say in thought.says))
        mode, state = Mode.ROBOT, thought.state
        reason = outcome = ""
        if thought.hand_over is not None:
            mode, reason = Mode.WAITING, thought.hand_over.reason
            messages = (*messages, Said(0, "robot", self.texts.waiting, prompt="channels.waiting"))
        elif thought.end is not None:
            mode, outcome = Mode.OVER, thought.end.outcome
        reply = Reply(
            place.dialog_id,
            messages,
            replace(place, mode=mode, state=state).buttons,
            mode is Mode.ROBOT and _wants_phone(state),
            mode,
            reason,
            outcome,
        )
        after = self._after(place, mode, None if mode is Mode.OVER else state, now, message_id, reply)
        robot = [Turn(0, Who.ROBOT, one.text, at=now, prompt=one.prompt) for one in messages]
        return reply, Change(
            before=place,
            after=after,
            now=now,
            turns=(*turns, *robot),
            robot_turns=len(robot),
            phone=_phone_given(state) if place.state is None or _phone_given(place.state) != _phone_given(state) else "",
            hand_over=thought.hand_over,
            end=thought.end,
            ended_by="robot" if thought.end is not None else "",
            summary=dict(state.last_summary) if thought.end is not None else {},
        )

    def _after(
        self, place: Place, mode: Mode, state: State | None, now: datetime, message_id: str, reply: Reply | None
    ) -> Place:
        due, due_at = self._due(place, mode, now)
        replies = place.replies if reply is None else _with(place, reply, message_id)
        return replace(place, mode=mode, state=state, replies=replies, due=due, due_at=due_at, updated_at=now)

    def _due(self, place: Place, mode: Mode, now: datetime) -> tuple[str, datetime | None]:
        """What is to happen if the patient says no more."""
        rules = self._of(place)
        if mode is Mode.WAITING:
            if place.mode is Mode.WAITING and place.due == WAIT:
                return place.due, place.due_at  # writing on does not make an operator come later
            return WAIT, now + timedelta(seconds=self.operator_wait_seconds)
        if mode is not Mode.ROBOT:
            return "", None
        if rules.remind_seconds:
            return REMIND, now + timedelta(seconds=rules.remind_seconds)
        return (CLOSE, now + timedelta(seconds=rules.close_seconds)) if rules.close_seconds else ("", None)

    def _to_people(self, incoming: Incoming, place: Place) -> tuple[Reply, Change | None]:
        """While a human is there or on the way, the robot only writes down."""
        if incoming.is_empty:
            return self.as_it_stands(place), None
        now = self.thinker.clock.now()
        text = incoming.text.strip() or (incoming.alternatives[0].text if incoming.alternatives else incoming.phone)
        if not text:
            return self.as_it_stands(place), None  # a button of the robot's last question
        reply = Reply(place.dialog_id, mode=place.mode)
        after = self._after(place, place.mode, place.state, now, incoming.message_id, reply)
        turn = Turn(0, Who.CALLER, text, at=now, alternatives=_heard_as(incoming), intent="to_operator")
        return reply, Change(place, after, now, turns=(turn,))

    def _event(self, incoming: Incoming, state: State) -> Event | None:
        """What a message is to the engine; None for a button of an older question."""
        options = state.expect.options if state.expect is not None else ()
        if incoming.button:
            number = _pressed(incoming.button, state)
            return None if number is None else Chosen(number)
        if incoming.alternatives:
            return Heard(incoming.alternatives)
        text = incoming.text.strip() or incoming.phone
        if text == "0":
            return Keyed("0")
        is_numbered = state.expect is not None and (state.expect.type in _NUMBERED or state.doubt is not None)
        if is_numbered and text.rstrip(".)").isdecimal() and len(text) <= 2 and 1 <= int(text.rstrip(".)")) <= len(options):
            return Chosen(int(text.rstrip(".)")))
        pressed = next((n for n, one in enumerate(options, 1) if one.label.casefold() == text.casefold()), None)
        return Heard((Alternative(text),)) if pressed is None else Chosen(pressed)

    def _caller_turn(self, incoming: Incoming, event: Event, thought: Thought, before: State | None, now: datetime) -> Turn:
        meaning = thought.meaning
        text = incoming.text.strip() or (incoming.alternatives[0].text if incoming.alternatives else incoming.phone)
        if isinstance(event, Chosen) and before is not None and before.expect is not None:
            options = before.expect.options
            text = text or (options[event.number - 1].label if event.number <= len(options) else "")
        return Turn(
            0,
            Who.CALLER,
            text,
            at=now,
            alternatives=_heard_as(incoming),
            confidence=meaning.confidence if meaning is not None else None,
            intent=meaning.intent if meaning is not None else "",
            slots=dict(meaning.slots) if meaning is not None else {},
        )

    # -- operators --------------------------------------------------------------------------------------------------------

    def taken(self, place: Place) -> tuple[Reply, Change | None]:
        """An operator has come, perhaps unasked: the robot falls silent."""
        if place.mode in (Mode.OVER, Mode.OPERATOR):
            return self.as_it_stands(place), None
        return self._people(place, Mode.OPERATOR, self.texts.taken)

    def back_in_queue(self, place: Place) -> tuple[Reply, Change | None]:
        """The operator has gone; another one is looked for."""
        if place.mode is not Mode.OPERATOR:
            return self.as_it_stands(place), None
        return self._people(place, Mode.WAITING, self.texts.still_waiting)

    def given_back(self, place: Place) -> tuple[Reply, Change | None]:
        """The operator gives the dialog back: the robot goes on."""
        if place.mode not in (Mode.WAITING, Mode.OPERATOR) or place.state is None:
            return self.as_it_stands(place), None
        thought = self.thinker.think(place.state, Resumed(), has_operators=self._of(place).has_operators)
        return self._told(place, thought, self.thinker.clock.now(), [], words=(self.texts.given_back,))

    def closed(self, place: Place) -> tuple[Reply, Change | None]:
        """The operator has finished."""
        if place.mode is Mode.OVER:
            return self.as_it_stands(place), None
        reply, change = self._close(place, End("transferred", "operator"), (self.texts.closed,), "operator")
        return reply, None if change is None else replace(change, transfer_result="completed")

    def delivered(self, number: int, place: Place) -> tuple[Reply, Change | None]:
        """The patient has the operator's turns up to a number."""
        reply = Reply(place.dialog_id, mode=place.mode)
        if number <= place.delivered:
            return reply, None
        now = self.thinker.clock.now()
        return reply, Change(place, replace(place, delivered=number), now)

    # -- the clock --------------------------------------------------------------------------------------------------------

    def due(self, place: Place) -> tuple[Reply, Change | None]:
        """A time is over: nobody came, or the patient says nothing."""
        now = self.thinker.clock.now()
        if place.due_at is None or place.due_at > now or place.mode is Mode.OVER:
            return self.as_it_stands(place), None
        if place.due == WAIT and place.state is not None:
            event = TransferEnded("no_answer" if self.thinker.is_open() else "closed")
            thought = self.thinker.think(place.state, event, has_operators=self._of(place).has_operators)
            reply, change = self._told(place, thought, now, [])
            return reply, replace(change, withdrawn=True)
        rules = self._of(place)
        if place.due == REMIND:
            left_seconds = max(1.0, rules.close_seconds - rules.remind_seconds)
            said = Said(0, "robot", self.texts.remind, prompt="channels.remind")
            reply = replace(self.as_it_stands(place), messages=(said,))
            due_at = now + timedelta(seconds=left_seconds)
            after = replace(place, due=CLOSE, due_at=due_at, replies=_with(place, reply))
            turn = Turn(0, Who.ROBOT, self.texts.remind, at=now, prompt="channels.remind")
            return reply, Change(place, after, now, turns=(turn,), robot_turns=1)
        words = (self.texts.inactive,) if rules.says_inactive else ()
        return self._close(place, End(self._settled(place) or "abandoned", "inactive"), words, "robot")

    # -- parts ------------------------------------------------------------------------------------------------------------

    def _people(self, place: Place, mode: Mode, text: str) -> tuple[Reply, Change]:
        now = self.thinker.clock.now()
        reply = Reply(place.dialog_id, (Said(0, "robot", text, prompt=f"channels.{mode.value}"),), mode=mode)
        due, due_at = self._due(place, mode, now)
        after = replace(place, mode=mode, due=due, due_at=due_at, replies=_with(place, reply))
        turn = Turn(0, Who.ROBOT, text, at=now, prompt=f"channels.{mode.value}")
        return reply, Change(place, after, now, turns=(turn,), robot_turns=1)

    def _close(self, place: Place, end: End, words: tuple[str, ...], ended_by: str) -> tuple[Reply, Change | None]:
        now = self.thinker.clock.now()
        messages = tuple(Said(0, "robot", text, prompt="channels.end") for text in words)
        reply = Reply(place.dialog_id, messages, mode=Mode.OVER, outcome=end.outcome)
        replies = _with(place, reply) if words else place.replies
        after = replace(place, mode=Mode.OVER, state=None, due="", due_at=None, replies=replies, updated_at=now)
        turns = tuple(Turn(0, Who.ROBOT, text, at=now, prompt="channels.end") for text in words)
        return reply, Change(
            place, after, now, turns=turns, robot_turns=len(turns), end=end, ended_by=ended_by,
            summary=dict(place.state.last_summary) if place.state is not None else {},
        )  # fmt: skip

    def as_it_stands(self, place: Place) -> Reply:
        """The buttons of the open question, no words."""
        wants_phone = place.mode is Mode.ROBOT and place.state is not None and _wants_phone(place.state)
        return Reply(place.dialog_id, (), place.buttons, wants_phone, place.mode)

    def _remark(self, place: Place, text: str) -> Reply:
        return replace(self.as_it_stands(place), messages=(Said(0, "robot", text),))

    def _of(self, place: Place) -> Rules:
        return self.rules[place.channel]

    @staticmethod
    def _settled(place: Place) -> str:
        return place.state.outcome if place.state is not None else ""


def _with(place: Place, reply: Reply, message_id: str = "") -> tuple[tuple[str, Reply], ...]:
    return ((message_id, reply), *place.replies)[:KEPT_REPLIES]


def _pressed(payload: str, state: State) -> int | None:
    step, _, number = payload.partition(".")
    is_known = state.expect is not None and step.isdecimal() and number.isdecimal() and len(payload) <= 16
    if not is_known or int(step) != state.steps or state.phase is not Phase.LISTENING:
        return None
    assert state.expect is not None
    return int(number) if 1 <= int(number) <= len(state.expect.options) else None


def _wants_phone(state: State) -> bool:
    return state.phase is Phase.LISTENING and state.expect is not None and state.expect.type == "phone"


def _phone_given(state: State) -> str:
    """The number that the patient told in this dialog; "" before."""
    values = [slot.value for slots in (state.slots, state.kept) for name, slot in slots.items() if name.endswith("phone")]
    return next((value for value in values if isinstance(value, str) and _E164.match(value)), "")


def _with_phone(state: State, phone: str) -> State:
    """A number that became known on the way: the dialog need not ask for it."""
    if not phone or state.session.get("caller_phone"):
        return state
    changed = state.copy()
    changed.session["caller_phone"] = phone
    return changed


def _said(say: Say) -> Said:
    return Said(0, "robot", say.written or without_stress(say.text), say.text, say.prompt)


def _heard_as(incoming: Incoming) -> tuple[HeardAs, ...]:
    return tuple(HeardAs(text=one.text, confidence=one.confidence, source=one.source) for one in incoming.alternatives)
