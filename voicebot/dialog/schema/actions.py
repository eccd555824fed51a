"""Executable content: what happens when an item is filled, or a service failed."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from voicebot.dialog.schema.basis import Expression, Identifier, Strict
from voicebot.dialog.schema.prompts import Prompts


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
