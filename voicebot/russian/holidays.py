"""Russia's public holidays as callers speak of them: "после праздников", "до новогодних", "на майские"."""

from datetime import date, timedelta

from voicebot.russian.days import DateCore, token_at
from voicebot.russian.text import listed

# (month, day) of the first and the last day that people mean by the word.
_NEW_YEAR = ((1, 1), (1, 8))
_MAY = ((5, 1), (5, 9))
_ALL = (_NEW_YEAR, ((2, 23), (2, 23)), ((3, 8), (3, 8)), _MAY, ((6, 12), (6, 12)), ((11, 4), (11, 4)))
_DAYS_BEFORE = 7  # "перед праздниками"

_HOLIDAYS = listed("праздники праздников праздникам праздниках праздниками праздничные праздничных каникулы каникул каникулах")
_SCHOOL_YEAR = listed("школьные школьных летние летних осенние осенних весенние весенних")
_OF_NEW_YEAR = listed("новогодние новогодних новогодним новогодними январские январских рождественские рождественских")
_OF_MAY = listed("майские майских майским майскими")
_DAY_WORDS = listed("дни днях дней")


def holidays(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "(после) новогодних праздников", "(на) майские", "праздники": the next such days; "перед новым годом"."""
    index = start
    is_before = tokens[start] in ("перед", "накануне")
    if is_before:
        index += 1 + (token_at(tokens, index + 1) == "самым")
        if (token_at(tokens, index), token_at(tokens, index + 1)) == ("новым", "годом"):
            return _before(start, index + 2, _next((_NEW_YEAR,), today), today)
    word = token_at(tokens, index)
    kinds: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    if word in _OF_NEW_YEAR:
        kinds, index = (_NEW_YEAR,), index + 1
    elif word in _OF_MAY:
        kinds, index = (_MAY,), index + 1
    elif word in _HOLIDAYS and token_at(tokens, start - 1 if start else len(tokens)) not in _SCHOOL_YEAR:
        kinds = (_NEW_YEAR,) if word.startswith("каникул") else _ALL
    else:
        return None
    if token_at(tokens, index) in _HOLIDAYS:
        index += 1
    if token_at(tokens, index) in _DAY_WORDS:
        index += 1
    span = _next(kinds, today)
    if is_before:
        return _before(start, index, span, today)
    return DateCore(start, index, span=(max(span[0], today), span[1]))


def _next(kinds: tuple[tuple[tuple[int, int], tuple[int, int]], ...], today: date) -> tuple[date, date]:
    """The first of these holidays that is not over yet."""
    found = [
        (date(year, *first), date(year, *last)) for year in (today.year, today.year + 1) for first, last in kinds
    ]  # fmt: skip
    return min(span for span in found if span[1] >= today)


def _before(start: int, end: int, span: tuple[date, date], today: date) -> DateCore:
    last = max(today, span[0] - timedelta(days=1))
    return DateCore(start, end, span=(max(today, span[0] - timedelta(days=_DAYS_BEFORE)), last))
