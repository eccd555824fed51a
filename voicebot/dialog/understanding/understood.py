"""What a phrase means, as far as one phrase can tell."""

from collections.abc import Mapping
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
    ambiguous: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # slot -> IDs that fit about equally
    several: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # slot -> all IDs named side by side, in order
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
        return self.intent == "none" and not (self.slots or self.ambiguous or self.change or self.is_any)

    def with_confidence(self, confidence: float) -> "Understood":
        return replace(self, confidence=round(confidence, 4))
