"""A phrase about date and time -> a wish. What the caller says last about a thing counts."""

import re
from dataclasses import replace
from datetime import datetime

from voicebot.russian.alternatives import split, united
from voicebot.russian.date_wishes import days_of_range, exclusions, of_dates
from voicebot.russian.days import DateCore
from voicebot.russian.marks import AFTER, BEFORE, FROM, UNTIL, Mark, scan
from voicebot.russian.spoken_when import say_date, say_time, say_when_spoken
from voicebot.russian.text import words
from voicebot.russian.time_wishes import of_times
from voicebot.russian.times import TimeCore
from voicebot.russian.typed import typed_to_words
from voicebot.russian.wish import When

__all__ = ["When", "parse_visit", "parse_when", "say_date", "say_time", "say_when_spoken"]


def parse_when(text: str, now: datetime, *, context: When | None = None) -> When | None:
    """The wish about date and time in a phrase; None when the phrase holds none.

    `now`: the clinic's local time; dates before its day never come out. `context`: what was agreed before (a week, a
    month): a weekday alone is then looked for inside it.
    """
    return _read(text, now, context, may_refuse=True)


def parse_visit(text: str, now: datetime) -> When | None:
    """The time of a visit that is cancelled: in "не приду завтра" it is tomorrow. A day that is wished counts more."""
    text = _DAY_OF_VISIT.sub(r"\1", text)
    wish = parse_when(text, now)
    if wish is None or not (wish.excluded_dates or wish.excluded_weekdays) or wish.dates or wish.weekdays or wish.date_from:
        return wish
    return _read(text, now, None, may_refuse=False)


def _read(text: str, now: datetime, context: When | None, *, may_refuse: bool) -> When | None:
    tokens = words(typed_to_words(text))
    if _BOOKED_ONLY.search(" ".join(tokens)) is not None:
        return None
    is_moved = _MOVED.search(" ".join(tokens)) is not None
    for wanted in (_instead_of_booked(tokens), _before_booked(tokens)):
        if wanted and any(mark for segment in scan(wanted, now.date()) for mark in segment):
            tokens = wanted
            break
    segments = scan(tokens, now.date())
    if not may_refuse:
        segments = [[replace(mark, is_negated=False) for mark in segment] for segment in segments]
    wish: When | None = None
    for segment in segments:
        part = _of_segment(segment, is_moved, now, wish if wish is not None else context)
        if part is not None and not part.is_empty:
            wish = part if wish is None else wish.merged(part)
    return wish


#: "Отмените завтрашний приём".
_DAY_OF_VISIT = re.compile(r"\b(сегодня|завтра|послезавтра)шн\w+")
_BOOKED = re.compile(
    r"(?:^| )(?:записан[аы]?|назначен[оаы]?|назначили|поставили|стоит|стою|пришл[аои] что"
    r"|написано|указано|запись есть|есть запись"
    r"|(?:у меня|у нас|мой|наш|моя|наша) (?:\w+ ){0,5}(?:прием|запись|визит)|у (?:меня|нас) к \w+ на) (?:\w+ )*?"
    r"(?:а (?:\w+ ){0,6}?(?:можно|мне|нам|хочу|смогу|надо|лучше|удобно|просил[аи]?|хотел[аи]?)"
    r"|но (?:\w+ ){0,4}?(?:можно|смогу|хочу|надо|лучше)"
    r"|давайте|сделайте|поставьте|перенесите|перепишите|перекиньте|перекинь|сдвиньте|передвиньте|переставьте"
    r"|вместо этого|прошу|попрошу) "
)
#: "У меня запись на завтра, хочу перенести": when the visit is, and no word of when it should be.
_BOOKED_ONLY = re.compile(
    r"(?:^| )(?:записан[аы]?|(?:у меня|у нас|мой|наш|моя|наша) (?:\w+ ){0,3}?(?:прием|запись|визит)) "
    r"(?:(?!хочу|хотел|можно|надо|нужно|лучше|давайте|но |а )\w+ )+?"
    r"(?:(?:хочу|хотел[аи]?|хотим|бы|можно|надо|нужно|мне|нам|ее|его|я|мы|и|а|но|прошу|придется) )*"
    r"(?:перенести|передвинуть|сдвинуть|перенесите)(?: пожалуйста| можно| бы| ее| его| хочу| хотел[аи]?| надо| нужно)*$"
)
#: The other way round: "мне надо было четверг, а записали на вторник".
_BOOKED_WRONGLY = re.compile(
    r"(?:надо|нужно|нужен|нужна|просил[аи]?|хотел[аи]?) .*? "
    r"(?=а (?:\w+ ){0,3}?(?:записал\w*|поставил\w*|назначил\w*|оформил\w*) )"
)
_MOVED = re.compile(r"(?:^| )(?:перен[еои]с|перекин|перезап|перепи[сш]|переставь|передвин|сдвин|сместит|перебро)")


def _instead_of_booked(tokens: list[str]) -> list[str]:
    """What follows "записан на девять, а можно ...": the time that is booked is no wish; [] where nothing is told so."""
    text = " ".join(tokens)
    found = _BOOKED.search(text)
    return text[found.end() :].split() if found is not None else []


def _before_booked(tokens: list[str]) -> list[str]:
    """What precedes "а записали на вторник" where it was wished; [] where nothing is told so."""
    text = " ".join(tokens)
    found = _BOOKED_WRONGLY.search(text)
    return text[: found.end()].split() if found is not None else []


def _of_segment(segment: list[Mark], is_moved: bool, now: datetime, context: When | None) -> When | None:
    if not segment:
        return None
    kept = _without_moved_from([mark for mark in segment if mark.is_date], is_moved)
    kept += _without_moved_from([mark for mark in segment if not mark.is_date], is_moved)
    groups = split([mark for mark in segment if mark in kept])
    wishes = [_combined(group, now, context) for group in groups]
    return wishes[0] if len(wishes) == 1 else united([wish for wish in wishes if not wish.is_empty] or wishes)


def _combined(marks: list[Mark], now: datetime, context: When | None) -> When:
    dates = [mark for mark in marks if isinstance(mark.core, DateCore)]
    times = [mark for mark in marks if isinstance(mark.core, TimeCore)]
    # "В пятницу утром не могу" rules the day out, not all mornings.
    is_day_negated = any(mark.is_negated for mark in dates)
    times = _turned([mark for mark in times if not (mark.is_negated and is_day_negated)])
    today = now.date()
    excluded_range = days_of_range(_refused_range(dates), today, context)
    dates = _turned(dates)
    wish = of_dates([mark for mark in dates if not mark.is_negated], today, context)
    excluded_dates, excluded_weekdays = exclusions([mark for mark in dates if mark.is_negated], today)
    wish = replace(
        wish,
        excluded_dates=frozenset((excluded_dates | excluded_range) - set(wish.dates)),
        excluded_weekdays=frozenset(excluded_weekdays - wish.weekdays),
    )
    return of_times(times, wish, now)


def _without_moved_from(marks: list[Mark], is_moved: bool) -> list[Mark]:
    """ "С понедельника на среду", "приём в четверг на субботу перенести": what is moved from is no wish.

    "Со вторника по четверг на этой неделе" moves nothing.
    """
    result: list[Mark] = []
    for mark in marks:
        if is_moved and mark.preposition == "на" and not mark.is_joined and not mark.is_negated:
            # What is said more exactly of the new day stays ("следующей недели на среду"), and so does what is ruled out.
            result = [other for other in result if other.is_negated or other.preposition == "на" or not _is_one(other)]
        is_range = {other.relation for other in result} & {BEFORE, UNTIL} and not _is_one(mark)
        if mark.preposition == "на" and not is_range and any(other.preposition in ("с", "со") for other in result):
            result = [other for other in result if other.preposition not in ("с", "со")]
        result.append(mark)
    return result


def _is_one(mark: Mark) -> bool:
    """Whether a mark is one day or one time of day."""
    if isinstance(mark.core, DateCore):
        return mark.core.span is None and not mark.core.is_whole_week and not mark.core.is_nearest
    return mark.core.clock is not None


def _refused_range(marks: list[Mark]) -> list[Mark]:
    """The ends of a range that is refused ("с понедельника по среду не могу"), as they were wished; [] where it is open."""
    ends = [replace(mark, is_negated=False) for mark in marks if mark.is_negated and mark.relation in (FROM, BEFORE, UNTIL)]
    relations = {mark.relation for mark in ends}
    return ends if FROM in relations and len(relations) > 1 else []


def _turned(marks: list[Mark]) -> list[Mark]:
    """ "До шести не могу" is from six on, "после пяти не получится" until five; a closed range cannot be turned."""
    is_closed = bool(_refused_range(marks))
    turns = {BEFORE: FROM, UNTIL: AFTER, FROM: BEFORE, AFTER: UNTIL}
    result = []
    for mark in marks:
        if mark.is_negated and mark.relation in turns:
            if not is_closed:
                is_end = isinstance(mark.core, DateCore) and mark.core.is_end
                relation = AFTER if mark.relation == BEFORE and is_end else turns[mark.relation]
                result.append(replace(mark, relation=relation, is_negated=False, preposition=""))
        else:
            result.append(mark)
    return result
