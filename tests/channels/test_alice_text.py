"""Long answers for Alice: cut at sentences, nothing lost, nothing over the limit."""

from hypothesis import given
from hypothesis import strategies as st

from voicebot.channels.alice_text import MORE, pieces, unmarked

_words = st.text(alphabet="абвеиоуя ё+.?!,-«»0129", max_size=400)
_messages = st.lists(st.tuples(_words, _words), max_size=12)


@given(_messages)
def test_every_piece_fits_and_is_spoken(messages: list[tuple[str, str]]) -> None:
    found = pieces(messages)
    assert found
    for one in found:
        assert len(one.text) <= 1024
        assert len(one.tts) <= 1024
        assert "  " not in one.text
    if any(written.strip() or spoken.strip() for written, spoken in messages):
        assert all(one.text and one.tts for one in found)


@given(st.lists(st.tuples(st.text(alphabet="абвгд .", min_size=1, max_size=900), st.just("")), max_size=10))
def test_nothing_is_lost(messages: list[tuple[str, str]]) -> None:
    wanted = " ".join(" ".join(written for written, _ in messages).split())
    said = " ".join(one.text.removesuffix(MORE).strip() for one in pieces(messages))
    assert said.replace(" ", "") == wanted.replace(" ", "")


def test_a_short_answer_is_one_piece_with_its_stress() -> None:
    (one,) = pieces(
        [("Приём 25 ноября в 10:30.", "Приём двадцать п+ятого ноябр+я в д+есять тр+идцать."), ("Записать?", "Запис+ать?")]
    )
    assert one.text == "Приём 25 ноября в 10:30. Записать?"
    assert one.tts.endswith("Запис+ать?")


def test_a_long_answer_is_cut_where_a_sentence_ends_and_asks_whether_to_go_on() -> None:
    sentence = "Общий анализ крови готов на следующий рабочий день после десяти часов утра."
    found = pieces([(" ".join([sentence] * 30), "")])
    assert len(found) == 3
    assert all(one.text.endswith(f"утра. {MORE}") for one in found[:-1])
    assert found[-1].text.endswith("утра.")
    assert found[0].tts != found[0].text  # the question has its stress
    assert sum(one.text.count(sentence) for one in found) == 30


def test_forms_that_cannot_be_cut_alike_are_shown_as_they_are_spoken() -> None:
    written = "Кабинет 3. Этаж 2. " * 80
    spoken = "Кабин+ет три, эт+аж два. " * 80
    found = pieces([(written, spoken)])
    assert all("+" not in one.text and len(one.text) <= 1024 for one in found)
    assert unmarked(" ".join(one.tts for one in found)).count("Кабинет три, этаж два.") == 80


def test_a_list_without_an_end_is_cut_at_words() -> None:
    found = pieces([("анализ, " * 400, "")])
    assert all(len(one.text) <= 1024 for one in found)
    assert "".join(one.text for one in found).count("анализ") == 400


def test_nothing_to_say_is_one_empty_piece() -> None:
    assert [(one.text, one.tts) for one in pieces([("", ""), ("  ", "")])] == [("", "")]
