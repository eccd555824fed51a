"""The items of a form: what is said, asked, called."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from voicebot.dialog.schema.actions import Actions
from voicebot.dialog.schema.basis import Cost, Expression, Identifier, Strict
from voicebot.dialog.schema.prompts import Prompts

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
    told_from: Expression = Field("", description='for datetime: the moment that "на час позже", "в то же время" are told from')
    also_no: list[str] = Field([], description='for yes_no: whole answers that mean no here ("спасибо")')
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
