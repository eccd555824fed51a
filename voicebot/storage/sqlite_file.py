"""A database file that was moved, deleted or replaced under our feet is noticed at the next transaction.

SQLite itself goes on writing into the file that it has open, even when nobody will ever find that file again; and it makes
an empty file where one is missing, whose journal would then damage the right file when it comes back.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

_FILE = "voicebot_file"


def keep_to_the_file(engine: Engine, path: Path, *, may_create: bool) -> None:
    """Let connections of `engine` live as long as `path` is the file they opened. The first one may make it."""
    is_there = [not may_create]

    @event.listens_for(engine, "do_connect")
    def _opening(_dialect: Any, _record: Any, arguments: list[Any], parameters: dict[str, Any]) -> None:
        if is_there[0]:
            arguments[0] = f"file:{quote(str(path.absolute()))}?mode=rw"
            parameters["uri"] = True

    @event.listens_for(engine, "connect")
    def _opened(_connection: sqlite3.Connection, record: Any) -> None:
        record.info[_FILE] = _identity(path)
        is_there[0] = True

    @event.listens_for(engine, "checkout")
    def _taken(_connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        if record.info[_FILE] != _identity(path):
            raise DisconnectionError("The database file is another one, or gone.")  # the pool opens it anew, or fails


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - at each transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino
