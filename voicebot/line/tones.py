"""The tone a caller hears while the operator's phone rings. Pure."""

import math
import struct

from voicebot.line.playqueue import FRAME_BYTES, FRAME_MS

_RATE_HZ = 8000
_TONE_HZ = 425
_ON_MS = 1000
_OFF_MS = 4000
_PEAK = 3300  # about -20 dBFS
_RAMP_SAMPLES = 40  # 5 ms, so that it does not click


def ringback_frames() -> list[bytes]:
    """Return one period of the Russian ringback tone (425 Hz, 1 s on, 4 s off: ITU-T E.180 Sup. 2) as 20 ms frames."""
    total = _RATE_HZ * _ON_MS // 1000
    samples = [
        int(_PEAK * min(1.0, i / _RAMP_SAMPLES, (total - i) / _RAMP_SAMPLES) * math.sin(2 * math.pi * _TONE_HZ * i / _RATE_HZ))
        for i in range(total)
    ]
    sound = struct.pack(f"<{total}h", *samples)
    frames = [sound[i : i + FRAME_BYTES] for i in range(0, len(sound), FRAME_BYTES)]
    return frames + [b""] * (_OFF_MS // FRAME_MS)
