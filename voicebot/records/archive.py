"""Recordings in an S3-compatible store, shared by all robots: put there after the call, read, listed and removed from there.

What is sealed on the disk is sealed there: files go as they are, under the names that they have below the recordings' folder.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from voicebot.errors import ConfigurationError, StorageError
from voicebot.settings import RecordingStore, Settings

T = TypeVar("T")
_CURE = "See [recordings.store]; `voicebot doctor` tries it."
_CONNECT = timedelta(seconds=3)
_TRANSFER = timedelta(seconds=60)
_RETRIES = 1
#: After a failure nobody else waits for the connection: a page of the desk asks several times.
_LEFT_ALONE_SECONDS = 5.0
_MULTIPART_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """An object: its name below the prefix, size in bytes, when it was put there (UTC)."""

    name: str
    size: int
    changed_at: datetime


class StoreAway(StorageError):
    """The store of recordings does not answer, or refuses us."""


class Archive:
    """One bucket and prefix. Thread-safe. Everything raises StoreAway where the store cannot be used."""

    def __init__(self, store: Any, place: str, monotonic: Callable[[], float]) -> None:
        import obstore

        self.place = place
        self._api = obstore
        self._store = store
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._away: tuple[float, str] | None = None  # until when, and why

    def head(self, name: str) -> Kept | None:
        """Return what is known of an object, None where there is none."""
        with self._asked():
            found = self._unless_missing(lambda: self._api.head(self._store, name))
            return None if found is None else _kept(found)

    def read(self, name: str, most_bytes: int | None = None) -> bytes | None:
        """Return an object, or its beginning; None where there is none."""
        with self._asked():
            if most_bytes is None:
                return self._unless_missing(lambda: bytes(self._api.get(self._store, name).bytes()))
            head = self._unless_missing(lambda: self._api.head(self._store, name))
            if head is None:
                return None
            length = min(most_bytes, head["size"])
            if not length:
                return b""
            return self._unless_missing(lambda: bytes(self._api.get_range(self._store, name, start=0, length=length)))

    def put(self, name: str, file: Path) -> None:
        """Store a file under a name, whole or not at all; one that is there is replaced. OSError: the file cannot be read."""
        with file.open("rb") as opened, self._asked():
            size = os.fstat(opened.fileno()).st_size
            self._api.put(self._store, name, opened, use_multipart=size > _MULTIPART_BYTES)
            if self._api.head(self._store, name)["size"] != size:
                raise StoreAway(f"{self.place} keeps less than it was given.", "Look at its log and its disk.")

    def put_bytes(self, name: str, data: bytes) -> None:
        with self._asked():
            self._api.put(self._store, name, data, use_multipart=len(data) > _MULTIPART_BYTES)

    def remove(self, name: str) -> bool:
        """Delete an object; return whether there was one."""
        if self.head(name) is None:
            return False
        with self._asked():
            self._api.delete(self._store, name)
        return True

    def each(self) -> Iterator[Kept]:
        """Yield everything that is there, in the order of names: so that of an earlier day comes first."""
        with self._asked():
            pages = iter(self._api.list(self._store))
        while True:
            with self._asked():
                page = next(pages, None)
            if page is None:
                return
            yield from map(_kept, page)

    def _unless_missing(self, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except (FileNotFoundError, self._api.exceptions.NotFoundError):
            return None

    @contextmanager
    def _asked(self) -> Iterator[None]:
        with self._lock:
            away = self._away
        if away is not None and self._monotonic() < away[0]:
            raise StoreAway(f"{self.place} does not work: {away[1]}.", "It is asked again in a moment.")
        try:
            yield
        except (self._api.exceptions.BaseError, FileNotFoundError) as error:  # a missing bucket is "not found", too
            why = _why(error, self._api.exceptions)
            with self._lock:
                self._away = (self._monotonic() + _LEFT_ALONE_SECONDS, why)
            raise StoreAway(f"{self.place} does not work: {why}.", _CURE) from None
        with self._lock:
            self._away = None


def open_archive(settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> Archive | None:
    """Return the store of the settings, None where recordings stay in their folder. Nothing is asked of it yet.

    Raises ConfigurationError where a key cannot be read or the library is missing.
    """
    store = settings.recordings.store
    if not store.bucket:
        return None
    try:
        from obstore.store import S3Store
    except ImportError:
        raise ConfigurationError(
            "recordings.store needs the library obstore.", "Install it: pip install 'voicebot[s3]'"
        ) from None
    access, secret = _keys(store)
    client: Any = {"connect_timeout": _CONNECT, "timeout": _TRANSFER, "allow_http": store.endpoint.startswith("http://")}
    try:
        if store.ca_file is not None:
            client["root_certificate"] = store.ca_file.read_text()
        opened = S3Store(
            store.bucket,
            prefix=store.prefix or None,
            endpoint=store.endpoint or None,
            region=store.region,
            access_key_id=access,
            secret_access_key=secret,
            virtual_hosted_style_request=not store.is_path_style,
            client_options=client,
            retry_config={"max_retries": _RETRIES, "retry_timeout": _TRANSFER},
        )
    except OSError as error:
        raise ConfigurationError(f"recordings.store.ca_file cannot be read ({error.strerror}).", "Correct its path.") from None
    except Exception as error:  # noqa: BLE001 - what is wrong with an address comes under many names; none may tell the keys
        raise ConfigurationError(
            f"recordings.store cannot be used: {type(error).__name__}.", "Look at its endpoint, region and bucket."
        ) from None
    return Archive(opened, f"The store of recordings ({store.bucket})", monotonic)


def _keys(store: RecordingStore) -> tuple[str, str]:
    try:
        access, secret = store.access_word, store.secret_word
    except OSError as error:
        raise ConfigurationError(
            f"A key file of recordings.store cannot be read ({error.strerror}).", "Correct its path or its rights."
        ) from None
    if not access or not secret:
        raise ConfigurationError(
            "recordings.store has no keys.", "Give access_key_file and secret_key_file, or VOICEBOT_RECORDINGS__STORE__... ."
        )
    return access, secret


def _kept(meta: Any) -> Kept:
    return Kept(meta["path"], meta["size"], meta["last_modified"])


def _why(error: Exception, exceptions: Any) -> str:
    """The kind of failure in words: its own text may hold addresses and more."""
    text = str(error)
    if isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError):
        return "it refuses these keys"
    if isinstance(error, FileNotFoundError) or "NoSuchBucket" in text:
        return "there is no such bucket"
    if "tls" in text.lower() or "certificate" in text.lower():
        return "its certificate is not trusted"
    return "it does not answer" if "error sending request" in text else "it failed"
