"""What all entries of a clinic's catalogue share: an id, names that callers use, words that may be spoken."""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from voicebot.russian.case import Case

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Stressed = Annotated[str, Field(description="as spoken: words only, `+` before stressed vowels")]


def _case_forms(value: object) -> object:
    return {} if value is None else value


CaseForms = Annotated[dict[Case, str], BeforeValidator(_case_forms)]


def matching_form(text: str) -> str:
    """Return words as they are compared: lower case, ё as е, hyphens as spaces, no stress marks."""
    return " ".join(re.sub(r"[^\w ]", " ", text.casefold().replace("+", "").replace("ё", "е")).split())


def without_stress(text: str) -> str:
    return text.replace("+", "")


def check_stress(text: str) -> str:
    """Return the text if it can be spoken; raise ValueError saying what is wrong."""
    if re.search(r"\+(?![аеёиоуыэюя])", text, re.IGNORECASE):
        raise ValueError("a `+` stands before the stressed vowel")
    if re.search(r"[0-9A-Za-z]", text):
        raise ValueError("what is spoken has Russian words only: no digits, no Latin letters")
    return text


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Identifier
    synonyms: tuple[str, ...] = Field((), description="other words callers say for it, nominative")

    def names(self) -> tuple[str, ...]:
        """All nominative names callers may use, the proper one first."""
        raise NotImplementedError
