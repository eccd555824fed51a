"""Bytes that a player asks for in pieces: byte ranges (RFC 9110, 14), for what is not a file on a disk."""

import hashlib
import re

from fastapi import Request
from fastapi.responses import Response

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def ranged(request: Request, data: bytes, media_type: str, name: str, *, is_download: bool = False) -> Response:
    """Answer with all of `data` or with the one range that was asked for; several ranges are answered with all of it."""
    disposition = "attachment" if is_download else "inline"
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"accept-ranges": "bytes", "etag": tag, "content-disposition": f'{disposition}; filename="{name}"'}
    wanted = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    is_same = request.headers.get("if-range", tag) == tag
    if wanted is None or not any(wanted.groups()) or not is_same:
        return Response(data, media_type=media_type, headers=headers)
    first, last = _span(wanted.group(1), wanted.group(2), len(data))
    if first > last:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(data[first : last + 1], 206, headers, media_type)


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    """Return (first byte, last byte), both included; first > last where the range cannot be had."""
    if not first:
        count = min(int(last), size)
        return (size - count, size - 1) if count else (size, 0)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return (start, end) if start < size else (size, 0)
