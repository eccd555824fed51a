import io

import numpy as np
import pytest
import soundfile

from voicebot.audio import g711

ALL_CODES = bytes(range(256))


def libsndfile_decodes(codes: bytes, subtype: str) -> np.ndarray:
    """An independent decoder."""
    samples, _ = soundfile.read(io.BytesIO(codes), channels=1, samplerate=8000, format="RAW", subtype=subtype, dtype="int16")
    return samples


@pytest.mark.parametrize(("decode", "subtype"), [(g711.alaw_decode, "ALAW"), (g711.ulaw_decode, "ULAW")])
def test_every_code_decodes_as_another_implementation_does(decode, subtype: str) -> None:
    assert np.array_equal(decode(ALL_CODES), libsndfile_decodes(ALL_CODES, subtype))


def test_known_codes_of_the_standard() -> None:
    zero = np.zeros(1, dtype=np.int16)
    assert g711.alaw_encode(zero) == b"\xd5"
    assert g711.ulaw_encode(zero) == b"\xff"
    loudest = np.array([32767, -32768], dtype=np.int16)
    assert g711.alaw_encode(loudest) == b"\xaa\x2a"
    assert g711.ulaw_encode(loudest) == b"\x80\x00"


def test_every_alaw_code_survives_a_round_trip() -> None:
    assert g711.alaw_encode(g711.alaw_decode(ALL_CODES)) == ALL_CODES


def test_every_ulaw_code_survives_a_round_trip_but_negative_zero() -> None:
    again = g711.ulaw_encode(g711.ulaw_decode(ALL_CODES))
    assert [code for code, other in zip(ALL_CODES, again, strict=True) if code != other] == [0x7F]


@pytest.mark.parametrize(
    ("encode", "decode", "smallest_step"),
    [(g711.alaw_encode, g711.alaw_decode, 16), (g711.ulaw_encode, g711.ulaw_decode, 8)],
)
def test_every_sample_comes_back_within_half_a_step(encode, decode, smallest_step: int) -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    back = decode(encode(samples)).astype(int)
    error = np.abs(back - samples)
    # A step is 1/16 of the segment, a segment at most doubles: 1/32 of the value, and half the smallest step near zero.
    allowed = np.maximum(smallest_step, np.abs(samples.astype(int)) / 16 / 2 * 1.1 + smallest_step)
    clipped = np.abs(samples.astype(int)) > 32124
    assert (error <= allowed)[~clipped].all()
    assert error[clipped].max() <= 32768 - 32124 + 1


def test_a_frame_is_one_byte_a_sample() -> None:
    frame = np.full(160, 1000, dtype=np.int16)
    assert len(g711.alaw_encode(frame)) == 160
    assert g711.alaw_encode(np.zeros(0, dtype=np.int16)) == b""
