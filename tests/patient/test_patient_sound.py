from pathlib import Path

import numpy as np
import pytest

from voicebot.audio.levels import level_db
from voicebot.audio.pcm import FRAME_BYTES, FRAME_SAMPLES, TELEPHONE_HZ, Pcm
from voicebot.audio.wav import SoundError, write_sound
from voicebot.patient.scenario import PatientLine, PatientVoice, Scenario, Step
from voicebot.patient.script import Script
from voicebot.patient.session import Acted, RobotBegan, Session
from voicebot.patient.sound import LineSound, amplified, babble, noise_of, render_steps, white_noise


def tone(level: int, duration_ms: int = 1000, hz: float = 400) -> Pcm:
    n = np.arange(TELEPHONE_HZ * duration_ms // 1000)
    return Pcm(TELEPHONE_HZ, (level * np.sin(2 * np.pi * hz * n / TELEPHONE_HZ)).astype(np.int16))


def frame_of(value: int) -> bytes:
    return np.full(FRAME_SAMPLES, value, dtype="<i2").tobytes()


def test_amplified() -> None:
    sound = tone(1000)
    assert level_db(amplified(sound, 6.0).samples) == pytest.approx(level_db(sound.samples) + 6.0, abs=0.05)
    assert amplified(tone(30000), 20).samples.max() == 32767


def test_noise_has_its_level_and_is_the_same_each_time() -> None:
    noise = white_noise(-40, 5)
    assert level_db(noise.samples) == pytest.approx(-40, abs=0.2)
    np.testing.assert_array_equal(noise.samples, white_noise(-40, 5).samples)


def test_babble_has_all_talkers_at_the_level() -> None:
    talkers = [tone(3000, 700, 300), tone(3000, 900, 900)]
    sound = babble(talkers, -30, seconds=4)
    assert len(sound.samples) == 4 * TELEPHONE_HZ
    assert level_db(sound.samples) == pytest.approx(-30, abs=1.5)
    spectrum = np.abs(np.fft.rfft(sound.samples.astype(np.float64)))
    for hz in (300, 900):
        assert spectrum[hz * 4 - 8 : hz * 4 + 9].max() > 50 * np.median(spectrum)


def test_noise_of_a_line() -> None:
    assert noise_of(PatientLine(), -20, lambda _text: tone(3000)) is None
    white = noise_of(PatientLine(noise="white", snr_db=15), -20, lambda _text: tone(3000))
    assert white is not None
    assert level_db(white.samples) == pytest.approx(-35, abs=0.3)
    voices = noise_of(
        PatientLine(noise="babble", snr_db=10), -20, lambda text: tone(3000, 500 + len(text) * 10, 200 + len(text))
    )
    assert voices is not None
    assert level_db(voices.samples) == pytest.approx(-30, abs=3)


def test_a_clean_line_passes_speech_through() -> None:
    line = LineSound()
    line.heard(frame_of(9999))
    assert line.mixed(frame_of(123)) == frame_of(123)
    assert line.mixed(b"") == bytes(FRAME_BYTES)


def test_echo_comes_back_late_and_quiet() -> None:
    line = LineSound(echo_db=-20, echo_delay_ms=60)
    sent = []
    for number in range(8):
        sent.append(line.mixed(frame_of(7) if number == 4 else b""))
        line.heard(frame_of(1000 * (number + 1)))
    values = [np.frombuffer(frame, dtype="<i2")[0] for frame in sent]
    # Heard in frame n, back in frame n + 3; frame 4 holds the patient's own 7 too.
    assert values == [0, 0, 0, 100, 207, 300, 400, 500]


def test_noise_loops_without_a_gap_and_sums_do_not_wrap() -> None:
    noise = Pcm(TELEPHONE_HZ, np.arange(1, 251, dtype=np.int16))
    line = LineSound(noise)
    sent = np.concatenate([np.frombuffer(line.mixed(b""), dtype="<i2") for _ in range(5)])
    np.testing.assert_array_equal(sent, np.resize(np.arange(1, 251), 800))
    loud = LineSound(Pcm(TELEPHONE_HZ, np.full(160, 30000, np.int16)))
    assert loud.mixed(frame_of(30000)) == frame_of(32767)


def test_steps_are_rendered_at_the_patients_level(tmp_path: Path) -> None:
    write_sound(tmp_path / "own.wav", tone(2000, 300))
    scenario = Scenario(
        name="x",
        voice=PatientVoice(level_db=-26),
        steps=(Step(say="раз"), Step(digits="1"), Step(play=Path("own.wav")), Step(interrupt="два")),
    )
    said: list[str] = []

    def say(text: str) -> Pcm:
        said.append(text)
        return tone(4000)

    sounds = render_steps(scenario, tmp_path, say)
    assert said == ["раз", "два"]
    assert [None if s is None else round(s.duration_ms) for s in sounds] == [1000, None, 300, 1000]
    assert sounds[0] is not None
    assert level_db(sounds[0].samples) == pytest.approx(level_db(tone(4000).samples) - 6, abs=0.05)


def test_a_sound_file_without_samples_is_an_error(tmp_path: Path) -> None:
    write_sound(tmp_path / "empty.wav", Pcm(TELEPHONE_HZ, np.zeros(0, np.int16)))
    scenario = Scenario(name="x", steps=(Step(play=Path("empty.wav")),))
    with pytest.raises(SoundError, match="no samples"):
        render_steps(scenario, tmp_path, lambda _text: tone(1))


def test_a_session_speaks_listens_and_records(tmp_path: Path) -> None:
    own = tone(6000, 500)
    scenario = Scenario(name="x", turn_end_ms=400, reply_delay_ms=0, steps=(Step(say="раз"),))
    session = Session(Script(scenario, (500,)), [own], LineSound())
    robot = tone(5000, 1000).to_bytes()
    for number in range(150):
        session.requested()
        session.received(robot[number * FRAME_BYTES : (number + 1) * FRAME_BYTES])
    news = session.take_news()
    assert isinstance(news[0], RobotBegan)
    assert news[0].at_ms == 0
    acted = news[1]
    assert isinstance(acted, Acted)
    assert (acted.span.start_ms, acted.span.end_ms) == (1400, 1900)
    clean = session.clean()
    np.testing.assert_array_equal(clean[1400 * 8 : 1900 * 8], own.samples)
    assert not clean[: 1400 * 8].any()
    session.close()
    session.requested()
    session.received(robot[:FRAME_BYTES])
    assert session.duration_ms == 3000
    session.save(tmp_path / "deep" / "call.wav")
    import soundfile

    stereo, rate = soundfile.read(tmp_path / "deep" / "call.wav", dtype="int16")
    assert rate == TELEPHONE_HZ
    np.testing.assert_array_equal(stereo[:, 0], clean)
    np.testing.assert_array_equal(stereo[:8000, 1], tone(5000, 1000).samples)
