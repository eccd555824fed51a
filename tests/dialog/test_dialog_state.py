"""A dialog can be saved after any step and read back; nothing but our own values is ever built from what was saved."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.clinic.offers import Offer
from voicebot.dialog import codec
from voicebot.dialog.state import Doubt, Phase, Slot, State
from voicebot.dialog.talking import Expect, Profile
from voicebot.errors import VoicebotError
from voicebot.russian.names import PersonName
from voicebot.russian.when import When

MOSCOW = ZoneInfo("Europe/Moscow")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.dates() | st.times() | st.decimals(allow_nan=False),
    lambda parts: (
        st.lists(parts, max_size=3) | st.tuples(parts, parts) | st.dictionaries(st.text(max_size=3), parts, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_values_come_back(value: object) -> None:
    assert codec.loads(codec.dumps(value)) == value


def test_typed_values_come_back_with_their_zone() -> None:
    offer = Offer(7, datetime(2026, 11, 24, 10, tzinfo=MOSCOW), 30, "orlov", "lesnaya", "cardiologist", "visit", 2400)
    wish = When(dates=(date(2026, 11, 24),), weekdays=frozenset({1, 2}), time_from=time(12))
    state = State(
        "7A3KM05X",
        phase=Phase.LISTENING,
        slots={"choice": Slot(offer, "10:00", 0.9), "when": Slot(wish), "patient": Slot(PersonName("Ли", "Ян"))},
        doubt=Doubt("doctor", "doctor", (Slot("orlov"),)),
        expect=Expect("yes_no", Profile.YES_NO, ("да", "нет")),
        request_started_at=datetime(2026, 11, 23, 9, tzinfo=MOSCOW),
        variables={"later": timedelta(minutes=1), "utc": datetime(2026, 1, 1, tzinfo=UTC), "price": Decimal("10.50")},
    )
    again = State.from_json(state.to_json())
    assert again == state
    assert again.slots["choice"].value.start.tzinfo == MOSCOW


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        '{"$class": "os:system", "v": {}}',
        '{"$class": "subprocess:Popen", "v": {"args": "ls"}}',
        '{"$class": "voicebot.dialog.codec:importlib", "v": {}}',
        '{"$class": "voicebot.dialog.engine:Engine", "v": {}}',
        '{"$class": "voicebot.dialog.talking:Say", "v": {"nothing": 1}}',
        '{"$what": 1}',
    ],
)
def test_what_was_not_saved_by_us_is_refused(text: str) -> None:
    with pytest.raises(VoicebotError):
        codec.loads(text)


def test_what_cannot_be_saved_is_said_at_once() -> None:
    with pytest.raises(TypeError, match="object"):
        codec.dumps(object())


def test_saved_text_is_plain_json() -> None:
    assert json.loads(State("7A3KM05X").to_json())["$class"] == "voicebot.dialog.state:State"
