"""What a clinic is: branches, specialities, doctors, services, and its knowledge base. Frozen; read by `loading`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from voicebot.clinic.entry import CaseForms, Entry, Stressed, check_stress, without_stress
from voicebot.clinic.knowledge_entries import FaqEntry, Group, LabTest
from voicebot.clinic.weekly import parse_days, parse_hours
from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect

Kind = Literal["doctor", "speciality", "service", "branch", "test", "faq"]
KINDS: tuple[Kind, ...] = ("doctor", "speciality", "service", "branch", "test", "faq")
STEP_MINUTES = 5  # starts and durations are multiples of it (tables.CELL)


def check_zone(value: str) -> str:
    """Return the name of a time zone; ValueError if it is none."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError):
        raise ValueError(f"{value!r} is no time zone; write one like Europe/Moscow") from None
    return value


class Branch(Entry):
    """A place. `hours` are for the records, `spoken_hours` for the caller."""

    name: str
    spoken: Stressed
    where: Stressed = Field("", description="how it is told from the others in a list: «на Лесн+ой»; empty: its whole name")
    address: str
    spoken_address: Stressed
    metro: str = ""
    hours: dict[str, str] = Field({}, description='{"mon-fri": "08:00-21:00"}')
    spoken_hours: Stressed = ""
    phone: str = ""
    zone: str = Field("", description="whose clock tells when its patients sleep, like Asia/Yekaterinburg; empty: the clinic's")
    directions: Stressed = Field("", description="how to find it, spoken")
    lab: dict[str, str] = Field({}, description='when tests are taken: {"mon-fri": "08:00-12:00"}; empty: no laboratory')
    spoken_lab: Stressed = ""

    _stress = field_validator("spoken", "where", "spoken_address", "spoken_hours", "directions", "spoken_lab")(check_stress)

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return check_zone(value) if value else value

    @field_validator("hours", "lab")
    @classmethod
    def _hours(cls, value: dict[str, str]) -> dict[str, str]:
        for days, hours in value.items():
            parse_days(days)
            parse_hours(hours)
        return value

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name in (self.name, self.metro, *self.synonyms) if name))


class Speciality(Entry):
    """What a doctor is. `cases` overrides pymorphy's forms ("лор"), `complaints` lead a caller to it."""

    title: str
    spoken: Stressed = ""
    cases: CaseForms = {}
    complaints: tuple[str, ...] = Field((), description='what callers complain of: "болит горло"')
    visit: str = Field("", description="the service a first visit is; empty: the only one marked is_visit")
    min_age_years: int = Field(0, ge=0, le=21, description="younger patients are not seen")
    max_age_years: int | None = Field(None, ge=0, description="older patients are not seen; empty: all are")
    child_speciality: str = Field("", description="who sees those that are too young: a speciality")

    _stress = field_validator("spoken")(check_stress)

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.title, *self.synonyms)))

    def declined(self, case: Case) -> str:
        """The title in a case: "терапевту"."""
        return self.cases.get(case) or inflect(self.title, case)


class Away(BaseModel):
    """Days on which a doctor does not work, both included."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    first: date = Field(alias="from")
    last: date = Field(alias="to")

    @model_validator(mode="after")
    def _order(self) -> "Away":
        if self.last < self.first:
            raise ValueError("`to` is before `from`")
        return self


class Shift(BaseModel):
    """A line of a doctor's weekly schedule. `weeks`: ISO week numbers, odd or even."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    branch: str
    days: str = Field(description="mon-fri, or tue,thu")
    hours: str = Field(description="09:00-13:00, 14:00-18:00")
    weeks: Literal["every", "odd", "even"] = "every"

    @field_validator("days")
    @classmethod
    def _days(cls, value: str) -> str:
        parse_days(value)
        return value

    @field_validator("hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        for start, end in parse_hours(value):
            if start % STEP_MINUTES or end % STEP_MINUTES:
                raise ValueError(f"times are multiples of {STEP_MINUTES} minutes")
        return value


class Extra(BaseModel):
    """Hours on one date, instead of the weekly ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: date
    branch: str
    hours: str

    _hours = field_validator("hours")(Shift._hours.__func__)  # type: ignore[attr-defined]


class Doctor(Entry):
    """`spoken` is "Фамилия Имя Отчество" with stress; `cases` override single parts: {"surname": {"gent": "Заяц"}}."""

    surname: str
    given: str
    patronymic: str = ""
    gender: Literal["male", "female"]
    spoken: Stressed
    specialities: tuple[str, ...] = Field(min_length=1)
    slot_minutes: int = Field(30, ge=STEP_MINUTES, multiple_of=STEP_MINUTES)
    schedule: tuple[Shift, ...] = Field(min_length=1)
    away: tuple[Away, ...] = ()
    extra: tuple[Extra, ...] = ()
    min_age_years: int = Field(0, ge=0, le=21, description="younger patients are not seen; 0: as the speciality says")
    cases: dict[Literal["surname", "given", "patronymic"], CaseForms] = {}

    @model_validator(mode="after")
    def _spoken_is_the_name(self) -> "Doctor":
        check_stress(self.spoken)
        if without_stress(self.spoken) != self.full_name:
            raise ValueError(f"`spoken` differs from the name {self.full_name!r} by more than stress marks")
        return self

    @property
    def full_name(self) -> str:
        return " ".join(part for part in (self.surname, self.given, self.patronymic) if part)

    @property
    def short_spoken(self) -> str:
        """The surname with its stress."""
        return " ".join(self.spoken.split()[: len(self.surname.split())])

    @property
    def polite_spoken(self) -> str:
        """Given name and patronymic with stress, as patients address a doctor."""
        return " ".join(self.spoken.split()[len(self.surname.split()) :])

    @property
    def branches(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(shift.branch for shift in self.schedule))

    def names(self) -> tuple[str, ...]:
        known = (self.surname, self.full_name, f"{self.given} {self.patronymic}".strip())
        turned = f"{self.given} {self.patronymic} {self.surname}" if self.patronymic else f"{self.given} {self.surname}"
        return tuple(dict.fromkeys((*known, turned, *self.synonyms)))


class Service(Entry):
    """Something that is done and has a price. `is_visit`: what "to the cardiologist" means when no service is named."""

    title: str
    spoken: Stressed = ""
    specialities: tuple[str, ...] = Field(min_length=1)
    doctors: tuple[str, ...] = Field((), description="only these do it; empty: all of the specialities")
    branches: tuple[str, ...] = Field((), description="only there; empty: everywhere")
    duration_minutes: int = Field(ge=STEP_MINUTES, le=480, multiple_of=STEP_MINUTES)
    price_rub: int = Field(ge=0)
    min_age_years: int = Field(0, ge=0, le=21, description="not done to younger patients")
    preparation: Stressed = Field("", description="spoken; or the id of a rule in preparations.yaml")
    is_visit: bool = False
    repeat: str = Field("", description="of a first visit: the service that a repeated one is")
    cases: CaseForms = {}

    _stress = field_validator("spoken", "preparation")(check_stress)

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.title, *self.synonyms)))

    def declined(self, case: Case) -> str:
        return self.cases.get(case) or inflect(self.title, case)


class DemoOrder(BaseModel):
    """A laboratory order of a patient who does not exist, for demonstrations. Hours from the first start, negative: past."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str = Field(pattern=r"^\d{4,12}$")
    phone: str = Field(pattern=r"^\+\d{11,15}$")
    birth_date: date
    branch: str = ""
    ready_in_hours: float | None = Field(None, description="empty: nobody knows yet")


class ClinicInfo(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    spoken: Stressed
    zone: str = "Europe/Moscow"
    phone: str = ""
    demo_busy_share: float = Field(0.0, ge=0, le=0.95, description="share of slots shown as taken, for demonstrations only")
    demo_seed: int = 1
    demo_orders: tuple[DemoOrder, ...] = Field((), description="laboratory orders, for demonstrations only")

    _stress = field_validator("spoken")(check_stress)

    _zone = field_validator("zone")(check_zone)


class Catalogue(BaseModel):
    """Everything at once. Unknown IDs raise KeyError; callers' words are never IDs."""

    model_config = ConfigDict(frozen=True, ignored_types=(cached_property,))

    clinic: ClinicInfo
    branches: Mapping[str, Branch]
    specialities: Mapping[str, Speciality]
    doctors: Mapping[str, Doctor]
    services: Mapping[str, Service]
    tests: Mapping[str, LabTest] = {}
    faq: Mapping[str, FaqEntry] = {}
    groups: Mapping[str, Group] = {}
    warnings: tuple[str, ...] = Field((), description="what is doubtful in the data: file:line: what. cure")

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.clinic.zone)

    def zone_of(self, branch_id: str) -> str:
        """The name of the zone whose clock the patients of a branch live by; of the clinic's where no branch is known."""
        branch = self.branches.get(branch_id)
        return (branch.zone if branch is not None else "") or self.clinic.zone

    def entries(self, kind: Kind) -> Mapping[str, Entry]:
        found: Mapping[Kind, Mapping[str, Entry]] = {
            "doctor": self.doctors,
            "speciality": self.specialities,
            "service": self.services,
            "branch": self.branches,
            "test": self.tests,
            "faq": self.faq,
        }
        return found[kind]

    def forms(self, kind: Kind) -> Mapping[str, Sequence[str]]:
        """ID -> nominative names a caller may use, the proper one first. Inflection is the matcher's work."""
        return {identifier: entry.names() for identifier, entry in self.entries(kind).items()}

    def complaints(self) -> Mapping[str, Sequence[str]]:
        """Speciality ID -> what callers complain of."""
        return {identifier: speciality.complaints for identifier, speciality in self.specialities.items()}

    def visit_of(self, speciality_id: str) -> Service | None:
        """The service that a plain visit to this speciality is."""
        chosen = self.specialities[speciality_id].visit
        if chosen:
            return self.services[chosen]
        return next((s for s in self.services.values() if s.is_visit and speciality_id in s.specialities), None)

    def doctors_of(self, speciality_id: str) -> tuple[Doctor, ...]:
        return tuple(doctor for doctor in self.doctors.values() if speciality_id in doctor.specialities)

    def can_do(self, doctor: Doctor, service: Service) -> bool:
        if service.doctors:
            return doctor.id in service.doctors
        return not set(doctor.specialities).isdisjoint(service.specialities)

    def default_service(self, doctor: Doctor, speciality_id: str | None = None) -> Service | None:
        """What a visit to this doctor is when the caller named no service."""
        asked: Iterable[str] = (speciality_id,) if speciality_id else doctor.specialities
        for identifier in asked:
            service = self.visit_of(identifier)
            if service is not None and self.can_do(doctor, service):
                return service
        return None
