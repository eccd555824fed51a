"""Age limits of specialities, services and doctors."""

from datetime import date

import pytest
from small_clinic import catalogue, doctor

from voicebot.clinic.ages import AgeRule, age_rule, years_old
from voicebot.clinic.catalogue import Catalogue, Shift
from voicebot.clinic.failures import NotFound

TODAY = date(2026, 11, 23)


def limited() -> Catalogue:
    """Therapists see adults and send children to the dentist (of all people), who sees those up to 17; the filling from 6."""
    plain = catalogue(
        doctor("anna", "therapist", Shift(branch="north", days="mon", hours="09:00-12:00")),
        doctor("boris", "therapist", Shift(branch="north", days="mon", hours="09:00-12:00"), min_age_years=21),
        doctor("clara", "dentist", Shift(branch="north", days="mon", hours="09:00-12:00")),
    )
    return plain.model_copy(
        update={
            "specialities": {
                "therapist": plain.specialities["therapist"].model_copy(
                    update={"min_age_years": 18, "child_speciality": "dentist"}
                ),
                "dentist": plain.specialities["dentist"].model_copy(update={"max_age_years": 17}),
            },
            "services": {
                **plain.services,
                "filling": plain.services["filling"].model_copy(update={"min_age_years": 6}),
            },
        }
    )


@pytest.mark.parametrize(
    ("wish", "birth_date", "rule"),
    [
        ({"speciality": "therapist"}, None, AgeRule(18)),
        ({"doctor": "anna"}, None, AgeRule(18)),
        ({"doctor": "boris"}, None, AgeRule(21)),
        ({"service": "filling"}, None, AgeRule(6)),
        ({"service": "visit"}, date(2020, 6, 1), AgeRule(18, False, "dentist", 6)),
        ({"speciality": "therapist"}, date(2008, 11, 23), AgeRule(18, True, None, 18)),
        ({"speciality": "therapist"}, date(2008, 11, 24), AgeRule(18, False, "dentist", 17)),
        ({"speciality": "dentist"}, date(2000, 1, 1), AgeRule(0, False, None, 26)),
        ({"service": "filling", "doctor": "clara"}, date(2021, 1, 1), AgeRule(6, False, None, 5)),
    ],
)
def test_rule(wish: dict[str, str], birth_date: date | None, rule: AgeRule) -> None:
    assert age_rule(limited(), TODAY, birth_date=birth_date, **wish) == rule


@pytest.mark.parametrize("wish", [{}, {"doctor": "absent"}, {"service": "absent"}, {"speciality": "absent"}])
def test_unknown(wish: dict[str, str]) -> None:
    with pytest.raises(NotFound):
        age_rule(limited(), TODAY, **wish)


def test_birthday_of_a_leap_day() -> None:
    assert years_old(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert years_old(date(2008, 2, 29), date(2026, 3, 1)) == 18
