from collections.abc import Mapping

import pytest

from voicebot.dialog.talking import Alternative, Expect, Profile
from voicebot.hearing.choose import RESCUED_CONFIDENCE, choose

YES_NO = Expect(type="yes_no", profile=Profile.YES_NO, grammar=("да", "нет", "нет не надо"))
FREE = Expect()


def fits_in(table: Mapping[str, float]):
    return lambda text, expect: table.get(text, 0.0)


def openly(*texts: str) -> list[Alternative]:
    return [Alternative(text, 0.6 / (number + 1)) for number, text in enumerate(texts)]


def by_grammar(*texts: str) -> list[Alternative]:
    return [Alternative(text, 0.9 / (number + 1), "grammar") for number, text in enumerate(texts)]


def texts(chosen: tuple[Alternative, ...]) -> list[str]:
    return [alternative.text for alternative in chosen]


def test_the_grammar_corrects_a_short_answer() -> None:
    chosen = choose(openly("дай", "до"), by_grammar("да"), "дай", YES_NO, fits_in({"да": 1.0}))
    assert texts(chosen) == ["да", "дай", "до"]
    assert chosen[0].source == "grammar"


def test_unknown_words_in_the_grammar_leave_the_open_result() -> None:
    chosen = choose(openly("соедините с оператором"), by_grammar("да [unk]"), "", YES_NO, fits_in({"да": 1.0}))
    assert texts(chosen) == ["соедините с оператором"]


def test_a_sentence_forced_into_the_grammar_does_not_win() -> None:
    sentence = "нет я хочу на другой день"
    chosen = choose(openly(sentence), by_grammar("нет"), "", YES_NO, fits_in({"нет": 1.0, sentence: 1.0}))
    assert texts(chosen) == [sentence, "нет"]


def test_words_of_the_grammar_strung_together_do_not_beat_a_good_open_answer() -> None:
    expect = Expect(type="datetime", profile=Profile.DATE, grammar=("после шести", "шестое", "в час дня"))
    table = {"после шестое": 1.0, "после шести": 1.0, "в час дня": 1.0, "вы часа дня": 0.3}
    strung = [Alternative("после шестое", 0.94, "grammar")]
    assert texts(choose([Alternative("после шести", 0.9)], strung, "", expect, fits_in(table)))[0] == "после шести"
    whole = [Alternative("в час дня", 0.9, "grammar")]
    assert texts(choose([Alternative("вы часа дня", 0.7)], whole, "", expect, fits_in(table)))[0] == "в час дня"


def test_what_sounds_like_nothing_that_was_heard_openly_loses() -> None:
    expect = Expect(type="doctor", grammar=("филиппову", "никитиной"))
    table = {"филиппову": 1.0, "никитиной": 1.0, "вот это никитину": 0.9}
    openly_heard = [Alternative("вот это никитину", 0.45)]
    unlike = [Alternative("филиппову", 0.8, "grammar")]
    assert texts(choose(openly_heard, unlike, "", expect, fits_in(table)))[0] == "вот это никитину"
    alike = [Alternative("никитиной", 0.8, "grammar")]
    assert texts(choose(openly_heard, alike, "", expect, fits_in(table)))[0] == "никитиной"


def test_hesitations_are_no_more_words() -> None:
    chosen = choose(openly("ну это да"), by_grammar("да"), "", YES_NO, fits_in({"да": 1.0, "ну это да": 1.0}))
    assert texts(chosen)[0] == "да"


def test_two_different_good_answers_are_doubtful() -> None:
    chosen = choose(openly("нет"), by_grammar("да"), "", YES_NO, fits_in({"да": 1.0, "нет": 1.0}))
    assert texts(chosen) == ["да", "нет"]
    assert chosen[0].confidence <= 0.5


def test_a_lower_hypothesis_that_answers_the_question_overtakes() -> None:
    table = {"на завтра": 1.0}
    assert texts(choose(openly("но завтрак", "на завтра"), [], "", FREE, fits_in(table)))[0] == "на завтра"


def test_but_not_if_it_fits_only_a_little_better_or_is_absurd() -> None:
    assert texts(choose(openly("а", "но вот", "ну там"), [], "", FREE, fits_in({})))[0] == "но вот"
    table = {"но завтрак": 0.8, "на завтра": 0.9}
    assert texts(choose(openly("но завтрак", "на завтра"), [], "", FREE, fits_in(table)))[0] == "но завтрак"
    absurd = [Alternative("но завтрак", 0.99), Alternative("на завтра", 0.001)]
    assert texts(choose(absurd, [], "", FREE, fits_in({"на завтра": 1.0})))[0] == "но завтрак"


def test_an_empty_final_is_rescued_by_the_last_partial() -> None:
    chosen = choose([], [], "да", YES_NO, fits_in({"да": 1.0}))
    assert chosen == (Alternative("да", RESCUED_CONFIDENCE),)


def test_what_only_the_grammar_heard_is_doubtful() -> None:
    chosen = choose([], by_grammar("да"), "", YES_NO, fits_in({"да": 1.0}))
    assert texts(chosen) == ["да"]
    assert chosen[0].confidence <= RESCUED_CONFIDENCE


@pytest.mark.parametrize("partial", ["", "[unk]", "в"])
def test_nothing_heard_is_nothing(partial: str) -> None:
    assert choose(openly("[unk]", "в"), by_grammar("[unk]"), partial, YES_NO, fits_in({})) == ()


def test_each_text_comes_once_and_there_are_not_too_many() -> None:
    chosen = choose(openly("да", "два", "дай", "до", "дам", "дом", "дым"), by_grammar("да"), "", YES_NO, fits_in({"да": 1.0}))
    assert len(chosen) == len(set(texts(chosen))) == 6


def test_a_name_is_weighed_against_names_only() -> None:
    expect = Expect(type="name", profile=Profile.NAME)
    names = {"смирнова анна": 1.0, "смирнова она": 0.55, "смирного анна": 0.1}

    def fits_name(text: str, _expect: Expect) -> float:
        return names.get(text, 1.0)

    heard = [Alternative("смирнова она", 0.27), Alternative("смирнова анна", 0.075), Alternative("смирного анна", 0.02)]
    first = choose(heard, [], "", expect, fits_name)[0]
    assert first.text == "смирнова анна"
    assert first.confidence == pytest.approx(0.9)  # the only name: taken

    twins = [Alternative("смирнова анна", 0.09), Alternative("смирнова алла", 0.09)]
    first = choose(twins, [], "", expect, fits_name)[0]
    assert first.confidence == pytest.approx(0.45)  # two names: the dialog confirms
