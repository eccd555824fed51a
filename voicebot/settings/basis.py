"""What sections of the settings are made of."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Seconds = Annotated[float, Field(ge=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
Days = Annotated[int, Field(ge=0, le=36500)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def word_of(value: SecretStr, file: Path | None) -> str:
    """A secret: what its file holds where there is one. Raises OSError where the file cannot be read."""
    return file.read_text().strip() if file is not None else value.get_secret_value()


def without_secrets(text: str) -> str:
    """Star what is secret in an address: the password before @, and what a query calls a key, a token or a password."""
    text = re.sub(r"(://[^/@:\s]*):[^/@\s]+@", r"\1:***@", text)
    return re.sub(r"(?i)([?&;][^=&;?]*(?:password|passwd|token|secret|key)[^=&;?]*=)[^&;\s]+", r"\1***", text)
