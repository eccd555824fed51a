"""Names of people: heard in any case, kept in the nominative, said in the case that is needed."""

import re
from dataclasses import dataclass, replace
from itertools import pairwise, product

from voicebot.russian.misheard_names import mended
from voicebot.russian.morphology import parses
from voicebot.russian.person import GENDERED, PersonName, all_cases, decline, gender_of, is_like_surname
from voicebot.russian.text import listed, words

__all__ = ["PersonName", "all_cases", "decline", "gender_of", "parse_person"]

# As they are said, and as they are written.
_INFORMAL = {
    "сергевна": "сергеевна", "сергевны": "сергеевны", "иванна": "ивановна", "иванны": "ивановны",
    "николавна": "николаевна", "андревна": "андреевна", "алексевна": "алексеевна", "пална": "павловна",
    "палны": "павловны", "михална": "михайловна", "васильна": "васильевна", "дмитревна": "дмитриевна",
    "евгенна": "евгеньевна", "юрьна": "юрьевна", "анатольна": "анатольевна", "валерьна": "валерьевна",
    "григорьна": "григорьевна", "борисна": "борисовна", "санна": "александровна", "владимирна": "владимировна",
    "викторна": "викторовна",
}  # fmt: skip
_BEFORE_PATRONYMIC = {"пал": "павел", "сан": "александр", "марь": "мария", "ал": "александр", "дмитрь": "дмитрий"}
_OF_FATHER = listed("оглы оглу кызы кизи")  # "Рашид оглы", "Рашид кызы"
# Women's names that are nearly always the genitive of a man's.
_RARE_NAMES = listed("петра дмитрия андрея антона павла николая анатолия виталия григория юрия василия георгия тимофея")
_PARTICLE = "ли"
_SHORT_SURNAMES = listed("ли ан ю ир те ше ян юн")
# Said around a name. Those in the second set ask for another case than the nominative: "запишите ольгу смирнову".
_FILLERS = listed(
    """меня зовут звать мое моя имя фамилия фамилию отчество это я мы да нет ну вот а и э эм так значит пациент пациентка
    пациента пациентку на для от у к ко с со по пожалуйста здравствуйте добрый день вечер утро алло девушка
    запишите записать записывайте запиши пишите хочу хотела хотел бы можно будет буду мой моего мою мама маму маме папа папу
    сын сына сыну дочь дочку дочери дочка муж мужа мужу жена жену жене ребенок ребенка ребенку бабушка бабушку дедушка дедушку
    его ее их он она себя меня мне ему ей за то есть
    говорит звонит беспокоит полностью просто приема прием прием врачу величать величают кличут батюшке же пусть
    двойная двойную двойной через дефис тире черточку черточка"""
)
_HYPHEN_SAID = listed("двойная двойную двойной дефис тире черточку черточка")
_KIN = listed(
    "мальчик девочка малыш внук внучка брат сестра отец мать бабуля дедуля тетя дядя теща тесть свекровь свекор зять невестка "
    "племянник племянница супруг супруга подруга друг сосед соседка крестник крестница"
)
_CASE_TRIGGERS = {
    "datv": listed("к ко"),
    "gent": listed("для от у"),
    "accs": listed("на запишите записать записывайте запиши"),
}
_OBLIQUE_TRIGGERS = listed(
    "запишите записать записывайте запиши для от у к ко с на маму сына дочку мужа жену ребенка пациента пациентку"
)
_INTRODUCTIONS = listed("зовут фамилия фамилию имя")
# Of words that no dictionary has: sure endings only, in any case.
_UNKNOWN_SURNAME = re.compile(r"\w{2,}(?:[оеё]в|[иы]н|[сц]к)(?:|а|у|ым|ом|е|ой|ий|ая|ого|ому|ую)")
_UNKNOWN_PATRONYMIC = re.compile(r"\w{2,}(?P<ending>[оеё]вич|[оеё]вн|ичн)(?P<case>|а|у|ем|е|ы|ой)")
_SONS_CASES = {"": "nomn", "а": "gent", "у": "datv", "ем": "ablt", "е": "loct"}
_DAUGHTERS_CASES = {"а": "nomn", "ы": "gent", "е": "datv", "у": "accs", "ой": "ablt"}
_KINDS = ("Surn", "Name", "Patr")
_NO_NAME = frozenset({"PREP", "CONJ", "PRCL", "VERB", "INFN", "NPRO", "ADVB", "NUMR"})
_MAXIMUM_READINGS = 14
_MAXIMUM_PARTS = 3


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a word as a part of a name."""

    kind: str  # Surn, Name, Patr
    nominative: str
    case: str  # a grammeme, or "" for a word that does not decline
    gender: str  # masc, femn, or "" for either
    score: float


def parse_person(text: str) -> PersonName | None:
    """The person named in a phrase, or None: "запишите ольгу смирнову" is PersonName("Смирнова", "Ольга").

    A lone word counts only when the dictionary knows it as a name or a surname.
    """
    tokens = mended(_as_written(words(text)))
    is_oblique_likely = any(token in _OBLIQUE_TRIGGERS for token in tokens)
    expected = {case for case, triggers in _CASE_TRIGGERS.items() if any(token in triggers for token in tokens)}
    group = _name_words(tokens, is_oblique_likely)
    if not group:
        return None
    has_hyphen = any(token in _HYPHEN_SAID for token in tokens) or any(
        f"{first}-{second}" in text.lower().replace("ё", "е") for first, second in pairwise(group)
    )
    return _read(group, _Hints(is_oblique_likely, frozenset(expected), has_hyphen))


@dataclass(frozen=True, slots=True)
class _Hints:
    """What the words around a name tell about it."""

    is_oblique_likely: bool
    cases: frozenset[str]
    has_hyphen: bool


def _as_written(tokens: list[str]) -> list[str]:
    """Informal patronymics in full, "Рашид оглы" as one word, a word said twice once."""
    result: list[str] = []
    for place, token in enumerate(tokens):
        following = tokens[place + 1] if place + 1 < len(tokens) else ""
        if token in _OF_FATHER and result:
            result[-1] = f"{result[-1]}-{token}"
        elif result and result[-1] == token and token not in _FILLERS:
            continue
        elif token in _BEFORE_PATRONYMIC and _has(_INFORMAL.get(following, following) or "-", ("Patr",)):
            result.append(_BEFORE_PATRONYMIC[token])
        else:
            result.append(_INFORMAL.get(token, token) if result else token)
    return result


def _name_words(tokens: list[str], is_oblique_likely: bool) -> list[str]:
    """The words that may be the name: from the first known one to the last, and an unknown surname beside them."""
    group = [token for token in tokens if not _is_filler(token) and not token.isdecimal() and len(token) > 1]
    if _PARTICLE in group and any(_is_surely_surname(token) for token in group if token != _PARTICLE):
        group = [token for token in group if token != _PARTICLE]  # "есть ли Васильева" is not "Васильева Ли"
    known = [index for index, token in enumerate(group) if _is_name_word(token)]
    rare = [index for index, token in enumerate(group) if _is_rare_name(token, is_oblique_likely)]
    if len(group) <= _MAXIMUM_PARTS and len({*known, *rare}) == len(group):
        return group  # "кошкина света": nothing but names, though "света" is mostly a form of "свет"
    if rare and not known and len(group) == 2 and _may_be_callers(group[1 - rare[0]], is_oblique_likely):
        return group  # "роман мельник"
    if not known:
        is_named = any(token in _INTRODUCTIONS for token in tokens)
        is_short = 1 <= len(group) <= _MAXIMUM_PARTS
        return group if is_named and is_short and all(_may_be_surname(token) for token in group) else []
    first, last = known[0], known[-1]
    # A form that is mostly another word ("софии") is a given name beside a surname.
    if last + 1 < len(group) and _may_be_given(group[last + 1], group[first : last + 1]):
        last += 1
    elif first > 0 and _may_be_given(group[first - 1], group[first : last + 1]):
        first -= 1
    # One unknown word next to a given name or patronymic is a surname the dictionary lacks.
    if last - first + 1 < _MAXIMUM_PARTS and any(_has(group[index], ("Name", "Patr")) for index in known):
        has_surname = any(_has(group[index], ("Surn",)) and not _has(group[index], ("Name", "Patr")) for index in known)
        if not has_surname and first > 0 and _may_be_surname(group[first - 1]):
            first -= 1
        elif not has_surname and last + 1 < len(group) and _may_be_surname(group[last + 1]):
            last += 1
    return group[first : last + 1][: _MAXIMUM_PARTS + 1]


def _may_be_given(word: str, beside: list[str]) -> bool:
    """Whether a word beside known parts of a name is a given name: a form that is mostly another word, or one nobody knows."""
    if parses(word)[0].tag.POS in _NO_NAME:
        return False
    return _has(word, ("Name",)) or (len(beside) == 1 and _is_surely_surname(beside[0]) and bool(_as_unknown_given(word)))


def _is_surely_surname(word: str) -> bool:
    return any("Surn" in reading.tag for reading in parses(word)[:2]) and not _has(word, ("Name",))


def _is_filler(word: str) -> bool:
    return word in _FILLERS or parses(word)[0].normal_form in _KIN


def _is_rare_name(word: str, is_oblique_likely: bool) -> bool:
    """A given name that is mostly another noun: "роман", "света", "слава"."""
    readings = parses(word)
    return readings[0].tag.POS in ("NOUN", "ADJS") and any(
        "Name" in reading.tag and "sing" in reading.tag and (is_oblique_likely or "nomn" in reading.tag) for reading in readings
    )


def _may_be_callers(word: str, is_oblique_likely: bool) -> bool:
    """Whether a word beside a rare given name may be its surname: who somebody is ("мельник"), or whose ("седых")."""
    first = parses(word)[0]
    is_somebody = {"NOUN", "anim", "sing"} in first.tag and (is_oblique_likely or "nomn" in first.tag)
    return is_somebody or is_like_surname(word)


def _has(word: str, kinds: tuple[str, ...]) -> bool:
    return any(kind in reading.tag for reading in parses(word) for kind in kinds)


def _is_name_word(word: str) -> bool:
    if "-" in word:
        return True  # "рашид-оглы"
    readings = parses(word)
    if any("Patr" in reading.tag for reading in readings) or _is_unknown_part(word):
        return True
    return (
        any(("Name" in r.tag or "Surn" in r.tag) and r.score >= 0.1 for r in readings) and readings[0].tag.POS not in _NO_NAME
    )


def _is_unknown_part(word: str) -> bool:
    """A surname or a patronymic by its ending, which the dictionary lacks: "сивцев", "очирович"."""
    if any(reading.is_known for reading in parses(word)):
        return False
    return _UNKNOWN_PATRONYMIC.fullmatch(word) is not None or _UNKNOWN_SURNAME.fullmatch(word) is not None


def _may_be_surname(word: str) -> bool:
    readings = parses(word)
    return word in _SHORT_SURNAMES or (len(word) > 2 and any(reading.tag.POS in ("NOUN", "ADJF") for reading in readings[:3]))


def _readings(word: str) -> list[_Reading]:
    """All ways to read a word as a part of a name, with its nominative singular."""
    found: list[_Reading] = []
    father, _, suffix = word.partition("-")
    if suffix in _OF_FATHER:
        return [_Reading("Patr", f"{father.capitalize()} {suffix}", "", "femn" if suffix[0] == "к" else "masc", 1.0)]
    readings = parses(word)
    if _is_unknown_part(word) and (patronymic := _as_unknown_patronymic(word)) is not None:
        found.append(patronymic)
    declines = any({"Name", "sing"} in reading.tag and "Fixd" not in reading.tag for reading in readings)
    is_guess = _is_unknown_part(word)  # "мустафина" is no given name, though it looks like "марина"
    for reading in readings:
        for kind in _KINDS:
            if kind not in reading.tag or "plur" in reading.tag:
                continue
            gender = str(reading.tag.gender or "")
            gender = gender if gender in ("masc", "femn") else ""
            wanted = {"sing", "nomn"} | ({gender} if gender else set())
            nominative = reading.inflect(wanted)
            word_nominative = str(nominative.word) if nominative is not None else str(reading.word)
            if kind == "Patr" and "Infr" in reading.tag and gender == "masc":
                word_nominative = str(reading.normal_form)
            case = "" if "Fixd" in reading.tag else str(reading.tag.case or "")
            # "Анне" is rather the dative of "Анна" than a foreign name that does not decline.
            is_foreign = (not case and declines) or (word_nominative in _RARE_NAMES and gender == "femn")
            is_rare = kind == "Name" and (is_foreign or is_guess)
            score = float(reading.score) * (0.01 if is_rare else 1.0)
            found.append(_Reading(kind, word_nominative, case, gender, score))
    return found[:_MAXIMUM_READINGS]


def _as_unknown_patronymic(word: str) -> _Reading | None:
    """ "Очирович", "очировича", "очировну"."""
    found = _UNKNOWN_PATRONYMIC.fullmatch(word)
    if found is None:
        return None
    is_son = found["ending"].endswith("ич")
    case = (_SONS_CASES if is_son else _DAUGHTERS_CASES).get(found["case"])
    nominative = word[: found.end("ending")] + ("" if is_son else "а")
    return _Reading("Patr", nominative, case, "masc" if is_son else "femn", 0.5) if case else None


def _as_unknown_given(word: str) -> list[_Reading]:
    """A given name the dictionary lacks, as it stands: "санал", "севиндж"."""
    is_unknown = not any(reading.is_known for reading in parses(word)) and not _is_unknown_part(word)
    return [_Reading("Name", word, "", "", 0.01)] if is_unknown else []


def _as_unknown_surname(word: str) -> list[_Reading]:
    """A surname the dictionary lacks: as it stands, or by the noun or adjective it looks like."""
    found = [_Reading("Surn", word, "nomn", "", 0.05), _Reading("Surn", word, "", "", 0.01)]
    for reading in parses(word):
        if reading.tag.POS not in ("NOUN", "ADJF") or "plur" in reading.tag or reading.tag.case is None:
            continue
        gender = str(reading.tag.gender or "")
        if gender not in ("masc", "femn"):
            continue
        nominative = reading.inflect({"sing", "nomn", gender})
        if nominative is not None:
            case = str(reading.tag.case)
            person = "" if reading.tag.POS == "NOUN" and gender == "masc" and case == "nomn" else gender
            found.append(_Reading("Surn", str(nominative.word), case, person, 0.03 * float(reading.score)))
    return found[:_MAXIMUM_READINGS]


def _read(group: list[str], hints: _Hints) -> PersonName | None:
    """The likeliest assignment of the words to surname, given name and patronymic that agrees in case and gender."""
    options = [_readings(word) or (_as_unknown_surname(word) if len(group) == 1 else []) for word in group]
    if len(group) > 1:
        options = [
            readings
            if any(r.kind in ("Surn", "Patr") for r in readings) and not _is_unknown_part(word)
            else readings + _as_unknown_surname(word) + _as_unknown_given(word)
            for word, readings in zip(group, options, strict=True)
        ]
    best = None
    if len(group) <= _MAXIMUM_PARTS and not hints.has_hyphen:
        # A recogniser mishears endings ("кузнецовой мария"): the parts are one person's even where their cases disagree.
        best = _best(options, hints) or _best(options, hints, is_case_free=True)
    if best is None:
        best = _with_double_surname(options, hints)
    if best is None and len(group) <= _MAXIMUM_PARTS:
        return _of_givens_gender(options, hints)
    if best is None:
        return None
    parts = {reading.kind: _capitalised(reading.nominative) for reading in best}
    return PersonName(parts.get("Surn", ""), parts.get("Name", ""), parts.get("Patr", ""))


def _with_double_surname(options: list[list[_Reading]], hints: _Hints) -> tuple[_Reading, ...] | None:
    """ "Римский Корсаков Николай": two surnames side by side that agree are one, with a hyphen."""
    if len(options) < (2 if hints.has_hyphen else 3):
        return None
    found: list[tuple[float, tuple[_Reading, ...]]] = []
    for place in range(len(options) - 1):
        doubled = [
            _Reading("Surn", f"{a.nominative}-{b.nominative}", a.case or b.case, a.gender or b.gender, a.score * b.score)
            for a, b in product(*(_surnames(options[place + n]) for n in (0, 1)))
            if (a.case == b.case or not a.case or not b.case) and (a.gender == b.gender or not a.gender or not b.gender)
        ]
        others = [*options[:place], doubled, *options[place + 2 :]]
        scored = [(score, chosen) for chosen in product(*others) if (score := _score(chosen, hints, False)) is not None]
        found += [max(scored, key=lambda one: one[0])] if scored else []
    return max(found, key=lambda one: one[0])[1] if found else None


def _surnames(readings: list[_Reading]) -> list[_Reading]:
    return [reading for reading in readings if reading.kind == "Surn"][:_MAXIMUM_READINGS]


def _of_givens_gender(options: list[list[_Reading]], hints: _Hints) -> PersonName | None:
    """ "Смирнов Анна Ивановна": the given name is heard better than the ending of the surname, and decides."""
    others = [[replace(one, gender="") if one.kind == "Surn" else one for one in several] for several in options]
    best = _best(others, hints)
    if best is None:
        return None
    gender = next((one.gender for one in best if one.gender), "")
    parts = {one.kind: _capitalised(one.nominative) for one in best}
    surname = _of_gender(parts.get("Surn", ""), gender)
    return PersonName(surname, parts.get("Name", ""), parts.get("Patr", ""))


def _of_gender(surname: str, gender: str) -> str:
    for womens, mens in GENDERED:
        if gender == "femn" and surname.endswith(mens):
            return surname.removesuffix(mens) + womens
        if gender == "masc" and surname.endswith(womens):
            return surname.removesuffix(womens) + mens
    return surname


def _best(options: list[list[_Reading]], hints: _Hints, *, is_case_free: bool = False) -> tuple[_Reading, ...] | None:
    scored = [(_score(chosen, hints, is_case_free), chosen) for chosen in product(*options)]
    return max(((s, c) for s, c in scored if s is not None), key=lambda one: one[0], default=(0.0, None))[1]


def _score(chosen: tuple[_Reading, ...], hints: _Hints, is_case_free: bool) -> float | None:
    kinds = [reading.kind for reading in chosen]
    if len(set(kinds)) != len(kinds):
        return None
    if not is_case_free and len(set(filter(None, (reading.case for reading in chosen)))) > 1:
        return None
    if len(set(filter(None, (reading.gender for reading in chosen)))) > 1:
        return None
    score = 1.0001 if kinds[0] == "Surn" else 1.0
    if kinds in (
        ["Patr", "Name"],
        ["Name", "Surn", "Patr"],
        ["Patr", "Surn", "Name"],
        ["Patr", "Name", "Surn"],
        ["Surn", "Patr"],
    ):
        score = 0.1 if len(kinds) == 2 else 0.001  # orders that hardly anybody uses
    for reading in chosen:
        score *= reading.score + 0.001
    cases = {reading.case for reading in chosen if reading.case}
    if cases <= {"nomn"}:
        return score * (1.0 if hints.is_oblique_likely else 30.0)
    if cases & hints.cases:
        return score * 60.0
    return score * 3.0 if cases == {"accs"} and hints.is_oblique_likely else score


def _capitalised(word: str) -> str:
    return "-".join(part.capitalize() for part in word.split("-"))
