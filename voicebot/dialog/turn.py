"""One step under way: a copy of the state, the acts so far, and what the other modules do to them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from voicebot.dialog import expressions, prompts
from voicebot.dialog.budget import Budget, Stage
from voicebot.dialog.expectations import expect_for
from voicebot.dialog.rendering import Renderer
from voicebot.dialog.schema import Dialplans, FieldItem, Form, ObjectItem, Prompt, TransferTo, item_id
from voicebot.dialog.state import Doubt, Pending, Phase, Place, Slot, State
from voicebot.dialog.talking import Act, End, Expect, HandOver, Invoke, Listen, Say
from voicebot.dialog.understanding import Understanding

#: A dialplan that visits so many items without waiting for anybody goes in circles.
MAX_VISITS_PER_STEP = 60
#: The condition of a field that is asked only when the caller wants to change it.
NEVER = "False"
#: A service of one form that had to be called so often does not help the caller.
MAX_CALLS_PER_ITEM = 12


@dataclass(slots=True)
class Turn:
    """Mutable for the length of one step only."""

    plans: Dialplans
    renderer: Renderer
    understanding: Understanding
    budget: Budget
    state: State
    now: datetime
    acts: list[Act] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)  # fields whose values were replaced in this step

    # -- reading ----------------------------------------------------------------------------------------------------

    @property
    def form(self) -> Form:
        return self.plans.forms[self.state.form]

    @property
    def is_over(self) -> bool:
        """The robot has nothing more to do in this step."""
        return any(isinstance(act, Listen | HandOver | End) for act in self.acts) or self.state.pending is not None

    def lookup(self, name: str) -> Any:
        state = self.state
        if name in state.slots:
            return state.slots[name].value
        if name in state.variables:
            return state.variables[name]
        match name:
            case "dialog_id":
                return state.dialog_id
            case "today":
                return self.now.date()
            case "outcome":
                return state.outcome
            case "branches":
                return tuple(self.renderer.catalogue.branches)
        return state.session.get(name)

    def evaluate(self, expression: str) -> Any:
        return expressions.evaluate(expression, self.lookup)

    def holds(self, condition: str) -> bool:
        return not condition or bool(self.evaluate(condition))

    def field_of(self, name: str) -> FieldItem | None:
        return next((one for one in self.form.fields() if one.field == name), None)

    @property
    def elapsed_seconds(self) -> float:
        start = self.state.request_started_at
        return 0.0 if start is None else max(0.0, (self.now - start).total_seconds())

    def remaining_fields(self) -> int:
        return sum(
            1
            for one in self.form.fields()
            if one.prompt
            and not one.optional
            and one.field not in self.state.slots
            and not self._is_spared(one)
            and one.cond != NEVER
        )

    def _is_spared(self, one: FieldItem) -> bool:
        """A question that a value already given makes needless (the subject, once a doctor is named)."""
        return any(name in self.state.slots for name in one.fills)

    def stage(self) -> Stage:
        if self.state.request_started_at is None:
            return Stage.FULL
        return self.budget.stage(self.elapsed_seconds, self.remaining_fields())

    # -- speaking ---------------------------------------------------------------------------------------------------

    def say(self, several: Iterable[Prompt], name: str, count: int = 1, values: Mapping[str, Any] | None = None) -> None:
        """Speak the prompts that fit the count, the conditions and the time left."""

        def lookup(path: str) -> Any:
            return values[path] if values is not None and path in values else self.lookup(path)

        is_short = self.stage() >= Stage.SHORT
        for prompt in prompts.choose(several, count, self.holds):
            own = prompt.name or name
            spoken = self.state.spoken.get(own, 0)
            self.state.spoken[own] = spoken + 1
            text = prompts.text_of(prompt, is_short, spoken, self.state.dialog_id)
            types = self._types()
            rendered = self.renderer.render(text, lookup, types, self.now)
            if rendered:
                self.acts.append(Say(rendered, is_bargein_allowed=prompt.bargein, prompt=own))

    def _types(self) -> dict[str, str]:
        return {one.field: one.type for one in self.form.fields()} if self.state.form else {}

    def message(self, word: str, count: int = 1, **values: Any) -> None:
        self.say(getattr(self.plans.application.messages, word), f"messages.{word}", count, values)

    def listen(self, expect: Expect) -> None:
        self.state.expect = expect
        self.state.phase = Phase.LISTENING
        self.acts.append(Listen(expect))

    def ask(self, one: FieldItem, prompts_to_say: list[Prompt] | None = None, word: str = "") -> None:
        """Put a field's question (or its noinput, nomatch, help words) and listen."""
        state = self.state
        if state.item != one.field:
            state.noinputs = state.nomatches = 0
        state.item = one.field
        state.focus = ""
        state.doubt = None
        if self.stage() >= Stage.OFFER and not state.is_offered:
            state.is_offered = True
            self.message("budget_offer")
        key = f"{state.form}.{one.field}"
        if prompts_to_say is None:
            state.visits[key] = state.visits.get(key, 0) + 1
            self.say(one.prompt, key, state.visits[key], self.offered(one))
        else:
            self.say(prompts_to_say, f"{key}.{word}", max(state.noinputs, state.nomatches, 1), self.offered(one))
        if not any(isinstance(act, Say) for act in self.acts):
            # No prompt's condition holds: the caller still has to hear that it is their turn.
            self.message("nomatch")
        self.listen(expect_for(one, self.plans.application, self.understanding, self.page_of(one)))

    def page_of(self, one: FieldItem) -> tuple[Any, ...]:
        """The entries of a list that are on offer now."""
        if one.from_ is None:
            return ()
        entries = tuple(self.evaluate(one.from_) or ())
        return entries[self.state.page * one.page : (self.state.page + 1) * one.page]

    def offered(self, one: FieldItem) -> dict[str, Any]:
        """While a page of a list is offered, the list's own name speaks of this page only."""
        return {one.from_: self.page_of(one)} if one.from_ is not None else {}

    # -- values -----------------------------------------------------------------------------------------------------

    def fill(self, name: str, slot: Slot, spare: Collection[str] = ()) -> bool:
        """Give an item its value; return whether it is new. What depended on another value is cleared.

        `spare`: fields that the same phrase fills; they are not voided by `replaces`.
        """
        state = self.state
        before = state.slots.get(name)
        one = self.field_of(name)
        if before is not None and before.value == slot.value:
            return False
        if before is not None:
            self.changes.append(name)
        self.clear_dependants(name)
        state.slots[name] = slot
        state.undone = (*(n for n in state.undone if n != name), name)
        if one is not None:
            for other in one.replaces:
                if other not in spare:
                    self.clear(other)
            if one.keep:
                state.kept[name] = slot
        if name not in state.owed:
            state.owed = (*state.owed, name)
        return True

    def clear(self, name: str) -> None:
        """Forget an item's value and all that was built on it."""
        state = self.state
        slot = state.slots.pop(name, None)
        state.owed = tuple(other for other in state.owed if other != name)
        if slot is None:
            return
        state.kept.pop(name, None)
        item = self.form.item(name)
        if isinstance(item, ObjectItem) and item.undo is not None:
            state.slots[name] = slot  # its arguments may speak of the value itself
            self._invoke_undo(item)
            del state.slots[name]
        self.clear_dependants(name)

    def clear_dependants(self, name: str) -> None:
        for item in self.form.items:
            other = item_id(item)
            if other != name and name in dependencies(item):
                if isinstance(item, FieldItem) and item.from_:
                    # Another list: it is told in full, from its beginning.
                    self.state.page = 0
                    self.state.visits.pop(f"{self.state.form}.{other}", None)
                self.clear(other)

    def _invoke_undo(self, item: ObjectItem) -> None:
        assert item.undo is not None
        self.acts.append(self._invoke(item.undo.object, item.undo.arguments))

    def _invoke(self, service: str, arguments: Mapping[str, str]) -> Invoke:
        values = {name: self.evaluate(expression) for name, expression in arguments.items()}
        key = f"{self.state.dialog_id}:{self.state.steps}:{len(self.acts)}:{service}"
        return Invoke(service, {name: value for name, value in values.items() if value is not None}, key)

    def call(self, item: ObjectItem) -> None:
        """Call the item's service; its answer comes as an event."""
        state = self.state
        key = f"{state.form}.{item.object}"
        state.visits[key] = state.visits.get(key, 0) + 1
        if state.visits[key] > MAX_CALLS_PER_ITEM:
            self.give_up(f"too_often:{item.service}", "handover")
            return
        self.say(item.prompt, key, state.visits[key])
        self.acts.append(self._invoke(item.service, item.arguments))
        state.pending = Pending(item.object, item.service)
        state.phase = Phase.WAITING

    # -- moving -----------------------------------------------------------------------------------------------------

    def enter(self, name: str, *, is_digression: bool = False, inherited: Mapping[str, Slot] | None = None) -> None:
        """Open a form: its variables and fields start anew, but for values that are kept for the whole dialog."""
        state = self.state
        if is_digression and state.form:
            place = Place(state.form, dict(state.slots), dict(state.variables), state.item, state.owed)
            state.stack = (*state.stack, place)
        elif state.form:
            self.release_all()
            state.stack = ()
        form = self.plans.forms[name]
        state.form, state.item, state.focus, state.doubt, state.page, state.owed = name, "", "", None, 0, ()
        state.slots, state.variables, state.undone = {}, {}, ()
        self.changes = []
        state.visits = {key: count for key, count in state.visits.items() if not key.startswith(f"{name}.")}
        for variable, expression in form.vars.items():
            state.variables[variable] = self.evaluate(expression)
        for one in form.fields():
            value = self.evaluate(one.expr) if one.expr else None
            if one.keep and one.field in state.kept:
                state.slots[one.field] = state.kept[one.field]
            elif value is not None:
                state.slots[one.field] = Slot(value, self.renderer.label(one.type, value, self.now))
            elif inherited and one.field in inherited:
                state.slots[one.field] = inherited[one.field]

    def resume(self) -> bool:
        """Go back to the form that a digression interrupted."""
        state = self.state
        if not state.stack:
            return False
        place = state.stack[-1]
        state.stack = state.stack[:-1]
        state.form, state.slots, state.variables = place.form, dict(place.slots), dict(place.variables)
        state.item, state.focus, state.doubt = "", place.focus if place.focus not in place.slots else "", None
        state.owed = place.owed
        self.changes = []
        return True

    def release_all(self) -> None:
        """Undo what the form holds (a slot held for the caller) before it is left."""
        if self.state.outcome and self.state.request_started_at is None:
            return  # the request is settled: what was held is booked
        for item in self.form.items:
            if isinstance(item, ObjectItem) and item.undo is not None and item.object in self.state.slots:
                self._invoke_undo(item)

    def settle(self, outcome: str) -> None:
        """The request has its result: the handling clock stops. A digression's result leaves the interrupted request open."""
        if self.state.stack:
            self.state.outcome = self.state.outcome or outcome
            return
        self.state.outcome = outcome
        self.state.request_started_at = None
        self.state.last_summary = self.summary()

    def renew(self) -> None:
        """A new request begins, with its own handling time."""
        state = self.state
        state.request_started_at = self.now
        state.is_offered = False
        state.troubles = state.noinputs = state.nomatches = 0

    # -- ending -----------------------------------------------------------------------------------------------------

    def summary(self) -> dict[str, str]:
        """What is known so far, for the human who takes over: label -> text."""
        found = dict(self.state.last_summary)
        if not self.state.form:
            return found
        places = [*self.state.stack, Place(self.state.form, self.state.slots, {}, "", ())]
        for place in places:
            form = self.plans.forms[place.form]
            if form.request:
                found["request"] = form.request
            for one in form.fields():
                if one.label and one.field in place.slots and place.slots[one.field].label:
                    found[one.label] = place.slots[one.field].label
        return found

    def transfer(self, to: TransferTo) -> None:
        state = self.state
        state.last_summary = self.summary()
        state.transfers += 1
        state.session["transfer_tries"] = state.transfers
        state.phase = Phase.TRANSFERRING
        state.pending = None
        state.request_started_at = None
        target = self.plans.application.operator if to.to == "operator" else to.to
        self.acts.append(HandOver(target, to.reason, state.last_summary))

    def give_up(self, reason: str, word: str) -> None:
        """Say so and hand over to a human; a caller that no human can take is told by the transfer_failed form."""
        if self.state.form == self.plans.application.transfer_failed:
            # Humans are out of reach and so is understanding: promise a call-back rather than try for ever.
            self.message("goodbye")
            self.end("callback" if self.state.session.get("caller_phone") else "abandoned", reason)
            return
        self.message(word)
        self.transfer(TransferTo(reason=reason))

    def end(self, outcome: str, reason: str = "") -> None:
        self.release_all()
        self.state.phase = Phase.ENDED
        self.state.pending = None
        self.state.outcome = outcome
        self.acts.append(End(outcome, reason))

    def doubtful(self, doubt: Doubt) -> None:
        """Ask about the answer itself: is it this one, or which of these?"""
        state = self.state
        state.doubt = doubt
        state.item = doubt.item
        one = self.field_of(doubt.item)
        labels = [self.renderer.spoken(doubt.type, slot.value, self.now) for slot in doubt.candidates]
        if len(doubt.candidates) == 1:
            key = f"{state.form}.{doubt.item}"
            if one is not None and one.confirm_prompt:
                self.say(one.confirm_prompt, f"{key}.confirm", 1, {doubt.item: doubt.candidates[0].value})
            else:
                self.message("confirm", value=labels[0])
            self.listen(self._doubt_expect("yes_no"))
        else:
            self.message("which", options=labels)
            self.listen(self._doubt_expect(doubt.type))

    def _doubt_expect(self, kind: str) -> Expect:
        question = FieldItem.model_validate({"field": self.state.item, "type": kind})
        expect = expect_for(question, self.plans.application, self.understanding, ())
        return replace(expect, is_bargein_allowed=True)

    def run_variables(self, assignments: Mapping[str, str]) -> None:
        for name, expression in assignments.items():
            value = self.evaluate(expression)
            one = self.field_of(name)
            if one is not None:
                if value is None:
                    self.clear(name)
                else:
                    self.fill(name, Slot(value, self.renderer.label(one.type, value, self.now)))
            elif name in self.state.variables:
                self.state.variables[name] = value
            else:
                self.state.session[name] = value


def dependencies(item: Any) -> frozenset[str]:
    """Names an item's value was made from."""
    found = set(item.depends)
    if isinstance(item, ObjectItem):
        for expression in item.arguments.values():
            found.update(expressions.names(expression))
    if isinstance(item, FieldItem) and item.from_:
        found.update(expressions.names(item.from_))
    return frozenset(found)
