"""Is this frame a voice? webrtcvad proposes; only the recogniser confirms (music and tones fool it)."""

import webrtcvad

from voicebot.audio.pcm import FRAME_BYTES, TELEPHONE_HZ


class VoiceDetector:
    """WebRTC's detector over 20 ms frames of 8 kHz; `mode` 0 (everything is speech) .. 3 (strictest)."""

    def __init__(self, mode: int = 3) -> None:
        self._detector = webrtcvad.Vad(mode)

    def is_speech(self, frame: bytes) -> bool:
        """Judge 320 bytes. Anything shorter is a lost or empty frame: not speech."""
        if len(frame) != FRAME_BYTES:
            return False
        return bool(self._detector.is_speech(frame, TELEPHONE_HZ))
