"""Free times and bookings as lists that are short to hear: what they share is said once."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from voicebot.dialog.spoken_entries import EntrySpeaker
from voicebot.russian.inflect import counted
from voicebot.russian.spoken_amounts import say_list
from voicebot.russian.spoken_when import say_date, say_time, say_when_spoken

_OFFERS = ("первый вариант", "второй", "третий", "четвёртый", "пятый")
_VISITS = ("первая", "вторая", "третья", "четвёртая")


def say_offers(speaker: EntrySpeaker, offers: Sequence[Any], now: datetime) -> str:
    """Free times (with start, doctor_id, branch_id); what they share is said before them."""
    if not offers:
        return ""
    today = now.date()
    shares_doctor = len({offer.doctor_id for offer in offers}) == 1
    shares_branch = len({offer.branch_id for offer in offers}) == 1
    shares_day = len({_day(offer) for offer in offers}) == 1
    common = []
    if shares_doctor:
        common.append(f"врач {speaker.doctor(offers[0].doctor_id)}")
    if shares_branch:
        common.append(_branch(speaker, offers[0]))
    head = sentence(", ".join(common)) if common else ""
    times = []
    for offer in offers:
        moment = f"в {say_time(offer.start.time())}"
        if not shares_day:
            moment = f"{say_date(_day(offer), today, is_brief=True)} {moment}"
        own = [moment]
        if not shares_doctor:
            own.append(_doctor(speaker, offer))
        if not shares_branch:
            own.append(_branch(speaker, offer))
        times.append(", ".join(own))
    day = say_date(_day(offers[0]), today, is_brief=True) if shares_day else ""
    if len(times) == 1:
        return f"{head} {sentence(' '.join([day, times[0]]))}".strip()
    if shares_doctor and shares_branch and shares_day:
        return f"{head} {sentence(', '.join([day, say_list(times, 'или')]))}".strip()
    numbered = [sentence(f"{_OFFERS[n]}: {time}") for n, time in enumerate(times[: len(_OFFERS)])]
    return " ".join(part for part in (head, sentence(day), *numbered) if part)


def say_visits(speaker: EntrySpeaker, visits: Sequence[Any], now: datetime) -> str:
    """A person's bookings (with start, doctor_id, branch_id): one in full, several by number, at most four."""
    today = now.date()
    if len(visits) == 1:
        visit = visits[0]
        return f"{say_when_spoken(visit.start, today)}, врач {speaker.doctor(visit.doctor_id)}, {_branch(speaker, visit)}"
    shares_doctor = len({visit.doctor_id for visit in visits}) == 1
    shares_branch = len({visit.branch_id for visit in visits}) == 1
    said = []
    for place, visit in zip(_VISITS, visits, strict=False):
        own = [f"{place}: {say_when_spoken(visit.start, today, is_brief=True)}"]
        if not shares_doctor or place == _VISITS[0]:
            own.append(_doctor(speaker, visit))
        if not shares_branch:
            own.append(_branch(speaker, visit))
        said.append(sentence(", ".join(own)))
    left = len(visits) - len(_VISITS)
    return " ".join([*said, *([sentence(f"и ещё {counted(left, 'запись')}")] if left > 0 else [])])


def sentence(text: str) -> str:
    """The words as a sentence: a capital and a full stop; nothing for nothing."""
    text = text.strip()
    place = 1 if text.startswith("+") else 0
    return f"{text[:place]}{text[place : place + 1].upper()}{text[place + 1 :]}." if text else ""


def _doctor(speaker: EntrySpeaker, one: Any) -> str:
    return f"врач {speaker.catalogue.doctors[one.doctor_id].short_spoken}"


def _branch(speaker: EntrySpeaker, one: Any) -> str:
    return speaker.catalogue.branches[one.branch_id].spoken


def _day(offer: Any) -> date:
    day: date = offer.start.date()
    return day
