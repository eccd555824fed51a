"""All that a dialog remembers: values only, so that it can be saved, compared and replayed."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from voicebot.dialog import codec
from voicebot.dialog.talking import Expect, Say
from voicebot.dialog.understanding import Understood


class Phase(StrEnum):
    NEW = "new"  # nothing happened yet
    LISTENING = "listening"  # the caller's turn
    WAITING = "waiting"  # for a service
    TRANSFERRING = "transferring"  # to a human
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Slot:
    """The value of an item. `value` None with a label is "no matter"."""

    value: Any
    label: str = ""  # how it is shown to people; no stress marks
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A question about the answer: `candidates` of one are confirmed, of several one is chosen."""

    item: str
    type: str
    candidates: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish that was not heard surely: "вы хотите отменить запись?". Kept with all that the phrase told."""

    form: str
    understood: Understood
    text: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A service whose answer is awaited."""

    item: str
    service: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an interrupted form goes on."""

    form: str
    slots: dict[str, Slot]
    variables: dict[str, Any]
    focus: str
    owed: tuple[str, ...]
    page: int = 0
    doubt: Doubt | None = None
    undone: tuple[str, ...] = ()
    is_settled: bool = False
    returns_to: str = ""  # the subdialog item that waits for the form on top of this one
    has_waited: bool = False  # it did not begin yet: another question of the same phrase came first


@dataclass(slots=True)
class State:
    """Copied at the start of every step; the one given to `step` is never changed."""

    dialog_id: str
    phase: Phase = Phase.NEW
    form: str = ""
    slots: dict[str, Slot] = field(default_factory=dict)  # of the form: item -> value
    variables: dict[str, Any] = field(default_factory=dict)  # of the form
    session: dict[str, Any] = field(default_factory=dict)  # of the dialog: caller_phone, intent, transfer_result ...
    kept: dict[str, Slot] = field(default_factory=dict)  # values that outlive their form
    stack: tuple[Place, ...] = ()  # forms interrupted by digressions

    item: str = ""  # the field whose answer is awaited
    focus: str = ""  # the field to be asked next, whatever the order
    doubt: Doubt | None = None
    wish: Wish | None = None  # asked back; the next answer says whether it is one
    page: int = 0  # of the list that is being offered
    expect: Expect | None = None
    pending: Pending | None = None
    owed: tuple[str, ...] = ()  # items that got a value and whose `filled` was not carried out yet
    undone: tuple[str, ...] = ()  # fields in the order they were filled, for "назад"
    is_settled: bool = False  # the form's request has its result: what it held is used, not held any more
    last_said: tuple[Say, ...] = ()

    visits: dict[str, int] = field(default_factory=dict)  # "form.item" -> how often it was asked
    spoken: dict[str, int] = field(default_factory=dict)  # prompt name -> how often it was spoken (variety)
    noinputs: int = 0  # in a row
    nomatches: int = 0  # in a row
    troubles: int = 0  # of the request
    repeats: int = 0  # in a row
    off_topics: int = 0  # of the dialog
    denied: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # "form.item" -> values the caller said are wrong
    steps: int = 0
    transfers: int = 0

    request_started_at: datetime | None = None  # None: the handling clock stands still
    is_offered: bool = False  # a human was announced because time runs short
    outcome: str = ""  # the result of the last settled request
    last_summary: dict[str, str] = field(default_factory=dict)

    def copy(self) -> "State":
        return replace(
            self,
            slots=dict(self.slots), variables=dict(self.variables), session=dict(self.session), kept=dict(self.kept),
            visits=dict(self.visits), spoken=dict(self.spoken), last_summary=dict(self.last_summary), denied=dict(self.denied),
        )  # fmt: skip

    def to_json(self) -> str:
        return codec.dumps(self)

    @staticmethod
    def from_json(text: str) -> "State":
        state = codec.loads(text)
        if not isinstance(state, State):
            raise TypeError("not a dialog state")
        return state
