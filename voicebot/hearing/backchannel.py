"""Words that mean "I am listening", not "let me speak" (Russian), and words that promise more to come."""

UNKNOWN = "[unk]"


def _set(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


BACKCHANNELS = _set(
    "угу ага так да ну хм гм мгм мм м э эм а у о ой ах ясно понятно понял поняла хорошо ладно вот слушаю",
    "пожалуйста спасибо конечно",
)

FILLERS = _set("э эм мм м ну а вот значит это так как бы типа короче")

# After one of these nobody has finished.
_UNFINISHED = _set(
    "в во на к ко с со у и или а но о об по за до от из для без после перед около мне меня бы ну э эм значит это чтобы",
    "что если не где мой моя номер телефон зовут хочу хотел хотела нужен нужна нужно можно давайте",
)


def words_of(text: str) -> list[str]:
    """Split a hypothesis into words, without `[unk]`."""
    return [word for word in text.split() if word != UNKNOWN]


def has_meaning(text: str) -> bool:
    """Tell whether anything was said: a lone preposition or vowel ("в", "и") is what recognisers make of noise."""
    return any(len(word) > 1 or word == "я" for word in words_of(text))


def is_only_backchannel(text: str) -> bool:
    """Tell whether nothing but listening noises was said; nothing at all counts too."""
    return all(word in BACKCHANNELS for word in words_of(text))


def content_words(text: str) -> list[str]:
    """The words that carry meaning: without hesitations (unless there is nothing else)."""
    words = words_of(text)
    return [word for word in words if word not in FILLERS] or words


def promises_more(text: str) -> bool:
    """Tell whether the last word asks for another: "хочу к ...", "мой телефон ..."."""
    words = words_of(text)
    return bool(words) and words[-1] in _UNFINISHED


def is_bare_refusal(text: str) -> bool:
    """Tell whether only "нет" was said: often what is wanted instead follows after a breath ("нет, ... в пятницу")."""
    return bool(words_of(text)) and content_words(text)[-1] == "нет" and set(content_words(text)) <= {"нет", "ой", "да"}
