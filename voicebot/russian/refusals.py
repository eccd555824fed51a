"""How callers say that they cannot: "в среду не могу"; "встать не может" and "или не успеваю" rule no day out."""

from voicebot.russian.morphology import parses
from voicebot.russian.text import listed

_PHRASES = """не могу, не смогу, не сможем, не можем, не получится, не получается, не приду, не буду, не успеваю, не успею,
    не приедем, не приеду, не придем, не поедем, не поеду, не пойду, не дойду, не дойдет, не доеду, не доедет, не попаду,
    не сможет, не может, не успевает, не выходит, не выйдет, не вырвусь, не вырвемся, не подходит, не подойдет, неудобно,
    не удобно, не устраивает, не устроит, никак, не хочу, не надо, не нужно, занят, занята, исключено, исключены, отпадает,
    отпадают, не хотелось бы, уезжаю, мимо, не вариант, не годится, не очень, не хотел бы, не хотела бы, не работает,
    меня нет, работаю, на работе, в отпуске, в командировке, не пойдет, не в состоянии, не по мне, нельзя, не предлагайте,
    не предлагать, не ставьте, не отпустят, не отпустит, не отпускают"""
#: Only of the day named before: "клещ укусил на даче, завтра к врачу".
_BEHIND_PHRASES = "на даче, на сутках, на смене, на дежурстве, на учебе, дежурю"


def _longest_first(phrases: str) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted((tuple(phrase.split()) for phrase in phrases.split(",")), key=lambda phrase: -len(phrase)))


_REFUSALS = _longest_first(_PHRASES)
_BEHIND = _longest_first(_BEHIND_PHRASES)
#: "Я в отпуске, могу" is why one can.
_AWAY = frozenset({("в", "отпуске"), ("на", "работе"), ("работаю",), ("уезжаю",), *_BEHIND})
_CAN = listed("могу смогу можем сможем можно свободен свободна удобно подойдет")
_ABLE = listed("могу смогу можем сможем свободен свободна приду придем приеду приедем")
_BEFORE_ABLE = listed("только лишь я мы точно вот как раз бы тогда и то")
#: Not to be able to do these is what one comes with, or why it is urgent.
_BEARING = listed(
    "терпеть ждать ходить встать вставать дышать есть кушать спать стоять лежать сидеть глотать говорить разогнуться "
    "наступить наступать двигать двигаться шевелить поднять повернуть согнуть пить уснуть заснуть понять дозвониться "
    "пошевелиться повернуться согнуться нагнуться наклониться присесть сесть лечь вздохнуть жевать поднимать забеременеть "
    "похудеть вылечить избавиться"
)
#: "После шести, раньше не могу" says the same once more.
_ELSE = listed("раньше позже позднее пораньше попозже потом дальше затем")
_ASKED_OF = listed("я мы уже он она вы")
#: "В среду мест нет" rules the day out; "терпеть сил нет", "полиса нет" do not.
_PLACES = listed(
    "мест места местечка местечек времени окон окна окошек окошка талонов талона номерков номерка записи приема возможности "
    "свободных"
)
#: Between refused marks these tell that only what follows is refused: "в среду, но вечером не могу".
_APART = listed("но а только раз подходит нормально")
_ONLY = listed("только лишь исключительно")


def refusal_at(tokens: list[str], index: int) -> int:
    """How many words from here on say that one cannot; 0 where they do not, or speak of the body ("не могу встать")."""
    length = phrase_at(tokens, index, _REFUSALS)
    if not length or tokens[index : index + 2] == ["нельзя", "ли"]:
        return 0
    around = {*tokens[max(0, index - 1) : index], *tokens[index + length : index + length + 1]}
    return 0 if around & _BEARING else length


def away_at(tokens: list[str], index: int) -> int:
    """How many words from here on tell why the day named before is ruled out: "по четвергам я на даче"."""
    return phrase_at(tokens, index, _BEHIND)


def phrase_at(tokens: list[str], index: int, phrases: tuple[tuple[str, ...], ...]) -> int:
    """How many words the longest of the phrases that begins here has."""
    return next((len(phrase) for phrase in phrases if tuple(tokens[index : index + len(phrase)]) == phrase), 0)


def is_asked(tokens: list[str], index: int) -> bool:
    """Whether what stands here is the other half of a question: "работаете или нет", "или я не успеваю"."""
    before = tokens[index - 1] if index else ""
    return before == "или" or (before in _ASKED_OF and tokens[max(0, index - 2)] == "или")


def is_of_else(tokens: list[str]) -> bool:
    """Whether the words after a wish lead to what says it once more: "после шести, раньше не могу"."""
    return not _ELSE.isdisjoint(tokens)


def is_else_after(tokens: list[str], index: int) -> bool:
    """Whether the words here end what was refused: "утром, позже не могу"; in "не могу позже пяти" they lead to a bound."""
    return tokens[index : index + 1] != [] and tokens[index] in _ELSE


def is_lack(tokens: list[str], index: int) -> bool:
    """Whether the "нет" here is of the noun before it and of no day: "сил нет", "ничего нет", "полиса нет"."""
    word = tokens[index - 1] if index else ""
    if not word or word in _PLACES:
        return False
    readings = [reading.tag for reading in parses(word)[:2]]
    return any(tag.POS == "NOUN" and "gent" in tag and "anim" not in tag for tag in readings)


def is_why_wished(tokens: list[str], start: int, end: int, index: int) -> bool:
    """Whether the "работаю" here is why the time at [start, end) is wished: "вечером конечно, я ж работаю"."""
    if tokens[index] != "работаю" and tokens[index : index + 2] != ["на", "работе"]:
        return False
    between = tokens[end:index]
    return any(token in ("надо", "нужно", "удобно", "лучше", "конечно") for token in between) or bool(
        _ONLY & set(tokens[max(0, start - 2) : start])
    )


def is_able(tokens: list[str], index: int) -> int:
    """How many words from here on say that one can then: "(в субботу) только могу", "(пятого) вот тогда и приду"."""
    length = next((place for place, token in enumerate(tokens[index : index + 4]) if token not in _BEFORE_ABLE), 0)
    place = index + length
    return length + 1 if place < len(tokens) and tokens[place] in _ABLE else 0


def is_able_before(tokens: list[str], index: int) -> bool:
    """Whether just before the time that begins here it is said that one can: "могу в субботу"."""
    before = tokens[max(0, index - 3) : index]
    return not _ABLE.isdisjoint(before) and "не" not in tokens[max(0, index - 4) : index]


def is_away_and_free(tokens: list[str], index: int, length: int) -> bool:
    """ "Четвёртого я в отпуске, могу": being away is what makes the day free."""
    return tuple(tokens[index : index + length]) in _AWAY and is_possible(tokens, index + length)


def is_possible(tokens: list[str], index: int) -> bool:
    """Whether the word here says that one can."""
    return index < len(tokens) and tokens[index] in _CAN


def are_apart(tokens: list[str]) -> bool:
    """Whether of two marks with these words between them only the second is refused: "в среду да, в четверг нет"."""
    is_yes = tokens[:1] == ["да"] and tokens[1:2] != ["и"]
    return is_yes or not (_APART | _ABLE | _CAN).isdisjoint(tokens)
