"""What services of the clinic take: typed, checked, and refused when unknown."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

#: Carries a service out: (checked arguments, dialog ID, idempotency key) -> result.
Call = Callable[[Any, str, str], Any]
#: Service name -> how it is carried out.
Calls = Mapping[str, Call]


class Arguments(BaseModel):
    """The arguments of a service; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
