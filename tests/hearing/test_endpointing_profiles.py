import pytest

from voicebot.dialog.talking import Profile
from voicebot.hearing.profiles import ENDPOINTING, SETTLE_MS, needed_silence_ms


@pytest.mark.parametrize("profile", list(Profile))
def test_the_less_is_known_the_longer_the_wait(profile: Profile) -> None:
    waits = [
        needed_silence_ms(profile, "слово", 1.0, True),
        needed_silence_ms(profile, "слово", 1.0, False),
        needed_silence_ms(profile, "слово", 0.6, False),
        needed_silence_ms(profile, "слово", 0.1, False),
        needed_silence_ms(profile, "слово к", 0.1, False),
    ]
    assert waits == sorted(waits)
    assert len(set(waits)) == 5
    assert waits[0] > SETTLE_MS  # the definite words are known when the decision is made
    assert waits[-1] <= ENDPOINTING[profile].cap_ms


def test_caps_are_within_what_callers_bear() -> None:
    assert 2500 <= ENDPOINTING[Profile.DIGITS].cap_ms <= 3000
    assert all(times.cap_ms <= 3000 for times in ENDPOINTING.values())


def test_an_answer_that_fits_leaves_time_for_the_robot_within_600_ms() -> None:
    for profile in (Profile.YES_NO, Profile.CHOICE, Profile.DATE, Profile.FREE):
        assert ENDPOINTING[profile].fits_ms <= 500


def test_a_complete_answer_does_not_wait_for_a_hanging_word() -> None:
    assert needed_silence_ms(Profile.DIGITS, "мой телефон", 1.0, True) == ENDPOINTING[Profile.DIGITS].complete_ms


@pytest.mark.parametrize("profile", [Profile.YES_NO, Profile.CHOICE, Profile.DATE, Profile.FREE])
def test_after_a_bare_no_the_correction_is_waited_for(profile: Profile) -> None:
    bare = needed_silence_ms(profile, "нет", 1.0, False)
    assert bare >= 600  # a breath and the detector's coarseness
    assert needed_silence_ms(profile, "ну нет", 1.0, False) == bare
    for whole in ("нет спасибо", "нет лучше в пятницу", "да"):
        assert needed_silence_ms(profile, whole, 1.0, False) == ENDPOINTING[profile].fits_ms
