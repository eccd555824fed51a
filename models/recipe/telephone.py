"""The telephone's part of the sound: G.711 A-law, there and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def _encode_decode(sample: int) -> int:
    """One 16-bit sample through ITU-T G.711 A-law: 3 bits of exponent, 4 of mantissa."""
    magnitude = (sample if sample >= 0 else ~sample) >> 3
    exponent = max(0, magnitude.bit_length() - 5)
    mantissa = (magnitude >> max(exponent, 1)) & 0x0F
    decoded = (2 * mantissa + 1) << 3 if exponent == 0 else (2 * mantissa + 33) << (exponent + 2)
    return decoded if sample >= 0 else -decoded


_TABLE = np.array([_encode_decode(sample) for sample in range(-32768, 32768)], dtype=np.int16)


def through_alaw(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Samples in the range of int16, clipped to it, as they come out of an A-law line."""
    whole = np.clip(np.round(samples), -32768, 32767).astype(np.int32)
    return _TABLE[whole + 32768]
