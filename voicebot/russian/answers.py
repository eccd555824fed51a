"""Yes and no."""

from enum import Enum, auto
from functools import cache

from voicebot.russian.text import words


class _Leaning(Enum):
    YES = auto()
    WEAK_YES = auto()  # agrees to go on, but loses to a plain "нет" before it: "нет давайте"
    NO = auto()
    UNSURE = auto()
    FILLER = auto()


_PHRASES = {
    _Leaning.YES: """да, ага, угу, мгм, конечно, верно, правильно, точно, именно, разумеется, естественно,
        безусловно, все верно, все правильно, все так, все точно, все верно да, так точно, так и есть, подходит,
        подойдет, устраивает, устроит, угу записывайте, согласен, согласна, согласны, подтверждаю, удобно, годится, записывайте,
        бронируйте, оформляйте, само собой, не против, не возражаю, почему бы и нет, почему нет, без проблем, с
        удовольствием, еще бы, обязательно, да да, йес, есть такое, все подходит, меня устраивает, мне подходит,
        мне удобно, меня все устраивает, наверное да, вроде да, вроде верно, правда, оставляйте, оставьте, оставим,
        конечно же, на этот, этот, на него, этот же, тот же, тот же самый, этот самый, он самый, именно он, так и быть,
        а как же, вы правы, о кей, сойдет, возражений нет, нет возражений, без вопросов, ясное дело, по рукам, решено,
        оставляем, думаю что да, скорее да, скорее всего да, видимо да, с которого звоню, с этого номера, на тот же,
        на тот же номер, да что вы конечно, йеп, так и сделаем, так и сделайте,
        в самый раз, то что нужно, то что надо, подойдет вполне, без возражений, пусть так, пусть будет так, пускай будет так,
        я за, я только за, обеими руками за, устраивает вполне, океюшки, окей давайте, хорошо давайте,
        раз другого нет, давайте раз другого нет, тоже подойдет, вроде бы да, конечно да, ну конечно, валяйте, валяй,
        действуйте, дерзайте, уговорили, убедили, чего ж нет, чего же нет, чего бы и нет, чего бы нет, отчего нет,
        отчего ж нет, отчего же нет, отчего бы и нет, что ж нет, почему ж нет, почему же нет, почему бы нет, куда деваться,
        деваться некуда, куда деться, делать нечего, выбора нет, выбирать не приходится""",
    _Leaning.WEAK_YES: """хорошо, давайте, давай, ладно, ок, окей, отлично, прекрасно, замечательно, нормально,
        идет, пойдет, пусть, понятно, ясно, договорились, супер, класс, здорово, пожалуй, ну давайте, хочу, хотим,
        хотел бы, хотела бы, приду, придем, буду, будем, смогу, сможем, запишите, запишите меня, записывайте меня,
        можно, нужно, надо, так, хотелось бы, можно записать, записать, буду благодарна, буду благодарен, если
        можно, будьте добры да""",
    _Leaning.NO: """нет, неа, не, нету, не надо, не нужно, не подходит, не подойдет, не устраивает, не
        устроит, неверно, не верно, неправильно, не правильно, не так, не то, не тот, не та, не согласен, не
        согласна, не хочу, не хотим, не хотел бы, не хотела бы, не могу, не смогу, не сможем, не получится, не
        получается, не буду, не будем, не приду, не придем, неудобно, не удобно, не годится, не пойдет, не
        записывайте, не точно, не совсем, нет спасибо, спасибо нет, ни в коем случае, ни за что, никак, нельзя,
        исключено, вряд ли, отказываюсь, откажусь, воздержусь, передумал, передумала, против, конечно нет, ошибка,
        ошиблись, вы ошиблись, ничего не надо, ничего не нужно, больше ничего, ничего, не все верно, не все
        правильно, не надо пожалуй, отнюдь, ненадо, ненужно, нет что вы, что вы нет, да что вы, боже упаси, упаси боже,
        скорее нет, скорее всего нет, думаю нет, думаю что нет, едва ли, сомневаюсь, вопросов нет, вопросов больше нет,
        больше вопросов нет, нет вопросов, больше нет вопросов, отмена, отменяйте, не стоит, не хочется, незачем, не к чему,
        ничего подобного, ошибочка, увы, на другой номер, на другой, с другого, другой номер, не мой, не моя, это не я,
        не я, да нет конечно,
        да нет же, да ну нет, увольте, избавьте, обойдемся, перебьюсь, без этого обойдемся, без этого обойдусь,
        без вас обойдемся, без вас обойдусь, и так обойдусь, и так обойдемся, как нибудь обойдусь, как нибудь обойдемся,
        зачем мне это не нужно, зачем мне это не надо, зачем мне не надо, зачем не надо, зачем не нужно, ни в какую,
        ни под каким видом, пока нет,
        пока не надо, не сейчас, обойдусь, спасибо обойдусь, нет конечно, да нет, навряд ли, не это, не туда""",
    _Leaning.UNSURE: """не знаю, не уверен, не уверена, не понял, не поняла, не расслышал, не расслышала, что,
        как, когда, какой, сколько, почему, зачем, где, кто, может быть, возможно, не помню, не слышу, не слышно,
        повторите""",
    _Leaning.FILLER: """ну, вот, а, и, ой, э, эм, м, мм, ах, о, ох, ай, это, уж, ж, спасибо, пожалуйста, мне, меня, нас,
        нам, я, мы, вас, вам, все, там, тут, здесь, же, то, бы, уже, очень, вполне, большое, благодарю, девушка,
        алло, значит, тогда, вы, абсолютно, совершенно, думаю, кажется, вроде, наверное, наверно, в принципе, в
        общем, как раз, вообще, совсем, просто, лучше, вроде бы, на самом деле, будьте добры, будьте любезны,
        больше, сказал, сказала, говорю, по идее, при этом, теперь, слушайте, скажем, пока, но, скорее, скорее всего,
        видимо, же, будьте, добры""",
}
# Answers only when nothing else is said.
_WHOLE = {
    True: """наверное, наверно, вполне, легко, будьте добры, плюс, yes, ok, с этого, это я, а то, буду благодарна, да ну да,
        видимо, я, мой, моя, мой номер, верный, правильный""",
    False: """все спасибо, спасибо все, это все, на этом все, вот и все, достаточно, хватит, потом, минус, no, спасибо
        на этом все, больше не надо, как нибудь потом, в другой раз, нет все, еще чего, вот еще, да ну его,
        ну его, какое там, да какое там, куда там, да куда там, где уж там, зачем мне это, да зачем мне это""",
}
# Between "не" and what it negates: "не на этот", "не совсем верно".
_AFTER_NOT = frozenset({"на", "совсем", "очень", "вполне", "особо", "слишком", "все", "вот", "с"})
_CLOSING = frozenset({"согласен", "согласна", "согласны", "подтверждаю"})
_NO_CONSENT = frozenset({"не", "нет", "ни", "если", "когда", "кто", "как", "муж", "жена", "врач"})
_WONDER = ("что", "вы")
_LONGEST_CONSENT = 6
_MAXIMUM_OTHER = 3  # more unknown words than this and the phrase is about something else
_MAXIMUM_OTHER_AFTER_NO = 6


@cache
def _table() -> dict[tuple[str, ...], _Leaning]:
    return {
        tuple(phrase.split()): leaning
        for leaning, phrases in _PHRASES.items()
        for phrase in phrases.replace("\n", " ").split(",")
    }


@cache
def _whole() -> dict[str, bool]:
    return {
        " ".join(phrase.split()): answer
        for answer, phrases in _WHOLE.items()
        for phrase in phrases.replace("\n", " ").split(",")
    }


@cache
def _longest() -> int:
    return max(len(phrase) for phrase in _table())


def parse_yes_no(text: str) -> bool | None:
    """True for yes, False for no, None when the phrase is neither or is about something else.

    The last clear word wins ("нет да" is yes, "да нет" is no); "нет" before "давайте" or "хорошо" stays no.
    """
    tokens = words(text)
    whole = _whole().get(" ".join(tokens))
    if whole is not None:
        return whole
    if not tokens and text.strip() in ("+", "-"):
        return text.strip() == "+"
    leanings, others = _read(_without_wonder(tokens))
    if others and _ends_with_consent(tokens):
        return True
    if not leanings or _Leaning.UNSURE in leanings:
        return None
    if others:
        return _of_longer(leanings, others)
    verdicts = [leaning for leaning in leanings if leaning is not _Leaning.FILLER]
    if not verdicts:
        return None
    if _Leaning.NO in verdicts and _Leaning.YES not in verdicts:
        return False
    clear = [verdict for verdict in verdicts if verdict is not _Leaning.WEAK_YES] or verdicts
    return clear[-1] is not _Leaning.NO


def _without_wonder(tokens: list[str]) -> list[str]:
    """ "Нет конечно что вы": what follows the answer asks nothing; "да что вы" is an answer of its own."""
    is_after = len(tokens) > len(_WONDER) and tuple(tokens[-2:]) == _WONDER and tokens[-3] != "да"
    return tokens[: -len(_WONDER)] if is_after else tokens


def _ends_with_consent(tokens: list[str]) -> bool:
    """ "Ну раз так то я согласна"; "если муж согласен" and "я не был бы согласен" are none."""
    return len(tokens) <= _LONGEST_CONSENT and tokens[-1] in _CLOSING and not _NO_CONSENT & set(tokens)


def _of_longer(leanings: list[_Leaning], others: int) -> bool | None:
    """A phrase with other words counts when it begins with its yes or no."""
    first = next((leaning for leaning in leanings if leaning is not _Leaning.FILLER), None)
    if first is _Leaning.NO:
        return False if others <= _MAXIMUM_OTHER_AFTER_NO else None
    if first is _Leaning.YES and others <= _MAXIMUM_OTHER:
        return _Leaning.NO not in leanings or None
    return None


def _read(tokens: list[str]) -> tuple[list[_Leaning], int]:
    """The leanings of the known phrases, longest first, and how many words are unknown. Stops order at unknown words."""
    leanings: list[_Leaning] = []
    others = 0
    index = 0
    while index < len(tokens):
        length, leaning = _known_at(tokens, index)
        negated = _negated_at(tokens, index)
        if negated > length:
            length, leaning = negated, _Leaning.NO
        if leaning is None or (others and not any(known is not _Leaning.FILLER for known in leanings)):
            # Unknown, or after an unknown word: then the phrase does not begin with its answer.
            others += 1
        else:
            leanings.append(leaning)
        index += max(length, 1)
    return leanings, others


def _known_at(tokens: list[str], index: int) -> tuple[int, _Leaning | None]:
    """The longest known phrase that begins at a word."""
    table = _table()
    for length in range(min(_longest(), len(tokens) - index), 0, -1):
        leaning = table.get(tuple(tokens[index : index + length]))
        if leaning is not None:
            return length, leaning
    return 0, None


def _negated_at(tokens: list[str], index: int) -> int:
    """The words of "не" with an agreement after it ("не совсем верно", "не на этот"), or 0."""
    if tokens[index] != "не":
        return 0
    start = index + 1
    while start < len(tokens) and tokens[start] in _AFTER_NOT:
        length, leaning = _known_at(tokens, start)
        if _is_agreement(leaning):
            return start + length - index  # "не на этот": "на этот" is one phrase
        start += 1
    length, leaning = _known_at(tokens, start) if start < len(tokens) else (0, None)
    return start + length - index if _is_agreement(leaning) else 0


def _is_agreement(leaning: _Leaning | None) -> bool:
    return leaning in (_Leaning.YES, _Leaning.WEAK_YES)
