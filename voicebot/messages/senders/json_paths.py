"""Finding things in a provider's JSON by a path as `data.messages.0.id`, and filling in ours. Pure."""

import re
from collections.abc import Mapping
from typing import Any

_PLACE = re.compile(r"\{(\w+)\}")


def at_path(value: Any, path: str) -> Any:
    """What stands there; None where nothing does. An empty path is the value itself."""
    for part in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def text_at(value: Any, path: str) -> str:
    """The same as a short text: numbers as they are written; "" for nothing and for containers."""
    found = at_path(value, path)
    if isinstance(found, str):
        return found.strip()
    return str(found) if isinstance(found, int | float) and not isinstance(found, bool) else ""


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Put values for {name} into every text of a JSON value. A text that is one placeholder becomes the value itself."""
    if isinstance(template, Mapping):
        return {key: fill(part, values) for key, part in template.items()}
    if isinstance(template, list):
        return [fill(part, values) for part in template]
    if not isinstance(template, str):
        return template
    whole = _PLACE.fullmatch(template)
    if whole is not None:
        return values[whole.group(1)]
    return _PLACE.sub(lambda found: str(values[found.group(1)]), template)


def placeholders(template: Any) -> set[str]:
    """The names that `fill` would need."""
    if isinstance(template, Mapping):
        return set().union(*(placeholders(part) for part in template.values())) if template else set()
    if isinstance(template, list):
        return set().union(*(placeholders(part) for part in template)) if template else set()
    return set(_PLACE.findall(template)) if isinstance(template, str) else set()
