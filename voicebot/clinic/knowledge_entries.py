"""Entries of the knowledge base: laboratory tests, and answers to what patients ask. Frozen; read by `loading`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, field_validator, model_validator

from voicebot.clinic.entry import CaseForms, Entry, Stressed, check_stress
from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect

#: What is taken, and how it is called when spoken.
MATERIALS: Mapping[str, str] = {
    "venous_blood": "кровь из в+ены",
    "capillary_blood": "кровь из п+альца",
    "urine": "моч+а",
    "stool": "кал",
    "smear": "маз+ок",
    "saliva": "слюн+а",
    "sputum": "мокр+ота",
    "semen": "сп+ерма",
    "scraping": "соск+об",
    "breath": "в+ыдыхаемый в+оздух",
    "swab": "маз+ок из н+оса и з+ева",
}
Material = Literal[
    "venous_blood", "capillary_blood", "urine", "stool", "smear", "saliva", "sputum", "semen", "scraping", "breath", "swab"
]


@dataclass(frozen=True, slots=True)
class Ready:
    """How long a test takes: least..most, in working days or in hours."""

    least: int
    most: int
    unit: Literal["hours", "days"]


def _span(text: str) -> tuple[int, int]:
    """ "3" or "1-3" -> (3, 3), (1, 3)."""
    first, dash, last = text.replace(" ", "").replace("–", "-").partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        raise ValueError(f"{text!r} is no number of days or hours; write it as 1 or 1-3")
    least, most = int(first), int(last) if dash else int(first)
    if not 0 <= least <= most <= 365:
        raise ValueError(f"{text!r}: the first number is greater than the second, or both are beyond reason")
    return least, most


class LabTest(Entry):
    """A laboratory test. Exactly one of `ready_days`, `ready_hours` is given: "1" or "1-3"."""

    title: str
    spoken: Stressed = ""
    price_rub: int = Field(ge=0)
    ready_days: str = Field("", description="working days until the result is ready: 1 or 1-3", coerce_numbers_to_str=True)
    ready_hours: str = Field("", description="hours until the result is ready: 4 or 2-4", coerce_numbers_to_str=True)
    material: Material
    preparation: Stressed = Field("", description="spoken; or the id of a rule in preparations.yaml")
    branches: tuple[str, ...] = Field((), description="taken only there; empty: in every branch with a laboratory")
    cases: CaseForms = {}

    _stress = field_validator("spoken", "preparation")(check_stress)

    @field_validator("ready_days", "ready_hours")
    @classmethod
    def _days(cls, value: str) -> str:
        if value:
            _span(value)
        return value

    @model_validator(mode="after")
    def _one_time(self) -> "LabTest":
        if bool(self.ready_days) == bool(self.ready_hours):
            raise ValueError("give exactly one of `ready_days` and `ready_hours`")
        return self

    @property
    def ready(self) -> Ready:
        if self.ready_hours:
            return Ready(*_span(self.ready_hours), "hours")
        return Ready(*_span(self.ready_days), "days")

    @property
    def spoken_material(self) -> str:
        return MATERIALS[self.material]

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.title, *self.synonyms)))

    def declined(self, case: Case) -> str:
        return self.cases.get(case) or inflect(self.title, case)


Topic = Literal[
    "insurance",
    "parking",
    "directions",
    "access",
    "payment",
    "documents",
    "children",
    "visit",
    "results",
    "home",
    "vaccination",
    "about",
    "laboratory",
]


class FaqEntry(Entry):
    """An answer. `synonyms` name the matter inside any phrase; `questions` are whole phrases as callers ask them.

    `by_branch` holds what differs between branches; `answer` is then said when no branch is known.
    """

    title: str
    questions: tuple[str, ...] = Field(min_length=1, description="how callers ask; they also teach the understanding")
    topic: Topic
    answer: Stressed
    short: Stressed = Field("", description="one sentence, said when time is short")
    by_branch: dict[str, Stressed] = {}
    intent: Literal["info", "document"] = "info"

    _stress = field_validator("answer", "short")(check_stress)

    @field_validator("by_branch")
    @classmethod
    def _branch_answers(cls, value: dict[str, str]) -> dict[str, str]:
        for text in value.values():
            check_stress(text)
        return value

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.title, *self.synonyms, *self.questions)))


class Group(Entry):
    """A name that several tests or services share ("анализ на гормоны"): callers are asked which of `members` they mean."""

    synonyms: tuple[str, ...] = Field(min_length=1, description="what callers say, nominative")
    kind: Literal["test", "service"]
    members: tuple[str, ...] = Field(min_length=2, max_length=4, description="at most four: nobody remembers more")

    def names(self) -> tuple[str, ...]:
        return self.synonyms
