"""Sound that carries its rate."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

TELEPHONE_HZ = 8000
FRAME_MS = 20
FRAME_SAMPLES = TELEPHONE_HZ * FRAME_MS // 1000
FRAME_BYTES = FRAME_SAMPLES * 2


@dataclass(frozen=True, slots=True, eq=False)
class Pcm:
    """Mono 16-bit sound: `samples` has shape (n,), dtype int16."""

    rate_hz: int
    samples: NDArray[np.int16]

    def __post_init__(self) -> None:
        if self.samples.dtype != np.int16 or self.samples.ndim != 1:
            raise TypeError("Pcm holds a one-dimensional int16 array")

    @classmethod
    def from_bytes(cls, rate_hz: int, data: bytes | bytearray | memoryview) -> Self:
        """Wrap little-endian 16-bit samples."""
        return cls(rate_hz, np.frombuffer(data, dtype="<i2").astype(np.int16, copy=False))

    @classmethod
    def silence(cls, rate_hz: int, duration_ms: int) -> Self:
        return cls(rate_hz, np.zeros(rate_hz * duration_ms // 1000, dtype=np.int16))

    def to_bytes(self) -> bytes:
        return self.samples.astype("<i2", copy=False).tobytes()

    @property
    def duration_ms(self) -> float:
        return len(self.samples) * 1000 / self.rate_hz

    def __add__(self, other: "Pcm") -> "Pcm":
        if other.rate_hz != self.rate_hz:
            raise ValueError(f"cannot join {self.rate_hz} Hz and {other.rate_hz} Hz")
        return Pcm(self.rate_hz, np.concatenate([self.samples, other.samples]))
