"""Texts in pieces."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicebot.voice.sentences import (
    CLAUSE_PAUSE_MS,
    PARAGRAPH_PAUSE_MS,
    SENTENCE_PAUSE_MS,
    SHORTEST_CLAUSE,
    Piece,
    split,
)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Здр+авствуйте! Сл+ушаю вас.", [("Здр+авствуйте!", SENTENCE_PAUSE_MS), ("Сл+ушаю вас.", 0)]),
        ("Да", [("Да", 0)]),
        ("Вас ведёт А. С. Петр+ов. Верно?", [("Вас ведёт А. С. Петр+ов.", SENTENCE_PAUSE_MS), ("Верно?", 0)]),
        ("Минутку… Нашла!", [("Минутку…", SENTENCE_PAUSE_MS), ("Нашла!", 0)]),
        ("Что?! Повтор+ите.", [("Что?!", SENTENCE_PAUSE_MS), ("Повтор+ите.", 0)]),
        ("Врач — «Петр+ов.» Да?", [("Врач — «Петр+ов.»", SENTENCE_PAUSE_MS), ("Да?", 0)]),
        ("Цена 10.50 за час.", [("Цена 10.50 за час.", 0)]),
        ("Один.\n\nДва.", [("Один.", PARAGRAPH_PAUSE_MS), ("Два.", 0)]),
        ("Строка\nодна.", [("Строка одна.", 0)]),
        ("Код: А <pause 700> Б", [("Код: А", 700), ("Б", 0)]),
        ("Всё. <pause 500ms/>", [("Всё.", 500)]),
        ("<pause 300> Да.", [("Да.", 0)]),
        ("Да. <pause 99999> Нет.", [("Да.", 5000), ("Нет.", 0)]),
        ("", []),
        (" \n ", []),
        ("... ?! —", []),
        ("<pause 300>", []),
    ],
)
def test_sentences_and_pauses(text: str, pieces: list[tuple[str, int]]) -> None:
    assert split(text) == [Piece(*piece) for piece in pieces]


def test_a_long_sentence_is_cut_at_clauses_then_at_words_then_anywhere() -> None:
    clauses = split("Первая часть фразы, вторая часть фразы, третья часть.", longest=30)
    assert [piece.text for piece in clauses] == ["Первая часть фразы,", "вторая часть фразы,", "третья часть."]
    assert [piece.pause_ms for piece in clauses] == [CLAUSE_PAUSE_MS, CLAUSE_PAUSE_MS, 0]
    words = split("раз два три четыре пять шесть", longest=12)
    assert [piece.text for piece in words] == ["раз два три", "четыре пять", "шесть"]
    assert [len(piece.text) for piece in split("а" * 25, longest=10)] == [10, 10, 5]


def test_the_first_piece_is_short_where_a_clause_ends() -> None:
    text = "Есть вр+емя во вт+орник, двадц+ать четвёртого ноябр+я, в пятн+адцать тр+идцать, у д+октора Иван+овой."
    first, second = split(text, first_longest=30)
    assert first == Piece("Есть вр+емя во вт+орник,", CLAUSE_PAUSE_MS)
    assert second.text.startswith("двадц+ать")
    whole = "Назов+ите ваш номер телеф+она полностью начин+ая с восьмёрки"
    assert split(whole, first_longest=20) == [Piece(whole)]
    assert split("Да, коне+чно.", first_longest=5) == [Piece("Да, коне+чно.")]
    assert all(len(piece.text) >= SHORTEST_CLAUSE for piece in (first, second))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.text(alphabet="абвгд +.,!?…—\n", max_size=300), st.integers(5, 60))
def test_no_word_is_lost_and_no_piece_is_too_long(text: str, longest: int) -> None:
    pieces = split(text, longest=longest)
    assert re.findall(r"\w", "".join(piece.text for piece in pieces)) == re.findall(r"\w", text)
    assert all(0 < len(piece.text) <= longest for piece in pieces)
    assert not pieces or pieces[-1].pause_ms == 0
