"""Message templates of a clinic, filled in when a message is sent. `loading` reads and checks them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from voicebot.errors import VoicebotError
from voicebot.messages.rendered import Rendered
from voicebot.messages.senders.sender import Button, Channel
from voicebot.messages.sms_text import count_parts
from voicebot.messages.template_schema import FieldSpec, TemplateSpec, TextSpec
from voicebot.messages.text import Absent, Text, TextProblem
from voicebot.messages.words import BadValues, Wording, Words

#: Known in every text without being declared.
_IMPLICIT = {"dialog_id": FieldSpec(type="dialog_id", optional=True)}
CLINIC, CAN_ANSWER, ADDRESSES = "clinic", "can_answer", "addresses"


class UnknownTemplate(VoicebotError):
    """No template has that name."""


class NotForChannel(VoicebotError):
    """The template has no text for that channel."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One text of one channel, ready to be filled in, with its buttons."""

    text: Text
    titles: tuple[Text, ...]
    payloads: tuple[Text, ...]
    urls: tuple[Text, ...]

    def all(self) -> Iterator[Text]:
        yield from (self.text, *self.titles, *self.payloads, *self.urls)


@dataclass(frozen=True, slots=True)
class ChannelTexts:
    spec: TextSpec
    neutral: Variant
    detailed: Variant | None


@dataclass(frozen=True, slots=True)
class Checked:
    spec: TemplateSpec
    channels: Mapping[Channel, ChannelTexts]


class Templates:
    """All templates of a clinic. Safe to share between threads."""

    def __init__(self, templates: Mapping[str, Checked], wording: Wording, answered: frozenset[Channel]) -> None:
        self._templates = templates
        self._wording = wording
        self._answered = answered

    def names(self) -> tuple[str, ...]:
        return tuple(self._templates)

    def spec(self, template: str) -> TemplateSpec:
        """Raise UnknownTemplate."""
        return self._one(template).spec

    def channels(self, template: str) -> frozenset[Channel]:
        """Which channels it has texts for. Raises UnknownTemplate."""
        return frozenset(self._one(template).channels)

    def render(
        self,
        template: str,
        channel: Channel,
        values: Mapping[str, Any],
        *,
        dialog_id: str = "",
        is_detailed: bool = False,
    ) -> Rendered:
        """Fill a template in. `values` are the outbox's JSON; those that it does not know are left aside.

        `is_detailed`: the patient allowed that messages name doctor and service. Raises UnknownTemplate, NotForChannel,
        BadValues.
        """
        one = self._one(template)
        texts = one.channels.get(channel)
        if texts is None:
            raise NotForChannel(f"Template {template!r} has no text for {channel.value}.", "Add one, or leave the channel out.")
        may_tell = is_detailed or (one.spec.asked and values.get("is_own_number") is True)
        is_detailed = may_tell and texts.detailed is not None
        variant = texts.detailed if is_detailed and texts.detailed is not None else texts.neutral
        known = {**values, "dialog_id": dialog_id or values.get("dialog_id")}
        context = self._context(one.spec, known, channel, variant)
        try:
            text = variant.text.try_fill(context)
            buttons = tuple(
                Button(title.try_fill(context), payload.try_fill(context), url.try_fill(context))
                for title, payload, url in zip(variant.titles, variant.payloads, variant.urls, strict=True)
            )
        except TextProblem as problem:  # a value without which the text cannot be said
            raise BadValues(f"{template}: {problem.what}.", problem.cure) from None
        if not text and channel is not Channel.CALL:
            raise BadValues(f"{template}: nothing is left to say.", "Correct what queues the message.")
        shown = {name: str(words) for name, words in context.items() if isinstance(words, Words) and name != CLINIC}
        return Rendered(
            template=template,
            channel=channel,
            text=text,
            parts=count_parts(text) if channel is Channel.SMS else 1,
            buttons=tuple(button for button in buttons if button.payload or button.url),
            link=_link(context),
            form=texts.spec.form,
            is_detailed=is_detailed,
            values=shown,
        )

    def _one(self, template: str) -> Checked:
        try:
            return self._templates[template]
        except KeyError:
            cure = "Add it to the clinic's messages/*.yaml."
            raise UnknownTemplate(f"There is no message template {template!r}.", cure) from None

    def _context(self, spec: TemplateSpec, values: Mapping[str, Any], channel: Channel, variant: Variant) -> dict[str, Any]:
        wanted = {name for text in variant.all() for name in text.names}
        context: dict[str, Any] = always(self._wording, can_answer=channel in self._answered)
        for name, field in fields_of(spec).items():
            if name not in wanted:
                continue  # a value nobody shows need not even be right
            value = values.get(name)
            if value is None or value == "":
                if not field.optional:
                    raise BadValues(f"{spec.template}: the value of {name!r} is missing.", "Correct what queues the message.")
                context[name] = Absent(name=name)
            else:
                words = self._wording.of(name, field, value)
                context[name] = words if words or not field.optional else Absent(name=name)
        return context


def fields_of(spec: TemplateSpec) -> dict[str, FieldSpec]:
    return {**_IMPLICIT, **spec.fields}


def always(wording: Wording, *, can_answer: bool) -> dict[str, Any]:
    return {CLINIC: wording.clinic, CAN_ANSWER: can_answer, ADDRESSES: wording.addresses()}


def _link(context: Mapping[str, Any]) -> str:
    for words in context.values():
        if isinstance(words, Words) and "link" in words.part_names():
            return words["link"]
    return ""
