"""Small parts of meaning: which of a list, what is to be changed, "no matter"."""

import re
from collections.abc import Iterator
from functools import cache

from voicebot.russian.calendar_words import weekday_words
from voicebot.russian.morphology import parses
from voicebot.russian.shift import Shift, parse_shift

_SPOKEN = r"назвал\w*|сказал\w*|говорил\w*|предложил\w*|прозвучал\w*|было|был"
_NUMBERED = r"(?:(?:под|за) )?(?:номер(?:ом)?|вариант(?:ом)?|цифр(?:а|у|ой)|пункт(?:ом)?|строк(?:а|у|ой)|строчк(?:а|у|ой))"
_ORDINALS = (
    (1, rf"перв(?:ый|ая|ое|ую|ым|ой|ому|ом|и)|{_NUMBERED} один|один вариант"),
    (2, rf"втор(?:ой|ая|ое|ую|ым|ому|ом|и)|{_NUMBERED} два|два вариант"),
    (3, rf"трет(?:ий|ья|ье|ью|ьим|ьей|ьему|ьем|и)|{_NUMBERED} три"),
    (4, rf"четверт(?:ый|ая|ое|ую|ым|ом)|{_NUMBERED} четыре"),
    (5, rf"пят(?:ый|ая|ое|ую|ым|ом)|{_NUMBERED} пять"),
    (-1, r"последн\w+|крайн(?:ий|ее|яя|юю)"),
    (1, rf"(?:что )?(?:в|с) (?:самом |самого )?начал\w (?:\w+ )?(?:{_SPOKEN})|(?:{_SPOKEN}) (?:в начале|вначале|сначала)"),
    (
        -1,
        rf"(?:что )?(?:в|под) (?:самом |самый )?коне?ц\w? (?:\w+ )?(?:{_SPOKEN})|(?:{_SPOKEN}) (?:в|под) (?:самом )?коне?ц\w?",
    ),
)
_BARE = {"один": 1, "раз": 1, "два": 2, "три": 3, "четыре": 4, "пять": 5}
#: "Пятое ноября", "второй час", "первая половина дня" are no choices.
_NOT_A_CHOICE = re.compile(
    r"(?:перв|втор|трет|четверт|пят)\w+ (?:января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября"
    r"|декабря|числ\w+|половин\w+|час\w*|недел\w+|этаж\w*)"
)

#: "Второе удобнее чем первое": what stands after this is what is not taken.
_THAN = re.compile(r"(?:^|(?<= ))чем (?:в |во |на |к )?\w+(?= |$)")
#: "Ни первое ни второе": none of them is taken.
_NONE_OF_THEM = re.compile(r"(?:^| )ни (?:перв|втор|трет|четверт|последн)\w+(?= |$)")
#: "Первое рано": nor is this.
_TOO = re.compile(
    r"(?:^|(?<= ))(?:перв|втор|трет|четверт|пят|последн)\w+ (?:(?:мне|это|слишком|очень|уже) )*(?:рано|поздно)(?= |$)"
)

_NOUNS = (
    ("datetime", r"врем\w+|день|дня|дат\w+|час\w*|числ\w+|срок\w*"),
    ("doctor", r"врач\w*|доктор\w*|специалист\w*"),
    ("branch", r"филиал\w*|адрес\w*|отделени\w+|клиник\w+|мест\w+"),
    ("name", r"фамили\w+|имя|имени|отчеств\w+|пациент\w*|фио"),
    ("phone", r"номер\w*|телефон\w*"),
    ("offers", r"вариант\w*|предложени\w+"),
    ("service", r"услуг\w+"),
)
_OTHER = r"(?:(?:на |к |в )?друг(?:ой|ого|ому|ую|ое|ая|ие|их|им|ом)|ин(?:ой|ое|ую))"
_WRONG = (
    r"(?:неправильн\w+|неверн\w+|не (?:верн|правильн)\w+|ошиб\w+|не так\w*|не т(?:от|а|о)|исправ\w+"
    r"|измен\w+|поменя\w+|замен\w+|смен\w+|перепут\w+)"
)
_MORE = re.compile(
    r"(?:еще|другие|другое|иные|остальные) (?:вариант\w*|есть|время|предложени\w+)"
    r"|(?:а )?(?:еще|другое|другие) (?:что нибудь|что то|есть)|что(?: у вас)? еще|еще что"
    r"|^(?:а )?(?:еще|другое|другие|дальше|ничего|никакое|никакой|ни одно|ни один)$"
    r"|ни один из|ни одно из|ни т(?:о|от|а) ни друг\w+|не подход\w+|не устра\w+"
)
_ANY = re.compile(
    r"все равно|вс[ея]кий|люб(?:ой|ая|ое|ого|ому|ую|ом|ые)|без разницы|не ?важно|не принципиально"
    r"|како[йе] угодно|кто угодно|когда угодно|где угодно|кто свободен"
    r"|на ваше усмотрение|не имеет значения|как вам удобно|все подходит|к кому угодно"
)
_NEGATION = re.compile(r"^(?:нет|не|неа)(?: |$)|(?:^| )(?:лучше|а можно|не подход\w+|не устра\w+)(?: |$)")
_DENIED = re.compile(r"(?:^|(?<= ))не (?:(?:к|ко|на|в|во|у|с|по) )?(?!верн|правильн)\w+ (?:\w+ )?(?:а|но) (?=\w)")
_CORRECTED = re.compile(
    r"(?<=\w )(?:хотя нет|ой нет|нет не \w+ а|нет|точнее|вернее|то есть|ой|хотя лучше|хотя|так что|поэтому)(?= \w)"
)
_INSTEAD = re.compile(r"(?:^|(?<= ))вместо (?!этого)\w+(?= |$)")
#: "Нет, не на Садовую, на Парковую", "с Громова на Белову": what is denied or left where another of its kind follows.
_CONTRASTS = (
    re.compile(r"(?:^|(?<= ))не (?:(?:к|ко|на|в|во|у|с|по) )?(?=\w{4})"),
    re.compile(r"(?:^|(?<= ))(?:с|со|от) (?=\w{4,} (?:на|к|ко) \w)"),
)
_LONGEST_DENIED = 2  # words
_NOT_THAT = re.compile(r"(?:^|(?<= ))(?:только|а|но) не (?:(?:к|ко|на|в|во|у|с|по) )?\w+(?= |$)")
_OF_DOCTOR = re.compile(r"(?:^| )(?:к|ко|врач\w*|доктор\w*)(?: |$)")
_CALLED_DOCTOR = re.compile(r"(?:^| )(?:доктор|врач)(?:у|а|ом)? (\w{3,}(?: \w{3,})?)")
_BIRTH = re.compile(r"(?:^| )(?:дат\w+ рождени\w+|родил(?:ся|ась|ись)|\w+ года рождени\w+|тысяча девятьсот)(?: |$)")
_NAMED = re.compile(r"меня зовут|фамили[яю](?! (?:на|у|в|во|к|там|есть) )|зовут|на имя|на фамилию")
#: "У меня приём у Козлова", "запишите к Козлову": this is a doctor, not the caller.
_AT_DOCTORS = re.compile(
    r"(?:^|(?<= ))(?:прием|запись|визит|записан\w*|записал\w*|запишите|записаться|попасть|был[аи]?|есть ли|наблюдаюсь|лечусь)"
    r" (?:\w+ )?(?:у|к|ко) \w{3,}(?= |$)"
)
_WRONG_NUMBER = re.compile(r"\b(?:ошиб\w+ номером|номером ошиб\w+|не туда (?:попал|дозвонил|позвонил|звон)\w*)")


def with_yes(text: str) -> str:
    """Return an answer to a yes/no question with a misheard "да" put right: "до конечно", but not "до пятницы"."""
    first, _, rest = text.partition(" ")
    if first != "до" or not rest:
        return text
    following = parses(rest.split()[0])
    is_place_or_time = any({"gent"} & set(one.tag.grammemes) for one in following) or rest[0].isdigit()
    return text if is_place_or_time else f"да {rest}"


@cache
def _ordinal_pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|(?<= ))(?:{pattern})(?=$| )")


def ordinal(text: str) -> int | None:
    """Return which of a list a normalised phrase means: 1.., -1 for the last."""
    if _NONE_OF_THEM.search(text):
        return None
    text = _TOO.sub(" ", _THAN.sub(" ", _NOT_A_CHOICE.sub(" ", without_denied(text))))
    said = [(found.start(), number) for number, pattern in _ORDINALS for found in _ordinal_pattern(pattern).finditer(text)]
    if said:
        return max(said)[1]  # "первое рано, а вот второе подойдёт"
    tokens = [token for token in text.split() if token not in ("да", "давайте", "ну", "вот", "пожалуйста", "вариант", "хорошо")]
    return _BARE.get(tokens[0]) if len(tokens) == 1 else None


def refuses_choices(text: str) -> bool:
    """Whether a normalised phrase tells which of a list will not do: "ни первое ни второе", "первое рано"."""
    return _NONE_OF_THEM.search(text) is not None or _TOO.search(text) is not None


def without_ordinal(text: str) -> str:
    """Return a phrase without the words that choose from a list: "третье" is no day of the month then."""
    if _NOT_A_CHOICE.search(text):
        return text
    for _, pattern in _ORDINALS:
        text = _ordinal_pattern(pattern).sub(" ", text)
    return text


def change(text: str, is_asked: bool) -> str:
    """Return what a normalised phrase wants changed: a type of field, "offers", "earlier", "later", or "".

    `is_asked`: the robot asked what to change.
    """
    for kind, nouns in _NOUNS:
        if is_asked and re.search(rf"(?:^| )(?:{nouns})(?: |$)", text):
            return kind
        if re.search(rf"{_OTHER} (?:\w+ )?(?:{nouns})(?: |$)|(?:^| )(?:{nouns}) {_OTHER}(?: |$)", text):
            return kind
        if re.search(rf"{_WRONG} (?:\w+ )?(?:{nouns})(?: |$)|(?:^| )(?:{nouns}) (?:\w+ )?{_WRONG}(?: |$)", text):
            return kind
    shift = parse_shift(text)
    if shift in (Shift.EARLIER, Shift.LATER):
        return shift.value
    if (too := _TOO.search(text)) is not None and ordinal(text) is None:
        return (Shift.LATER if too.group().endswith("рано") else Shift.EARLIER).value
    return "offers" if _MORE.search(text) or _NONE_OF_THEM.search(text) else ""


def without_wrong(text: str) -> str:
    """Return a phrase without what is wrong: "не Петров а Петрова" is "Петрова"."""
    text = re.sub(r"(?:^|(?<= ))не (?!верн|правильн)\w+ а (?=\w)", " ", text)
    return " ".join(re.sub(rf"(?:^|(?<= )){_WRONG}(?= |$)", " ", text).split())


def without_denied(text: str) -> str:
    """Return a phrase without what is denied beside what is meant: "не к Петрову а к Иванову", "к Иванову, только не к
    Петрову" are "к Иванову".
    """
    return " ".join(_INSTEAD.sub(" ", _NOT_THAT.sub(" ", _DENIED.sub(" ", text))).split())


def contrasts(text: str) -> Iterator[tuple[str, str]]:
    """What may be denied or left for what follows it, and the phrase without it: "не инсулин гликированный", "с Громова на
    Белову". Whether both are of one kind, only the catalogue knows.
    """
    for pattern in _CONTRASTS:
        for found in pattern.finditer(text):
            following = text[found.end() :].split(" ")
            for length in range(1, min(_LONGEST_DENIED, len(following) - 1) + 1):
                yield " ".join(following[:length]), " ".join([*text[: found.start()].split(), *following[length:]])


@cache
def _day_named() -> re.Pattern[str]:
    return re.compile(rf"(?:^|(?<= ))(?:в|во|на|с|до|по) (?:{'|'.join(weekday_words())})(?= |$)")


def without_others(text: str) -> str:
    """Return a phrase that announces a name without the doctor and the days that it names besides."""
    return " ".join(_day_named().sub(" ", _AT_DOCTORS.sub(" ", text)).split())


def after_correction(text: str) -> str:
    """Return what follows "нет", "точнее" and the like inside a phrase, the last of them; "" where nothing is put right."""
    found = list(_CORRECTED.finditer(text))
    return text[found[-1].end() :] if found else ""


def is_any(text: str) -> bool:
    return _ANY.search(text) is not None


def is_negated(text: str) -> bool:
    return _NEGATION.search(text) is not None


def speaks_of_doctor(text: str) -> bool:
    return _OF_DOCTOR.search(text) is not None


def called_doctor(text: str) -> str:
    """Return what follows "к доктору", or ""."""
    found = _CALLED_DOCTOR.search(text)
    return found.group(1) if found is not None else ""


def names_person(text: str) -> bool:
    """Whether a normalised phrase announces a name."""
    return _NAMED.search(text) is not None


def names_birth(text: str) -> bool:
    """Whether a normalised phrase announces a birth date, or a year of the last century."""
    return _BIRTH.search(text) is not None


def is_wrong_number(text: str) -> bool:
    """Whether a normalised phrase says that another number was to be called: "извините, не туда попала"."""
    return _WRONG_NUMBER.search(text) is not None
