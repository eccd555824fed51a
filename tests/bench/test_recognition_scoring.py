"""The recognition bench's arithmetic: errors, intervals, noise levels, tables."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import sosfreqz

from bench.recognition import channel, page, report
from bench.recognition.channel import LEAD_SECONDS, SPEECH_DB, TAIL_SECONDS, in_band, on_the_line
from bench.recognition.scoring import Scored, Tally, confidence, score, word_error_rate
from bench.recognition.sounds import VARIANTS, not_speech
from voicebot.audio.levels import level_db
from voicebot.audio.pcm import TELEPHONE_HZ, Pcm
from voicebot.errors import VoicebotError
from voicebot.patient.sound import white_noise
from voicebot.voice.telephone import speech_level_db

KNOWN = frozenset(["да", "нет", "не", "надо", "завтра", "утром"])
TOLERANCE_DB = 0.6


def errors(truth: str, heard: str) -> int:
    return score(truth.split(), heard.split(), KNOWN.__contains__).errors


@pytest.mark.parametrize(
    ("truth", "heard", "count"),
    [
        ("да", "да", 0),
        ("завтра утром", "завтра", 1),
        ("завтра", "завтра утром", 1),
        ("завтра утром", "утром завтра", 2),
        ("не надо", "", 2),
        ("да", "не надо утром", 3),
    ],
)
def test_substitutions_deletions_and_insertions_are_errors(truth: str, heard: str, count: int) -> None:
    assert errors(truth, heard) == count


def test_an_utterance_without_words_cannot_be_scored() -> None:
    with pytest.raises(ValueError, match="without words"):
        score([], ["да"], KNOWN.__contains__)


def test_a_set_is_counted_with_and_without_unknown_words() -> None:
    tally = Tally([score(["да"], ["да"], KNOWN.__contains__),
                   score(["завтра", "к", "узисту"], ["завтра", "кузе"], KNOWN.__contains__),
                   score(["не", "надо"], ["не", "надо", "да"], KNOWN.__contains__)])  # fmt: skip
    figures = tally.figures()
    assert figures["wer"] == 50.0  # 3 errors of 6 words
    assert figures["wer_in_vocabulary"] == 33.3  # 1 of 3
    assert figures["utterances_in_vocabulary"] == 2
    assert figures["oov"] == 33.3
    assert figures["exact"] == 33.3


def test_the_interval_holds_the_rate_and_narrows_with_more_utterances() -> None:
    few = [Scored(10, 10, 2), Scored(10, 10, 0), Scored(5, 5, 3), Scored(8, 8, 1)]
    narrow, wide = confidence(few * 50), confidence(few)
    assert narrow is not None
    assert wide is not None
    rate = word_error_rate(few)
    assert rate is not None
    assert wide[0] < narrow[0] < rate < narrow[1] < wide[1]
    assert confidence(few) == wide  # the same at every run


def test_nothing_scored_gives_no_figures() -> None:
    figures = Tally().figures()
    assert figures["wer"] is None
    assert figures["wer_interval"] is None


# -- the line


def bursts() -> Pcm:
    """Speech-like: 0.4 s of coloured noise, 0.6 s of pause, four times."""
    random = np.random.default_rng(3)
    burst = np.convolve(random.normal(0, 4000, 3200), [1, 0.9, 0.5], "same")
    return Pcm(TELEPHONE_HZ, np.clip(np.concatenate([burst, np.zeros(4800)] * 4), -32768, 32767).astype(np.int16))


def at_rest(samples: np.ndarray) -> np.ndarray:
    """The part before the speech, filter's start left out."""
    return samples[800 : round(LEAD_SECONDS * TELEPHONE_HZ)]


@pytest.mark.parametrize("snr_db", [20.0, 10.0, 5.0])
def test_noise_lies_below_the_active_speech_as_told(snr_db: float) -> None:
    line = on_the_line(bursts(), white_noise(-30.0, 5.0), snr_db, place=4)
    assert level_db(at_rest(line)) == pytest.approx(SPEECH_DB - snr_db, abs=TOLERANCE_DB)


def test_pauses_do_not_count_for_the_level_of_speech() -> None:
    line = on_the_line(bursts())
    whole = Pcm(TELEPHONE_HZ, line)
    assert speech_level_db(whole) == pytest.approx(SPEECH_DB, abs=TOLERANCE_DB)
    assert level_db(line) < SPEECH_DB - 3.0


def test_a_clean_line_is_quiet_but_not_dead() -> None:
    rest = at_rest(on_the_line(bursts()))
    assert -80.0 < level_db(rest) < -60.0


def test_the_line_adds_silence_around_the_speech() -> None:
    speech = bursts()
    assert len(on_the_line(speech)) == len(speech.samples) + round((LEAD_SECONDS + TAIL_SECONDS) * TELEPHONE_HZ)


def test_every_utterance_gets_another_stretch_of_the_noise_and_the_same_at_every_run() -> None:
    noise = white_noise(-30.0, 5.0)
    first, again, other = (on_the_line(bursts(), noise, 10.0, place=place) for place in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_telephone_band() -> None:
    frequencies, response = sosfreqz(channel._BAND, fs=TELEPHONE_HZ)
    decibels = 20 * np.log10(np.abs(response) + 1e-9)
    assert decibels[np.searchsorted(frequencies, 60)] < -40
    assert decibels[np.searchsorted(frequencies, 1000)] == pytest.approx(0.0, abs=0.2)
    assert not in_band(np.zeros(100, dtype=np.int16)).any()


def test_what_the_line_gives_went_through_a_law() -> None:
    assert len(np.unique(on_the_line(bursts(), white_noise(-30.0, 5.0), 5.0))) <= 256


def test_sounds_that_are_no_speech_differ_and_stay_the_same() -> None:
    first, again = dict(not_speech()), dict(not_speech())
    assert len(first) >= 30
    assert len(first) % VARIANTS == 0
    for name, sound in first.items():
        assert np.array_equal(sound.samples, again[name].samples)
        assert 0.3 <= sound.duration_ms / 1000 <= 6.0, name
        assert level_db(sound.samples) > -40.0, name
    assert len({sound.samples.tobytes() for sound in first.values()}) == len(first)


# -- tables


def test_ratios_tell_how_much_of_the_allowed_errors_was_used() -> None:
    assert report.ratio({"wer": 6.0, "aim": 12.0}) == 0.5
    assert report.ratio({"right": 97.0, "aim": 98.0}) == 1.5
    assert report.ratio({"wer": 6.0, "aim": None}) is None
    assert report.ratio({"right": None, "aim": 98.0}) is None


def figures() -> report.Figures:
    return {
        "model": "no-such-model",
        "step": 2,
        "sets": {"free, clean": Tally([Scored(4, 3, 1)]).figures() | {"aim": 12.0}},
        "slots": {"in-domain": {"right": 90.0, "of": 10, "aim": None}},
        "grammar": {"answers": {"right": 97.0, "of": 100, "aim": 98.0}},
        "costs": {"load, s": {"value": 0.25, "aim": 0.5}},
        "left_out": ["the human reader"],
    }


def test_tables_have_a_cell_for_every_head() -> None:
    lines = report.sections(figures())
    rows = [line for line in lines if line.startswith("|")]
    by_table = "\n".join(lines).split("\n\n")
    for part in by_table:
        widths = {line.count("|") for line in part.splitlines() if line.startswith("|")}
        assert len(widths) <= 1
    assert "| free, clean | **25.0** (25.0-25.0) | - | 25.0 | 0.0 | 1 | <= 12 | 2.08 |" in rows
    assert "| load, s | **0.25** | <= 0.5 | 0.50 |" in rows
    assert "- left out: the human reader" in lines


def test_the_page_gets_the_figures_between_its_marks_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "recognition.md"
    path.write_text(f"head\n{page.BEGIN}\nold\n{page.END}\ntail\n", encoding="utf-8")
    assert page.write_page([figures()], path) == [path]
    text = path.read_text(encoding="utf-8")
    assert text.startswith("head\n")
    assert text.endswith("\ntail\n")
    assert "old" not in text
    assert "### no-such-model" in text
    assert "One utterance in 2 only" in text
    again = page.write_page([figures()], path)
    assert again == [path]
    assert path.read_text(encoding="utf-8") == text


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recognition.md"
    path.write_text("head", encoding="utf-8")
    with pytest.raises(VoicebotError, match="lacks the marks"):
        page.write_page([figures()], path)
    assert path.read_text(encoding="utf-8") == "head"
