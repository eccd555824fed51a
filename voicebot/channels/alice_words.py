"""What the skill says by itself, beside the dialog: help, farewell, waiting, trouble. And whole phrases it takes for itself.

Yandex's moderation wants help on «помощь» and «что ты умеешь», an end on «хватит», and care where a danger was heard
(yandex.ru/dev/dialogs/alice/doc: publishing requirements).
"""

import re
from dataclasses import dataclass

from voicebot.channels.alice_text import unmarked

# «Помогите» is none of these: it may be a cry, which the dialog understands. Goodbyes too are left to the dialog.
_HELP = frozenset(
    {"помощь", "справка", "хелп", "что ты умеешь", "что ты умеешь делать", "что ты можешь",
     "что вы умеете", "что умеешь", "что умеет навык", "что умеет этот навык", "как тобой пользоваться"}
)  # fmt: skip
_EXIT = frozenset(
    {"хватит", "стоп", "выход", "выйти", "выйди", "выйди из навыка", "выйти из навыка", "закрой", "закрой навык", "закрыть",
     "закрыть навык", "закончить", "закончи", "завершить", "заверши навык", "остановись", "отключись", "алиса хватит",
     "алиса стоп", "алиса выйди", "вернись алиса"}
)  # fmt: skip
_ON = frozenset(
    {"дальше", "да", "давай", "давай дальше", "да дальше", "говори", "говори дальше", "еще", "продолжай", "продолжи",
     "скажи дальше", "слушаю", "да скажи", "хочу", "конечно", "ага", "угу", "ну", "ну что", "ну что там", "и", "что там"}
)  # fmt: skip
_NO = frozenset({"нет", "не надо", "не нужно", "достаточно", "не хочу", "понятно"})
_NOT_WORDS = re.compile(r"[^а-яёa-z0-9 ]+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text with stress marks; `text` is what is shown."""

    tts: str

    @property
    def text(self) -> str:
        return unmarked(self.tts)


@dataclass(frozen=True, slots=True)
class AliceWords:
    """`clinic`: its name as it is spoken; `phone`: written and spoken, "" where it must not be told."""

    clinic: str
    phone: str = ""
    phone_spoken: str = ""

    def help(self) -> tuple[str, str]:
        spoken = (
            f"Это робот-администр+атор клиники «{self.clinic}». Я зап+исываю к врач+ам, переношу и отмен+яю записи, "
            "говорю цены, адрес+а, часы работы и как подготовиться к анализам. Скажите, например: запиши к терапевту "
            "на завтра; сколько стоит приём; где вы находитесь. Чтобы закончить, скажите «хватит»."
        )
        return unmarked(spoken), spoken

    def farewell(self) -> tuple[str, str]:
        return "Всего доброго, будьте здоровы!", "Всего доброго, б+удьте здор+овы!"

    def pong(self) -> tuple[str, str]:
        return "Я на связи. Скажите, чем помочь.", "Я на связ+и. Скажите, чем помочь."

    def hold(self, times: int) -> tuple[str, str]:
        """What is said while the answer is not there yet; `times`: how often it was said before."""
        if times == 0:
            spoken = "Секунду, ещё ищу. Скаж+ите: дальше."
        else:
            spoken = "Пока не готово, продолжаю искать. Скаж+ите ещё раз: дальше."
        return unmarked(spoken), spoken

    def trouble(self) -> tuple[str, str]:
        """Nothing could be found out."""
        text = spoken = "Простите, сейчас у меня не получается ответить."
        return self._with_number(text, spoken, "Попробуйте, пожалуйста, чуть позже.")

    def not_heard(self) -> tuple[str, str]:
        return "Я вас слушаю. Чем помочь?", "Я вас сл+ушаю. Чем помочь?"

    def danger(self) -> tuple[str, str]:
        return (
            "Если есть угроза жизни, сразу звоните 103 или 112.",
            "Если есть угроза ж+изни, сразу звоните ст+о три или сто двенадцать.",
        )

    def _with_number(self, text: str, spoken: str, otherwise: str) -> tuple[str, str]:
        if not self.phone:
            return f"{text} {otherwise}", f"{spoken} {otherwise}"
        return f"{text} Позвоните нам: {self.phone}.", f"{spoken} Позвоните нам: {self.phone_spoken or self.phone}."


def plain(said: str) -> str:
    """A phrase as the tables above hold it: lower case, letters and digits only, no politeness."""
    text = " ".join(_NOT_WORDS.sub(" ", said.lower().replace("ё", "е")).split())
    for word in ("пожалуйста", "спасибо"):
        text = text.removesuffix(word).removeprefix(word).strip()
    return text


def is_help(said: str) -> bool:
    return plain(said) in _HELP


def is_exit(said: str) -> bool:
    return plain(said) in _EXIT


def is_on(said: str) -> bool:
    """Agreement to hear the rest."""
    return plain(said) in _ON


def is_no(said: str) -> bool:
    return plain(said) in _NO
