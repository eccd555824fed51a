"""One step under way: a copy of the state, the acts so far, and what the other modules do to them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from voicebot.dialog import buttons, expressions, prompts
from voicebot.dialog.budget import Budget, Stage
from voicebot.dialog.expectations import expect_for
from voicebot.dialog.rendering import Renderer, Wording
from voicebot.dialog.schema import Dialplans, FieldItem, Form, Prompt
from voicebot.dialog.state import Doubt, Phase, State, Wish
from voicebot.dialog.talking import Act, End, Expect, HandOver, Listen, Say
from voicebot.dialog.understanding import Understanding
from voicebot.dialog.writing import Writer

#: Channels whose patients speak: they are told to say, not to write.
VOICES = frozenset({"phone", "alice"})
#: The condition of a field that is asked only when the caller wants to change it.
NEVER = "False"


@dataclass(slots=True)
class Turn:
    """Mutable for the length of one step only."""

    plans: Dialplans
    renderer: Renderer
    writer: Writer
    understanding: Understanding
    budget: Budget
    state: State
    now: datetime
    acts: list[Act] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)  # fields whose values were replaced in this step
    likely_doctors: dict[str, float] = field(default_factory=dict)  # whom the words may name, the likeliest first

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
            case "interrupted":
                return state.stack[-1].form if state.stack else ""
            case "outcome":
                return state.outcome
            case "clinic_phone":
                return self.renderer.catalogue.clinic.phone
            case "branches":
                return tuple(self.renderer.catalogue.branches)
            case "lab_branches":
                return tuple(key for key, branch in self.renderer.catalogue.branches.items() if branch.lab)
        return state.session.get(name)

    def evaluate(self, expression: str) -> Any:
        return expressions.evaluate(expression, self.lookup)

    def holds(self, condition: str) -> bool:
        return not condition or bool(self.evaluate(condition))

    def field_of(self, name: str) -> FieldItem | None:
        return next((one for one in self.form.fields() if one.field == name), None)

    @property
    def is_read(self) -> bool:
        """The patient reads and types: prompts are written too, questions have buttons."""
        return str(self.state.session.get("channel", "phone")) != "phone"

    @property
    def is_spoken(self) -> bool:
        """A voice says the prompts."""
        return str(self.state.session.get("channel", "phone")) in VOICES

    @property
    def is_in_doubt(self) -> bool:
        """The last question was about an answer or a wish itself."""
        return self.state.doubt is not None or self.state.wish is not None

    @property
    def has_request(self) -> bool:
        """Something that this clinic serves is under way."""
        names = [place.form for place in self.state.stack] + [self.state.form]
        return any(self.plans.forms[name].request for name in names if name != self.plans.application.unserved)

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
        for prompt in prompts.choose(several, count, lambda cond: not cond or bool(expressions.evaluate(cond, lookup))):
            own = prompt.name or name
            spoken = self.state.spoken.get(own, 0)
            self.state.spoken[own] = spoken + 1
            text = prompts.text_of(prompt, is_short, spoken, self.state.dialog_id)
            types = self._types()
            written = self._written(prompt, spoken, lookup, types) if self.is_read else ""
            rendered = self.renderer.render(text, lookup, types, self.now) if self.is_spoken else written
            if rendered:
                self.acts.append(Say(rendered, is_bargein_allowed=prompt.bargein, prompt=own, written=written))

    def _written(self, prompt: Prompt, spoken: int, lookup: Callable[[str], Any], types: Mapping[str, str]) -> str:
        in_writing = {} if self.is_spoken else self.plans.application.in_writing
        text = prompts.written_of(prompt, spoken, self.state.dialog_id, in_writing)
        return self.writer.write(text, lookup, types, self.now)

    def _types(self) -> dict[str, str]:
        return {one.field: one.type for one in self.form.fields()} if self.state.form else {}

    def message(self, word: str, count: int = 1, **values: Any) -> None:
        self.say(getattr(self.plans.application.messages, word), f"messages.{word}", count, values)

    def listen(self, expect: Expect) -> None:
        if self.is_read and not expect.options:
            one = self.field_of(self.state.item) if self.state.item else None
            page = self.page_of(one) if one is not None else ()
            takes_yes = one is not None and bool(one.on_yes) and self.evaluate(one.on_yes) is not None
            options = buttons.options_for(self.state, one, page, self.writer, self.now, takes_yes=takes_yes)
            expect = replace(expect, options=options)
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
        state.doubt = state.wish = None
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
        self.listen(expect_for(one, self.plans.application, self.understanding, self.page_of(one), is_read=self.is_read))

    def page_of(self, one: FieldItem) -> tuple[Any, ...]:
        """The entries of a list that are on offer now."""
        if one.from_ is None:
            return ()
        entries = tuple(self.evaluate(one.from_) or ())
        return entries[self.state.page * one.page : (self.state.page + 1) * one.page]

    def offered(self, one: FieldItem) -> dict[str, Any]:
        """While a page of a list is offered, the list's own name speaks of this page only."""
        return {one.from_: self.page_of(one)} if one.from_ is not None else {}

    def doubtful(self, doubt: Doubt) -> None:
        """Ask about the answer itself: is it this one, or which of these?"""
        state = self.state
        state.doubt, state.wish = doubt, None
        state.item = doubt.item
        one = self.field_of(doubt.item)
        labels = [self._worded(doubt.type, slot.value) for slot in doubt.candidates]
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

    def _worded(self, kind: str, value: Any) -> Wording:
        written = self.writer.written(kind, value, self.now) if self.is_read else ""
        return Wording(self.renderer.spoken(kind, value, self.now) if self.is_spoken else written, written)

    def doubt_wish(self, wish: Wish) -> None:
        """Ask whether the caller wants what a form does. What was being asked waits."""
        self.state.wish = wish
        self.say(self.plans.forms[wish.form].confirm_prompt, f"{wish.form}.confirm")
        self.listen(self._doubt_expect("yes_no"))

    def _doubt_expect(self, kind: str) -> Expect:
        question = FieldItem.model_validate({"field": "doubt", "type": kind})
        expect = expect_for(question, self.plans.application, self.understanding, (), is_read=self.is_read)
        return replace(expect, is_bargein_allowed=True)
