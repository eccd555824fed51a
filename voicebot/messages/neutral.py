"""Words that tell why somebody comes to a clinic: specialities and their doctors, in every case, as a text would name them."""

from voicebot.clinic.entries import Catalogue
from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect
from voicebot.russian.text import words


class SecretWords:
    """What a neutral text must not say by itself. Single words only: «общий анализ» would forbid «анализ»."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._words: set[str] = set()
        for speciality in catalogue.specialities.values():
            for name in speciality.names():
                forms = [name, *(inflect(name, case) for case in Case)]
                self._words.update(form[0] for form in map(words, forms) if len(form) == 1)

    def named_in(self, text: str) -> str:
        """The first of them that the text holds, else ""."""
        return next((word for word in words(text) if word in self._words), "")
