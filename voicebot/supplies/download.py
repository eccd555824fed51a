"""One file over HTTP: resumed where it was cut, checked, and put in place only when whole."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import structlog

from voicebot.supplies.errors import SupplyError
from voicebot.supplies.progress import OnProgress, unseen

log = structlog.get_logger(__name__)

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 1.0
CONNECT_SECONDS = 15.0
STALL_SECONDS = 60.0  # no byte for so long: the attempt is given up
LARGEST_BYTES = 8_000_000_000
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a file in advance."""

    size_bytes: int | None = None
    md5: str | None = None
    sha256: str | None = None


def download(
    url: str,
    target: Path,
    expected: Expected = Expected(),
    *,
    cure: str = "Check the network and the proxy, and try again.",
    on_progress: OnProgress = unseen,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Fetch `url` into `target` and return its SHA-256; raise SupplyError. A cut download is resumed, also by a later call."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _fetch(url, part, expected, on_progress)
            break
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status < 500 and status != 429:
                raise SupplyError(f"{url} was refused: HTTP {status}.", cure) from None
            problem = f"HTTP {status}"
        except httpx.HTTPError as error:
            problem = type(error).__name__
        except OSError as error:
            raise SupplyError(
                f"{target.parent} cannot be written: {error.strerror}.", "Free some space, or set cache_dir."
            ) from None
        log.warning("a download was cut", url=url, problem=problem, attempt=attempt)
        if attempt == ATTEMPTS:
            raise SupplyError(f"{url} cannot be fetched: {problem}.", cure)
        sleep(FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
    return _accept(part, target, expected, url)


def copy(source: Path, target: Path, expected: Expected = Expected()) -> str:
    """Take a file from a folder instead; the same checks."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        shutil.copyfile(source, part)
    except OSError as error:
        raise SupplyError(f"{source} cannot be read: {error.strerror}.", "Put the file there.") from None
    return _accept(part, target, expected, str(source))


def hashes(path: Path) -> tuple[str, str]:
    """Return (SHA-256, MD5) of a file. MD5 only because some authors publish nothing better."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest()


def _fetch(url: str, part: Path, expected: Expected, on_progress: OnProgress) -> None:
    """One attempt. What was got stays in `part`, with the validator of its version beside it (RFC 9110, If-Range)."""
    note = part.with_name(part.name + ".json")
    have, validator = _left_over(url, part, note)
    headers = {"Accept-Encoding": "identity"}
    if have and validator:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    timeout = httpx.Timeout(STALL_SECONDS, connect=CONNECT_SECONDS)
    with httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=timeout) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            # it was whole already, or is another file now: the checks tell, but a part that fails them is not kept
            if expected.size_bytes == have or _total(response) == have:
                return
            part.unlink()
        response.raise_for_status()
        is_resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        if is_resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise httpx.RemoteProtocolError("the server sent another range")
        done = have if is_resumed else 0
        total = _total(response) if is_resumed else _length(response)
        limit = expected.size_bytes or total or LARGEST_BYTES
        if total is not None and expected.size_bytes not in (None, total):
            raise SupplyError(
                f"{url} has {total} bytes instead of {expected.size_bytes}.", "It was changed: see models/manifest.toml."
            )
        if limit - done > shutil.disk_usage(part.parent).free and total is not None:
            raise SupplyError(f"{part.parent} has no room for {limit / 1e6:.0f} MB.", "Free some space, or set cache_dir.")
        etag = response.headers.get("ETag", "")
        strong = etag if not etag.startswith("W/") else ""
        note.write_text(json.dumps({"url": url, "validator": strong or response.headers.get("Last-Modified", "")}))
        with part.open("ab" if is_resumed else "wb") as file:
            for chunk in response.iter_raw():
                done += len(chunk)
                if done > limit:
                    raise SupplyError(f"{url} sends more than the {limit} bytes it should.", "It was changed, or is no model.")
                file.write(chunk)
                on_progress(part.name.removesuffix(".part"), done, total)
    if total is not None and done < total:
        raise httpx.RemoteProtocolError("the connection ended early")


def _left_over(url: str, part: Path, note: Path) -> tuple[int, str]:
    """Return how much an earlier attempt at the same address has left, and the validator of that version."""
    try:
        known = json.loads(note.read_text())
        return (part.stat().st_size, known["validator"]) if known["url"] == url else (0, "")
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""


def _length(response: httpx.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _total(response: httpx.Response) -> int | None:
    total = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(total) if total.isdigit() else None


def _accept(part: Path, target: Path, expected: Expected, origin: str) -> str:
    """Check the whole file and put it in place, or remove it."""
    size = part.stat().st_size
    sha256, md5 = hashes(part)
    wrong = ""
    if expected.size_bytes not in (None, size):
        wrong = f"has {size} bytes instead of {expected.size_bytes}"
    elif expected.sha256 not in (None, sha256):
        wrong = f"has SHA-256 {sha256} instead of {expected.sha256}"
    elif expected.md5 not in (None, md5):
        wrong = f"has MD5 {md5} instead of {expected.md5}"
    part.with_name(part.name + ".json").unlink(missing_ok=True)
    if wrong:
        part.unlink()
        raise SupplyError(f"{origin} {wrong}: it is truncated or was changed.", "Try again; if it stays so, ask its author.")
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
    return sha256
