"""The words of the calendar in every case: weekdays, months, units of time."""

from functools import cache

from voicebot.russian.text import listed

WEEKDAYS = ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье")
MONTHS_GENITIVE = (
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
)

_WEEKDAY_FORMS = (
    "понедельник понедельника понедельнику понедельником понедельнике понедельничек понедельничка пн",
    "вторник вторника вторнику вторником вторнике вторничек вторничка вт",
    "среда среды среде среду средой средочку ср",
    "четверг четверга четвергу четвергом четверге четвержок чт",
    "пятница пятницы пятнице пятницу пятницей пятничку пятничка пятничке пт",
    "суббота субботы субботе субботу субботой субботку субботка субботке субботочку сб",
    "воскресенье воскресенья воскресенью воскресеньем воскресение воскресения воскресению воскресенья воскресеньице вс",
)
_WEEKDAY_ADJECTIVES = ("понедельничн", "вторничн", "средов", "четвергов", "пятничн", "субботн", "воскресн")
_ADJECTIVE_ENDINGS = "ый ий ая ое ой ее ого его ому ему ым им ом ем ую юю"
_WEEKDAY_PLURALS = (
    "понедельникам понедельники",
    "вторникам вторники",
    "средам",
    "четвергам четверги",
    "пятницам",
    "субботам",
    "воскресеньям воскресениям",
)
_MONTH_STEMS = (
    ("январ", "ь я ю ем е"),
    ("феврал", "ь я ю ем е"),
    ("март", " а у ом е"),
    ("апрел", "ь я ю ем е"),
    ("ма", "й я ю ем е"),
    ("июн", "ь я ю ем е"),
    ("июл", "ь я ю ем е"),
    ("август", " а у ом е"),
    ("сентябр", "ь я ю ем е"),
    ("октябр", "ь я ю ем е"),
    ("ноябр", "ь я ю ем е"),
    ("декабр", "ь я ю ем е"),
)

DAY_UNIT = listed("день дня дней дню днем дни денек денька деньков деньки сутки суток")
WEEK_UNIT = listed("неделя недели недель неделю неделе неделей недельку недельки недельке неделечку")
MONTH_UNIT = listed("месяц месяца месяцев месяцу месяце месяцем месячишко")
YEAR_UNIT = listed("год года лет году годом годе")
HOUR_UNIT = listed("час часа часов часу часик часика часиков часам ч")
MINUTE_UNIT = listed("минут минута минуты минуту минуток минутки мин")
DAY_OF_MONTH_WORD = listed("число числа числу числе")


@cache
def weekday_words() -> dict[str, int]:
    """Singular weekday word -> 0 (Monday) .. 6."""
    return {form: day for day, forms in enumerate(_WEEKDAY_FORMS) for form in forms.split()}


@cache
def weekday_adjectives() -> dict[str, int]:
    """ "Воскресный", "субботнего" -> 0 (Monday) .. 6."""
    return {stem + ending: day for day, stem in enumerate(_WEEKDAY_ADJECTIVES) for ending in _ADJECTIVE_ENDINGS.split()}


@cache
def weekday_plurals() -> dict[str, int]:
    """Plural weekday word ("по вторникам") -> 0 .. 6."""
    return {form: day for day, forms in enumerate(_WEEKDAY_PLURALS) for form in forms.split()}


@cache
def month_words() -> dict[str, int]:
    """Month word -> 1 .. 12."""
    table = {}
    for month, (stem, endings) in enumerate(_MONTH_STEMS, start=1):
        for ending in endings.split(" "):
            table[stem + ending] = month
    return table
