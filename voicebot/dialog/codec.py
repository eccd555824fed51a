"""Typed values to JSON and back: dataclasses, pydantic models, dates, enums and containers of them.

A dialog's state must survive a restart and travel between processes (chat, Alice). Only classes of this project are ever
built from it, never an arbitrary import.
"""

import dataclasses
import importlib
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

from pydantic import BaseModel

from voicebot.errors import VoicebotError

_PLAIN = frozenset({str, int, float, bool, type(None)})
_NO_DEFAULT = object()
_ROOMS = ("voicebot.russian.", "voicebot.clinic.", "voicebot.dialog.")


def dumps(value: Any) -> str:
    return json.dumps(_encode(value), ensure_ascii=False)


def loads(text: str) -> Any:
    """Raise VoicebotError if the text was not written by `dumps` of a compatible version."""
    try:
        return _decode(json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError, ImportError) as error:
        raise VoicebotError(f"A saved dialog cannot be read: {type(error).__name__}.", "Start the dialog anew.") from None


@cache
def _tag(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any], ...]:
    """What is saved of a value class: names and defaults (what a field has anyway is left out)."""
    if issubclass(kind, BaseModel):
        return tuple((name, _NO_DEFAULT) for name in kind.model_fields)
    return tuple(
        (one.name, _NO_DEFAULT if one.default is dataclasses.MISSING else one.default)
        for one in dataclasses.fields(kind)
        if one.init
    )


def _encode(value: Any) -> Any:
    kind: Any = type(value)
    return value if kind in _PLAIN else _encoder(kind)(value)


@cache
def _encoder(kind: Any) -> Callable[[Any], Any]:
    """How the values of a class are written. A state has hundreds of values of a few dozen classes."""
    if issubclass(kind, Enum):
        tag = _tag(kind)
        return lambda value: {"$enum": tag, "v": value.name}
    if issubclass(kind, bool | int | float | str):
        return lambda value: value
    if issubclass(kind, datetime):
        # The zone's name, not only its offset: a wish for "the day after" is counted in the clinic's zone.
        return lambda value: {"$datetime": value.isoformat(), "zone": getattr(value.tzinfo, "key", "")}
    if issubclass(kind, date):
        return lambda value: {"$date": value.isoformat()}
    if issubclass(kind, time):
        return lambda value: {"$time": value.isoformat()}
    if issubclass(kind, timedelta):
        return lambda value: {"$seconds": value.total_seconds()}
    if issubclass(kind, Decimal):
        return lambda value: {"$decimal": str(value)}
    if issubclass(kind, tuple):
        return lambda value: {"$tuple": [_encode(part) for part in value]}
    if issubclass(kind, frozenset | set):
        is_frozen = issubclass(kind, frozenset)
        return lambda value: {"$set": sorted((_encode(part) for part in value), key=repr), "frozen": is_frozen}
    if issubclass(kind, list):
        return lambda value: [_encode(part) for part in value]
    if issubclass(kind, Mapping):
        return lambda value: {"$map": [[_encode(key), _encode(part)] for key, part in value.items()]}
    if issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind):
        return _class_encoder(kind)
    raise TypeError(f"a {kind.__name__} cannot be saved")


def _class_encoder(kind: type) -> Callable[[Any], Any]:
    tag, fields = _tag(kind), _fields(kind)

    def encode(value: Any) -> Any:
        given = {}
        for name, default in fields:
            one = getattr(value, name)
            if one is not default and not _is_same(one, default):
                given[name] = _encode(one)
        return {"$class": tag, "v": given}

    return encode


def _is_same(value: Any, default: Any) -> bool:
    """Whether a field has its default; 1 and True, 0.0 and 0 are different values."""
    return value is default or (type(value) is type(default) and type(value) in _PLAIN and bool(value == default))


@cache
def _class(tag: str) -> Any:
    module, _, qualname = tag.partition(":")
    if not module.startswith(_ROOMS):
        raise ValueError("not a class of this project")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    if not isinstance(found, type) or not (dataclasses.is_dataclass(found) or issubclass(found, BaseModel | Enum)):
        raise ValueError("not a value class")
    return found


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(part) for part in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"$enum": tag, "v": name}:
            return _class(tag)[name]
        case {"$datetime": text, "zone": zone}:
            moment = datetime.fromisoformat(text)
            if zone:
                from zoneinfo import ZoneInfo

                return moment.replace(tzinfo=ZoneInfo(zone), fold=moment.fold)
            return moment
        case {"$date": text}:
            return date.fromisoformat(text)
        case {"$time": text}:
            return time.fromisoformat(text)
        case {"$seconds": seconds}:
            return timedelta(seconds=seconds)
        case {"$decimal": text}:
            return Decimal(text)
        case {"$tuple": parts}:
            return tuple(_decode(part) for part in parts)
        case {"$set": parts, "frozen": frozen}:
            return frozenset(map(_decode, parts)) if frozen else set(map(_decode, parts))
        case {"$map": pairs}:
            return {_decode(key): _decode(part) for key, part in pairs}
        case {"$class": tag, "v": fields}:
            return _class(tag)(**{name: _decode(part) for name, part in fields.items()})
    raise ValueError("unknown form")
