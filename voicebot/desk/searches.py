"""Searches with words or phone numbers: kept here, so that no address, history or proxy's log has them."""

import secrets
import threading
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST = 500


class Searches(Generic[T]):
    """The last searches of this process, each for who made it only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], T] = OrderedDict()

    def keep(self, who: str, wanted: T) -> str:
        """Keep a search; return its name for addresses."""
        name = secrets.token_urlsafe(9)
        with self._lock:
            self._kept[who, name] = wanted
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return name

    def find(self, who: str, name: str) -> T | None:
        """Return a search of `who`, None if it is not known any more."""
        with self._lock:
            return self._kept.get((who, name))
