from voicebot.dialog.talking import DigitRules
from voicebot.talk.keys import KeyBuffer

PHONE = DigitRules(minimum=10, maximum=11, terminator="#", gap_seconds=2.5)


def test_one_key_answers_a_question_without_rules() -> None:
    assert KeyBuffer().press("1", 10, None) == "1"


def test_a_phone_ends_by_count_terminator_or_pause() -> None:
    keys = KeyBuffer()
    answers = [keys.press(k, n, PHONE) for n, k in enumerate("89161234567")]
    assert answers[-1] == "89161234567"
    assert answers[:-1] == [None] * 10
    for n, k in enumerate("9161234567"):
        assert keys.press(k, n, PHONE) is None
    assert keys.press("#", 11, PHONE) == "9161234567"
    keys.press("9", 100, PHONE)
    assert keys.due(100 + 124) is None
    assert keys.due(100 + 125) == "9"  # 2.5 s of 20 ms frames
    assert keys.due(10_000) is None


def test_clear_forgets_half_an_answer() -> None:
    keys = KeyBuffer()
    keys.press("9", 1, PHONE)
    assert keys.is_collecting
    keys.clear()
    assert not keys.is_collecting
