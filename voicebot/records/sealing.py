"""Sealed recordings: written for public keys (age, X25519), so that who records cannot read, and no sound lies open on a disk.

A file is MAGIC, then records; a record is its length (4 bytes, big-endian) and one ordinary age file (age-encryption.org/v1).
Inside: the record's number (4 bytes), then pieces: where they belong in the plain file (8 bytes), their length (4), the bytes.
So writing only ever appends, also when FLAC's header is completed at the end, and a process killed in mid-call loses the last
record at most. Whoever has a matching secret key puts the pieces in their places.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyrage
import structlog
from pyrage.x25519 import Identity, Recipient

from voicebot.errors import ConfigurationError, StorageError

log = structlog.get_logger(__name__)

MAGIC = b"voicebot sealed 1\n"
SUFFIX = ".sealed"
_LENGTH = struct.Struct(">I")
_NUMBER = struct.Struct(">I")
_PIECE = struct.Struct(">QI")
_SECRET = re.compile(r"^AGE-SECRET-KEY-1[0-9A-Z]+$")
_NEW_KEY = "`voicebot privacy new-key` makes a pair and prints both lines."

Recipients = Sequence[Recipient]
Identities = Sequence[Identity]


class RecordingLocked(StorageError):
    """The recording is sealed, and none of the keys at hand opens it."""


class RecordingDamaged(StorageError):
    """The recording's file is not what we have written."""


def read_recipients(keys: Sequence[str]) -> list[Recipient]:
    """Return the public keys of `recordings.recipients`; raise ConfigurationError where one is none."""
    found = []
    for number, key in enumerate(keys, start=1):
        try:
            found.append(Recipient.from_str(key.strip()))
        except pyrage.RecipientError:
            # The key is not repeated: somebody may have put the secret one here.
            raise ConfigurationError(
                f"recordings.recipients: entry {number} is not a public age key (age1...).", _NEW_KEY
            ) from None
    return found


def read_identities(file: Path | None) -> list[Identity]:
    """Return the secret keys of `recordings.key_file`, one a line; other lines are comments. Empty without a file's name.

    Raises RecordingLocked when the file cannot be read or has no key.
    """
    if file is None:
        return []
    try:
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise RecordingLocked(
            f"The key file {file} cannot be read ({error.strerror}).",
            "Mount the medium it is on, give this user the right to read it, or correct recordings.key_file.",
        ) from None
    found = []
    for number, line in enumerate(lines, start=1):
        if not _SECRET.match(line.strip()):
            continue
        try:
            found.append(Identity.from_str(line.strip()))
        except pyrage.IdentityError:
            raise RecordingLocked(f"The key file {file}, line {number}, is damaged.", "Restore it from its backup.") from None
    if not found:
        raise RecordingLocked(f"The key file {file} has no secret key (AGE-SECRET-KEY-1...).", _NEW_KEY)
    return found


def seal(number: int, pieces: Sequence[tuple[int, bytes | bytearray]], recipients: Recipients) -> bytes:
    """Return a record, ready to be appended. `pieces`: (offset in the plain file, bytes)."""
    body = _NUMBER.pack(number) + b"".join(_PIECE.pack(offset, len(data)) + data for offset, data in pieces)
    sealed: bytes = pyrage.encrypt(body, list(recipients))
    return _LENGTH.pack(len(sealed)) + sealed


def is_sealed(head: bytes) -> bool:
    return head.startswith(MAGIC)


def unseal(data: bytes, identities: Identities) -> bytes:
    """Return the plain file; of one that is torn or damaged, what comes before. Raises RecordingLocked."""
    plain = bytearray()
    for number, record in enumerate(_records(data)):
        try:
            pieces = _open(record, number, identities)
        except RecordingDamaged:
            log.warning("recording_damaged", record=number)
            break
        for offset, piece in pieces:
            if offset > len(plain):
                plain.extend(bytes(offset - len(plain)))
            plain[offset : offset + len(piece)] = piece
    return bytes(plain)


def prove_key(data: bytes, identities: Identities) -> None:
    """Raise RecordingLocked unless the first record of a sealed file can be opened."""
    first = next(_records(data), None)
    if first is not None:
        _open(first, 0, identities)


def _records(data: bytes) -> Iterator[bytes]:
    position = len(MAGIC)
    while position + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        if position + length > len(data):
            return  # torn: its process died while writing it
        yield data[position : position + length]
        position += length


def _open(record: bytes, number: int, identities: Identities) -> list[tuple[int, bytes]]:
    if not identities:
        raise RecordingLocked("This recording is sealed, and no key is set.", f"Set recordings.key_file. {_NEW_KEY}")
    try:
        body: bytes = pyrage.decrypt(record, list(identities))
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            raise RecordingLocked(
                "This recording is sealed for another key.", "Add the key of its time to recordings.key_file, as a line more."
            ) from None
        raise RecordingDamaged("A part of the recording is damaged.", "Restore the file from a backup.") from None
    if len(body) < _NUMBER.size or _NUMBER.unpack_from(body)[0] != number:
        raise RecordingDamaged("A part of the recording is missing.", "Restore the file from a backup.")
    pieces, position = [], _NUMBER.size
    while position + _PIECE.size <= len(body):
        offset, length = _PIECE.unpack_from(body, position)
        position += _PIECE.size
        pieces.append((offset, body[position : position + length]))
        position += length
    return pieces
