"""What the services of the knowledge base return. Texts are spoken: words with stress marks."""

from dataclasses import dataclass
from datetime import date, datetime

from voicebot.clinic.knowledge_entries import Ready
from voicebot.clinic.lab_hours import Taking


@dataclass(frozen=True, slots=True)
class Price:
    """What one thing costs. `repeat_rub`: what a repeated visit costs, where the data says so."""

    entry_id: str
    title: str
    price_rub: int
    repeat_rub: int | None = None
    duration_minutes: int = 0
    preparation: str = ""


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of all that was asked about; the attributes of one are those of the first."""

    entries: tuple[Price, ...]

    @property
    def count(self) -> int:
        return len(self.entries)

    @property
    def entry_id(self) -> str:
        return self.entries[0].entry_id

    @property
    def title(self) -> str:
        return self.entries[0].title

    @property
    def price_rub(self) -> int:
        return self.entries[0].price_rub

    @property
    def repeat_rub(self) -> int | None:
        return self.entries[0].repeat_rub

    @property
    def total_rub(self) -> int:
        return sum(entry.price_rub for entry in self.entries)

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(entry.title for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Preparation:
    """How to prepare, for all that was asked about. `text` is empty when the data has no words for it."""

    titles: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """How long the slowest of some tests takes."""

    titles: tuple[str, ...]
    ready: Ready


@dataclass(frozen=True, slots=True)
class LabTestInfo:
    """A test: price, time, material, preparation, and the IDs of the branches that take it."""

    test_id: str
    title: str
    price_rub: int
    ready: Ready
    material: str
    preparation: str
    branches: tuple[str, ...]

    @property
    def only_branch(self) -> str | None:
        """The branch, where there is just one."""
        return self.branches[0] if len(self.branches) == 1 else None


@dataclass(frozen=True, slots=True)
class LabHours:
    """When a branch takes tests. `next`: today's hours that are left, else those of the next day; None: never.

    `is_taken` is False where the branch has no laboratory or does not take the test: `elsewhere` has those that do.
    """

    branch_id: str
    hours: str
    is_taken: bool
    next: Taking | None
    is_today: bool
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DayHours:
    """When a branch or its laboratory is open on one day. `day` is None where the wish names no one day, `start` where it is
    closed then.
    """

    branch_id: str
    day: date | None
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and how it is said when time is short."""

    faq_id: str
    topic: str
    text: str
    short: str

    @property
    def has_price(self) -> bool:
        return "рубл" in self.text


@dataclass(frozen=True, slots=True)
class Address:
    """A branch in spoken words."""

    branch_id: str
    title: str
    address: str
    directions: str
    hours: str


class Addresses(tuple[Address, ...]):
    """Branches in the catalogue's order."""

    __slots__ = ()

    @property
    def first(self) -> Address:
        return self[0]
