"""Voice notes as browsers and messengers record them: decoded, limited, heard by the phone's recogniser."""

import io
from pathlib import Path

import numpy as np
import pytest
from speaking import speech

from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.channels.voice_notes import NoteLimits, NoteTooLong, NoteUnreadable, VoiceNotes, decode
from voicebot.dialog.talking import Alternative
from voicebot.hearing.recogniser import SpeechModel
from voicebot.hearing.transcriber import Transcriber

av = pytest.importorskip("av")

EMBEDDED = Path(__file__).resolve().parents[2] / "models" / "vosk-embedded-ru"
LIMITS = NoteLimits(seconds=5, bytes=200_000)


def note(samples: np.ndarray, container: str, codec: str, rate_hz: int = 48000) -> bytes:
    """Encode 8 kHz samples as a browser would."""
    file = io.BytesIO()
    with av.open(file, mode="w", format=container) as out:
        stream = out.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.astype("<i2").reshape(1, -1), format="s16", layout="mono")
        frame.rate = TELEPHONE_HZ
        resampler = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=rate_hz, frame_size=stream.frame_size or 960
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            piece.pts = None
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


def tone(seconds: float) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * TELEPHONE_HZ)) / TELEPHONE_HZ)).astype(np.int16)


@pytest.mark.parametrize(("container", "codec"), [("webm", "libopus"), ("ogg", "libopus"), ("mp4", "aac")])
def test_whatever_browsers_record_becomes_the_phones_sound(container: str, codec: str) -> None:
    sound = np.frombuffer(decode(note(tone(2.0), container, codec), LIMITS, TELEPHONE_HZ), "<i2")
    assert len(sound) == pytest.approx(2.0 * TELEPHONE_HZ, rel=0.08)
    middle = sound[TELEPHONE_HZ // 2 : TELEPHONE_HZ // 2 + TELEPHONE_HZ]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert abs(int(spectrum.argmax()) - 440) <= 2


def test_a_note_that_lasts_too_long_is_not_decoded_to_its_end() -> None:
    with pytest.raises(NoteTooLong):
        decode(note(tone(7.0), "webm", "libopus"), LIMITS, TELEPHONE_HZ)


def test_a_note_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(NoteTooLong):
        decode(bytes(LIMITS.bytes + 1), LIMITS, TELEPHONE_HZ)


@pytest.mark.parametrize("rubbish", [b"", b"\x1aE\xdf\xa3", b"OggS" + bytes(400), b"<html>", bytes(range(256)) * 40])
def test_rubbish_is_refused(rubbish: bytes) -> None:
    with pytest.raises(NoteUnreadable):
        decode(rubbish, LIMITS, TELEPHONE_HZ)


def test_a_note_cut_anywhere_is_refused_or_shorter() -> None:
    whole = note(tone(1.0), "webm", "libopus")
    for end in range(0, len(whole), max(1, len(whole) // 25)):
        try:
            assert len(decode(whole[:end], LIMITS, TELEPHONE_HZ)) <= 2 * int(1.2 * TELEPHONE_HZ)
        except NoteUnreadable:
            continue


async def test_speech_is_heard() -> None:
    if not EMBEDDED.is_dir():
        pytest.skip(f"the embedded model is not at {EMBEDDED}")
    said = np.frombuffer(speech("запишите меня к кардиологу"), "<i2")
    model = SpeechModel(EMBEDDED, is_trusted=True)

    def recognise(sound: bytes) -> tuple[Alternative, ...]:
        transcriber = Transcriber(model.turn())
        transcriber.feed(sound)
        return transcriber.settle().openly

    notes = VoiceNotes(lambda: recognise, LIMITS)
    heard = await notes.heard(note(said, "webm", "libopus"))
    notes.close()
    assert "кардиологу" in heard[0].text
