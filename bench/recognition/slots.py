"""Whether what was heard means to the product what was said: its own understanding of the demo clinic judges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.recognition.texts import Line
from bench.robot import DEMO
from voicebot.clinic.loading import load_catalogue
from voicebot.dialog.talking import Alternative, Expect, Profile
from voicebot.dialog.understanding import Understanding
from voicebot.hearing.choose import choose
from voicebot.hearing.grammar import ProvenGrammar, prove_grammar
from voicebot.hearing.recogniser import SpeechModel

_NOW = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001 - the clinic's local time, a Monday
_SUBJECT = ("doctor", "speciality", "service", "test")
#: type of the question -> slots in which its answer lies
WANTED = {
    "yes_no": ("yes_no",),
    "datetime": ("datetime",),
    "phone": ("phone",),
    "name": ("name",),
    "birth_date": ("birth_date",),
    "choice": ("ordinal",),
    "subject": _SUBJECT,
    "branch": ("branch",),
}
#: commands are no slots: there the intent must be the same. They are said at any question, here at a yes or no.
COMMANDS = ("operator", "repeat", "goodbye")
_PROFILES = {"yes_no": Profile.YES_NO, "datetime": Profile.DATE, "phone": Profile.DIGITS, "birth_date": Profile.DATE,
             "name": Profile.NAME, "choice": Profile.CHOICE}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What the answer of a line is expected to be, with the grammar that the model can hear."""

    expect: Expect
    grammar: ProvenGrammar


class Judge:
    """Compares meanings."""

    def __init__(self, model: SpeechModel) -> None:
        self._understanding = Understanding(load_catalogue(DEMO / "clinic"))
        self._model = model
        self._questions: dict[str, Question] = {}

    def question(self, kind: str) -> Question:
        asked = "yes_no" if kind in COMMANDS else kind
        if asked not in self._questions:
            grammar = self._understanding.grammar_for(asked)
            proven = prove_grammar(self._model, grammar, f"bench.{asked}")
            expect = Expect(type=asked, profile=_PROFILES.get(asked, Profile.FREE), grammar=grammar)
            self._questions[asked] = Question(expect, proven)
        return self._questions[asked]

    def grammars(self) -> dict[str, ProvenGrammar]:
        """The grammars used so far, by type of question."""
        return {kind: question.grammar for kind, question in self._questions.items()}

    def meaning(self, text: str, kind: str) -> Any:
        """Return what a text answers to a question of this kind; None where nothing of it."""
        understood = self._understanding.understand(text, self.question(kind).expect, _NOW)
        if kind in COMMANDS:
            return understood.intent if understood.intent == kind else None
        values = {name: understood.slots[name] for name in WANTED[kind] if name in understood.slots}
        values |= {name: frozenset(understood.ambiguous[name]) for name in WANTED[kind] if name in understood.ambiguous}
        return values or None

    def is_same(self, line: Line, heard: str) -> bool:
        said = self.meaning(line.written, line.kind)
        return said is not None and self.meaning(heard, line.kind) == said

    def chosen(self, kind: str, openly: Sequence[Alternative], by_grammar: Sequence[Alternative]) -> str:
        """Return what the product would take, given both recognisers' hypotheses."""
        taken = choose(openly, by_grammar, "", self.question(kind).expect, self._understanding.fits)
        return taken[0].text if taken else ""
