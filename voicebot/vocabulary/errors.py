"""What may be wrong with words and with the graph they should enter."""

from voicebot.errors import ModelError


class UnpronounceableWord(ModelError):
    """A word that cannot be said as it is written; `words` are those words."""

    def __init__(self, message: str, cure: str, words: tuple[str, ...]) -> None:
        super().__init__(message, cure)
        self.words = words


class UnknownWord(ModelError):
    """Words that the model does not know although they are needed; `words` are those words."""

    def __init__(self, message: str, cure: str, words: tuple[str, ...]) -> None:
        super().__init__(message, cure)
        self.words = words


class FixedVocabulary(ModelError):
    """Words cannot be added to this model."""


class DamagedModel(ModelError):
    """A file of a model is truncated or is no such file."""
