"""What a dialplan may say: VoiceXML 2.1's words (forms, items, prompts, executable content) as YAML.

A *form* is a list of items. The form interpretation algorithm (VoiceXML 2.1, appendix C) visits the first item that has
no value and whose `cond` holds, until none is left. Items are: `block` (speak), `field` (ask) and `object` (call a
service of the clinic). Lists of `Action` are executable content.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

FieldType = Literal[
    "yes_no",
    "datetime",
    "phone",
    "name",
    "choice",
    "subject",
    "doctor",
    "speciality",
    "service",
    "test",
    "branch",
    "faq",
    "birth_date",
    "correction",
    "request",
    "free",
]
#: Types whose values may be said at any moment of a form (mixed initiative), not only when asked for.
FREELY_SAID = frozenset({"datetime", "phone", "birth_date", "doctor", "speciality", "service", "test", "branch", "faq"})

#: Types whose keys are digits of the answer itself.
DICTATED = frozenset({"phone", "birth_date"})
#: What a misunderstanding costs the caller: a wrong price is asked again in seconds, a wrong booking is a lost visit.
Cost = Literal["low", "normal", "high"]

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Expression = str


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Prompt(Strict):
    """One prompt. A list of texts is variety: they are spoken in turn. Placeholders: {path|filter:argument}."""

    text: str | list[str]
    short: str | list[str] | None = Field(None, description="spoken instead when the handling budget runs short")
    written: str | list[str] | None = Field(
        None, description="shown instead in channels that are read; none: the text itself, with digits and without stress marks"
    )
    count: int = Field(1, ge=1, description="used from this many visits on (tapered prompts)")
    cond: Expression = ""
    bargein: bool = True
    name: str = Field("", description="its name in records and conversation tests; empty: made from the item's")

    @model_validator(mode="after")
    def _has_text(self) -> "Prompt":
        if not all(text.strip() for text in self.texts()) or not list(self.texts()):
            raise ValueError("a prompt has words to speak")
        return self

    def texts(self) -> Iterator[str]:
        for source in (self.text, self.short):
            if source is not None:
                yield from [source] if isinstance(source, str) else source

    def written_texts(self) -> Iterator[str]:
        """What is shown in channels that are read."""
        source = self.text if self.written is None else self.written
        yield from [source] if isinstance(source, str) else source


def _as_prompts(value: Any) -> Any:
    """A bare text, one prompt, or a list of either: always a list of prompts."""
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [{"text": item} if isinstance(item, str) else item for item in items]


Prompts = Annotated[list[Prompt], BeforeValidator(_as_prompts)]


class TransferTo(Strict):
    """Hand the caller to a human. `to` is a name of settings.transfer.targets."""

    to: str = "operator"
    reason: str


ACTION_VERBS = (
    "prompt", "if_", "assign", "clear", "goto", "transfer", "disconnect", "settle", "renew", "reprompt", "return_",
)  # fmt: skip


def _as_actions(value: Any) -> Any:
    """One action or a list of them; a bare text is a prompt."""
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [{"prompt": item} if isinstance(item, str) else item for item in items]


class Action(Strict):
    """One step of executable content: exactly one verb (`then` and `else` belong to `if`)."""

    prompt: Prompts | None = None
    if_: Expression | None = Field(None, alias="if")
    then: Annotated["list[Action]", BeforeValidator(_as_actions)] = []
    else_: Annotated["list[Action]", BeforeValidator(_as_actions)] = Field([], alias="else")
    assign: dict[Identifier, Expression] | None = Field(None, description="variable or field -> expression")
    clear: list[Identifier] | None = Field(None, description="items to visit again; what depends on them is cleared too")
    goto: str | None = Field(None, description="a form, or #item of this form")
    transfer: TransferTo | None = None
    disconnect: str | None = Field(None, description="end the dialog with this outcome, after what was said")
    settle: str | None = Field(None, description="the request has its result (outcome); the handling clock stops")
    renew: Literal[True] | None = Field(None, description="a new request begins; the handling clock starts again")
    reprompt: Literal[True] | None = Field(None, description="ask the same item again")
    return_: Literal[True] | None = Field(None, alias="return", description="leave the form, back to where it was opened from")

    @model_validator(mode="after")
    def _one_verb(self) -> "Action":
        verbs = [verb.rstrip("_") for verb in ACTION_VERBS if getattr(self, verb) is not None]
        if len(verbs) != 1:
            raise ValueError(f"an action has exactly one verb, this one has {', '.join(verbs) or 'none'}")
        if (self.then or self.else_) and self.if_ is None:
            raise ValueError("then and else belong to an if")
        return self


Actions = Annotated[list[Action], BeforeValidator(_as_actions)]


class Option(Strict):
    """One answer of a choice whose answers are known beforehand."""

    value: str
    phrases: list[str] = Field(min_length=1, description="what callers say for it; any word of a phrase may be inflected")
    label: str = Field("", description="shown in records; empty: the first phrase")
    means: Literal["yes", "no"] | None = Field(None, description="a plain yes or no means this option")


class Undo(Strict):
    """A service to call when the value of an object is thrown away (a hold is released)."""

    object: str
    arguments: dict[Identifier, Expression] = {}


class _Item(Strict):
    cond: Expression = Field("", description="visited only while this holds")
    depends: list[Identifier] = Field([], description="cleared when one of these fields changes")
    filled: Actions = Field([], description="done when the item got its value")


class BlockItem(_Item):
    """Speak or act once."""

    block: Identifier
    prompt: Prompts = []


class FieldItem(_Item):
    """Ask for a value, until it is filled."""

    field: Identifier
    type: FieldType
    label: str = Field("", description="what it is called in the summary an operator sees; empty: not in the summary")
    prompt: Prompts = Field([], description="the question; empty for a field that is only filled by mixed initiative")
    noinput: Prompts = []
    nomatch: Prompts = []
    help: Prompts = Field([], description='spoken on "не поняла"; empty: the question\'s later prompts')
    acknowledge: Prompts = Field([], description="said when the value came unasked or was changed (implicit confirmation)")
    confirm: Literal["never", "auto", "always"] = Field("never", description="auto: when the recogniser was not sure")
    confirm_prompt: Prompts = []
    cost: Cost | None = Field(None, description="what a mistake costs; none: as the form's")
    expr: Expression = Field("", description="initial value; None leaves it open")
    options: list[Option] = []
    from_: Expression | None = Field(None, alias="from", description="the list a choice is made from")
    of: Literal["offer", "doctor", "speciality", "service", "test", "branch", "faq"] = Field(
        "offer", description="what the list holds: free times or appointments, or IDs of the catalogue"
    )
    beside: list[Identifier] = Field(
        [], description='for options: fields that the same phrase may fill, though nobody asked ("перенесите на пятницу")'
    )
    anytime: bool = Field(False, description="for options: a phrase of one fills the open field at any moment of the form")
    page: int = Field(3, ge=1, le=5, description="how many of the list are offered at once")
    partial: Prompts = Field([], description="for name and phone: asks for the part that was not said; {partial} is what was")
    on_yes: Expression = Field("", description='the value that a plain "да" stands for')
    exhausted: Actions = Field([], description="done when the caller wants other entries and there are none")
    earlier: Actions = Field([], description='done when the caller wants earlier entries than those offered; none: "others"')
    later: Actions = Field([], description="likewise, later ones")
    any: list[str] = Field([], description='phrases that mean "no matter"')
    any_label: str = "любой"
    fills: list[Identifier] = Field([], description="for subject: the fields it may fill; one is enough")
    others: str = Field(
        "", description='for subject: the variable of the form that gets what else was named ("к терапевту и кардиологу")'
    )
    replaces: list[Identifier] = Field([], description="fields whose values a new value of this one makes void")
    keep: bool = Field(False, description="the value outlives the form (a caller's name)")
    dtmf: dict[str, str] = Field({}, description="key -> the phrase it stands for; 0 and * are the operator and repeating")
    optional: bool = Field(False, description="not counted as missing by the handling budget")
    bargein: bool = True
    noinput_seconds: float | None = Field(None, gt=0)


class ObjectItem(_Item):
    """Call a service of the clinic; its result is the item's value."""

    object: Identifier
    service: str
    arguments: dict[Identifier, Expression] = {}
    prompt: Prompts = Field([], description="spoken while it works")
    catch: dict[str, Actions] = Field({}, description='error name -> what to do; "*" for all others')
    undo: Undo | None = None


class SubdialogItem(_Item):
    """Run another form and come back; the item's value holds all that it learned: {subdialog}.{field}."""

    subdialog: Identifier
    form: str
    arguments: dict[Identifier, Expression] = Field({}, description="field or variable of that form -> its first value")


AnyItem = BlockItem | FieldItem | ObjectItem | SubdialogItem
_KINDS: dict[str, type[AnyItem]] = {
    "block": BlockItem, "field": FieldItem, "object": ObjectItem, "subdialog": SubdialogItem,
}  # fmt: skip


def _kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((kind for kind in _KINDS if kind in value), None)
    return next((kind for kind, model in _KINDS.items() if isinstance(value, model)), None)


Item = Annotated[
    Annotated[BlockItem, Tag("block")]
    | Annotated[FieldItem, Tag("field")]
    | Annotated[ObjectItem, Tag("object")]
    | Annotated[SubdialogItem, Tag("subdialog")],
    Discriminator(
        _kind,
        custom_error_type="item_kind",
        custom_error_message="an item is one of block, field, object, subdialog",
    ),
]


def item_id(item: AnyItem) -> str:
    match item:
        case BlockItem():
            return item.block
        case FieldItem():
            return item.field
        case ObjectItem():
            return item.object
        case SubdialogItem():
            return item.subdialog


class Form(Strict):
    """A dialog of several items."""

    form: Identifier
    intents: list[str] = Field(
        [], description="wishes that open this form from anywhere (VoiceXML: link); with examples and none: the form's name"
    )
    examples: list[str] = Field([], description="what callers say for the first intent: teaches it, and matches as it stands")
    digression: bool = Field(False, description="when it is done, the interrupted form goes on where it was")
    request: str = Field("", description="what it is called in the operator's summary")
    cost: Cost = Field("normal", description="what it costs the caller to be misunderstood here")
    confirm_prompt: Prompts = Field(
        [], description="asked before the form opens on a wish that was not heard surely (yes or no)"
    )
    vars: dict[Identifier, Expression] = Field({}, description="variables of the form and their first values")
    items: list[Item] = Field(min_length=1)

    @property
    def wishes(self) -> list[str]:
        """Intents that open this form."""
        return self.intents or ([self.form] if self.examples else [])

    def item(self, name: str) -> AnyItem:
        return next(item for item in self.items if item_id(item) == name)

    def fields(self) -> Iterator[FieldItem]:
        return (item for item in self.items if isinstance(item, FieldItem))

    def ids(self) -> list[str]:
        return [item_id(item) for item in self.items]


class Messages(Strict):
    """What the engine itself must be able to say, in the dialplan's own words."""

    noinput: Prompts = Field(min_length=1)
    nomatch: Prompts = Field(min_length=1)
    hold_on: Prompts = Field(min_length=1, description='answer to "подождите"')
    nothing_to_repeat: Prompts = Field(min_length=1)
    back: Prompts = Field(min_length=1, description='answer to "назад"')
    nothing_back: Prompts = Field(min_length=1)
    changed: Prompts = Field(min_length=1, description="a correction was understood")
    which: Prompts = Field(min_length=1, description="several things fit; {options} are they")
    confirm: Prompts = Field(min_length=1, description="explicit confirmation of a doubtful {value}")
    unknown_doctor: Prompts = Field(min_length=1, description="a doctor was named who is not in the catalogue")
    operator: Prompts = Field(min_length=1, description="the caller asked for a human")
    handover: Prompts = Field(min_length=1, description="the robot gives up and hands over")
    upset: Prompts = Field(min_length=1)
    emergency: Prompts = Field(min_length=1)
    goodbye: Prompts = Field(min_length=1)
    budget_offer: Prompts = Field(min_length=1, description="time runs short: a human is announced")
    budget_over: Prompts = Field(min_length=1, description="time is over: handed over now")
    service_failed: Prompts = Field(min_length=1)
    off_topic: Prompts = Field([], description="nothing of the clinic's; the question is asked again")
    off_topic_goodbye: Prompts = Field([], description="the call is off target: closed politely; none: goodbye")
    stopped: Prompts = Field([], description='answer to "стоп, не надо": what was begun is given up')


class Limits(Strict):
    """When a human is better than another try."""

    noinput: int = Field(3, ge=1)
    nomatch: int = Field(3, ge=1)
    trouble: int = Field(6, ge=2, description="misunderstandings of a whole request, of any kind")
    transfer_tries: int = Field(2, ge=1)
    off_topic: int = Field(3, ge=1, description="off-topic turns after which a call without any request is closed")
    repeats: int = Field(4, ge=2, description="times in a row the same words are said again")


class Thresholds(Strict):
    """Confidence below which what was understood is asked back, by what a mistake costs."""

    low: float = Field(0.35, ge=0, le=1)
    normal: float = Field(0.65, ge=0, le=1)
    high: float = Field(0.8, ge=0, le=1)

    def of(self, cost: Cost) -> float:
        return {"low": self.low, "normal": self.normal, "high": self.high}[cost]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_thresholds(value: Any) -> Any:
    """One number stands for all costs."""
    return {"low": value, "normal": value, "high": value} if isinstance(value, int | float) else value


class Application(Strict):
    """What holds for all forms (VoiceXML: the application root document)."""

    start: str
    also_start: list[str] = Field(
        [], description="forms that a dialog of our own making begins with: a reminder by phone, the answer to a message"
    )
    after: str = Field(description="the form that follows when a form is done")
    transfer_failed: str = Field(description="the form that takes over when no operator could be reached")
    unserved: str = Field(description="the form for requests that no form serves yet; `intent` says which")
    operator: str = "operator"
    notice: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        [],
        description="the prompts that tell of the recording, as the records name them (welcome.greeting): who heard one to its "
        "end, and when, is stored with its text; none: the first words of a call",
    )
    noinput_seconds: float = Field(6.0, gt=0)
    hold_on_seconds: float = Field(30.0, gt=0)
    reject_below: float = Field(0.35, ge=0, le=1, description="confidence: below, nothing was understood")
    confirm_below: Annotated[Thresholds, BeforeValidator(_as_thresholds)] = Field(
        Thresholds(), description="confidence: below, wishes and fields with confirm: auto are asked back"
    )
    off_topic_above: float = Field(
        0.9,
        ge=0,
        le=1,
        description="confidence: from here on surely nothing of the clinic's; below, not understood",
    )
    limits: Limits = Limits()
    in_writing: dict[str, str] = Field(
        {}, description='words of the phone -> words of the chat, in every prompt that has no `written`: "Скажите": "Напишите"'
    )
    vars: dict[Identifier, Expression] = {}
    messages: Messages


class Document(Strict):
    """One file."""

    application: Application | None = None
    forms: list[Form] = []


class Dialplans(Strict):
    """All files of a folder, checked against one another."""

    application: Application
    forms: dict[str, Form]

    def form(self, name: str) -> Form:
        return self.forms[name]

    def form_for(self, intent: str) -> Form | None:
        return next((form for form in self.forms.values() if intent in form.wishes), None)

    def examples(self) -> dict[str, tuple[str, ...]]:
        """What the dialplans themselves teach: intent -> phrases."""
        found: dict[str, list[str]] = {}
        for form in self.forms.values():
            if form.examples:
                found.setdefault(form.wishes[0], []).extend(form.examples)
        return {intent: tuple(dict.fromkeys(phrases)) for intent, phrases in found.items()}


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a dialplan file, for editors."""
    return Document.model_json_schema()
