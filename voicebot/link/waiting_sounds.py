"""What line plays to callers who wait: made by a brain, which has a voice, and kept on disk: line needs no brain for it."""

import contextlib
import os
from dataclasses import dataclass, fields
from pathlib import Path

FRAME_BYTES = 320  # 20 ms of 8 kHz, 16 bit, mono
_LIMIT_BYTES = 16000 * 600


@dataclass(frozen=True, slots=True)
class WaitingSounds:
    """8 kHz PCM. `places[0]` says that the call is the first in the queue; `more`: that it is in the queue, somewhere."""

    greeting: bytes = b""
    hint: bytes = b""
    """What the key 0 is for."""
    more: bytes = b""
    no_operator: bytes = b""
    served: bytes = b""
    to_operator: bytes = b""
    call_back: bytes = b""
    """Nobody could be had: somebody will call."""
    goodbye: bytes = b""
    """The same to a caller without a number."""
    music: bytes = b""
    places: tuple[bytes, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether somebody can be kept waiting with it."""
        return bool(self.greeting and self.places and self.music)

    def place(self, place: int) -> bytes:
        """Return what tells a place, from 1."""
        return self.places[place - 1] if place <= len(self.places) else self.more

    def music_frames(self) -> tuple[bytes, ...]:
        """Return the loop as whole frames; all callers share them."""
        return tuple(self.music[i : i + FRAME_BYTES] for i in range(0, len(self.music) - FRAME_BYTES + 1, FRAME_BYTES))


_SINGLE = tuple(field.name for field in fields(WaitingSounds) if field.name != "places")


def save(folder: Path, sounds: WaitingSounds) -> None:
    """Write what has changed; each file is whole at any moment. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name: getattr(sounds, name) for name in _SINGLE}
    wanted |= {f"place-{number}": sound for number, sound in enumerate(sounds.places, start=1)}
    for name, sound in wanted.items():
        file = folder / f"{name}.pcm"
        if sound == _read(file):
            continue
        draft = folder / f".{name}.{os.getpid()}"
        try:
            draft.write_bytes(sound)
            draft.replace(file)
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
    # Of a queue that was longer once, in words that may be old ones: another brain may be taking them away, too.
    number = len(sounds.places) + 1
    while (stale := folder / f"place-{number}.pcm").exists():
        stale.unlink(missing_ok=True)
        number += 1


def load(folder: Path) -> WaitingSounds:
    """Return what lies there; empty sounds where there is nothing."""
    places: list[bytes] = []
    while sound := _read(folder / f"place-{len(places) + 1}.pcm"):
        places.append(sound)
    return WaitingSounds(**{name: _read(folder / f"{name}.pcm") for name in _SINGLE}, places=tuple(places))


def _read(file: Path) -> bytes:
    try:
        data = file.read_bytes()
    except OSError:
        return b""
    return data[:_LIMIT_BYTES] if len(data) % 2 == 0 else b""
