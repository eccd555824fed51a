"""Phone numbers as people dictate them and as the robot reads them back."""

from itertools import combinations, product

import phonenumbers

from voicebot.russian import corrections
from voicebot.russian.numbers import Numeral, numeral_at, parse_numerals, say_number
from voicebot.russian.numerals import Kind, lexicon
from voicebot.russian.text import normalise, words

# "Two zeros", "three sevens": the forms that stand after a count. "Два ноль" is 2 and 0.
_REPEATED = {
    0: "нуля ноля нулей нолей нолика ноликов нулика нуликов",
    1: "единицы единиц единички единичек",
    2: "двойки двоек двоечки",
    3: "тройки троек троечки",
    4: "четверки четверок",
    5: "пятерки пятерок пятерочки",
    6: "шестерки шестерок шестерочки",
    7: "семерки семерок семерочки",
    8: "восьмерки восьмерок восьмерочки",
    9: "девятки девяток девяточки",
}
_MOST_REPEATED = 7
_REPEATED_VALUES = {form: str(value) for value, forms in _REPEATED.items() for form in forms.split()}
_TIMES = {"дважды": 2, "трижды": 3}
# Said inside a number; anything else ends a run of digits.
_FILLERS = {"и", "потом", "дальше", "далее", "затем", "тире", "э", "так", "там", "м", "ну", "вот", "код", "плюс", "пауза"}


def parse_phone(text: str, *, may_split: bool = False) -> str | None:
    """The phone number in a phrase as E.164 (+7XXXXXXXXXX, or another country after "плюс"), or None.

    Digits may be dictated in any grouping; after "ой нет" the later number, or the later end of it, counts.
    `may_split`: also read "сто двадцать" as 100 and 20, and "семьсот ноль один" as 701, where that alone gives a whole
    number. It may complete a number that was cut short, so it is for a second try only.
    """
    has_plus = "+" in text
    tokens = words(text.replace("+", " плюс "))
    has_plus = has_plus or "плюс" in tokens
    segments = _runs(tokens)
    if not segments:
        return None
    found = _last_complete(segments, has_plus)
    if found is None and may_split:
        found = _with_splits(tokens, has_plus) or _with_spoken_zeros(tokens, has_plus)
    return found


def parse_phone_digits(digits: str) -> str | None:
    """The number keyed in (DTMF) or typed, as E.164, or None: 10 or 11 digits, other characters are ignored."""
    return _as_e164("".join(c for c in digits if c.isdecimal()), has_plus=digits.strip().startswith("+"))


def dictated_digits(text: str) -> str:
    """All digits dictated in a phrase, in order; for numbers that come in several turns."""
    return "".join(_digits(group) for segment in _runs(words(text)) for run in segment for group in run)


def is_complete_phone(text: str) -> bool:
    """Whether the phrase is a whole number that its next word could not continue; for ending a turn early."""
    tokens = words(text)
    if not tokens or parse_phone(text) is None:
        return False
    last = tokens[-1]
    if last.isdecimal() or last in _REPEATED_VALUES:
        return True
    word = lexicon().get(last)
    return word is not None and word.kind in (Kind.PART, Kind.ALONE) and word.room == 0


def say_phone(e164: str) -> str:
    """A number in words by groups: "восемь, девятьсот шестнадцать, сто двадцать три, сорок пять, шестьдесят семь"."""
    digits = "".join(c for c in e164 if c.isdecimal())
    if len(digits) == 11 and digits[0] == "7":
        groups = [digits[1:4], digits[4:7], digits[7:9], digits[9:11]]
        prefix = "восемь"
    else:
        country, groups = _groups_abroad(digits)
        prefix = f"плюс {say_number(int(country))}"
    # "Сто, двадцать" would be heard as 120: such a group is said by its digits, the fewest groups possible.
    ways = [(_say_group(group), _by_digit(group)) for group in groups]
    for by_digit in sorted(product((0, 1), repeat=len(groups)), key=sum):
        said = [prefix, *(way[choice] for way, choice in zip(ways, by_digit, strict=True))]
        if "".join(_digits(numeral) for numeral in parse_numerals(words(" ".join(said)))).endswith("".join(groups)):
            return ", ".join(said)
    return ", ".join([prefix, *(_by_digit(group) for group in groups)])


def _groups_abroad(digits: str) -> tuple[str, list[str]]:
    """The code of a country and the groups of the rest: "375", ["29", "123", "45", "67"]."""
    try:
        country = str(phonenumbers.parse(f"+{digits}").country_code)
    except phonenumbers.NumberParseException:
        country = digits[:1]
    rest = digits[len(country) :]
    return country, [part for part in (rest[:-7], rest[-7:-4], rest[-4:-2], rest[-2:]) if part]


def _say_group(group: str) -> str:
    """ "05" is "ноль пять", "916" "девятьсот шестнадцать"."""
    zeros = len(group) - len(group.lstrip("0"))
    said = ["ноль"] * zeros
    if group[zeros:]:
        said.append(say_number(int(group)))
    return " ".join(said)


def _by_digit(group: str) -> str:
    return " ".join(say_number(int(digit)) for digit in group)


def _runs(tokens: list[str]) -> list[list[list[Numeral | str]]]:
    """Segments between corrections -> runs of uninterrupted digits -> groups (numerals, or digits of "два нуля")."""
    segments = [_runs_of(segment) for segment in corrections.segments(tokens)]
    return [segment for segment in segments if segment]


def _runs_of(tokens: list[str]) -> list[list[Numeral | str]]:
    runs: list[list[Numeral | str]] = [[]]
    index = 0
    while index < len(tokens):
        groups, end = _groups_at(tokens, index)
        runs[-1] += groups
        if not groups and tokens[index] not in _FILLERS:
            runs.append([])
        index = end
    return [run for run in runs if run]


def _groups_at(tokens: list[str], index: int) -> tuple[list[Numeral | str], int]:
    """What is dictated at a word, none if nothing is, and where it ends: "сорок два нуля" is 40 and 00, "дважды семь" 77."""
    times = _TIMES.get(tokens[index], 1)
    start = index if times == 1 else index + 1 + (tokens[index + 1 : index + 2] == ["по"])
    numeral = numeral_at(tokens, start) if start < len(tokens) else None
    if numeral is None or numeral.is_half_more:
        return [], index + 1
    if times > 1:
        return [_digits(numeral) * times], numeral.end
    following = tokens[numeral.end] if numeral.end < len(tokens) else ""
    count = lexicon()[tokens[numeral.end - 1]].value if not numeral.digits else numeral.value
    if following not in _REPEATED_VALUES or not 2 <= count <= _MOST_REPEATED:
        return [numeral], numeral.end
    before = [str(numeral.value - count)] if numeral.value > count else []
    return [*before, _REPEATED_VALUES[following] * count], numeral.end + 1


def _digits(group: Numeral | str) -> str:
    if isinstance(group, str):
        return group
    return group.digits or str(group.value)


def _joined(groups: list[Numeral | str]) -> str:
    return "".join(_digits(group) for group in groups)


def _last_complete(segments: list[list[list[Numeral | str]]], has_plus: bool) -> str | None:
    for segment in reversed(segments):
        for run in reversed(segment):
            number = _as_e164(_joined(run), has_plus=has_plus)
            if number is not None:
                return number
        whole = _as_e164("".join(_joined(run) for run in segment), has_plus=has_plus)
        if whole is not None:
            return whole
    # "...сорок пять ой нет сорок шесть шестьдесят семь": the later words replace the last groups of the earlier.
    kept: list[Numeral | str] = []
    for segment in segments:
        groups = [group for run in segment for group in run]
        for dropped in range(len(kept) + 1):
            joined = kept[: len(kept) - dropped] + groups
            if _as_e164(_joined(joined), has_plus=has_plus) is not None:
                kept = joined
                break
        else:
            kept = kept[:-1] + groups
    return _as_e164(_joined(kept), has_plus=has_plus)


def _with_splits(tokens: list[str], has_plus: bool) -> str | None:
    """Try numerals cut in two ("сто|двадцать") so that the groups fall on 3-3-2-2; only a single outcome counts."""
    segments = corrections.segments(tokens)
    options = [_ways(group, segment) for segment in segments for run in _runs_of(segment) for group in run]
    outcomes: set[str] = set()

    def walk(index: int, chosen: list[str]) -> None:
        if len("".join(chosen)) > 11:
            return
        if index == len(options):
            number = _as_e164("".join(chosen), has_plus=has_plus)
            if number is not None and _falls_on_groups(chosen):
                outcomes.add(number)
            return
        for way in options[index]:
            walk(index + 1, chosen + way)

    walk(0, [])
    return outcomes.pop() if len(outcomes) == 1 else None


def _ways(group: Numeral | str, tokens: list[str]) -> list[list[str]]:
    """The ways to read a numeral: whole, or cut between its words."""
    ways = [[_digits(group)]]
    if isinstance(group, str) or group.digits:
        return ways
    table = lexicon()
    parts = [table[token].value for token in tokens[group.start : group.end] if token in table]
    if len(parts) > 1 and sum(parts) == group.value:
        ways += [
            [str(sum(parts[a:b])) for a, b in zip((0, *places), (*places, len(parts)), strict=True)]
            for count in range(1, len(parts))
            for places in combinations(range(1, len(parts)), count)
        ]
    return ways


def _with_spoken_zeros(tokens: list[str], has_plus: bool) -> str | None:
    """Try hundreds whose empty ten is said ("семьсот ноль один"), all of a phrase alike."""
    table = lexicon()
    values = [word.value if (word := table.get(normalise(token))) else None for token in tokens]
    spoken = {
        place + 1
        for place, (hundreds, ten, unit) in enumerate(zip(values, values[1:], values[2:], strict=False))
        if hundreds in range(100, 1000, 100) and ten == 0 and unit in range(1, 10)
    }
    kept = [token for place, token in enumerate(tokens) if place not in spoken]
    return _last_complete(_runs(kept), has_plus) if spoken else None


def _falls_on_groups(parts: list[str]) -> bool:
    """Whether the edges of the 3-3-2-2 groups are all edges of what was said."""
    total = sum(len(part) for part in parts)
    edges, position = set(), 0
    for part in parts:
        position += len(part)
        edges.add(position - (total - 10))
    return {3, 6, 8} <= edges


def _as_e164(digits: str, *, has_plus: bool = False) -> str | None:
    if len(digits) == 11 and digits[0] in "78" and digits[1] in "34789":
        return f"+7{digits[1:]}"
    if len(digits) == 10 and digits[0] in "3489" and not has_plus:
        # Ten digits from 8: a city code (812), or a mobile number that lost its last digit (8 916 ...).
        if digits[0] == "8" and not phonenumbers.is_valid_number(phonenumbers.parse(f"+7{digits}")):
            return None
        return f"+7{digits}"
    if has_plus and len(digits) >= 11 and digits[0] != "7":
        try:
            number = phonenumbers.parse(f"+{digits}")
        except phonenumbers.NumberParseException:
            return None
        return f"+{digits}" if phonenumbers.is_valid_number(number) else None
    return None
