"""What of the catalogue a phrase names: by sound, in any case, by popular words and complaints."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from voicebot.clinic.catalogue import KINDS, Catalogue, Kind
from voicebot.clinic.names_check import PRECEDENCE
from voicebot.dialog.understanding.endearments import fondly
from voicebot.dialog.understanding.lemma_index import LemmaIndex, Own
from voicebot.dialog.understanding.likeness import GENERIC, KNOWN_WORDS_FLOOR, is_generic, is_likely
from voicebot.dialog.understanding.subject_index import SubjectIndex
from voicebot.russian.case import Case
from voicebot.russian.fuzzy import Match
from voicebot.russian.inflect import inflect
from voicebot.russian.morphology import parses
from voicebot.russian.names import PersonName, decline
from voicebot.russian.nouns import forms as case_forms
from voicebot.russian.person import GENDERED
from voicebot.russian.text import listed, normalise, words

_FLOOR: Mapping[Kind, float] = {"doctor": 0.86, "speciality": 0.84, "service": 0.84, "branch": 0.84, "test": 0.84, "faq": 0.86}
_MARGIN = 0.04
_ALIKE = 0.02  # scores that differ by less tell nothing
_DECLINED_WORDS = 6
_LONGEST_PREPOSITION = 2  # "в глаз попало" and "в школу" are no family
_BEFORE_NOMINATIVE = listed("а и ну вот доктор врач здравствуйте алло скажите пожалуйста подскажите")
_VERB_WITHIN = 4
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
#: Named side by side they are all meant ("общий анализ крови и сахар"); of doctors or specialities only where it is said
#: so ("к терапевту и к кардиологу"): else the caller corrects himself, or the recogniser wavers.
_SEVERAL: tuple[Kind, ...] = ("test", "service")
_LISTED: tuple[Kind, ...] = ("doctor", "speciality", "service")
_AND = listed("и еще потом затем также плюс")
_BETWEEN = _AND | listed("к ко на у а же врачу доктору прием приему записаться запишите сделать мне меня")
#: At the same words and as good a likeness the first of these is meant: the catalogue's warnings tell so.
_RANKS = {kind: rank for rank, kind in enumerate(PRECEDENCE)}


@dataclass(slots=True)
class Subjects:
    """What of the catalogue a phrase names: slot -> ID, slot -> several IDs that fit about equally, slot -> score.

    `several`: slot -> all IDs that stand side by side in the phrase, in its order; `slots` has the first. `listed`: what is
    wanted one after another ("к терапевту и на УЗИ почек"), (slot, ID) in order; empty where it is one thing.
    """

    slots: dict[str, str] = field(default_factory=dict)
    ambiguous: dict[str, tuple[str, ...]] = field(default_factory=dict)
    several: dict[str, tuple[str, ...]] = field(default_factory=dict)
    listed: tuple[tuple[str, str], ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)


class SubjectFinder:
    """The index of one catalogue, built once (about a second), then a few milliseconds a phrase."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @cached_property
    def index(self) -> SubjectIndex[Kind]:
        return SubjectIndex({kind: dict(self._forms(kind)) for kind in KINDS})

    @cached_property
    def _by_lemmas(self) -> LemmaIndex[Kind]:
        """Names of things by their words alone; people and questions of the FAQ are found by sound."""
        things: tuple[Kind, ...] = ("service", "test", "speciality")
        return LemmaIndex({kind: self._catalogue.forms(kind) for kind in things})

    def _forms(self, kind: Kind) -> Iterator[tuple[str, Sequence[str]]]:
        """Every entry's names in every case. Groups are entries of their kind until the end."""
        if kind == "doctor":
            yield from ((key, [*forms, *flat_map(case_forms, forms)]) for key, forms in self._catalogue.forms(kind).items())
            return
        complaints = self._catalogue.complaints() if kind == "speciality" else {}
        for key, forms in self._catalogue.forms(kind).items():
            hurts = complaints.get(key, ())
            own = (*forms, *hurts, *flat_map(fondly, hurts))
            yield key, [*own, *flat_map(_cases, own), *flat_map(_adjective_cases, forms)]
        for key, group in self._catalogue.groups.items():
            if group.kind == kind:
                yield key, [*group.names(), *flat_map(_cases, group.names())]

    def find(self, text: str) -> Subjects:
        """Return what the phrase names. A service that holds a speciality's words ("приём кардиолога") takes them."""
        tokens = words(text)

        def is_barred(kind: Kind, span: tuple[int, int]) -> bool:
            return kind == "doctor" and any(token in _NOT_SURNAMES for token in tokens[span[0] : span[1]])

        found = self.index.matches(tokens, {kind: _FLOOR[kind] for kind in KINDS}, is_barred)
        own_words: dict[tuple[str, tuple[int, int]], Own] = {}
        for kind, match, own in self._by_lemmas.matches(tokens):
            if kind not in found:
                continue
            known = next((other for other in found[kind] if other.key == match.key), None)
            kept = known if known is not None and known.score >= match.score else match
            others = [other for other in found[kind] if other is not known and not _is_more(match, own, other)]
            found[kind] = sorted([*others, kept], key=lambda one: one.score, reverse=True)
            if kept is match:
                own_words[match.key, match.span] = own
        for kind, matches in found.items():
            found[kind] = [
                match
                for match in matches
                if not is_generic(tokens, match) and ((match.key, match.span) in own_words or is_likely(kind, tokens, match))
            ]
        self._drop_covered(found, own_words)
        result = self._decide(tokens, found)
        if not (result.slots.keys() | result.ambiguous.keys()) & {
            "service",
            "speciality",
            "test",
            "faq",
        }:
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
                if first not in GENERIC and len(first) > _LONGEST_PREPOSITION:
                    beginnings.setdefault(first, []).append(key)
        return {first: tuple(keys) for first, keys in beginnings.items() if len(keys) > 1}

    def _drop_covered(self, found: dict[Kind, list[Match]], own_words: Mapping[tuple[str, tuple[int, int]], Own]) -> None:
        everything = [(kind, match) for kind, matches in found.items() for match in matches]
        for kind, matches in found.items():
            found[kind] = [
                match
                for match in matches
                if not any(
                    other != kind and _covers(other, winner, kind, match, own_words.get((winner.key, winner.span)))
                    for other, winner in everything
                )
            ]

    def _decide(self, tokens: list[str], found: dict[Kind, list[Match]]) -> Subjects:
        result = Subjects()
        named: list[tuple[tuple[int, int], str, str]] = []
        for kind, several_matches in found.items():
            matches = self._named_rather(several_matches) if kind == "speciality" else several_matches
            if kind in _SEVERAL:
                matches = [match for match in matches if not _is_misread(tokens, match, matches)]
            if not matches:
                continue
            apart = _side_by_side(matches)
            if kind not in _SEVERAL and not (kind in _LISTED and _are_listed(tokens, [_span_of(one) for one in apart])):
                apart = [matches]
            chosen = [self._narrowed(kind, tokens, _near_best(several), found) for several in apart]
            result.scores[kind] = min(best[0].score for best in chosen)
            result.spans += [match.span for best in chosen for match in best]
            keys = [tuple(dict.fromkeys(self._members(best))) for best in chosen]
            if kind == "doctor":
                keys = [self._with_namesakes(tokens, best, several) for best, several in zip(chosen, keys, strict=True)]
            if kind in _LISTED:
                named += [
                    (_span_of(best), kind, several[0]) for best, several in zip(chosen, keys, strict=True) if len(several) == 1
                ]
            certain = [several[0] for several in keys if len(several) == 1]
            if certain:
                result.slots[kind] = certain[0]
                if len(dict.fromkeys(certain)) > 1:
                    result.several[kind] = tuple(dict.fromkeys(certain))
            else:
                result.ambiguous[kind] = keys[0]
        named.sort()
        if len({key for _, _, key in named}) > 1 and _are_listed(tokens, [span for span, _, _ in named]):
            result.listed = tuple((kind, key) for _, kind, key in named)
        return result

    @cached_property
    def _complaints(self) -> frozenset[str]:
        """What patients say hurts, in every form; not what a speciality is called."""
        told = [one for several in self._catalogue.complaints().values() for one in several]
        complaints = (*told, *flat_map(fondly, told))
        names = {normalise(form) for forms in self._catalogue.forms("speciality").values() for form in forms}
        return frozenset(map(normalise, (*complaints, *flat_map(_cases, complaints)))) - names

    def _named_rather(self, matches: list[Match]) -> list[Match]:
        """Who is named counts more than what hurts: "сопли, нам к педиатру"."""
        named = [match for match in matches if match.form not in self._complaints and match.score >= KNOWN_WORDS_FLOOR]
        return named or matches

    def _members(self, matches: Sequence[Match]) -> Iterator[str]:
        """The IDs that are meant; a group stands for its members, unless one of them was named as well."""
        groups = self._catalogue.groups
        if any(match.key not in groups for match in matches):
            yield from (match.key for match in matches if match.key not in groups)
        else:
            yield from (member for match in matches for member in groups[match.key].members)

    def _narrowed(self, kind: Kind, tokens: list[str], best: list[Match], found: dict[Kind, list[Match]]) -> list[Match]:
        """Of several Ivanovs, the cardiologist when a cardiologist was asked for; "к Соколову" is the man,
        "Соколова принимает" the woman.

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
            best = [match for match in best if self._is_who_does(tokens, match)] or best
        best = [match for match in best if _text_of(tokens, match) == match.form] or best
        longest = max(match.span[1] - match.span[0] for match in best)
        exact = [match for match in best if match.span[1] - match.span[0] == longest and match.score >= best[0].score]
        return exact or best

    def _with_namesakes(self, tokens: list[str], best: Sequence[Match], keys: tuple[str, ...]) -> tuple[str, ...]:
        """A surname that only sounds so ("к соколовы") may be the other Sokolov's as well: then it is asked which.

        Nothing is added where a given name, or the very form of the surname, was heard.
        """
        if len(keys) != 1 or any(_text_of(tokens, match) == match.form or " " in match.form for match in best):
            return keys
        family = _family_of(self._catalogue.doctors[keys[0]].surname)
        others = (key for key, doctor in self._catalogue.doctors.items() if _family_of(doctor.surname) == family)
        return tuple(dict.fromkeys((*keys, *others)))

    def _is_dative(self, tokens: list[str], match: Match) -> bool:
        """Whether "к ..." stands before exactly this doctor's surname in the dative."""
        if match.span[0] == 0 or tokens[match.span[0] - 1] not in _BEFORE_DATIVE:
            return False
        doctor = self._catalogue.doctors[match.key]
        whole = PersonName(doctor.surname, doctor.given, doctor.patronymic)
        overrides = {doctor.surname: dict(doctor.cases.get("surname", {}))}
        return normalise(decline(whole, Case.DATIVE, overrides).split(" ")[0]) == tokens[match.span[0]]

    def _is_who_does(self, tokens: list[str], match: Match) -> bool:
        """Whether exactly this doctor is who the phrase begins with and does something: "Соколова во сколько начинает"."""
        start, end = match.span
        is_first = all(token in _BEFORE_NOMINATIVE for token in tokens[:start])
        is_nominative = " ".join(tokens[start:end]) == normalise(self._catalogue.doctors[match.key].surname)
        return is_first and is_nominative and any(map(_does, tokens[end : end + _VERB_WITHIN]))


def _does(word: str) -> bool:
    """Whether a word tells what somebody does or will do: "принимает", "будет"."""
    readings = parses(word)
    return any(reading.tag.POS == "VERB" and {"3per", "sing"} <= set(reading.tag.grammemes) for reading in readings)


def _family_of(surname: str) -> str:
    """The surname without the ending that only tells man from woman."""
    lower = surname.lower()
    for womens, mens in GENDERED:
        if lower.endswith(womens):
            return lower.removesuffix(womens) + mens
    return lower


def _is_more(match: Match, own: Own, other: Match) -> bool:
    """Whether a name, all of whose words were said, is more than another match among them.

    "От гриппа уколоться" is more than "уколоться", however surely that was said.
    """
    is_longer = other.span[1] - other.span[0] < own.count
    return own.holds(other.span) and (is_longer or other.score <= match.score)


def _text_of(tokens: list[str], match: Match) -> str:
    return " ".join(tokens[match.span[0] : match.span[1]])


def _covers(other: Kind, winner: Match, kind: Kind, match: Match, own: Own | None) -> bool:
    """Whether another kind's match explains more words, or the same words better."""
    inside = winner.span[0] <= match.span[0] and match.span[1] <= winner.span[1]
    if not inside or (own is not None and not own.holds(match.span)):
        return False
    if winner.span == match.span:
        if abs(winner.score - match.score) <= _ALIKE:
            return _RANKS[other] < _RANKS[kind] and {other, kind} != {"service", "speciality"}
        return winner.score > match.score
    return winner.score >= match.score - 0.06


def _near_best(matches: Sequence[Match]) -> list[Match]:
    return [match for match in matches if match.score >= matches[0].score - _MARGIN]


def _side_by_side(matches: Sequence[Match]) -> list[list[Match]]:
    """Matches that share words, in groups; the groups in the order of the phrase."""
    groups: list[list[Match]] = []
    for match in matches:
        own = [group for group in groups if any(_overlap(match, other) for other in group)]
        for group in own:
            groups.remove(group)
        groups.append([*(other for group in own for other in group), match])
    groups.sort(key=lambda group: min(match.span for match in group))
    return [sorted(group, key=lambda match: match.score, reverse=True) for group in groups]


def _span_of(matches: Sequence[Match]) -> tuple[int, int]:
    return min(match.span[0] for match in matches), max(match.span[1] for match in matches)


def _are_listed(tokens: Sequence[str], spans: Sequence[tuple[int, int]]) -> bool:
    """Whether these stretches make a list ("к терапевту, к лору и на УЗИ"): nothing of weight between, "и" before the last."""
    if len(spans) < 2:
        return False
    gaps = [tokens[before[1] : after[0]] for before, after in pairwise(sorted(spans))]
    return any(word in _AND for word in gaps[-1]) and all(word in _BETWEEN for gap in gaps for word in gap)


def _overlap(one: Match, other: Match) -> bool:
    return one.span[0] < other.span[1] and other.span[0] < one.span[1]


def _is_misread(tokens: list[str], match: Match, matches: Sequence[Match]) -> bool:
    """Whether what only sounds so is not meant: "сдать хочу" is no "сдать мочу", and "общий анализ крови и ттг" are two tests
    by their very names, not "общий анализ крови с соэ".
    """
    if _text_of(tokens, match) == match.form:
        return False
    start, end = match.span
    within = {one.span for one in matches if _text_of(tokens, one) == one.form and start <= one.span[0] and one.span[1] <= end}
    is_over_several = any(first[1] <= second[0] for first in within for second in within)
    is_word_for_word = len(match.form.split()) == end - start
    return is_over_several or (is_word_for_word and "хочу" in tokens[start:end] and "хочу" not in match.form)


def flat_map(expand: Callable[[str], Iterable[str]], several: Iterable[str]) -> Iterator[str]:
    return (form for one in several for form in expand(one))


def _cases(form: str) -> Iterator[str]:
    """The case forms of a thing's name; a whole question has none."""
    if len(form.split()) <= _DECLINED_WORDS:
        yield from (inflect(form.lower(), case) for case in Case if case is not Case.NOMINATIVE)


def _adjective_cases(form: str) -> tuple[str, ...]:
    """ "Зубной" stands for a doctor, "больничный" for a paper, "Садовая" for a street: they decline like adjectives."""
    if " " in form or not form.endswith(("ой", "ый", "ая")):
        return ()
    endings = ("ой", "ую") if form.endswith("ая") else ("ого", "ому", "ым", "ом", "ых")
    return tuple(form[:-2] + ending for ending in endings)
