"""Whether what sounds like a name of the catalogue is that name, or another word: "простите" is no "простатит"."""

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from voicebot.clinic.catalogue import Kind
from voicebot.russian.fuzzy import Match, sound_key
from voicebot.russian.morphology import parses
from voicebot.russian.text import listed, normalise

KNOWN_WORDS_FLOOR = 0.9
_SURE = 0.95
_SPELLING_FLOOR = 0.75
_TELLING_LETTERS = 4
_POSSESSIVES = listed("мой твой свой наш ваш")
#: "Врач", "приём" alone name no service or speciality.
GENERIC = listed("врач врача врачу доктор доктора доктору прием приема консультация консультацию осмотр специалист запись")


def is_likely(kind: Kind, tokens: list[str], match: Match) -> bool:
    """Whether a fuzzy match is more than a likeness of sounds.

    Another first sound makes another surname: Сидорова is not Фёдорова. Elsewhere a known word that is not the form
    must be very like it: "простите" is no "простатит".
    """
    heard = tokens[match.span[0] : match.span[1]]
    text = " ".join(heard)
    if text.replace(" ", "") == match.form.replace(" ", ""):  # "х г ч", "гастро энтеролог"
        return True
    is_known = all(parses(token)[0].is_known for token in heard)
    if kind != "doctor" and any(token not in match.form and _is_no_thing(token) for token in heard):
        return False  # "рано" is no "рана", "анализ моей" no "анализ мочи"
    if any(token not in match.form and _is_number(token) for token in heard) and not _shares_word(heard, match):
        return False  # "категория бэ двадцать" is no "бэ двенадцать"
    if kind != "doctor" and is_known and Levenshtein.normalized_similarity(text, match.form) < _SPELLING_FLOOR:
        return False
    if match.score >= _SURE:
        return True
    if kind == "doctor":
        return sound_key(tokens[match.span[0]])[:1] == sound_key(match.form)[:1]
    return not is_known or match.score >= KNOWN_WORDS_FLOOR


def _is_number(word: str) -> bool:
    return str(parses(word)[0].tag.POS) == "NUMR"


def _shares_word(heard: Sequence[str], match: Match) -> bool:
    return any(len(token) >= _TELLING_LETTERS and token in match.form.split() for token in heard)


def _is_no_thing(word: str) -> bool:
    """Whether a word tells when or whose, and so is no misheard part of a thing's name."""
    reading = parses(word)[0]
    return bool(reading.is_known) and (reading.tag.POS == "ADVB" or reading.normal_form in _POSSESSIVES)


def is_generic(tokens: list[str], match: Match) -> bool:
    """Whether only such words were heard as tell nothing of a thing: "врач", "приём"."""
    return all(token in GENERIC for token in tokens[match.span[0] : match.span[1]]) and normalise(match.form) not in tokens
