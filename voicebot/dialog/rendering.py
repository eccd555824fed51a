"""Typed values into spoken Russian: stress where it is known, words instead of digits."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog import labels, placeholders
from voicebot.dialog.expressions import attribute
from voicebot.dialog.placeholders import Placeholder
from voicebot.dialog.spoken_entries import EntrySpeaker
from voicebot.dialog.spoken_lists import say_offers, say_visits
from voicebot.russian.case import Case
from voicebot.russian.inflect import say_money
from voicebot.russian.names import PersonName, decline
from voicebot.russian.numbers import say_number
from voicebot.russian.phones import say_phone
from voicebot.russian.spelling import say_dialog_id
from voicebot.russian.spoken_amounts import say_count, say_digits, say_duration, say_list, say_span
from voicebot.russian.spoken_when import say_birth_date, say_date, say_time, say_when_spoken
from voicebot.russian.spoken_wish import say_wish

BY_TYPE = {"datetime": "wish", "offer": "when", "birth_date": "birth"}  # filters of field types not named like the type
_SENTENCE_START = re.compile(r"((?:^|[.?!] )\+?)([а-яё])")


@dataclass(frozen=True, slots=True)
class Wording:
    """Words that stand for a value already: how they are spoken, and how they are written."""

    spoken: str
    written: str


class Renderer:
    """Speaks values of one clinic."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._speaker = EntrySpeaker(catalogue)

    def render(self, text: str, lookup: Callable[[str], Any], types: Mapping[str, str], now: datetime) -> str:
        """Fill a prompt's placeholders. `types`: field -> type, for placeholders without a filter."""

        def speak(holder: Placeholder) -> str:
            value = lookup(holder.root)
            for part in holder.path.split(".")[1:]:
                value = attribute(value, part)
            kind = holder.filter or (types.get(holder.root, "text") if "." not in holder.path else "text")
            return self._spoken(replace(holder, filter=BY_TYPE.get(kind, kind)), value, now)

        return _tidy(placeholders.replace(text, speak))

    def spoken(self, kind: str, value: Any, now: datetime, case: Case = Case.NOMINATIVE) -> str:
        """Return a value in words by the name of its filter or its field's type; nothing for None."""
        has_case = case is not Case.NOMINATIVE
        return self._spoken(Placeholder("", BY_TYPE.get(kind, kind), case, has_case), value, now)

    def _spoken(self, holder: Placeholder, value: Any, now: datetime) -> str:
        if value is None:
            return ""
        if isinstance(value, Wording):
            return value.spoken
        today, case = now.date(), holder.case
        match holder.filter:
            case "when" | "brief":
                return say_when_spoken(value, today, is_brief=holder.filter == "brief")
            case "date":
                return say_date(_day_of(value), today, case if holder.has_case else None)
            case "day":
                return say_date(_day_of(value), today, is_brief=True)
            case "time":
                return say_time(value.time() if isinstance(value, datetime) else value, case)
            case "wish":
                return say_wish(value, today)
            case "birth":
                return say_birth_date(value, case)
            case "phone":
                return say_phone(value)
            case "name":
                return decline(value, case) if isinstance(value, PersonName) else str(value)
            case "money":
                return "беспл+атно" if value == 0 and not holder.has_case else say_money(int(value), case)
            case "number":
                return say_number(int(value), case)
            case "count":
                return say_count(int(value), holder.noun, case)
            case "span":
                low, high = (value, value) if isinstance(value, int) else (min(value), max(value))
                return say_span(low, high, holder.noun)
            case "ready":
                return say_span(value.least, value.most, "час" if value.unit == "hours" else "рабочий день")
            case "duration":
                return say_duration(int(value))
            case "digits":
                return say_digits(str(value))
            case "spelled":
                return say_dialog_id(str(value))
            case "offers":
                return say_offers(self._speaker, value, now)
            case "visits":
                return say_visits(self._speaker, value, now)
            case "either" | "list":
                parts = [part.spoken if isinstance(part, Wording) else str(part) for part in value]
                return say_list(parts, "и" if holder.filter == "list" else "или")
            case "gender":
                return self._speaker.by_gender(value, holder.noun)
        return self._speaker.entry(holder.filter, value, case)

    def label(self, kind: str, value: Any, now: datetime) -> str:
        """Return a value's display text by its type, for people who read."""
        del now
        return labels.label(self.catalogue, kind, value)

    def labels(self, slots: Mapping[str, Any], now: datetime) -> dict[str, str]:
        """Return the display texts of several values."""
        del now
        return labels.labels(self.catalogue, slots)


def _day_of(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def _tidy(text: str) -> str:
    """Close the gaps that empty values leave."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,.?!:])", r"\1", text)
    text = re.sub(r"([,:])+(?=[.?!])", "", text)
    text = re.sub(r"\.{2,}", ".", text)
    return _SENTENCE_START.sub(lambda match: match.group(1) + match.group(2).upper(), text)
