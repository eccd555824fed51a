"""Every setting on a page: made from the settings themselves, so that the page cannot lag behind. `voicebot settings`."""

import json
import re
import types
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from voicebot import settings as settings_module
from voicebot.settings import Section, Settings
from voicebot.settings.basis import without_secrets

app = typer.Typer(help="The settings: all there are, and those in force.", no_args_is_help=True)

_HEAD = """\
# Settings

Made from `voicebot/settings` by `voicebot settings reference`; a test keeps it so. Do not edit.

They come from a TOML file (`VOICEBOT_CONFIG`, else `./voicebot.toml` if there is one) and from variables, which win:
`VOICEBOT_SIP__PORT=5070` is `port` of `[sip]`. An unknown key is an error. A secret is better given as a file (`..._file`)
than as a value. `voicebot settings show` prints what is in force, without secrets; `voicebot doctor` tries it.
"""


_SECRET_HEADER = re.compile(r"(?i)\A(proxy-)?authorization\Z|cookie|api.?key|token|secret|\Ax-.*key\Z")


@app.command()
def reference() -> None:
    """Print all settings with their defaults as Markdown (docs/configuration.md)."""
    typer.echo(page(), nl=False)


@app.command()
def show() -> None:
    """Print the settings in force as TOML's keys; secrets are starred."""
    for line in _in_force(settings_module.load()):
        typer.echo(line)


def page() -> str:
    """Return docs/configuration.md."""
    return "\n".join([_HEAD, *_section("", Settings)])


def _section(name: str, section: type[BaseModel]) -> Iterator[str]:
    plain: list[tuple[str, FieldInfo]] = []
    inner: list[tuple[str, type[BaseModel]]] = []
    for field, info in section.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            inner.append((f"{name}.{field}" if name else field, kind))
        else:
            plain.append((field, info))
    yield f"## {'[' + name + ']' if name else 'At the top of the file'}"
    yield ""
    own = getdoc(section) or ""
    if name and own and own != getdoc(Section):
        yield from [own, ""]
    if plain:
        yield from ("| key | is | default | what for |", "|---|---|---|---|")
        for field, info in plain:
            what = (info.description or "").replace("|", "\\|")
            yield f"| `{field}` | {_kind(info.annotation)} | {_default(info)} | {what} |"
        yield ""
    for path, kind in inner:
        yield from _section(path, kind)


def _kind(kind: Any) -> str:
    """Say in words what may be written."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin in (Union, types.UnionType):
        return _kind(next(one for one in arguments if one is not type(None)))
    if origin is Literal:
        return "one of " + ", ".join(f"`{one}`" for one in arguments)
    if origin in (list, tuple):
        return f"a list: {_kind(arguments[0])}" if arguments else "a list"
    if origin is dict:
        return f"a table: name = {_kind(arguments[1])}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        inside = ", ".join(f"`{name}`" for name in kind.model_fields)
        return f"a table of {inside}"
    names = {
        str: "text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        Path: "a path",
        SecretStr: "a secret",
    }
    return names.get(kind, "text")


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "(must be given)"
    value = info.get_default(call_default_factory=True)
    if value is None or (isinstance(value, SecretStr) and not value.get_secret_value()) or value == "":
        return ""
    return f"`{_written(value)}`".replace("|", "\\|")


def _written(value: Any, name: str = "") -> str:
    if isinstance(value, BaseModel):
        return _written({field: one for field in type(value).model_fields if (one := getattr(value, field)) is not None})
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, str):
        # A header's value may be the key itself; {secret} stands for a file's content.
        is_secret = _SECRET_HEADER.search(name) is not None and "{secret}" not in value
        return json.dumps("***" if is_secret and value else without_secrets(value), ensure_ascii=False)
    if isinstance(value, Path):
        return json.dumps(str(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_written(one, str(key))}" for key, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False, default=str)


def _in_force(section: BaseModel, name: str = "") -> Iterator[str]:
    for field in type(section).model_fields:
        value = getattr(section, field)
        path = f"{name}.{field}" if name else field
        if isinstance(value, Section):
            yield from _in_force(value, path)
        elif value is not None:
            yield f"{path} = {_written(value)}"
