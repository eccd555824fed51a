"""Conversation tests as data: what a caller does, and what must come of it."""

import datetime as dt
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from voicebot.dialog.loader import line_of, plain, read_yaml
from voicebot.errors import ConfigurationError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_list(value: Any) -> Any:
    return value if value is None or isinstance(value, list) else [value]


Texts = Annotated[list[str], BeforeValidator(_as_list)]
Attributes = Annotated[list[dict[str, str]], BeforeValidator(_as_list)]
CALLER_ACTS = ("caller", "keys", "silence", "noise", "transfer", "wait_seconds")


class Understood(_Strict):
    """What the engine must have understood; slots by their display texts (a part of the text is enough)."""

    intent: str | None = None
    slots: dict[str, str] = {}


class Turn(_Strict):
    """One thing the caller (or the telephone network) does, then what the robot must do. The first turn may do nothing."""

    caller: Texts = Field([], description="what is heard; more than one: the recogniser's hypotheses, best first")
    confidence: float = Field(1.0, ge=0, le=1)
    keys: str = ""
    silence: bool = False
    noise: bool = Field(False, description="speech without words")
    transfer: str = Field("", description="how a transfer that did not succeed ended")
    wait_seconds: float | None = Field(None, gt=0, description="nobody speaks; the handling clock runs")

    robot: Texts = Field([], description="names of prompts that are spoken, in this order")
    says: Texts = Field([], description="parts of what is spoken, stress marks aside")
    never_says: Texts = []
    listens: str | None = Field(None, description="the type that is expected next")
    understood: Understood | None = None
    calls: Texts = Field([], description="services that are called, in this order")
    hands_over: str | None = Field(None, description="the reason of the transfer")
    summary: dict[str, str] = Field({}, description="what the operator is told: label -> part of the text")
    ends: str | None = Field(None, description="the outcome")

    @model_validator(mode="after")
    def _one_act(self) -> "Turn":
        if sum(1 for act in CALLER_ACTS if getattr(self, act)) > 1:
            raise ValueError(f"a turn has one of {', '.join(CALLER_ACTS)}")
        return self


class Fault(_Strict):
    """What goes wrong with a service: it fails, finds nothing, or somebody else is quicker."""

    service: str
    error: str = ""
    finds_nothing: bool = False
    rival: bool = Field(False, description="another caller takes the slot just before")
    times: int = Field(1, ge=1)
    after: int = Field(0, ge=0, description="calls that go well first")


class Given(_Strict):
    """An appointment that the patient already has when the conversation begins."""

    doctor: str
    start: dt.datetime = Field(description="local time; the doctor's nearest free time at or after it is taken")
    service: str | None = None
    surname: str = "Иванова"
    given: str = "Мария"
    patronymic: str = ""
    phone: str = Field("", description="empty: caller_phone")
    birth_date: dt.date | None = None


class Start(_Strict):
    """The dialog is of our own making: a reminder by phone, the answer to a message."""

    form: str
    appointment: int | None = Field(None, ge=0, description="which of `given` it is about: its ID becomes appointment_id")
    given: dict[str, Any] = Field({}, description="first values of the application's variables")


class Limits(_Strict):
    caller_turns: int | None = None
    seconds: float | None = None


class Conversation(_Strict):
    """One file, or one document of a file."""

    conversation: str = Field(description="what it shows, in a line")
    caller_phone: str = "+79161234567"
    now: datetime | None = Field(None, description="aware; empty: Monday, 23 November 2026, 9:00 in Moscow")
    budget_seconds: float = 210.0
    operators_closed: bool = Field(False, description="no operator works at this hour")
    channel: str = "phone"
    start: Start | None = Field(None, description="empty: the patient calls")
    given: list[Given] = []
    faults: list[Fault] = []
    turns: list[Turn] = Field(min_length=1)
    booked: Attributes = Field(
        [], description="attributes of each appointment made -> parts of their texts; one entry: of all; none: none is made"
    )
    cancelled: Attributes = Field([], description="attributes of each appointment cancelled")
    moved: Attributes = Field([], description="attributes of each appointment moved, as they are afterwards")
    confirmed: Attributes = Field([], description="attributes of each appointment that the patient said he comes to")
    waiting: Attributes = Field([], description="attributes of each entry in the waiting list")
    messages: Texts = Field([], description="templates of the messages queued, in order")
    limits: Limits = Limits()

    @property
    def name(self) -> str:
        return self.conversation


def load_conversation(path: Path) -> Conversation:
    """Read a file; raise ConfigurationError naming each wrong line."""
    raw = read_yaml(path)
    try:
        return Conversation.model_validate(plain(raw))
    except ValidationError as error:
        lines = [f"{path}:{line_of(raw, one['loc'])}: {one['msg']}." for one in error.errors(include_input=False)]
        raise ConfigurationError("\n".join(lines), "Correct the conversation file.") from None
