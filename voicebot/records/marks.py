"""What the quality department says of single turns."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rapidfuzz.distance import Levenshtein
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.records.digest import heard_of
from voicebot.records.store import UnknownDialog
from voicebot.records.tables import FactsRow, MarkRow, TurnRow
from voicebot.russian.text import words
from voicebot.storage.database import Database


class Kind(StrEnum):
    """What is wrong with a turn."""

    MISHEARD = "misheard"
    MISUNDERSTOOD = "misunderstood"
    BAD_PROMPT = "bad_prompt"
    WRONG_DATA = "wrong_data"
    FINE = "fine"  # looked at, nothing is wrong: counts for the error rate too


@dataclass(frozen=True, slots=True)
class Mark:
    """`right_text`: what was really said (words); `right_intent`: what was really wanted. "" where not known."""

    dialog_id: str
    number: int
    kind: Kind
    right_text: str = ""
    right_intent: str = ""
    note: str = ""
    author: str = ""
    at: datetime | None = None


def word_errors(heard: str, right: str) -> tuple[int, int]:
    """Return (errors, words of the right text): substitutions, deletions and insertions (Levenshtein over words)."""
    wanted = words(right)
    return Levenshtein.distance(words(heard), wanted), len(wanted)


@dataclass(frozen=True, slots=True)
class Marks:
    """The store of marks. Raises StorageError; UnknownDialog where there is no such turn."""

    database: Database
    clock: Clock

    def put(self, mark: Mark) -> None:
        """Store a mark; a turn has one, the last."""

        def work(session: Session) -> None:
            turn = session.get(TurnRow, (mark.dialog_id, mark.number))
            if turn is None:
                raise UnknownDialog("There is no such turn.", "It may have been purged: look at the dialog again.")
            is_heard = turn.who == "caller" and bool(mark.right_text or mark.kind is Kind.FINE)
            errors, count = word_errors(turn.text, mark.right_text or turn.text) if is_heard else (None, None)
            session.merge(
                MarkRow(
                    dialog_id=mark.dialog_id,
                    number=mark.number,
                    kind=mark.kind.value,
                    right_text=mark.right_text,
                    right_intent=mark.right_intent,
                    note=mark.note,
                    heard_words=count,
                    word_errors=errors,
                    author=mark.author,
                    at=self.clock.now(),
                )
            )
            _count(session, mark.dialog_id)

        self.database.run(work)

    def remove(self, dialog_id: str, number: int) -> None:
        """Take a mark back; nothing happens if there is none."""

        def work(session: Session) -> None:
            row = session.get(MarkRow, (dialog_id, number))
            if row is not None:
                session.delete(row)
                _count(session, dialog_id)

        self.database.run(work)

    def of_dialog(self, dialog_id: str) -> dict[int, Mark]:
        """Return a dialog's marks by the number of the turn."""
        query = select(MarkRow).where(MarkRow.dialog_id == dialog_id)
        return self.database.run(lambda s: {row.number: _mark(row) for row in s.scalars(query)}, is_readonly=True)

    def all_since(self, since: datetime | None = None) -> Iterator[tuple[Mark, str]]:
        """Yield marks with what had been heard, oldest first."""
        query = select(MarkRow, TurnRow.text).join(
            TurnRow, (TurnRow.dialog_id == MarkRow.dialog_id) & (TurnRow.number == MarkRow.number)
        )
        if since is not None:
            query = query.where(MarkRow.at >= since)
        query = query.order_by(MarkRow.at, MarkRow.dialog_id, MarkRow.number)
        yield from self.database.run(
            lambda session: [(_mark(row), heard) for row, heard in session.execute(query)], is_readonly=True
        )


def marks_of(session: Session, dialog_ids: Collection[str]) -> dict[str, dict[int, Mark]]:
    """Return the marks of several dialogs: ID -> number of the turn -> mark."""
    found: dict[str, dict[int, Mark]] = {}
    for row in session.scalars(select(MarkRow).where(MarkRow.dialog_id.in_(dialog_ids))):
        found.setdefault(row.dialog_id, {})[row.number] = _mark(row)
    return found


def _count(session: Session, dialog_id: str) -> None:
    """Bring the dialog's row of figures up to date; one that is not digested yet will count its marks itself."""
    session.flush()
    turns, heard, errors = heard_of(session.scalars(select(MarkRow).where(MarkRow.dialog_id == dialog_id)))
    values = {"heard_turns": turns, "heard_words": heard, "word_errors": errors}
    session.execute(update(FactsRow).where(FactsRow.dialog_id == dialog_id).values(**values))


def _mark(row: MarkRow) -> Mark:
    return Mark(row.dialog_id, row.number, Kind(row.kind), row.right_text, row.right_intent, row.note, row.author, row.at)
