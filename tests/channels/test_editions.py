"""New dialogs begin on the newest edition; those that go on keep theirs, as far as this process knows it."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from voicebot.channels.editions import KEY, Thinkers
from voicebot.channels.reloading import reloading_of
from voicebot.channels.thinking import Thinker, Thought
from voicebot.dialog.state import State
from voicebot.dialog.talking import Resumed, Started
from voicebot.errors import ConfigurationError


@dataclass
class Named:
    """A Thinker that only says who it is."""

    name: str

    def think(self, state: State, event: object, *, has_operators: bool) -> Thought:
        after = state.copy()
        after.form = self.name
        return Thought(after)

    def begin(self, dialog_id: str, started: Started, *, has_operators: bool) -> Thought:
        return Thought(State(dialog_id, form=self.name))


def thinker(name: str) -> Thinker:
    return cast("Thinker", Named(name))


def goes_on(thinkers: Thinkers, state: State) -> str:
    return thinkers.think(state, Resumed(), has_operators=True).state.form


def test_a_dialog_keeps_the_edition_it_began_with() -> None:
    thinkers = Thinkers("v1", thinker("one"))
    started = Started("", "web", are_operators_open=True)
    first = thinkers.begin("d1", started, has_operators=True).state
    thinkers.renew("v2", thinker("two"))
    second = thinkers.begin("d2", started, has_operators=True).state
    assert (first.session[KEY], second.session[KEY]) == ("v1", "v2")
    assert (goes_on(thinkers, first), goes_on(thinkers, second)) == ("one", "two")
    assert goes_on(thinkers, State("from before there were editions")) == "two"
    for number in (3, 4):
        thinkers.renew(f"v{number}", thinker(f"{number}"))
    assert (goes_on(thinkers, first), goes_on(thinkers, second)) == ("4", "two")  # only so many are kept
    thinkers.renew("v2", thinker("two again"))
    assert goes_on(thinkers, second) == "two again"
    assert thinkers.begin("d3", started, has_operators=True).state.session[KEY] == "v2"


@dataclass
class Clinic:
    """A clinic whose files change: version or problem."""

    version: str
    thinkers: Thinkers
    next: "Clinic | Exception | None" = None
    catalogue: str = "catalogue"
    dialplans: str = "dialplans"
    understanding: str = "understanding"
    texts: str = "texts"

    def thinker(self) -> Thinker:
        return thinker(self.version)

    def newer(self) -> "Clinic":
        assert self.next is not None
        if isinstance(self.next, Exception):
            raise self.next
        return self.next


class Context:
    def __init__(self) -> None:
        self.renewed: list[tuple[Any, ...]] = []

    def renew(self, *values: Any) -> None:
        self.renewed.append(values)


def test_a_reload_that_fails_changes_nothing_and_says_why() -> None:
    clinic = Clinic("v1", Thinkers("v1", thinker("one")))
    context = Context()
    reloading = reloading_of(cast("Any", clinic), cast("Any", context))
    clinic.next = ConfigurationError("main.yaml:7: wrong.", "Correct it.")
    asyncio.run(reloading.run())
    assert reloading.facts == {"dialplan": "v1", "reloads": 1, "reload_problem": "main.yaml:7: wrong."}
    assert not context.renewed
    clinic.next = RuntimeError("somebody's words")
    asyncio.run(reloading.run())
    assert reloading.facts["reload_problem"] == "RuntimeError"  # no more of it: it may be personal
    clinic.next = Clinic("v2", clinic.thinkers)
    asyncio.run(reloading.run())
    assert reloading.facts == {"dialplan": "v2", "reloads": 3, "reload_problem": ""}
    assert context.renewed == [("catalogue", "dialplans", "understanding", "texts")]
    started = Started("", "web", are_operators_open=True)
    assert clinic.thinkers.begin("d", started, has_operators=True).state.form == "v2"
