"""Who sees children: the clinic's own age limits. Pure."""

from dataclasses import dataclass
from datetime import date

from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import NotFound


@dataclass(frozen=True, slots=True)
class AgeRule:
    """From which age, in whole years, a wish can be served; `is_fit` is None as long as the age does not matter or is unknown.

    `instead`: the speciality that sees those who are too young, or None.
    """

    min_age_years: int
    is_fit: bool | None = None
    instead: str | None = None
    age_years: int | None = None


def years_old(birth_date: date, today: date) -> int:
    """Whole years of life."""
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


def age_rule(
    catalogue: Catalogue,
    today: date,
    *,
    doctor: str | None = None,
    service: str | None = None,
    speciality: str | None = None,
    birth_date: date | None = None,
) -> AgeRule:
    """The rule for a wish; the strictest of doctor, service and speciality counts. Raises NotFound for an unknown ID."""
    try:
        chosen = None if doctor is None else catalogue.doctors[doctor]
        wanted = None if service is None else catalogue.services[service]
        if speciality is not None:
            what = catalogue.specialities[speciality]
        elif chosen is not None:
            own = next((s for s in chosen.specialities if wanted is not None and s in wanted.specialities), None)
            what = catalogue.specialities[own or chosen.specialities[0]]
        elif wanted is not None:
            # A service that several specialities do has the mildest of their limits.
            what = min((catalogue.specialities[one] for one in wanted.specialities), key=lambda one: one.min_age_years)
        else:
            raise NotFound("Nothing is wished.")
    except KeyError:
        raise NotFound from None
    least = max(
        what.min_age_years, 0 if chosen is None else chosen.min_age_years, 0 if wanted is None else wanted.min_age_years
    )
    if birth_date is None:
        return AgeRule(least)
    age = years_old(birth_date, today)
    is_too_old = what.max_age_years is not None and age > what.max_age_years
    instead = what.child_speciality if age < least else ""
    return AgeRule(least, age >= least and not is_too_old, instead or None, age)
