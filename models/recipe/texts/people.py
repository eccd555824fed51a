"""Case forms of Russian surnames, given names and patronymics, by ending.

Own rules: dictionaries know few surnames, and the recogniser needs every form a caller may say.
Order of the six cases everywhere: nominative, genitive, dative, accusative, instrumental, prepositional.
"""

from __future__ import annotations

CASES = ("nom", "gen", "dat", "acc", "ins", "prep")
_HUSHING = tuple("гкхжчшщ")
_IRREGULAR_STEMS = {"пётр": "петр", "павел": "павл", "лев": "льв"}


def _forms(stem: str, endings: str) -> list[str]:
    return [stem + ("" if ending == "-" else ending) for ending in endings.split()]


def surname_male(surname: str) -> list[str]:
    """Six cases of a man's surname."""
    if surname.endswith(("о", "у", "е", "и", "ых", "их")):
        return [surname] * 6
    if surname.endswith(("ов", "ев", "ёв", "ин", "ын")):
        return _forms(surname, "- а у а ым е")
    if surname.endswith(("ский", "цкий", "кий")):
        return _forms(surname[:-2], "ий ого ому ого им ом")
    if surname.endswith(("ый", "ой", "ний")):
        return [surname, *_forms(surname[:-2], "ого ому ого ым ом")]
    if surname.endswith("й"):
        return [surname, *_forms(surname[:-1], "я ю я ем е")]
    if surname.endswith("ь"):
        return [surname, *_forms(surname[:-1], "я ю я ем е")]
    if surname.endswith("а"):
        return [surname, *_forms(surname[:-1], "и е у ой е" if surname[-2] in _HUSHING else "ы е у ой е")]
    return _forms(surname, "- а у а ом е")


def surname_female(surname: str) -> list[str] | None:
    """Six cases of a woman's surname, given the man's form."""
    if surname.endswith(("ов", "ев", "ёв", "ин", "ын")):
        return _forms(surname, "а ой ой у ой ой")
    if surname.endswith(("ский", "цкий", "кий", "ый", "ой", "ний")):
        return _forms(surname[:-2], "ая ой ой ую ой ой")
    if surname.endswith("а"):
        return surname_male(surname)
    return [surname] * 6


def given_male(name: str) -> list[str]:
    """Six cases of a man's given name or patronymic."""
    if name.endswith("ий"):
        return [name, *_forms(name[:-1], "я ю я ем и")]
    if name.endswith(("й", "ь")):
        return [name, *_forms(name[:-1], "я ю я ем е")]
    if name.endswith("а"):
        return [name, *_forms(name[:-1], ("и" if name[-2] in _HUSHING else "ы") + " е у ой е")]
    if name.endswith("я"):
        return [name, *_forms(name[:-1], "и е ю ёй е" if name == "илья" else "и е ю ей е")]
    ending = "ем" if name.endswith(("ич", "ш", "ж")) else "ом"
    return [name, *_forms(_IRREGULAR_STEMS.get(name, name), f"а у а {ending} е")]


def given_female(name: str) -> list[str]:
    """Six cases of a woman's given name or patronymic."""
    if name.endswith("ия"):
        return [name, *_forms(name[:-1], "и и ю ей и")]
    if name.endswith("я"):
        return [name, *_forms(name[:-1], "и е ю ей е")]
    if name.endswith("ь"):
        return [name, *_forms(name[:-1], "и и ь ью и")]
    if name.endswith("а"):
        return [name, *_forms(name[:-1], ("и" if name[-2] in _HUSHING else "ы") + " е у ой е")]
    return [name] * 6


_PATRONYMIC_IRREGULAR = {
    "илья": "ильич ильинична", "никита": "никитич никитична", "фома": "фомич фоминична", "лука": "лукич лукинична",
    "павел": "павлович павловна", "пётр": "петрович петровна", "лев": "львович львовна",
    "михаил": "михайлович михайловна", "яков": "яковлевич яковлевна", "савелий": "савельевич савельевна",
}  # fmt: skip


def patronymic(name: str, *, female: bool = False) -> str | None:
    """The patronymic made of a father's name."""
    if name in _PATRONYMIC_IRREGULAR:
        return _PATRONYMIC_IRREGULAR[name].split()[female]
    tail = ("евич", "евна") if name.endswith(("й", "ь")) else ("ович", "овна")
    if name.endswith("ий"):
        return name[:-2] + ("и" if name in {"дмитрий", "георгий"} else "ь") + tail[female]
    if name.endswith(("й", "ь")):
        return name[:-1] + tail[female]
    if name[-1] in "ая":
        return None
    return name + tail[female]
