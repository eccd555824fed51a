"""Sound files in and out."""

from pathlib import Path

import numpy as np
import soundfile

from voicebot.audio.pcm import Pcm
from voicebot.audio.resample import resample
from voicebot.errors import VoicebotError


class SoundError(VoicebotError):
    """A sound file is missing, torn or holds nothing."""


def read_sound(path: Path, rate_hz: int | None = None) -> Pcm:
    """Read any file libsndfile knows (WAV, FLAC, Ogg, MP3), channels averaged; at `rate_hz` if given.

    Raises SoundError when there is no such file, it is not sound, it ends in the middle, or has no samples.
    """
    if not path.is_file():
        raise SoundError(f"There is no sound file {path}.", "Correct the path.")
    try:
        with soundfile.SoundFile(path) as file:
            promised, rate = file.frames, int(file.samplerate)
            data = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise SoundError(f"{path} is not a sound file that can be read: {error}", "Record or convert it again.") from None
    if len(data) < promised or _is_torn_wav(path):
        raise SoundError(f"{path} ends before its header says.", "Copy or record it again.")
    if len(data) == 0:
        raise SoundError(f"{path} holds no samples.", "Record it again.")
    mono = data.mean(axis=1)
    sound = Pcm(rate, np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16))
    return sound if rate_hz is None else resample(sound, rate_hz)


def write_sound(path: Path, sound: Pcm) -> None:
    """Write 16-bit mono; the format is told by the name (.wav, .flac)."""
    soundfile.write(path, sound.samples, sound.rate_hz, subtype="PCM_16")


def _is_torn_wav(path: Path) -> bool:
    """Tell whether a RIFF file's `data` chunk says more than the file holds: libsndfile mends that silently.

    Streaming writers leave 0 or 0xFFFFFFFF as the size: that is not torn.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return False
        file.seek(12)
        while len(header := file.read(8)) == 8:
            length = int.from_bytes(header[4:], "little")
            if header[:4] == b"data":
                return length not in (0, 0xFFFFFFFF) and file.tell() + length > size
            file.seek(length + length % 2, 1)
    return False
