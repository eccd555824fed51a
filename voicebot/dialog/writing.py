"""Typed values into written Russian: the counterpart of rendering for channels that are read."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog import placeholders
from voicebot.dialog.expressions import attribute
from voicebot.dialog.placeholders import Placeholder
from voicebot.dialog.rendering import BY_TYPE, Wording
from voicebot.dialog.written_entries import EntryWriter, rubles
from voicebot.dialog.written_lists import offer_label, write_offers, write_visits
from voicebot.russian.names import PersonName, decline
from voicebot.russian.spoken_amounts import say_list
from voicebot.russian.spoken_wish import write_wish
from voicebot.russian.text import without_stress
from voicebot.russian.written import (
    write_amounts,
    write_birth_date,
    write_count,
    write_date,
    write_duration,
    write_number,
    write_phone,
    write_span,
    write_time,
    write_when,
)

_SENTENCE_START = re.compile(r"((?:^|[.?!] |\n)(?:\d+\. )?)([а-яё])")
_LABEL_LENGTH = 64


class Writer:
    """Writes values of one clinic."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.entries = EntryWriter(catalogue)

    def write(self, text: str, lookup: Callable[[str], Any], types: Mapping[str, str], now: datetime) -> str:
        """Fill a prompt's placeholders, as Renderer.render, for people who read: digits, no stress marks."""

        def fill(holder: Placeholder) -> str:
            value = lookup(holder.root)
            for part in holder.path.split(".")[1:]:
                value = attribute(value, part)
            kind = holder.filter or (types.get(holder.root, "text") if "." not in holder.path else "text")
            return self._written(replace(holder, filter=BY_TYPE.get(kind, kind)), value, now)

        pieces = placeholders.replace(_plain(text), fill) if "{" in text else write_amounts(text)
        return _tidy(pieces)

    def written(self, kind: str, value: Any, now: datetime) -> str:
        """Return a value by the name of its filter or its field's type; nothing for None."""
        return self._written(Placeholder("", BY_TYPE.get(kind, kind)), value, now)

    def label(self, kind: str, value: Any, among: Sequence[Any], now: datetime) -> str:
        """Return a value as it stands on a button; `among`: all that is offered."""
        text = offer_label(self.entries, value, among) if hasattr(value, "start") else self.written(kind, value, now)
        text = f"{text[:1].upper()}{text[1:]}"
        return text if len(text) <= _LABEL_LENGTH else f"{text[: _LABEL_LENGTH - 1]}…"

    def _written(self, holder: Placeholder, value: Any, now: datetime) -> str:
        if value is None:
            return ""
        if isinstance(value, Wording):
            return value.written
        today, case = now.date(), holder.case
        match holder.filter:
            case "when" | "brief":
                return write_when(value, today, is_brief=holder.filter == "brief")
            case "date":
                return write_date(_day_of(value), today, case if holder.has_case else None)
            case "day":
                return write_date(_day_of(value), today, is_brief=True)
            case "time":
                return write_time(value)
            case "wish":
                return write_wish(value, today)
            case "birth":
                return write_birth_date(value)
            case "phone":
                return write_phone(value)
            case "name":
                return decline(value, case) if isinstance(value, PersonName) else without_stress(str(value))
            case "money":
                return rubles(int(value))
            case "number":
                return write_number(int(value))
            case "count":
                return write_count(int(value), holder.noun, case)
            case "span":
                low, high = (value, value) if isinstance(value, int) else (min(value), max(value))
                return write_span(low, high, holder.noun)
            case "ready":
                return write_span(value.least, value.most, "час" if value.unit == "hours" else "рабочий день")
            case "duration":
                return write_duration(int(value))
            case "digits" | "spelled":
                return str(value)
            case "offers":
                return write_offers(self.entries, value, now)
            case "visits":
                return write_visits(self.entries, value, now)
            case "either" | "list":
                parts = [part.written if isinstance(part, Wording) else self.entries.text(str(part)) for part in value]
                return say_list(parts, "и" if holder.filter == "list" else "или")
            case "gender":
                return self.entries.by_gender(value, holder.noun)
        return self.entries.entry(holder.filter, value, case)


def _plain(text: str) -> str:
    """A prompt's fixed words without stress marks and with digits where it counts; placeholders stay as they are."""
    parts = re.split(r"(\{[^{}]*\})", text)
    return "".join(part if part.startswith("{") else write_amounts(part) for part in parts)


def _day_of(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def _tidy(text: str) -> str:
    """Close the gaps that empty values leave; lines stay lines."""
    text = re.sub(r" *\n+[ \n.]*", "\n", re.sub(r"[ \t]+", " ", text)).strip()
    text = re.sub(r" +([,.?!:])", r"\1", text)
    text = re.sub(r"([,:])+(?=[.?!])", "", text)
    text = re.sub(r"\.{2,}", ".", text)
    return _SENTENCE_START.sub(lambda match: match.group(1) + match.group(2).upper(), text)
