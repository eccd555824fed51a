"""Reads a clinic's message templates (YAML) and checks them. Every error names file, line and cure.

What is checked: unknown fields and parts, conditions tried both ways, neutral texts that would name what is secret, and the
length of the longest possible text in SMS parts or the channel's letters.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from voicebot.clinic.entries import Catalogue
from voicebot.clinic.sources import Location, Source, YamlSource, problem_at, read_source
from voicebot.errors import ConfigurationError
from voicebot.messages.neutral import SecretWords
from voicebot.messages.senders.sender import Channel
from voicebot.messages.sms_text import count_parts
from voicebot.messages.template_schema import TemplateFile, TemplateSpec, TextSpec
from voicebot.messages.templates import (
    ADDRESSES,
    CAN_ANSWER,
    CLINIC,
    ChannelTexts,
    Checked,
    Templates,
    Variant,
    always,
    fields_of,
)
from voicebot.messages.text import Absent, Text, TextProblem, no_text
from voicebot.messages.words import LinkOf, Wording, Words

DEFAULT_PARTS = 3
#: The most letters a channel takes. Push: what a locked screen shows; Viber, Telegram, MAX: their limits for one message.
LETTERS = {Channel.PUSH: 178, Channel.VIBER: 1000, Channel.TELEGRAM: 4096, Channel.MAX: 4000}

_CURE = "Correct the file; `voicebot messages check` shows all errors."


def load_templates(
    folder: Path,
    catalogue: Catalogue,
    *,
    link_of: LinkOf = lambda _appointment_id: "",
    link_letters: int = 0,
    answered: Iterable[Channel] = (Channel.TELEGRAM, Channel.MAX),
) -> Templates:
    """Read and check a folder's *.yaml files. Raises ConfigurationError with every problem: file:line: what. cure.

    `link_of`: the public page of a visit, `link_letters` its longest address (0: there is no such page).
    `answered`: channels in which the patient can write back.
    """
    wording = Wording(catalogue, link_of, link_letters)
    problems: list[str] = []
    found: dict[str, Checked] = {}
    secret_words = SecretWords(catalogue)
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise ConfigurationError(f"{folder} holds no message templates (*.yaml).", "Copy those of dialplans/demo/messages.")
    for path in paths:
        source = read_source(path, problems)
        if not isinstance(source, YamlSource):
            continue
        try:
            file = TemplateFile.model_validate(source.plain())
        except ValidationError as error:
            problems += [_invalid(source, one) for one in error.errors(include_url=False)]
            continue
        for index, spec in enumerate(file.templates):
            check = _Check(source, index, spec, wording, secret_words, problems)
            if spec.template in found:
                check.problem((), f"a template {spec.template!r} exists twice", "Rename one.")
            found[spec.template] = check.run()
    if problems:
        raise ConfigurationError("\n".join(problems), _CURE)
    return Templates(found, wording, frozenset(answered))


class _Check:
    """Checks one template; what is wrong goes to `problems`."""

    def __init__(
        self, source: Source, index: int, spec: TemplateSpec, wording: Wording, secret: SecretWords, problems: list[str]
    ) -> None:
        self._source = source
        self._index = index
        self._spec = spec
        self._fields = fields_of(spec)
        self._wording = wording
        self._secret = secret
        self._problems = problems
        self._longest = {name: wording.longest(field) for name, field in self._fields.items()}

    def problem(self, location: Location, what: str, cure: str) -> None:
        self._problems.append(problem_at(self._source, ("templates", self._index, *location), what, cure))

    def run(self) -> Checked:
        if "dialog_id" in self._spec.fields and self._spec.fields["dialog_id"].type != "dialog_id":
            self.problem(("fields", "dialog_id"), "dialog_id is the dialog's ID everywhere", "Rename the field.")
        read: dict[str, ChannelTexts | None] = {key: self._texts(key, texts) for key, texts in self._spec.texts.items()}
        channels: dict[Channel, ChannelTexts] = {}
        for channel in Channel:
            texts = self._spec.text_for(channel)
            key = channel.value if channel.value in self._spec.texts else "messenger"
            one = read.get(key) if texts is not None else None
            if one is None:
                continue
            channels[channel] = one
            self._lengths(key, channel, one)
        return Checked(self._spec, channels)

    def _texts(self, key: str, spec: TextSpec) -> ChannelTexts | None:
        where: Location = ("texts", key)
        if (key == "call") != bool(spec.form):
            self.problem(where, "`form` belongs to the channel call, and only there", "The robot speaks by a dialplan's form.")
            return None
        if key == "call" and (spec.text or spec.detailed or spec.buttons):
            self.problem(where, "a call has no text", "The dialplan's form has its words.")
            return None
        if key != "call" and not spec.text:
            self.problem(where, "there is no text", "Give `text`.")
            return None
        if key == "sms" and spec.buttons:
            self.problem(where, "an SMS has no buttons", "Put the link or the words to answer into the text.")
        if key != "sms" and spec.parts is not None:
            self.problem(where, "`parts` counts SMS", "Leave it out.")
        neutral = self._variant(where, "text", spec.text, spec, may_tell=False)
        detailed = self._variant(where, "detailed", spec.detailed, spec, may_tell=True) if spec.detailed else None
        return None if neutral is None else ChannelTexts(spec, neutral, detailed)

    def _variant(self, where: Location, key: str, source: str, spec: TextSpec, *, may_tell: bool) -> Variant | None:
        text = self._text((*where, key), source, may_tell=may_tell)
        titles: list[Text] = []
        payloads: list[Text] = []
        urls: list[Text] = []
        for index, button in enumerate(spec.buttons):
            for part, into in (("title", titles), ("payload", payloads), ("url", urls)):
                # Buttons are the same under both texts, so they are neutral.
                shown = getattr(button, part)
                read = self._text((*where, "buttons", index, part), shown, may_tell=False) if shown else None
                into.append(read or no_text())
        return None if text is None else Variant(text, tuple(titles), tuple(payloads), tuple(urls))

    def _text(self, where: Location, source: str, *, may_tell: bool) -> Text | None:
        try:
            text = Text(source)
            self._names(where, text, may_tell=may_tell)
            if not may_tell and (word := self._secret.named_in(source)):
                self.problem(
                    where, f"the neutral text says {word!r}", "That tells why the patient comes; move it to `detailed`."
                )
            for context in self.scenarios(text):
                text.try_fill(context)
        except TextProblem as problem:
            self.problem(where, f"line {problem.line} of the text: {problem.what}", problem.cure)
            return None
        return text

    def _names(self, where: Location, text: Text, *, may_tell: bool) -> None:
        known = {*self._fields, CLINIC, CAN_ANSWER, ADDRESSES}
        for name, line in text.names.items():
            if name not in known:
                close = get_close_matches(name, known, n=1)
                cure = (
                    f"Did you mean {close[0]!r}?" if close else f"Declared: {', '.join(sorted(self._spec.fields)) or 'none'}."
                )
                raise TextProblem(line, f"unknown field {name!r}", cure)
            if not may_tell and name in self._fields and self._fields[name].is_secret:
                cure = "Only `detailed` may name it; say it here without."
                self.problem(where, f"the neutral text shows {name!r}, which is secret", cure)

    def scenarios(self, text: Text) -> Iterator[dict[str, Any]]:
        """Every answer that the text's conditions may get, each with the longest of the shown values."""
        conditions = [one for one in text.conditions if self._may_be_empty(*one)]
        for answers in product((True, False), repeat=len(conditions)):
            empty = {condition for condition, is_there in zip(conditions, answers, strict=True) if not is_there}
            context = always(self._wording, can_answer=(CAN_ANSWER, "") not in empty)
            for name, longest in self._longest.items():
                if (name, "") in empty or (self._fields[name].optional and (name, "") not in text.conditions):
                    context[name] = Absent(name=name)
                else:
                    parts = {part: "" if (name, part) in empty else shown for part, shown in longest.all() if part}
                    context[name] = Words(str(longest), parts)
            yield context

    def _may_be_empty(self, name: str, part: str) -> bool:
        if name == CAN_ANSWER:
            return True
        return bool(part) or (name in self._fields and self._fields[name].optional)

    def _lengths(self, key: str, channel: Channel, one: ChannelTexts) -> None:
        for name, variant in (("text", one.neutral), ("detailed", one.detailed)):
            if variant is None:
                continue
            try:
                longest = [variant.text.try_fill(context) for context in self.scenarios(variant.text)]
            except TextProblem:
                continue  # told of already
            where: Location = ("texts", key, name)
            if channel is Channel.SMS:
                most = one.spec.parts or DEFAULT_PARTS
                parts = max(map(count_parts, longest))
                if parts > most:
                    what = f"the text may take {parts} SMS ({max(map(len, longest))} letters), {most} are allowed"
                    self.problem(where, what, "Shorten it, or raise `parts`.")
            elif channel in LETTERS and (letters := max(map(len, longest))) > LETTERS[channel]:
                what = f"the text may have {letters} letters, {channel.value} takes {LETTERS[channel]}"
                self.problem(where, what, "Shorten it, or give this channel a text of its own.")


def _invalid(source: Source, error: Any) -> str:
    location: Location = tuple(part for part in error["loc"] if part != "function-before")
    if error["type"] == "extra_forbidden":
        return problem_at(source, location, f"{location[-1]!r} is an unknown word", "Remove it or correct its spelling.")
    if error["type"] == "literal_error":
        return problem_at(source, location, f"{error['input']!r} is not known here", f"Use {error['ctx']['expected']}.")
    return problem_at(source, location, f"{'.'.join(map(str, location))}: {error['msg'].removeprefix('Value error, ')}", "")
