import pytest

from voicebot.hearing.backchannel import has_meaning, is_only_backchannel, promises_more, words_of
from voicebot.hearing.bargein import is_interruption


def judge(words: str, **changes) -> bool:
    facts = {
        "elapsed_ms": 300,
        "clearance_db": 20.0,
        "echo_text": "Назов+ите в+ашу фам+илию.",
        "is_yes_an_answer": False,
        "is_cut_off": False,
    }
    return is_interruption(words, **(facts | changes))


@pytest.mark.parametrize("words", ["стоп", "подождите", "нет", "угу нет", "оператора", "мы с"])
def test_words_interrupt(words: str) -> None:
    assert judge(words)


@pytest.mark.parametrize(
    "words", ["", "[unk]", "угу", "ага ага", "да да", "ну да хорошо", "пожалуйста", "у", "от", "[unk] угу"]
)
def test_noises_of_listening_and_scraps_do_not(words: str) -> None:
    assert not judge(words)


def test_a_word_that_may_become_a_listening_noise_is_waited_for() -> None:
    assert not judge("пон", is_cut_off=True)  # "понятно"?
    assert judge("пон", is_cut_off=False)
    assert judge("под", is_cut_off=True)  # "подождите"


def test_yes_interrupts_only_where_it_answers() -> None:
    assert not judge("да")
    assert judge("да", is_yes_an_answer=True)
    assert not judge("да", is_yes_an_answer=True, is_cut_off=True)  # maybe "дальше"
    assert not judge("угу", is_yes_an_answer=True)


def test_what_might_be_echo_must_not_be_the_robots_own_words() -> None:
    assert judge("вашу фамилию", clearance_db=15.0)  # too loud for echo: the caller asks back
    assert not judge("вашу фамилию", clearance_db=6.0)
    assert not judge("назовут фамилия", clearance_db=6.0)  # the echo misheard
    assert judge("соедините", clearance_db=6.0)


def test_near_the_echo_threshold_it_takes_more_and_longer_words() -> None:
    assert not judge("стоп", clearance_db=1.0, elapsed_ms=900)
    assert not judge("соедините меня", clearance_db=1.0, elapsed_ms=400)
    assert judge("соедините меня", clearance_db=1.0, elapsed_ms=700)


def test_helpers() -> None:
    assert words_of("[unk] да [unk]") == ["да"]
    assert is_only_backchannel("")
    assert not is_only_backchannel("угу завтра")
    assert promises_more("хочу к")
    assert not promises_more("хочу к терапевту")
    assert not promises_more("")
    assert has_meaning("я")
    assert not has_meaning("в и")
