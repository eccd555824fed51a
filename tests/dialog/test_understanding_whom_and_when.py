"""A doctor, a day and no more is a wish for an appointment, whatever the classifier makes of the words."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.understanding import Understanding
from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect

NOW = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Europe/Moscow"))
WHENS = (
    "на завтра",
    "на пятницу",
    "завтра утром",
    "во вторник после обеда",
    "на следующую среду",
    "на первое декабря",
    "в десять утра",
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whom_and_when_is_a_booking(catalogue: Catalogue, understanding: Understanding, data: st.DataObject) -> None:
    speciality = data.draw(st.sampled_from(sorted(catalogue.specialities)))
    whom = "к " + inflect(catalogue.specialities[speciality].title, Case.DATIVE)
    parts = [whom, data.draw(st.sampled_from(WHENS))]
    if data.draw(st.booleans()):
        parts.reverse()
    phrase = " ".join([*data.draw(st.sampled_from([[], ["мне"], ["мне", "бы"]])), *parts])
    understood = understanding.understand(phrase, None, NOW)
    assert (understood.intent, understood.slots.get("speciality")) == ("book", speciality), phrase
    assert "datetime" in understood.slots, phrase


def test_booking_that_its_rule_knows_too(understanding: Understanding) -> None:
    assert understanding.understand("мне к кардиологу на следующую среду", None, NOW).intent == "book"


@pytest.mark.parametrize("phrase", ["к кардиологу на завтра не надо", "кардиолог на завтра отбой"])
def test_a_word_more_may_be_another_wish(understanding: Understanding, phrase: str) -> None:
    assert understanding.understand(phrase, None, NOW).intent == "cancel"
