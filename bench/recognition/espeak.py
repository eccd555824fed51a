"""espeak-ng in a process of its own for each voice.

The library keeps one state a process: opened again for another voice, beside other users, it falls silent in mid-word.
"""

import subprocess
import sys

from voicebot.audio.pcm import Pcm
from voicebot.errors import ModelError
from voicebot.voice.espeak import EspeakEngine


class EspeakVoice:
    """Speaks one voice (`ru`, `ru+ian`) at one rate."""

    def __init__(self, voice: str, rate: float) -> None:
        command = [sys.executable, "-m", "bench.recognition.espeak", voice, str(rate)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._voice = voice

    def synthesise(self, text: str) -> Pcm:
        """Return the sound of a text of one line at the library's rate."""
        asked, answer = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answer is not None
        try:
            asked.write(f"{text}\n".encode())
            asked.flush()
            rate_hz, count = map(int, answer.readline().split())
            return Pcm.from_bytes(rate_hz, answer.read(2 * count))
        except (BrokenPipeError, ValueError):
            raise ModelError(f"espeak-ng ended while speaking as {self._voice}.", "Reinstall espeakng-loader.") from None

    def close(self) -> None:
        self._process.communicate()  # closes its input, at which it ends


def _speak(voice: str, rate: float) -> None:
    """A text a line in; a line of rate and count, then the samples, out."""
    engine = EspeakEngine(voice, rate)
    for line in sys.stdin.buffer:
        sound = engine.synthesise(line.decode().strip())
        sys.stdout.buffer.write(f"{sound.rate_hz} {len(sound.samples)}\n".encode() + sound.to_bytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _speak(sys.argv[1], float(sys.argv[2]))
