"""What every part of a dialplan is made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

#: What a misunderstanding costs the caller: a wrong price is asked again in seconds, a wrong booking is a lost visit.
Cost = Literal["low", "normal", "high"]

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Expression = str


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
