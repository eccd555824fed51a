"""Free times and bookings as lists to be read: what they share once, then a line for each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from voicebot.dialog.written_entries import EntryWriter
from voicebot.russian.spoken_amounts import say_list
from voicebot.russian.written import write_count, write_date, write_short_when, write_time, write_when

_MOST_VISITS = 4


def write_offers(writer: EntryWriter, offers: Sequence[Any], now: datetime) -> str:
    """Free times (with start, doctor_id, branch_id): "врач Иванова Анна Петровна, филиал на Лесной.\\n1. завтра в 10:00"."""
    if not offers:
        return ""
    today = now.date()
    common = _common(writer, offers)
    days = {offer.start.date() for offer in offers}
    if len(offers) == 1 or (len(days) == 1 and _shares(offers, "doctor_id") and _shares(offers, "branch_id")):
        day = write_date(offers[0].start.date(), today, is_brief=True)
        times = say_list([f"в {write_time(offer.start)}" for offer in offers], "или")
        return " ".join([*common, sentence(f"{day}{',' if ',' in day else ''} {times}")])
    lines = [f"{number}. {_offer(writer, offer, offers, now)}" for number, offer in enumerate(offers, 1)]
    return "\n".join([*common, *lines, ""])


def write_visits(writer: EntryWriter, visits: Sequence[Any], now: datetime) -> str:
    """A person's bookings (with start, doctor_id, branch_id): one in full, several by number, at most four."""
    today = now.date()
    if len(visits) == 1:
        visit = visits[0]
        return f"{write_when(visit.start, today)}, врач {writer.doctor(visit.doctor_id)}, {writer.branch(visit.branch_id)}"
    lines = [
        f"{number}. {write_when(visit.start, today, is_brief=True)}, врач {writer.surname(visit.doctor_id)}, "
        f"{writer.branch(visit.branch_id)}"
        for number, visit in enumerate(visits[:_MOST_VISITS], 1)
    ]
    left = len(visits) - _MOST_VISITS
    return "\n" + "\n".join([*lines, *([f"и ещё {write_count(left, 'запись')}"] if left > 0 else [])]) + "\n"


def offer_label(writer: EntryWriter, offer: Any, offers: Sequence[Any]) -> str:
    """A free time or a booking on a button: only what tells it from the others on offer."""
    days = {one.start.date() for one in offers}
    parts = [write_short_when(offer.start) if len(days) > 1 or len(offers) == 1 else write_time(offer.start)]
    if not _shares(offers, "doctor_id"):
        parts.append(writer.surname(offer.doctor_id))
    if not _shares(offers, "branch_id"):
        parts.append(writer.branch(offer.branch_id))
    return ", ".join(parts)


def sentence(text: str) -> str:
    """The words as a sentence: a capital and a full stop; nothing for nothing."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _offer(writer: EntryWriter, offer: Any, offers: Sequence[Any], now: datetime) -> str:
    own = [write_when(offer.start, now.date(), is_brief=True)]
    if not _shares(offers, "doctor_id"):
        own.append(f"врач {writer.surname(offer.doctor_id)}")
    if not _shares(offers, "branch_id"):
        own.append(writer.branch(offer.branch_id))
    return ", ".join(own)


def _common(writer: EntryWriter, offers: Sequence[Any]) -> list[str]:
    common = []
    if _shares(offers, "doctor_id"):
        common.append(f"врач {writer.doctor(offers[0].doctor_id)}")
    if _shares(offers, "branch_id"):
        common.append(writer.branch(offers[0].branch_id))
    return [sentence(", ".join(common))] if common else []


def _shares(several: Sequence[Any], attribute: str) -> bool:
    return len({getattr(one, attribute) for one in several}) == 1
