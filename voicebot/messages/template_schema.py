"""What a file of message templates may hold (YAML, `messages/*.yaml` of the clinic's folder)."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from voicebot.messages.senders.sender import Channel

FieldType = Literal[
    "when", "branch", "doctor", "speciality", "service", "test", "visit", "visits",
    "name", "text", "phone", "number", "code", "url", "dialog_id",
]  # fmt: skip
#: What tells why somebody comes to a clinic; a doctor's name does as well where it can be looked up.
SECRET_TYPES: frozenset[str] = frozenset({"doctor", "speciality", "service", "test"})
#: Texts under `messenger` serve each of these that has none of its own.
MESSENGERS = (Channel.TELEGRAM, Channel.MAX, Channel.VIBER)

TextKey = Literal["sms", "messenger", "telegram", "max", "viber", "push", "call"]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldSpec(Strict):
    """A value that comes with the message. Written short as its type alone: `start: when`.

    A `text` is shown as it is, so it is for our own words; what a stranger typed is a `name` or nothing.
    """

    type: FieldType
    optional: bool = Field(False, description="may be missing: used under {% if ... %} only")
    secret: bool = Field(False, description="named in `detailed` texts only; always so for doctor, speciality, service, test")
    max: int | None = Field(None, ge=1, le=500, description="letters of a text; a longer one is cut")

    @model_validator(mode="after")
    def _bounded(self) -> "FieldSpec":
        if (self.type == "text") != (self.max is not None):
            raise ValueError("`max` (letters) belongs to a field of type text, and each of them has one")
        return self

    @property
    def is_secret(self) -> bool:
        return self.secret or self.type in SECRET_TYPES


def _as_field(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


class ButtonSpec(Strict):
    """`payload` comes back as if the patient had written it; `url` opens a page."""

    title: str = Field(min_length=1, max_length=64)
    payload: str = ""
    url: str = ""

    @model_validator(mode="after")
    def _one(self) -> "ButtonSpec":
        if bool(self.payload) == bool(self.url):
            raise ValueError("a button has either a payload or a url")
        return self


class TextSpec(Strict):
    """The texts of one channel. Written short as the text alone."""

    text: str = Field("", description="neutral: says nothing of why the patient comes")
    detailed: str = Field("", description="for patients who allowed details; none: the neutral one")
    parts: int | None = Field(None, ge=1, le=10, description="sms: how many parts it may have, at worst; none: 3")
    buttons: list[ButtonSpec] = []
    form: str = Field("", description="call: the dialplan's form that speaks")


def _as_text(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


class TemplateSpec(Strict):
    """One message in all the channels it has."""

    template: FieldName
    about: str = Field(min_length=1, description="when it is sent, in a line")
    fields: dict[FieldName, Annotated[FieldSpec, BeforeValidator(_as_field)]] = {}
    asked: bool = Field(
        False,
        description="the patient asked for it in so many words: detailed without further permission, if it goes to the number "
        "that he called from",
    )
    texts: dict[TextKey, Annotated[TextSpec, BeforeValidator(_as_text)]] = Field(min_length=1)

    def text_for(self, channel: Channel) -> TextSpec | None:
        own = self.texts.get(channel.value)
        return self.texts.get("messenger") if own is None and channel in MESSENGERS else own


class TemplateFile(Strict):
    templates: list[TemplateSpec]
