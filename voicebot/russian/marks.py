"""Where a phrase speaks of dates and times, and what the words around each place make of it."""

import re
from dataclasses import dataclass, replace
from datetime import date

from voicebot.russian.calendar_words import HOUR_UNIT
from voicebot.russian.dates import date_at
from voicebot.russian.days import DateCore, Which
from voicebot.russian.days_of_month import day_and_month
from voicebot.russian.numbers import numeral_at
from voicebot.russian.text import listed
from voicebot.russian.times import TimeCore, time_at

AT, FROM, AFTER, BEFORE, UNTIL, EXCEPT, BETWEEN = "at", "from", "after", "before", "until", "except", "between"
_RELATIONS: tuple[tuple[tuple[str, ...], str], ...] = tuple(
    sorted(
        (
            (tuple(phrase.split()), relation)
            for relation, phrases in {
                EXCEPT: "кроме, за исключением, исключая, только не, но не, а не, не, лишь бы не, кроме как, ни, не на",
                FROM: "с, со, от, начиная с, начиная со, не раньше, не ранее, не раньше чем, не раньше чем в, не ранее чем в, "
                "не раньше чем с, где то с, примерно с, не до",
                AFTER: "после, позже, позднее, не раньше чем после, где то после, позже чем, позже чем в",
                BEFORE: "до, раньше, ранее, раньше чем, раньше чем в, где то до, не после",
                UNTIL: "по, не позже, не позднее, не позже чем, не позже чем в, не позднее чем в, включительно до",
                BETWEEN: "между",
                AT: "в, во, на, к, ко, около, примерно, примерно в, где то в, в районе, приблизительно в, ближе к, часов в, "
                "часа в, часов на, часа на, часам к, часов около, часиков в, ровно в, за, под, именно в, только в, не в",
            }.items()
            for phrase in (part.strip() for part in phrases.split(","))
        ),
        key=lambda item: -len(item[0]),
    )
)
_CORRECTIONS = listed("нет ой точнее вернее ошибся ошиблась перепутал перепутала лучше передумал передумала стоп неа")
_HARD_BREAKS = listed(
    "перенести перенесите перенесем переносим перезаписать перезапишите поменять поменяйте переписать перенос сдвинуть"
)
_THAN = "чем"
_HENCE = listed("поэтому")
#: After a time these rule it out: "в девять рано, в одиннадцать".
_TOO = listed("рано рановато поздно поздновато")
_BEFORE_TOO = listed("мне нам это слишком очень для меня нас уже еще будет как то")
#: "Я в отпуске, могу" is why one can.
_AWAY = frozenset({("в", "отпуске"), ("на", "работе"), ("работаю",), ("уезжаю",)})
_CAN = listed("могу смогу можем сможем можно свободен свободна удобно подойдет")
_BEGINNING = listed("начать начнем начну начинать начали")
#: Not to be able to do these is what one comes with, or why it is urgent.
_BEARING = listed(
    "терпеть ждать ходить встать вставать дышать есть кушать спать стоять лежать сидеть глотать говорить разогнуться "
    "наступить наступать двигать двигаться шевелить поднять повернуть согнуть пить уснуть заснуть понять дозвониться"
)
#: "После шести, раньше не могу" says the same once more.
_ELSE = listed("раньше позже позднее пораньше попозже")
_JOINS = listed("или либо и")
_TURNS = listed("но а давайте давай можно так значит только")
_CANNOT_PHRASES = """не могу, не смогу, не сможем, не можем, не получится, не получается, не подходит, не подойдет, неудобно,
    не удобно, не устраивает, не устроит, никак, не хочу, не надо, не нужно, занят, занята, исключено, отпадает, не выйдет,
    не хотелось бы, не приду, не буду, уезжаю, мимо, не вариант, не годится, не успеваю, не успею, не очень, не хотел бы,
    не хотела бы, не работает, меня нет, работаю, на работе, в отпуске, в командировке, не пойдет, не в состоянии, не по мне,
    не приедем, не приеду, не придем, не поедем, не поеду, не пойду, нельзя, не дойду, не дойдет, не доеду, не доедет,
    не попаду, не сможет, не может, не успевает, не выходит"""
_CANNOT = tuple(sorted((tuple(phrase.split()) for phrase in _CANNOT_PHRASES.split(",")), key=lambda phrase: -len(phrase)))


# What follows these is their number or their name: "полис двенадцать тридцать четыре", "улица первого мая".
_NUMBERED = listed(
    "полис полиса паспорт паспорта номер номера карта карты карту снилс дом дома доме квартира квартиры квартире кабинет "
    "кабинета кабинете офис офиса подъезд этаж телефон код серия улица улице улицы улицу площадь площади проспект проспекте"
)


# Words that leave a bare number a time: "давайте десять", "ну можно пять пожалуйста".
_FILLERS = listed(
    "ну вот давайте давай можно пожалуйста а и да нет лучше тогда наверное наверно то есть где так хорошо ладно хочу хотел "
    "хотела бы мне меня нам нас запишите записать записаться запись если я мы буду будет удобно подойдет подходит устроит "
    "ровно время времени часов часа часам час конечно э эм м мм ой значит например попробуем именно только же пусть будет "
    "примерно около приблизительно там это ага угу ок окей спасибо желательно скажем допустим точно прием приеме"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One date or time expression with the words around it that decide what it does."""

    core: DateCore | TimeCore
    relation: str
    preposition: str
    join: str = ""  # "или", "либо", "и" if it stands before
    is_negated: bool = False

    @property
    def is_joined(self) -> bool:
        """Whether "или" or "и" stands before it."""
        return bool(self.join)

    @property
    def is_date(self) -> bool:
        """Whether it speaks of a day, not of a time of day."""
        return isinstance(self.core, DateCore)


def scan(tokens: list[str], today: date) -> list[list[Mark]]:
    """Marks by segment; a correction ("нет", "лучше") begins a new segment."""
    segments: list[list[Mark]] = [[]]
    relation, preposition = AT, ""
    join = ""
    is_excluding = is_cannot_ahead = False
    unknown = 0
    index = 0
    while index < len(tokens):
        cannot = _phrase_at(tokens, index, _CANNOT)
        if cannot and tokens[index : index + 2] != ["нельзя", "ли"] and not _is_of_body(tokens, index + cannot):
            last = _last_mark(segments)
            is_reason = _is_why_one_can(tokens, index, cannot, today)
            if is_reason or (last is not None and _ELSE & set(tokens[last.core.end : index])):
                index += cannot + is_reason
                relation, preposition = AT, ""
                continue
            if last is not None and not last.is_negated and _is_near(tokens, last, index):
                _negate_back(segments)
                is_cannot_ahead = False
            else:
                is_cannot_ahead = True
            index += cannot
            relation, preposition = AT, ""
            continue
        core: DateCore | TimeCore | None = _core_at(tokens, index, today, preposition)
        if core is not None and index > 0 and tokens[index - 1] in _NUMBERED:
            index = core.end
            unknown += 1
            continue
        found_relation = _relation_at(tokens, index) if core is None or tokens[index] in ("с", "до", "после") else None
        if core is None and found_relation is not None:
            length, kind = found_relation
            if kind == EXCEPT:
                is_excluding = True
            else:
                if not (kind == AT and relation != AT and preposition):
                    relation = kind
                preposition = tokens[index + length - 1]
                if tokens[index] == "не" and tokens[index : index + length] == ["не", "в"]:
                    is_excluding = True
            index += length
            continue
        token = tokens[index]
        if core is not None:
            if is_cannot_ahead and not join and _has_such(segments[-1], core):
                is_cannot_ahead = False  # "работаю до шести, после семи": the second is a wish
            is_negated = is_excluding or is_cannot_ahead
            if relation == FROM and preposition in ("с", "со") and _BEGINNING & set(tokens[max(0, index - 3) : index]):
                relation, preposition = AT, ""  # "начать с завтрашнего": the first visit is that day
            if preposition == "по" and isinstance(core, DateCore) and (core.is_set or core.which is Which.EVERY):
                relation = AT  # "по вторникам" is no end of a range
            mark = Mark(core, relation, preposition, join, is_negated)
            last = segments[-1][-1] if segments[-1] else None
            if last is not None and preposition == "по" and relation == UNTIL and _is_start_of_range(last, mark):
                segments[-1][-1] = replace(last, relation=FROM)
            if last is not None and last.is_date and mark.is_date and not join and _is_explained(tokens, last, index):
                segments.append([])  # "четвёртого у меня именины, пятого давайте"
            segments[-1].append(mark)
            relation, preposition = AT, ""
            join = ""
            following = tokens[core.end] if core.end < len(tokens) else ""
            # "Кроме среды и пятницы" goes on; "не завтра а послезавтра" does not.
            is_excluding = is_excluding and following in _JOINS
            index = core.end
            continue
        if token in _TOO and _is_too_early_or_late(tokens, segments[-1], index, today):
            segments[-1][-1] = replace(segments[-1][-1], is_negated=True)
        elif token in _HARD_BREAKS:
            if any(segments):
                segments.append([])
                segments = [[]] if _has_mark_ahead(tokens, index + 1, today) else segments
            is_cannot_ahead = False
        elif tokens[index : index + 2] == ["так", "что"] or token in _HENCE:
            # "Завтра у меня баня, так что послезавтра": what follows is the wish.
            if segments[-1] and _has_mark_ahead(tokens, index + 1, today):
                segments.append([])
            is_excluding = is_cannot_ahead = False
        elif token in _CORRECTIONS:
            if tokens[index] == "нет" and segments[-1] and not _has_mark_ahead(tokens, index + 1, today):
                if _is_near(tokens, segments[-1][-1], index) and "ничего" not in tokens[:index]:
                    _negate_back(segments)
            elif segments[-1]:
                segments.append([])
            is_excluding = is_cannot_ahead = False
        elif token == _THAN:
            is_excluding = True  # "лучше вечером, чем утром"
        elif token in _JOINS:
            join = token
        elif token in _TURNS:
            is_cannot_ahead = False
        numeral = numeral_at(tokens, index)
        if token not in _FILLERS and token not in _JOINS and token not in _CORRECTIONS:
            unknown += 1
        if token not in HOUR_UNIT and token not in _FILLERS:
            relation, preposition = AT, ""
            is_excluding = is_excluding and (token in _JOINS or token == _THAN)
        # A number that is no date or time is passed over whole: "сорок первого" holds no "первого".
        index = numeral.end if numeral is not None else index + 1
    return [[mark for mark in segment if not _is_doubtful(mark, unknown)] for segment in segments]


def _is_doubtful(mark: Mark, unknown: int) -> bool:
    """A number alone, among words that may explain it otherwise."""
    return isinstance(mark.core, TimeCore) and mark.core.is_bare and unknown > 0


def _core_at(tokens: list[str], index: int, today: date, preposition: str) -> DateCore | TimeCore | None:
    """The longer of the date and the time that begin here; the date when they are equally long."""
    if preposition in ("", "на"):
        by_numbers = day_and_month(tokens, index)
        if by_numbers is not None:
            return by_numbers
    of_time = time_at(tokens, index, has_preposition=bool(preposition))
    of_date = date_at(tokens, index, today)
    if of_time is None:
        return of_date
    if of_date is None or of_time.end > of_date.end:
        return of_time
    return of_date


def _relation_at(tokens: list[str], index: int) -> tuple[int, str] | None:
    for phrase, relation in _RELATIONS:
        if tuple(tokens[index : index + len(phrase)]) == phrase:
            return len(phrase), relation
    return None


def _phrase_at(tokens: list[str], index: int, phrases: tuple[tuple[str, ...], ...]) -> int:
    return next((len(phrase) for phrase in phrases if tuple(tokens[index : index + len(phrase)]) == phrase), 0)


def _last_mark(segments: list[list[Mark]]) -> Mark | None:
    return next((segment[-1] for segment in reversed(segments) if segment), None)


def _is_near(tokens: list[str], last: Mark, index: int) -> bool:
    """Whether "не могу" still speaks of the mark before it."""
    between = tokens[last.core.end : index]
    if tokens[index] == "работаю" and any(token in ("надо", "нужно", "удобно", "лучше") for token in between):
        return False  # "после шести надо, я работаю"
    return len(between) <= 4 and not any(token in ("но", "а", "только", "давайте", "можно") for token in between)


def _is_explained(tokens: list[str], last: Mark, index: int) -> bool:
    """Whether between the mark before and the one that begins here it is told why the former is none."""
    between = " ".join(tokens[last.core.end : index])
    return re.search(r"(?:^| )у (?:меня|нас|мужа|жены|него|нее|мамы|папы|сына|дочки|внука|внучки) \w+", between) is not None


def _has_such(segment: list[Mark], core: DateCore | TimeCore) -> bool:
    """Whether the segment already has a negated mark of the same kind."""
    return any(mark.is_negated and mark.is_date == isinstance(core, DateCore) for mark in segment)


def _is_of_body(tokens: list[str], index: int) -> bool:
    """ "Сегодня не могу встать", "не могу ждать до завтра" rule out no day."""
    return index < len(tokens) and tokens[index] in _BEARING


def _is_why_one_can(tokens: list[str], index: int, length: int, today: date) -> bool:
    """ "Четвёртого я в отпуске, могу": being away is what makes the day free. "На работе, могу в среду" is not so."""
    is_away = tuple(tokens[index : index + length]) in _AWAY
    is_able = index + length < len(tokens) and tokens[index + length] in _CAN
    return is_away and is_able and not _has_mark_ahead(tokens, index + length + 1, today)


def _is_start_of_range(first: Mark, last: Mark) -> bool:
    """Whether a range has lost its "с": "понедельника по среду"."""
    is_beside = first.core.end == last.core.start - 1
    return first.is_date and last.is_date and is_beside and first.relation == AT and not first.preposition


def _is_too_early_or_late(tokens: list[str], segment: list[Mark], index: int, today: date) -> bool:
    """Whether "рано" or "поздно" rules out the time before it; a day only where another is named: "завтра рано" is a wish."""
    if not segment or segment[-1].is_negated or segment[-1].relation != AT:
        return False
    last = segment[-1]
    if not all(token in _BEFORE_TOO for token in tokens[last.core.end : index]):
        return False
    if isinstance(last.core, TimeCore):
        return last.core.clock is not None
    return any(date_at(tokens, place, today) is not None for place in range(index + 1, len(tokens)))


def _negate_back(segments: list[list[Mark]]) -> None:
    """Negate the marks of the last segment that has any; a newly named day after an earlier wish only that day."""
    segment = next(segment for segment in reversed(segments) if segment)
    segment[:] = [replace(mark, is_negated=True) for mark in segment]


def _has_mark_ahead(tokens: list[str], index: int, today: date) -> bool:
    return any(_core_at(tokens, place, today, "в") is not None for place in range(index, len(tokens)))
