"""What is spoken or shown."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from voicebot.dialog.schema.basis import Expression, Strict


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
