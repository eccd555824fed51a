"""Doctors, specialities, services and branches in a phrase: by sound, in any case, with popular words and complaints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rapidfuzz.distance import Levenshtein

from voicebot.clinic.catalogue import KINDS, Catalogue, Kind
from voicebot.russian.case import Case
from voicebot.russian.fuzzy import Index, Match, sound_key
from voicebot.russian.morphology import parses
from voicebot.russian.names import PersonName, decline
from voicebot.russian.text import listed, normalise, words

_FLOOR: Mapping[Kind, float] = {"doctor": 0.86, "speciality": 0.84, "service": 0.84, "branch": 0.84, "test": 0.84, "faq": 0.86}
_MARGIN = 0.04
_SURE = 0.95
_KNOWN_WORDS_FLOOR = 0.9
_SPELLING_FLOOR = 0.75
_BEFORE_DATIVE = frozenset({"к", "ко", "доктору", "врачу"})
#: Surnames sound like everyday words; these are never the reason to think of a doctor.
_NOT_SURNAMES = listed(
    """запись записать записаться запишите записи прием приема приему врач врачу врача доктор доктору доктора специалист
    пятница пятницу пятницы четверг среда среду вторник понедельник суббота субботу воскресенье завтра послезавтра сегодня
    утро утром утра день днем дня вечер вечером вечера час часа часов половина половину четверть неделя недели неделю
    января февраля марта апреля мая июня июля августа сентября октября ноября декабря первое второе третье первый второй
    третий последний можно нужно надо хочу хотел хотела хотелось меня мне мой моя номер телефон девять десять восемь семь
    шесть пять четыре три два один двенадцать двадцать тридцать сорок пятьдесят здравствуйте добрый день пожалуйста спасибо
    нет лучше другой другая другое другого время после обеда раньше позже свободно свободное лесная лесной садовая садовой
    парковая парковой улица метро филиал болит боль голова живот спина лет ребенок ребенка сына дочку мужа жену маму"""
)
#: "Врач", "приём" alone name no service or speciality.
_GENERIC = listed("врач врача врачу доктор доктора доктору прием приема консультация консультацию осмотр специалист запись")


@dataclass(slots=True)
class Subjects:
    """What of the catalogue a phrase names: slot -> ID, slot -> several IDs that fit about equally, least score."""

    slots: dict[str, str] = field(default_factory=dict)
    ambiguous: dict[str, tuple[str, ...]] = field(default_factory=dict)
    score: float = 1.0
    spans: list[tuple[int, int]] = field(default_factory=list)


class SubjectFinder:
    """Indexes of one catalogue, built once (about a second), then a few milliseconds a phrase."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @cached_property
    def indexes(self) -> Mapping[Kind, Index]:
        return {
            "doctor": Index(self._catalogue.forms("doctor")),
            "speciality": Index(self._specialities()),
            "service": Index(self._catalogue.forms("service")),
            "branch": Index(self._catalogue.forms("branch")),
            "test": Index(self._catalogue.forms("test")),
            "faq": Index(self._catalogue.forms("faq")),
        }

    def _specialities(self) -> dict[str, Sequence[str]]:
        complaints = self._catalogue.complaints()
        return {
            key: (*forms, *(case for form in forms for case in _adjective_cases(form)), *complaints.get(key, ()))
            for key, forms in self._catalogue.forms("speciality").items()
        }

    def find(self, text: str, kinds: Sequence[Kind] = KINDS) -> Subjects:
        """Return what the phrase names. A service that holds a speciality's words ("приём кардиолога") takes them."""
        tokens = words(text)
        found: dict[Kind, list[Match]] = {}
        for kind in kinds:
            masked = " ".join("и" if kind == "doctor" and token in _NOT_SURNAMES else token for token in tokens)
            matches = self.indexes[kind].matches(masked, _FLOOR[kind])
            found[kind] = [match for match in matches if not _is_generic(tokens, match) and _is_likely(kind, tokens, match)]
        self._drop_covered(found)
        result = self._decide(tokens, found)
        if not (result.slots.keys() | result.ambiguous.keys()) & {"service", "speciality"}:
            family = next((self._families[token] for token in tokens if token in self._families), ())
            if family:
                result.ambiguous["service"] = family
        return result

    @cached_property
    def _families(self) -> Mapping[str, tuple[str, ...]]:
        """A word with which several services begin ("узи") -> them: it names none of them, but asks which."""
        beginnings: dict[str, list[str]] = {}
        for key, forms in self._catalogue.forms("service").items():
            for first in {words(form)[0] for form in forms if len(words(form)) > 1}:
                if first not in _GENERIC:
                    beginnings.setdefault(first, []).append(key)
        return {first: tuple(keys) for first, keys in beginnings.items() if len(keys) > 1}

    def _drop_covered(self, found: dict[Kind, list[Match]]) -> None:
        everything = [(kind, match) for kind, matches in found.items() for match in matches]
        for kind, matches in found.items():
            found[kind] = [
                match
                for match in matches
                if not any(other is not kind and _covers(winner, match) for other, winner in everything)
            ]

    def _decide(self, tokens: list[str], found: dict[Kind, list[Match]]) -> Subjects:
        result = Subjects()
        for kind, matches in found.items():
            best = [match for match in matches if match.score >= matches[0].score - _MARGIN]
            best = self._narrowed(kind, tokens, best, found)
            if not best:
                continue
            result.score = min(result.score, best[0].score)
            result.spans += [match.span for match in best]
            if len({match.key for match in best}) == 1:
                result.slots[kind] = best[0].key
            else:
                result.ambiguous[kind] = tuple(dict.fromkeys(match.key for match in best))
        return result

    def _narrowed(self, kind: Kind, tokens: list[str], best: list[Match], found: dict[Kind, list[Match]]) -> list[Match]:
        """Of several Ivanovs, the cardiologist when a cardiologist was asked for; "к Соколову" is the man.

        Of several spans the longest; what is spelled like that wins over what only sounds so ("ЭКГ", "ЭЭГ").
        """
        if len(best) < 2:
            return best
        specialities = {match.key for match in found.get("speciality", ())}
        if kind == "doctor" and specialities:
            fitting = [m for m in best if specialities & set(self._catalogue.doctors[m.key].specialities)]
            best = fitting or best
        if kind == "doctor":
            best = [match for match in best if self._is_dative(tokens, match)] or best
        best = [match for match in best if _text_of(tokens, match) == match.form] or best
        longest = max(match.span[1] - match.span[0] for match in best)
        exact = [match for match in best if match.span[1] - match.span[0] == longest and match.score >= best[0].score]
        return exact or best

    def _is_dative(self, tokens: list[str], match: Match) -> bool:
        """Whether "к ..." stands before exactly this doctor's surname in the dative."""
        if match.span[0] == 0 or tokens[match.span[0] - 1] not in _BEFORE_DATIVE:
            return False
        doctor = self._catalogue.doctors[match.key]
        whole = PersonName(doctor.surname, doctor.given, doctor.patronymic)
        overrides = {doctor.surname: dict(doctor.cases.get("surname", {}))}
        return normalise(decline(whole, Case.DATIVE, overrides).split(" ")[0]) == tokens[match.span[0]]


def _text_of(tokens: list[str], match: Match) -> str:
    return " ".join(tokens[match.span[0] : match.span[1]])


def _covers(winner: Match, match: Match) -> bool:
    """Whether another kind's match explains more words, or the same words better."""
    inside = winner.span[0] <= match.span[0] and match.span[1] <= winner.span[1]
    if not inside:
        return False
    if winner.span == match.span:
        return winner.score > match.score + 0.02
    return winner.score >= match.score - 0.06


def _adjective_cases(form: str) -> tuple[str, ...]:
    """ "Зубной", "глазной" stand for a doctor and decline like adjectives."""
    if " " in form or not form.endswith(("ой", "ый")):
        return ()
    return tuple(form[:-2] + ending for ending in ("ого", "ому", "ым", "ом"))


def _is_likely(kind: Kind, tokens: list[str], match: Match) -> bool:
    """Whether a fuzzy match is more than a likeness of sounds.

    Another first sound makes another surname: Сидорова is not Фёдорова. Elsewhere a known word that is not the form
    must be very like it: "простите" is no "простатит".
    """
    heard = tokens[match.span[0] : match.span[1]]
    text = " ".join(heard)
    if text == match.form:
        return True
    is_known = all(parses(token)[0].is_known for token in heard)
    if kind != "doctor" and is_known and Levenshtein.normalized_similarity(text, match.form) < _SPELLING_FLOOR:
        return False
    if match.score >= _SURE:
        return True
    if kind == "doctor":
        return sound_key(tokens[match.span[0]])[:1] == sound_key(match.form)[:1]
    return not is_known or match.score >= _KNOWN_WORDS_FLOOR


def _is_generic(tokens: list[str], match: Match) -> bool:
    return all(token in _GENERIC for token in tokens[match.span[0] : match.span[1]]) and normalise(match.form) not in tokens
