"""Errors that say what to do next."""


class VoicebotError(Exception):
    """Something the engineer can cure.

    `message` says what is wrong, `cure` what to do about it. Neither may hold personal data.
    """

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(f"{message} {cure}".strip())
        self.message = message
        self.cure = cure


class ConfigurationError(VoicebotError):
    """A setting, a dialplan or clinic data is wrong."""


class ModelError(VoicebotError):
    """A recogniser or voice model is missing, damaged or not fit for its purpose."""


class LineError(VoicebotError):
    """The SIP side cannot start or do what was ordered."""


class StorageError(VoicebotError):
    """The database or the disk refused."""
