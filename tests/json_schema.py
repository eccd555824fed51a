"""Whether a JSON value is what a schema of OpenAPI 3.1 says (JSON Schema 2020-12, the keywords that FastAPI writes).

An unknown keyword is an error: a check that is skipped silently proves nothing.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

_NOTES = frozenset({"title", "description", "default", "examples", "contentMediaType"})
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "null": (type(None),),
}  # fmt: skip


def violations(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], at: str = "$") -> Iterator[str]:
    """Yield what is wrong with a value; `root` holds what `$ref` points to."""
    if "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        yield from violations(value, found, root, at)
    if "anyOf" in schema and all(list(violations(value, one, root, at)) for one in schema["anyOf"]):
        yield f"{at}: fits none of anyOf"
    wanted = schema.get("type")
    if wanted is not None and not _is_of(value, wanted):
        yield f"{at}: {type(value).__name__} is no {wanted}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            yield f"{at}: {value} is out of bounds"
    elif isinstance(value, str):
        yield from _text(value, schema, at)
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{at}: {len(value)} items"
        for place, item in enumerate(value):
            yield from violations(item, schema.get("items", {}), root, f"{at}[{place}]")
    elif isinstance(value, dict):
        yield from _object(value, schema, root, at)
    unknown = set(schema) - _NOTES - _KNOWN
    if unknown:
        yield f"{at}: this check knows no {sorted(unknown)}"


_KNOWN = frozenset(
    {"$ref", "anyOf", "type", "enum", "const", "minimum", "maximum", "minLength", "maxLength", "format"}
    | {"minItems", "maxItems", "items", "properties", "required", "additionalProperties"}
)


def _is_of(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    return isinstance(value, _TYPES[wanted]) or (wanted == "integer" and isinstance(value, float) and value.is_integer())


def _text(value: str, schema: Mapping[str, Any], at: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{at}: {len(value)} characters"
    match schema.get("format"):
        case "date-time":
            # RFC 3339: a moment without its offset is none.
            if not re.search(r"(Z|[+-]\d\d:\d\d)$", value) or datetime.fromisoformat(value).tzinfo is None:
                yield f"{at}: {value!r} is no date-time"
        case "date":
            date.fromisoformat(value)
        case None:
            pass
        case other:
            yield f"{at}: this check knows no format {other}"


def _object(value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], at: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    yield from (f"{at}: no {name}" for name in schema.get("required", ()) if name not in value)
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in properties:
            yield from violations(item, properties[name], root, f"{at}.{name}")
        elif others is False:
            yield f"{at}: {name} is not described"
        elif isinstance(others, Mapping):
            yield from violations(item, others, root, f"{at}.{name}")
