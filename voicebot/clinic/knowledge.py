"""Services that answer from the clinic's data and change nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from voicebot.clinic.arguments import Arguments, Calls
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import NotFound
from voicebot.clock import Clock


class PriceOf(Arguments):
    """The price of a service, or of a visit to a speciality or doctor. Returns Price."""

    service: str | None = None
    speciality: str | None = None
    doctor: str | None = None


class AddressOf(Arguments):
    """Where a branch is; without one: all branches. Returns a tuple of Address."""

    branch: str | None = None


KNOWLEDGE_SERVICES: Mapping[str, type[Arguments]] = {
    "price_of": PriceOf,
    "address_of": AddressOf,
}


@dataclass(frozen=True, slots=True)
class Price:
    """What a service costs and how to prepare; `title` and `preparation` may carry stress marks."""

    service_id: str
    title: str
    price_rub: int
    duration_minutes: int
    preparation: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A branch in spoken words, with stress marks."""

    branch_id: str
    title: str
    address: str
    directions: str
    hours: str


class KnowledgeServices:
    """Answers from the catalogue."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self.calls: Calls = {
            "price_of": self._price_of,
            "address_of": self._address_of,
        }

    def _price_of(self, asked: PriceOf, _dialog_id: str, _key: str) -> Price:
        catalogue = self._catalogue
        try:
            if asked.service is not None:
                service = catalogue.services[asked.service]
            else:
                found = (
                    catalogue.default_service(catalogue.doctors[asked.doctor], asked.speciality)
                    if asked.doctor is not None
                    else catalogue.visit_of(asked.speciality or "")
                )
                if found is None:
                    raise NotFound
                service = found
        except KeyError:
            raise NotFound from None
        return Price(
            service.id, service.spoken or service.title, service.price_rub, service.duration_minutes, service.preparation
        )

    def _address_of(self, asked: AddressOf, _dialog_id: str, _key: str) -> tuple[Address, ...]:
        branches = self._catalogue.branches
        if asked.branch is not None and asked.branch not in branches:
            raise NotFound("No such branch.")
        wanted = branches.values() if asked.branch is None else [branches[asked.branch]]
        return tuple(Address(b.id, b.spoken, b.spoken_address, b.directions, b.spoken_hours) for b in wanted)
