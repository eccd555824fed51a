"""A clinic's own words in place of ours: a YAML file of its folder, name: text. Every error names file and line."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from voicebot.dialog.loader import line_of, plain, read_yaml
from voicebot.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)


def load_own_words(file: Path, model: type[M]) -> M:
    """Return the words, ours where the clinic has none. Raises ConfigurationError listing every problem.

    A problem that a validator finds in a text is at the line of that text.
    """
    if not file.is_file():
        return model()
    raw = read_yaml(file)
    try:
        return model.model_validate(plain(raw) or {})
    except ValidationError as error:
        found = "\n".join(
            f"{file}:{line_of(raw, one['loc'])}: {'.'.join(map(str, one['loc'])) or 'the file'}: "
            f"{one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_input=False, include_url=False)
        )
        raise ConfigurationError(found, f"Known: {', '.join(model.model_fields)}.") from None
