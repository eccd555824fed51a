"""What holds for all forms: words of the engine itself, limits, thresholds."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from voicebot.dialog.schema.basis import Cost, Expression, Identifier, Strict
from voicebot.dialog.schema.prompts import Prompts


class Messages(Strict):
    """What the engine itself must be able to say, in the dialplan's own words."""

    noinput: Prompts = Field(min_length=1)
    nomatch: Prompts = Field(min_length=1)
    hold_on: Prompts = Field(min_length=1, description='answer to "подождите"')
    nothing_to_repeat: Prompts = Field(min_length=1)
    back: Prompts = Field(min_length=1, description='answer to "назад"')
    nothing_back: Prompts = Field(min_length=1)
    changed: Prompts = Field(min_length=1, description="a correction was understood")
    which: Prompts = Field(min_length=1, description="several things fit; {options} are they")
    confirm: Prompts = Field(min_length=1, description="explicit confirmation of a doubtful {value}")
    unknown_doctor: Prompts = Field(min_length=1, description="a doctor was named who is not in the catalogue")
    operator: Prompts = Field(min_length=1, description="the caller asked for a human")
    handover: Prompts = Field(min_length=1, description="the robot gives up and hands over")
    upset: Prompts = Field(min_length=1)
    emergency: Prompts = Field(min_length=1)
    goodbye: Prompts = Field(min_length=1)
    budget_offer: Prompts = Field(min_length=1, description="time runs short: a human is announced")
    budget_over: Prompts = Field(min_length=1, description="time is over: handed over now")
    service_failed: Prompts = Field(min_length=1)
    off_topic: Prompts = Field([], description="nothing of the clinic's; the question is asked again")
    off_topic_goodbye: Prompts = Field([], description="the call is off target: closed politely; none: goodbye")
    unfinished: Prompts = Field([], description="the caller leaves while something is held but not booked")
    stopped: Prompts = Field([], description='answer to "стоп, не надо": what was begun is given up')


class Limits(Strict):
    """When a human is better than another try."""

    noinput: int = Field(3, ge=1)
    nomatch: int = Field(3, ge=1)
    trouble: int = Field(6, ge=2, description="misunderstandings of a whole request, of any kind")
    transfer_tries: int = Field(2, ge=1)
    off_topic: int = Field(3, ge=1, description="off-topic turns after which a call without any request is closed")
    repeats: int = Field(4, ge=2, description="times in a row the same words are said again")


class Thresholds(Strict):
    """Confidence below which what was understood is asked back, by what a mistake costs."""

    low: float = Field(0.35, ge=0, le=1)
    normal: float = Field(0.65, ge=0, le=1)
    high: float = Field(0.8, ge=0, le=1)

    def of(self, cost: Cost) -> float:
        return {"low": self.low, "normal": self.normal, "high": self.high}[cost]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_thresholds(value: Any) -> Any:
    """One number stands for all costs."""
    return {"low": value, "normal": value, "high": value} if isinstance(value, int | float) else value


class Application(Strict):
    """What holds for all forms (VoiceXML: the application root document)."""

    start: str
    also_start: list[str] = Field(
        [], description="forms that a dialog of our own making begins with: a reminder by phone, the answer to a message"
    )
    after: str = Field(description="the form that follows when a form is done")
    transfer_failed: str = Field(description="the form that takes over when no operator could be reached")
    unserved: str = Field(description="the form for requests that no form serves yet; `intent` says which")
    operator: str = "operator"
    notice: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        [],
        description="the prompts that tell of the recording, as the records name them (welcome.greeting): who heard one to its "
        "end, and when, is stored with its text; none: the first words of a call",
    )
    noinput_seconds: float = Field(6.0, gt=0)
    hold_on_seconds: float = Field(30.0, gt=0)
    reject_below: float = Field(0.35, ge=0, le=1, description="confidence: below, nothing was understood")
    confirm_below: Annotated[Thresholds, BeforeValidator(_as_thresholds)] = Field(
        Thresholds(), description="confidence: below, wishes and fields with confirm: auto are asked back"
    )
    off_topic_above: float = Field(
        0.9,
        ge=0,
        le=1,
        description="confidence: from here on surely nothing of the clinic's; below, not understood",
    )
    limits: Limits = Limits()
    in_writing: dict[str, str] = Field(
        {}, description='words of the phone -> words of the chat, in every prompt that has no `written`: "Скажите": "Напишите"'
    )
    vars: dict[Identifier, Expression] = {}
    messages: Messages
