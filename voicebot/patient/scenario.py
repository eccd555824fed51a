"""What a simulated patient does in a call: a YAML file, checked."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from voicebot.dialog.loader import line_of, plain, read_yaml
from voicebot.errors import ConfigurationError

Milliseconds = Annotated[int, Field(ge=0, le=600_000)]

_ACTIONS = ("say", "play", "digits", "interrupt", "wait", "hang_up")


class When(StrEnum):
    """The moment of a step."""

    TURN = "turn"  # the robot has spoken and is silent
    ROBOT_SPEAKS = "robot_speaks"  # the robot has begun to speak
    NOW = "now"  # at once after the step before


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PatientVoice(_Part):
    """Who speaks. The robot's own default is Elena."""

    engine: Literal["auto", "rhvoice", "espeak"] = "auto"
    speaker: str = Field("", description="empty: Aleksandr-hq of RHVoice")
    rate: float = Field(1.0, ge=0.5, le=2.0)
    level_db: float = Field(-20.0, ge=-50, le=-3, description="active speech, dBFS")


class PatientLine(_Part):
    """What is between the patient's mouth and the robot's ear."""

    noise: Literal["none", "white", "babble"] = "none"
    snr_db: float = Field(20.0, ge=-10, le=60, description="of active speech to the noise")
    echo_db: float | None = Field(None, le=0, description="the robot's own sound comes back at this gain; empty: no echo")
    echo_delay_ms: Annotated[int, Field(ge=0, le=1000)] = 120
    codec: Literal["pcma", "pcmu"] = "pcma"


class Step(_Part):
    """One thing the patient does: exactly one of say, play, digits, interrupt, wait, hang_up."""

    say: str | None = Field(None, min_length=1, max_length=1000)
    play: Path | None = Field(None, description="a sound file, relative to the scenario")
    digits: str | None = Field(None, pattern=r"^[0-9*#A-D]{1,32}$")
    interrupt: str | None = Field(None, min_length=1, max_length=1000, description="said over the robot")
    wait: Literal["robot_speech", "robot_silence"] | float | None = Field(None, description="or so many seconds")
    hang_up: Literal[True] | None = None
    when: When | None = Field(None, description="default: turn; of interrupt: robot_speaks; of wait: now")
    after_ms: Milliseconds | None = Field(None, description="so long after that moment")
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] | None = Field(None, description="for the moment to come")

    @model_validator(mode="after")
    def _one_action(self) -> "Step":
        given = [name for name in _ACTIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a step does one thing ({', '.join(_ACTIONS)}), this one {' and '.join(given) or 'nothing'}")
        if isinstance(self.wait, float) and not 0 <= self.wait <= 600:
            raise ValueError("a wait lasts 0 to 600 seconds")
        if self.interrupt is not None and self.when not in (None, When.ROBOT_SPEAKS):
            raise ValueError("an interruption comes while the robot speaks; use say for another moment")
        return self

    @property
    def action(self) -> str:
        return next(name for name in _ACTIONS if getattr(self, name) is not None)

    @property
    def text(self) -> str | None:
        return self.interrupt if self.interrupt is not None else self.say

    @property
    def moment(self) -> When:
        if self.when is not None:
            return self.when
        if self.interrupt is not None:
            return When.ROBOT_SPEAKS
        return When.NOW if self.wait is not None else When.TURN

    def delay_ms(self, reply_delay_ms: int) -> int:
        """How long after its moment the step comes."""
        if self.after_ms is not None:
            return self.after_ms
        if self.interrupt is not None:
            return 800
        return reply_delay_ms if self.moment is When.TURN else 0


class Scenario(_Part):
    """A call. Steps are done in order; then the patient listens until the robot hangs up."""

    name: str = Field(min_length=1)
    caller: str = Field("+79161234567", pattern=r"^\+?[0-9A-Za-z._-]{1,32}$", description="the caller's number")
    voice: PatientVoice = PatientVoice()
    line: PatientLine = PatientLine()
    turn_end_ms: Milliseconds = Field(900, description="the robot is silent for so long: it is the patient's turn")
    reply_delay_ms: Milliseconds = Field(200, description="and so much later the patient speaks")
    timeout_seconds: float = Field(
        25.0, gt=0, le=600, description="the robot's turn lasts no longer; else the patient hangs up"
    )
    stay_seconds: float = Field(30.0, ge=0, le=600, description="after the last step, until the patient hangs up")
    limit_seconds: float = Field(300.0, gt=0, le=3600, description="of the whole call")
    steps: tuple[Step, ...] = Field(max_length=200)


def load_scenario(path: Path) -> Scenario:
    """Read a scenario; raise ConfigurationError naming file and line."""
    try:
        raw = read_yaml(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).", "Name a scenario file (*.yaml).") from None
    cure = "Correct the scenario; dialplans/demo/patients holds examples."
    if not hasattr(raw, "lc"):
        raise ConfigurationError(f"{path}:1: a scenario is a mapping (name, steps, ...).", cure)
    try:
        scenario = Scenario.model_validate(plain(raw))
    except ValidationError as error:
        lines = [f"{path}:{line_of(raw, e['loc'])}: {_where(e['loc'])}: {_message(e)}" for e in error.errors(include_url=False)]
        raise ConfigurationError("\n".join(dict.fromkeys(lines)), cure) from None
    for number, step in enumerate(scenario.steps):
        if step.play is not None and not (path.parent / step.play).is_file():
            line = line_of(raw, ("steps", number, "play"))
            raise ConfigurationError(f"{path}:{line}: steps.{number}.play: there is no sound file {step.play}.", cure)
    return scenario


def scenario_of_words(texts: Sequence[str], name: str = "command line") -> Scenario:
    """Return the scenario of a patient who says these phrases, one a turn."""
    return Scenario(name=name, steps=tuple(Step(say=text) for text in texts))


def _where(location: tuple[int | str, ...]) -> str:
    # Of a union's branches pydantic names the type, which the file does not have.
    return ".".join(str(part) for part in location if not str(part).startswith(("literal[", "float"))) or "the file"


def _message(error: object) -> str:
    assert isinstance(error, dict)
    if error["type"] == "extra_forbidden":
        return "an unknown word."
    return str(error["msg"]).removeprefix("Value error, ") + "."
