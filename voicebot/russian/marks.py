"""Where a phrase speaks of dates and times, and what the words around each place make of it."""

import re
from dataclasses import dataclass, replace
from datetime import date

from voicebot.russian import corrections, refusals
from voicebot.russian.calendar_words import HOUR_UNIT
from voicebot.russian.dates import COUNTED_TIMES, date_at
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
                EXCEPT: "кроме, вместо, за исключением, исключая, только не, но не, а не, не, лишь бы не, кроме как, ни, не на",
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
_CORRECTIONS = corrections.CORRECTIONS | listed("лучше передумал передумала неа нету")
_NO = listed("нет нету")
_HARD_BREAKS = listed(
    "перенести перенесите перенесем переносим перезаписать перезапишите поменять поменяйте переписать перенос сдвинуть"
)
_THAN = "чем"
#: "Позже в четверг" is Thursday, "позже четверга" is not.
_COMPARED = listed("раньше ранее позже позднее")
_HENCE = listed("поэтому")
#: After a time these rule it out: "в девять рано, в одиннадцать".
_TOO = listed("рано рановато поздно поздновато")
_BEFORE_TOO = listed("мне нам это слишком очень для меня нас уже еще будет как то")
_BEGINNING = listed("начать начнем начну начинать начали")
_JOINS = listed("или либо и")
_TURNS = listed(
    "но а давайте давай можно так значит только могу смогу можем сможем поставь поставьте ставь ставьте запиши запишите пиши "
    "пишите назначь назначьте оформи оформите найди найдите подбери подберите посмотри посмотрите"
)
#: "От среды откажется": a visit given up, no bound.
_GIVEN_UP = "отка"
_INCLUDING = "включительно"
_MOST_BEFORE_END = 2  # words between the ends of a range: "до", "и до"
_COURSE = listed("курс курса курсом")
#: After "значит" these only go on.
_GOES_ON = listed("до по и или либо")
#: What happens at a day or an hour, so that the next one is the wish: "в десять планёрка, в двенадцать".
_HAPPENS = re.compile(
    r"(?:^| )(?:собрани[ея]|планерк[аи]|совещани[ея]|корпоратив\w*|экзамен\w*|зачет\w*|похороны|свадьба|поминки|юбилей|смена"
    r"|дежурство|сутки|утренник|концерт|тренировка|контрольная|суд|заканчив\w+|освобожда\w+|ухожу|уходит)(?= |$)"
    r"|^(?:приезжа\w+|приходит|прилета\w+|прибывает|встаю|просыпа\w+)(?= |$)"
)

# What follows these is their number or their name: "полис двенадцать тридцать четыре", "улица первого мая".
_NUMBERED = listed(
    "полис полиса паспорт паспорта номер номера карта карты карту снилс дом дома доме квартира квартиры квартире кабинет "
    "кабинета кабинете офис офиса подъезд этаж телефон код серия улица улице улицы улицу площадь площади проспект проспекте"
)


# Words that leave a bare number a time: "давайте десять", "ну можно пять пожалуйста".
_FILLERS = listed(
    "ну вот давайте давай можно пожалуйста а и да нет лучше тогда наверное наверно то есть где так хорошо ладно хочу хотел "
    "хотела бы мне меня нам нас запишите записать записаться запись если я мы буду будет удобно подойдет подходит устроит "
    "удобнее ровно время времени часов часа часам час конечно э эм м мм ой значит например попробуем именно только же пусть "
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
        cannot = refusals.refusal_at(tokens, index)
        behind = 0 if cannot else refusals.away_at(tokens, index)
        if cannot or behind:
            last = _last_mark(segments)
            is_reason = _is_why_one_can(tokens, index, cannot or behind, today)
            is_else = last is not None and (
                refusals.is_of_else(tokens[last.core.end : index])
                or (refusals.is_else_after(tokens, index + cannot) and not _has_mark_ahead(tokens, index + cannot, today))
            )
            if is_reason or is_else or refusals.is_asked(tokens, index):
                index += (cannot or behind) + is_reason
                relation, preposition = AT, ""
                continue
            is_of_next = last is not None and refusals.is_able_before(tokens, last.core.start)
            is_of_next = is_of_next and _has_mark_ahead(tokens, index + (cannot or behind), today)
            if last is not None and not last.is_negated and not is_of_next and _is_near(tokens, last, index):
                _negate_back(tokens, segments)
                is_cannot_ahead = False
            else:
                is_cannot_ahead = is_cannot_ahead or bool(cannot)
            index += cannot or behind
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
                is_compared = relation in (BEFORE, AFTER) and preposition in _COMPARED
                if kind != AT or relation == AT or not preposition or is_compared:
                    relation = kind
                preposition = tokens[index + length - 1]
                if tokens[index] == "не" and tokens[index : index + length] == ["не", "в"]:
                    is_excluding = True
            index += length
            continue
        token = tokens[index]
        if core is not None:
            is_end = _is_end_of_refused(segments[-1], relation, core)
            if is_cannot_ahead and not join and not is_end and _has_such(segments[-1], core):
                is_cannot_ahead = False  # "работаю до шести, после семи": the second is a wish
            if relation == AT and _is_able_then(tokens, core.end, today):
                is_cannot_ahead = False
            is_negated = is_excluding or is_cannot_ahead or is_end
            if relation == FROM and _is_first_of_several(tokens, core, preposition):
                relation, preposition = AT, ""  # "начать с завтрашнего": the first visit is that day
            if relation == FROM and preposition == "от" and _is_given_up(tokens, core):
                relation = AT
            if relation == BEFORE and tokens[core.end : core.end + 1] == [_INCLUDING]:
                relation = UNTIL
            if preposition == "по" and isinstance(core, DateCore) and (core.is_set or core.which is Which.EVERY):
                relation = AT  # "по вторникам" is no end of a range
            last = segments[-1][-1] if segments[-1] else None
            if isinstance(core, TimeCore) and core.is_bare and last is not None and _is_hour_of(tokens, last, core, join):
                core = replace(core, is_bare=False)
            mark = Mark(core, relation, preposition, join, is_negated)
            if last is not None and preposition == "по" and relation == UNTIL and _is_start_of_range(last, mark):
                segments[-1][-1] = replace(last, relation=FROM)
            if last is not None and not join and _is_explained(tokens, last, mark):
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
        elif _is_hence(tokens, index) or corrections.is_that_is(tokens, index):
            # "Завтра у меня баня, так что послезавтра", "в среду, то есть в четверг": what follows is the wish.
            if segments[-1] and _has_mark_ahead(tokens, index + 1, today):
                segments.append([])
            is_excluding = is_cannot_ahead = False
        elif token in _CORRECTIONS:
            if token in _NO and segments[-1] and not _has_mark_ahead(tokens, index + 1, today):
                if _is_refused_by_no(tokens, segments[-1][-1], index):
                    _negate_back(tokens, segments)
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
    """A number alone or "по вечерам", among words that may explain it otherwise."""
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


def _last_mark(segments: list[list[Mark]]) -> Mark | None:
    return next((segment[-1] for segment in reversed(segments) if segment), None)


def _is_near(tokens: list[str], last: Mark, index: int) -> bool:
    """Whether "не могу" still speaks of the mark before it."""
    between = tokens[last.core.end : index]
    if refusals.is_why_wished(tokens, last.core.start, last.core.end, index):
        return False  # "после шести надо, я работаю"
    return len(between) <= 4 and not any(token in ("но", "а", "только", "давайте", "можно") for token in between)


def _is_explained(tokens: list[str], last: Mark, mark: Mark) -> bool:
    """Whether between two marks of a kind it is told why the former is none: "четвёртого у меня именины, пятого"."""
    if last.is_date != mark.is_date:
        return False
    between = " ".join(tokens[last.core.end : mark.core.start])
    if last.relation == mark.relation == AT and _HAPPENS.search(between):
        return True
    of_whom = r"(?:^| )у (?:меня|нас|мужа|жены|него|нее|мамы|папы|сына|дочки|внука|внучки) \w+"
    return mark.is_date and re.search(of_whom, between) is not None


def _is_first_of_several(tokens: list[str], core: DateCore | TimeCore, preposition: str) -> bool:
    """Whether the visits begin then: "начать с завтрашнего", "десять сеансов с первого декабря"; a range is none."""
    if preposition not in ("с", "со"):
        return False
    if _BEGINNING & set(tokens[max(0, core.start - 4) : core.start]):
        return True
    if not isinstance(core, DateCore) or tokens[core.end : core.end + 1] in (["по"], ["до"]):
        return False
    return any(
        token in _COURSE or (token in COUNTED_TIMES and place and numeral_at(tokens, place - 1) is not None)
        for place, token in enumerate(tokens)
    )


def _is_given_up(tokens: list[str], core: DateCore | TimeCore) -> bool:
    around = tokens[max(0, core.start - 4) : core.end + 3]
    return isinstance(core, DateCore) and any(token.startswith(_GIVEN_UP) for token in around)


def _is_hour_of(tokens: list[str], last: Mark, core: TimeCore, join: str) -> bool:
    """Whether a number after a day is its hour ("второе декабря тринадцать часов"), or the end of "между двумя и тремя"."""
    if last.relation == BETWEEN and not last.is_date:
        return bool(join)
    if not isinstance(last.core, DateCore) or last.core.end != core.start:
        return False
    is_unit_said = not HOUR_UNIT.isdisjoint(tokens[core.start : core.end])
    return is_unit_said or (last.core.of_month is None and core.end == len(tokens))


def _is_hence(tokens: list[str], index: int) -> bool:
    """Whether what follows is the wish, told from what stands before: "автобус в десять, значит на одиннадцать"."""
    if tokens[index] == "значит":
        return _GOES_ON.isdisjoint(tokens[index + 1 : index + 2])
    return tokens[index] in _HENCE or tokens[index : index + 2] == ["так", "что"]


def _is_refused_by_no(tokens: list[str], last: Mark, index: int) -> bool:
    """Whether "нет" after a mark rules it out: not in "работаете или нет", "сил нет", "потом нет"."""
    if refusals.is_asked(tokens, index) or refusals.is_of_else(tokens[last.core.end : index]):
        return False
    if tokens[index] == "нету" and "раз" not in tokens[max(0, last.core.start - 3) : last.core.start]:
        return False  # "на субботу нету, тогда караульте": the day is still wished
    is_of_noun = last.core.end < index and refusals.is_lack(tokens, index)
    return _is_near(tokens, last, index) and "ничего" not in tokens[:index] and not is_of_noun


def _is_able_then(tokens: list[str], index: int, today: date) -> bool:
    """ "(Работаю,) в субботу только могу": the day before is wished."""
    able = refusals.is_able(tokens, index)
    return bool(able) and not _has_mark_ahead(tokens, index + able, today)


def _has_such(segment: list[Mark], core: DateCore | TimeCore) -> bool:
    """Whether the segment already has a negated mark of the same kind."""
    return any(mark.is_negated and mark.is_date == isinstance(core, DateCore) for mark in segment)


def _is_end_of_refused(segment: list[Mark], relation: str, core: DateCore | TimeCore) -> bool:
    """Whether a refused range ends here: "не могу с двух до пяти"."""
    if relation not in (BEFORE, UNTIL) or not segment:
        return False
    first = segment[-1]
    is_beside = core.start - first.core.end <= _MOST_BEFORE_END and first.is_date == isinstance(core, DateCore)
    return first.is_negated and first.relation == FROM and is_beside


def _is_why_one_can(tokens: list[str], index: int, length: int, today: date) -> bool:
    """ "Четвёртого я в отпуске, могу" is so; "на работе, могу в среду" is not."""
    is_free = refusals.is_away_and_free(tokens, index, length)
    return is_free and not _has_mark_ahead(tokens, index + length + 1, today)


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


def _negate_back(tokens: list[str], segments: list[list[Mark]]) -> None:
    """Negate the marks of the last segment that has any, as far back as they are refused together, and what says the same."""
    segment = next(segment for segment in reversed(segments) if segment)
    apart = (place for place in reversed(range(1, len(segment))) if _is_refused_alone(tokens, *segment[place - 1 : place + 1]))
    first = next(apart, 0)
    refused = [_meaning(mark) for mark in segment[first:]]
    for place, mark in enumerate(segment):
        if place >= first or _meaning(mark) in refused:
            segment[place] = replace(mark, is_negated=True)


def _meaning(mark: Mark) -> tuple[DateCore | TimeCore, str]:
    return replace(mark.core, start=0, end=0), mark.relation


def _is_refused_alone(tokens: list[str], before: Mark, mark: Mark) -> bool:
    """Whether what rules a mark out leaves the one before it: "в среду, но вечером не могу", "в марте, до марта не вырвусь"."""
    is_whole = isinstance(before.core, TimeCore) and before.core.part is not None and before.core.part[0] is None
    is_of_kind = before.is_date == mark.is_date and not mark.join and not is_whole
    is_bound_of_it = is_of_kind and mark.relation == BEFORE and before.relation == AT
    return is_bound_of_it or refusals.are_apart(tokens[before.core.end : mark.core.start])


def _has_mark_ahead(tokens: list[str], index: int, today: date) -> bool:
    return any(_core_at(tokens, place, today, "в") is not None for place in range(index, len(tokens)))
