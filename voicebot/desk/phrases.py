"""Phrases that an operator puts into a chat by one click: desk/phrases.yaml in the folder of the dialogs."""

from collections.abc import Mapping
from pathlib import Path

import structlog
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

log = structlog.get_logger(__name__)

_FILE = "desk/phrases.yaml"
_MOST = 24
_LABEL_LENGTH = 40
_LENGTH = 1000
#: Where a clinic has written none.
USUAL: Mapping[str, str] = {
    "Здравствуйте": "Здравствуйте! Я оператор клиники. Чем могу помочь?",
    "Минуту": "Подождите, пожалуйста, минуту: я посмотрю.",
    "Что ещё": "Могу ли я помочь чем-то ещё?",
    "До свидания": "Спасибо за обращение! Будьте здоровы.",
}


def phrases_of(folder: Path) -> Mapping[str, str]:
    """Return label -> text; the usual ones where the file is missing or wrong (which is logged, not shown)."""
    path = folder / _FILE
    try:
        found = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return USUAL
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        log.warning("phrases_unreadable", problem=type(error).__name__, cure=f"Correct {_FILE}: lines of label: text.")
        return USUAL
    if not isinstance(found, dict) or not all(_is_phrase(label, text) for label, text in found.items()):
        log.warning("phrases_unreadable", problem="not lines of label: text", cure=f"Correct {_FILE}.")
        return USUAL
    return dict(list(found.items())[:_MOST])


def _is_phrase(label: object, text: object) -> bool:
    is_text = isinstance(label, str) and isinstance(text, str)
    return is_text and 0 < len(str(label)) <= _LABEL_LENGTH and 0 < len(str(text)) <= _LENGTH
