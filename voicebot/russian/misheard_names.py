"""Names as a recogniser writes them: a surname's unstressed ending is a guess, the given name beside it mostly is not.

"Иванова" and "Иваново" are one to the ear (reduction of unstressed vowels); so are "Смирнова" and "смирного", "Анна" and "она"
on a telephone.
"""

from collections.abc import Sequence

from voicebot.russian.morphology import parses

#: What is written -> how much of it is left of the man's surname ("иваново" -> "иванов").
_AS_TOWN = ("ово", "ево", "ёво", "ино", "ыно")
_AS_SEVERAL = ("овы", "евы", "ёвы", "ины", "ыны")
_AS_OF_SOMETHING = {"ого": "ов", "его": "ев"}
_GENDERS = ("masc", "femn")
_OF_WOMEN = ("ова", "ева", "ина", "ына", "ая")
_SURELY_SURNAMES = ("ова", "ева")
#: Beside a woman's surname, and nothing after it but her father's name, it is no pronoun but Anna.
_ANNA_HEARD = "она"


def mended(tokens: Sequence[str]) -> list[str]:
    """The words of a name, those that only sound like a surname as the surname: "иваново мария" is "иванова мария".

    A word stays as it is where it is a surname already ("живаго"), or where it stands alone and no such surname is known
    ("домодедово").
    """
    tokens = _with_anna(_with_ends(tokens))
    genders = {gender for token in tokens for gender in _genders_of_person(token)}
    gender = genders.pop() if len(genders) == 1 else ""
    return [_as_surname(token, gender) for token in tokens]


def _with_anna(tokens: Sequence[str]) -> list[str]:
    """ "Сидорова она" is "сидорова анна"; "смирнова она придёт" stays."""
    found = list(tokens)
    for place in range(1, len(found)):
        is_last = place + 1 == len(found) or (place + 2 == len(found) and _is_known(found[-1], "Patr"))
        before = found[place - 1]
        is_surname = before.endswith(_OF_WOMEN) and (before.endswith(_SURELY_SURNAMES) or _is_known(before, "Surn"))
        if found[place] == _ANNA_HEARD and is_surname and is_last:
            found[place] = "анна"
    return found


def _with_ends(tokens: Sequence[str]) -> list[str]:
    """ "Ивана в саша" is "иванов саша": the end of a man's surname heard as a word of its own before his given name."""
    found = list(tokens)
    if "в" in found[1:-1]:
        place = found.index("в", 1)
        stem = found[place - 1]
        whole = next((one for one in (f"{stem[:-1]}ов", f"{stem[:-1]}ев", f"{stem}в") if _is_known(one, "Surn")), "")
        if whole and any({"Name", "nomn"} in reading.tag for reading in parses(found[place + 1])):
            found[place - 1 : place + 1] = [whole]
    return found


def _as_surname(word: str, gender: str) -> str:
    if _is_known(word, "Surn") or _is_known(word, "Name"):
        return word
    masculine = ""
    if word.endswith((*_AS_TOWN, *_AS_SEVERAL)):
        masculine = word[:-1]
    elif gender and word[-3:] in _AS_OF_SOMETHING:
        masculine = word[:-3] + _AS_OF_SOMETHING[word[-3:]]
    is_meant = bool(gender) and word.endswith(_AS_TOWN)  # a rare surname: beside "Ирина" it can hardly be a town
    if not is_meant and not _is_known(masculine, "Surn"):
        return word
    return masculine if gender == "masc" else f"{masculine}а"


def _genders_of_person(word: str) -> set[str]:
    """The gender that a given name or a patronymic in the nominative tells; both where it tells none."""
    return {
        gender
        for reading in parses(word)
        for gender in _GENDERS
        if gender in reading.tag
        and "nomn" in reading.tag
        and ("Patr" in reading.tag or ("Name" in reading.tag and reading.score >= 0.1))
    }


def _is_known(word: str, kind: str) -> bool:
    return bool(word) and any(
        kind in reading.tag and reading.is_known and "plur" not in reading.tag for reading in parses(word)
    )
