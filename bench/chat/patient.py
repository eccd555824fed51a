"""A simulated patient in the chat: reads what is asked, thinks, types an answer. Draws are its own, so runs repeat."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_NAMES = ("Иванов Пётр", "Смирнова Анна", "Кузнецов Олег", "Попова Мария", "Соколов Андрей", "Лебедева Ольга")
_WISHES = (
    "хочу записаться к терапевту", "запишите меня к кардиологу пожалуйста", "нужен невролог", "запись к лору",
    "хочу попасть к урологу", "запишите к дерматологу",
)  # fmt: skip
_QUESTIONS = ("сколько стоит приём терапевта", "где вы находитесь", "как подготовиться к узи живота", "")
_DAYS = ("послезавтра", "в пятницу", "на следующей неделе", "в среду утром", "в любой день после обеда", "через две недели")

READ_CHARACTERS_A_SECOND = 25.0  # a glance over a short message
TYPED_CHARACTERS_A_SECOND = 4.0  # thumbs on a phone
LEAST_THOUGHT_SECONDS, MOST_THOUGHT_SECONDS = 1.0, 6.0
PRESS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the patient does next, and after how long."""

    after_seconds: float
    text: str = ""
    button: str = ""


@dataclass(slots=True)
class Patient:
    """One dialog: perhaps a question first, then a booking."""

    seed: int
    asked: int = 0
    is_booked: bool = False
    _draw: random.Random = field(init=False)
    _pending: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)
        question = self._draw.choice(_QUESTIONS)
        self._pending = [text for text in (question, self._draw.choice(_WISHES)) if text]

    def answer(self, lines: Sequence[str], buttons: Mapping[str, str], *, wants_phone: bool) -> Answer:
        """Return what the patient does about a reply. `buttons`: label -> payload."""
        self.asked += 1
        words = " ".join(lines)
        self.is_booked = self.is_booked or "записала" in words
        text, label = self._choose(words, buttons, wants_phone=wants_phone)
        thought = self._draw.uniform(LEAST_THOUGHT_SECONDS, MOST_THOUGHT_SECONDS) + len(words) / READ_CHARACTERS_A_SECOND
        if label:
            return Answer(thought + PRESS_SECONDS, button=buttons[label])
        return Answer(thought + len(text) / TYPED_CHARACTERS_A_SECOND, text)

    def _choose(self, words: str, buttons: Mapping[str, str], *, wants_phone: bool) -> tuple[str, str]:
        """Words to type, or the label of a button."""
        offers = [label for label in buttons if ":" in label]
        if offers:
            return "", self._draw.choice(offers)
        if "Филиал на Лесной" in buttons:
            return "", self._draw.choice(list(buttons))
        if "верно" in words and "Да" in buttons:
            return "", "Да"
        if wants_phone:
            return f"8 9{self._draw.randrange(10**8, 10**9)}", ""
        if "фамили" in words:
            return self._draw.choice(_NAMES), ""
        if "Любое время" in buttons:
            return self._draw.choice(_DAYS), ""
        if self._pending:
            return self._pending.pop(0), ""
        return ("", "Нет") if "Нет" in buttons else ("нет, спасибо", "")
