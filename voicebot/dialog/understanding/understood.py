"""What a phrase means, as far as one phrase can tell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from voicebot.russian.when import When


@dataclass(frozen=True, slots=True)
class Understood:
    """Slots are typed: doctor, speciality, service, test, branch, faq (IDs of the catalogue), datetime (When), name
    (PersonName), birth_date (date), phone (E.164), digits (a part of a number), yes_no (bool), ordinal (1.. or -1 for
    the last). `confidence` 0..1 is how sure the slots are (of a phrase without any, the intent).

    Intents: see docs/understanding.md; "none" is no intent, "off_topic" is nothing of the clinic's. A form of a dialplan
    may declare more of them by its examples.
    """

    intent: str = "none"
    slots: Mapping[str, Any] = field(default_factory=dict)
    confidence: float = 0.0
    intent_confidence: float = 0.0  # the calibrated probability of the intent
    sureness: Mapping[str, float] = field(default_factory=dict)  # slot -> how sure it is, where less than the phrase's words
    ambiguous: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # slot -> IDs that fit about equally
    several: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # slot -> all IDs named side by side, in order
    unwanted: tuple[tuple[str, str], ...] = ()  # (slot, ID) of doctors and branches ruled out: "только не на Парковой"
    listed: tuple[tuple[str, str], ...] = ()  # (slot, ID) of what is wanted one after another: "к терапевту и на УЗИ"
    change: str = ""  # the type of field the caller wants changed, "offers": others than those offered, "earlier", "later"
    named: frozenset[str] = frozenset()  # slots that were announced ("меня зовут ..."): they count unasked
    is_negated: bool = False  # "нет ...", "лучше ...": the phrase contradicts what was offered
    is_any: bool = False  # "всё равно"

    is_unknown_doctor: bool = False  # "к доктору Пупкину", whom the catalogue does not have

    @property
    def empty_wish(self) -> When:
        """A wish that any time fulfils."""
        return When()

    @property
    def is_nothing(self) -> bool:
        return self.intent == "none" and not (self.slots or self.ambiguous or self.change or self.is_any or self.unwanted)

    def sure_of(self, slot: str) -> float:
        """How sure a slot is: a branch that was half heard makes no doctor doubtful."""
        return self.sureness.get(slot, 1.0) if self.sureness else self.confidence

    def as_heard(
        self,
        confidence: float,
        share: float,
        of_slot: Callable[[str, Any], float] | None = None,
        of_intent: float | None = None,
    ) -> "Understood":
        """Return it no surer than the recogniser was of the words (`confidence`), times `share`.

        Several hypotheses may have parts of their meaning in common: `of_slot(slot, value)` and `of_intent` tell how sure
        these are (none: as sure as the words).
        """

        def sure_of(slot: str) -> float:
            return confidence if of_slot is None or slot not in self.slots else of_slot(slot, self.slots[slot])

        def capped(value: float, limit: float) -> float:
            return round(min(value, limit) * share, 4)

        named = (*self.slots, *self.ambiguous)
        sureness = {slot: capped(self.sureness.get(slot, 1.0), sure_of(slot)) for slot in named}
        intent = confidence if of_intent is None else of_intent
        return replace(
            self,
            confidence=capped(self.confidence, min(map(sure_of, self.slots), default=intent)),
            intent_confidence=capped(self.intent_confidence, intent),
            sureness=sureness if self.sureness or any(value < 1.0 for value in sureness.values()) else {},
        )
