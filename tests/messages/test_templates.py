"""The demo's message templates: what they say, that they fit, that they tell nothing they may not."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from demo_clinic import DEMO
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from voicebot import dialog_id
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.entries import Catalogue
from voicebot.messages.loading import DEFAULT_PARTS, LETTERS, load_templates
from voicebot.messages.senders.sender import Channel
from voicebot.messages.template_schema import FieldSpec
from voicebot.messages.templates import NotForChannel, Templates, UnknownTemplate
from voicebot.messages.words import BadValues
from voicebot.russian.case import Case

LINK = "https://clinic.example/v/AbCdEfGhIjKlMnOp"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(DEMO / "clinic")


@pytest.fixture(scope="module")
def templates(catalogue: Catalogue) -> Templates:
    return load_templates(DEMO / "messages", catalogue, link_of=lambda _visit: LINK, link_letters=len(LINK))


def visit_values(catalogue: Catalogue) -> dict[str, Any]:
    doctor = next(iter(catalogue.doctors.values()))
    service = catalogue.default_service(doctor)
    assert service is not None
    return {
        "appointment_id": 17,
        "start": "2026-11-25T10:30:00+03:00",
        "branch": "lesnaya",
        "doctor": doctor.id,
        "service": service.id,
        "given": "Анна",
    }


def test_reminder_in_russian(templates: Templates, catalogue: Catalogue) -> None:
    shown = templates.render("reminder_day", Channel.TELEGRAM, visit_values(catalogue))
    assert shown.text == (
        "Анна, здравствуйте!\n"
        "Напоминаем: вы записаны в среду, 25 ноября, в 10:30, Добрый доктор.\n"
        "Адрес: улица Лесная, дом 12, метро «Лесная».\n"
        "Придёте?"
    )
    assert [button.payload for button in shown.buttons] == ["подтверждаю", "перенести запись", "отменить запись"]


def test_the_clinics_hours_not_utc(templates: Templates, catalogue: Catalogue) -> None:
    values = visit_values(catalogue) | {"start": "2026-11-24T21:30:00+00:00"}
    assert "в среду, 25 ноября, в 0:30" in templates.render("booked", Channel.SMS, values).text


def test_link_or_the_clinics_number(templates: Templates, catalogue: Catalogue) -> None:
    with_link = templates.render("booked", Channel.SMS, visit_values(catalogue))
    assert with_link.text.endswith(f"Перенести или отменить: {LINK}")
    assert with_link.link == LINK
    plain = load_templates(DEMO / "messages", catalogue)
    assert plain.render("booked", Channel.SMS, visit_values(catalogue)).text.endswith("отменить: +7 (495) 000-00-00")


def test_answers_are_asked_for_only_where_they_arrive(catalogue: Catalogue) -> None:
    values = visit_values(catalogue)
    deaf = load_templates(DEMO / "messages", catalogue, answered=())
    hearing = load_templates(DEMO / "messages", catalogue, answered=(Channel.SMS,))
    assert "Ответьте" not in deaf.render("reminder_day", Channel.SMS, values).text
    assert "Ответьте ДА, ПЕРЕНЕСТИ или ОТМЕНА" in hearing.render("reminder_day", Channel.SMS, values).text


def test_details_only_with_permission(templates: Templates, catalogue: Catalogue) -> None:
    values = visit_values(catalogue)
    assert "Иванов" not in templates.render("reminder_day", Channel.SMS, values).text
    assert "врач Иванов С. П." in templates.render("reminder_day", Channel.SMS, values, is_detailed=True).text


def test_who_asked_from_his_own_number_is_told(templates: Templates, catalogue: Catalogue) -> None:
    test = next(iter(catalogue.tests.values()))
    values = {"test": test.id, "branch": "lesnaya"}
    assert test.title not in templates.render("test_info", Channel.SMS, values).text
    told = templates.render("test_info", Channel.SMS, values | {"is_own_number": True})
    assert test.title in told.text.lower()
    assert told.is_detailed


def test_call_names_a_form(templates: Templates, catalogue: Catalogue) -> None:
    assert templates.render("reminder_day", Channel.CALL, visit_values(catalogue)).form == "reminder"


def test_unknown_template_and_channel(templates: Templates) -> None:
    with pytest.raises(UnknownTemplate):
        templates.render("no_such", Channel.SMS, {})
    with pytest.raises(NotForChannel):
        templates.render("pin", Channel.TELEGRAM, {"code": "1234", "minutes": 5})


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"start": "tomorrow"}, "start"),
        ({"start": "2026-11-25T10:30:00"}, "start"),  # of which zone?
        ({"start": None}, "start"),
        ({"branch": "nowhere"}, "branch"),
        ({"appointment_id": "17; DROP"}, "appointment_id"),
        ({"appointment_id": True}, "appointment_id"),
    ],
)
def test_values_that_do_not_fit(templates: Templates, catalogue: Catalogue, changed: Mapping[str, Any], field: str) -> None:
    values = visit_values(catalogue) | dict(changed)
    with pytest.raises(BadValues, match=field) as raised:
        templates.render("booked", Channel.SMS, values)
    for value in changed.values():
        assert value is None or str(value) not in str(raised.value)


@pytest.mark.parametrize("typed", ["Вася http://evil.example", "evil.ru", "Ann\nБесплатно", "{{ clinic }}", "+79161234567"])
def test_nobody_writes_through_a_name(templates: Templates, catalogue: Catalogue, typed: str) -> None:
    shown = templates.render("reminder_day", Channel.TELEGRAM, visit_values(catalogue) | {"given": typed})
    assert shown.text.startswith(("Здравствуйте!", "Ann Бесплатно, здравствуйте!"))
    assert typed not in shown.text


def test_several_visits_of_a_family(templates: Templates) -> None:
    visits = [
        {"start": "2026-11-25T11:00:00+03:00", "branch": "lesnaya"},
        {"start": "2026-11-25T07:30:00+00:00", "branch": "lesnaya"},
        {"start": "2026-11-26T09:00:00+03:00", "branch": "sadovaya"},
    ]
    text = templates.render("reminder_several", Channel.SMS, {"visits": visits}).text
    assert "вы записаны в среду, 25 ноября, в 10:30; в 11:00; в четверг, 26 ноября, в 9:00." in text
    assert "Улица Лесная, дом 12; Садовый переулок, дом 5, корпус 2." in text


def test_values_of_another_version_do_no_harm(templates: Templates, catalogue: Catalogue) -> None:
    """What a text does not show need not be right, and unknown values are left aside."""
    values = visit_values(catalogue) | {"doctor": "who_left", "something_new": {"x": 1}}
    assert templates.render("reminder_day", Channel.SMS, values).text


# -- every template with every valid value -------------------------------------------------------------------------------


def field_values(spec: FieldSpec, catalogue: Catalogue) -> st.SearchStrategy[Any]:
    moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat)
    visits = st.fixed_dictionaries({"start": moments, "branch": st.sampled_from(sorted(catalogue.branches))})
    found: Mapping[str, st.SearchStrategy[Any]] = {
        "when": moments,
        "branch": st.sampled_from(sorted(catalogue.branches)),
        "doctor": st.sampled_from(sorted(catalogue.doctors)),
        "speciality": st.sampled_from(sorted(catalogue.specialities)),
        "service": st.sampled_from(sorted(catalogue.services)),
        "test": st.sampled_from(sorted(catalogue.tests)),
        "visit": st.integers(1, 10**9 - 1),
        "name": st.one_of(st.text(max_size=12), st.just("Ж" * 200)),
        "text": st.tuples(st.sampled_from("аЖz1😀€"), st.integers(1, 600)).map(lambda one: one[0] * one[1]),
        "visits": st.lists(visits, min_size=1, max_size=4),
        "phone": st.integers(9000000000, 9999999999).map(lambda number: f"+7{number}"),
        "number": st.integers(0, 10**9 - 1),
        "code": st.text(st.sampled_from("0123456789"), min_size=1, max_size=12),
        "url": st.text(st.sampled_from("abc/?=&%0"), max_size=112).map(lambda tail: f"https://{tail}"),
        "dialog_id": st.builds(dialog_id.new),
    }
    values = found[spec.type]
    return st.one_of(st.none(), values) if spec.optional else values


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(data=st.data(), is_detailed=st.booleans(), has_dialog=st.booleans())
def test_any_valid_values_fit(
    templates: Templates, catalogue: Catalogue, data: st.DataObject, is_detailed: bool, has_dialog: bool
) -> None:
    for name in templates.names():
        spec = templates.spec(name)
        values = {field: data.draw(field_values(one, catalogue), label=f"{name}.{field}") for field, one in spec.fields.items()}
        for channel in templates.channels(name):
            shown = templates.render(
                name, channel, values, dialog_id=dialog_id.new() if has_dialog else "", is_detailed=is_detailed
            )
            texts = spec.text_for(channel)
            assert texts is not None
            if channel is Channel.SMS:
                assert shown.parts <= (texts.parts or DEFAULT_PARTS)
            elif channel in LETTERS:
                assert len(shown.text) <= LETTERS[channel]
            if channel is not Channel.CALL:
                assert shown.text.strip()
                assert "text" in values or not re.search(r"\{[{%]|[ ]{2}|None|[ ][,.]", shown.text)


def test_neutral_texts_name_nobody_and_nothing(templates: Templates, catalogue: Catalogue) -> None:
    """By the words themselves: whatever the values, no title of a speciality, service or test, no doctor's surname."""
    start = datetime(2026, 11, 25, 7, 30, tzinfo=UTC)
    for number, doctor in enumerate(catalogue.doctors.values()):
        service = catalogue.default_service(doctor)
        speciality = catalogue.specialities[doctor.specialities[0]]
        secrets = {doctor.surname.lower(), *(speciality.declined(case).lower() for case in Case)}
        secrets |= {service.title.lower()} if service else set()
        values = {
            "appointment_id": number + 1, "start": (start + timedelta(days=number)).isoformat(), "branch": doctor.branches[0],
            "until": start.isoformat(), "doctor": doctor.id, "service": service.id if service else None, "given": doctor.given,
            "waiting_id": 1, "slot_id": 1, "price_rub": 1234, "test": next(iter(catalogue.tests)), "code": "1234", "minutes": 5,
            "visits": [{"start": start.isoformat(), "branch": doctor.branches[0]}], "text": "Да",
        }  # fmt: skip
        for name in templates.names():
            for channel in templates.channels(name):
                text = templates.render(name, channel, values).text.lower()
                said = [secret for secret in secrets if re.search(rf"\b{re.escape(secret)}\b", text)]
                assert not said, (name, channel)
                assert "1234" not in text or name == "pin"
