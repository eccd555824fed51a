"""A form: a list of items, and what opens it."""

from collections.abc import Iterator

from pydantic import Field

from voicebot.dialog.schema.basis import Cost, Expression, Identifier, Strict
from voicebot.dialog.schema.items import AnyItem, FieldItem, Item, item_id
from voicebot.dialog.schema.prompts import Prompts


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
