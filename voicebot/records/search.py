"""Dialogs by what was said in them: Russian words in any form, by the full-text search of each database."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, text
from sqlalchemy.orm import Session

from voicebot.records.lemmas import asked
from voicebot.records.tables import DialogRow


class Said(StrEnum):
    """Whose words count."""

    ANYBODY = "anybody"
    CALLER = "caller"


@dataclass(frozen=True, slots=True)
class Words:
    """What is looked for: all of the words, in any form and order."""

    text: str
    by: Said = Said.ANYBODY


def holds_words(session: Session, wanted: Words) -> ColumnElement[bool] | None:
    """Return the condition on DialogRow, None where the text has no words (anything fits)."""
    groups = asked(wanted.text)
    if not groups:
        return None
    if session.get_bind().dialect.name == "sqlite":
        # Words are letters and digits only (russian.text.words), quoted: nobody writes FTS5's own syntax here.
        found = " AND ".join("(" + " OR ".join(f'"{lemma}"' for lemma in group) + ")" for group in groups)
        query = f"caller : ({found})" if wanted.by is Said.CALLER else found
        return DialogRow.id.in_(
            text("SELECT dialog_id FROM dialog_words WHERE dialog_words MATCH :words").bindparams(words=query)
        )
    weight = ":A" if wanted.by is Said.CALLER else ""
    query = " & ".join("(" + " | ".join(f"'{lemma}'{weight}" for lemma in group) + ")" for group in groups)
    return DialogRow.id.in_(
        text("SELECT dialog_id FROM dialog_words WHERE vector @@ to_tsquery('simple', :words)").bindparams(words=query)
    )
