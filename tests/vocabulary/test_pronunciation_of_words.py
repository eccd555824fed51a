"""How words sound: espeak-ng's phonemes folded, stress moved by marks, variants where nobody tells the stress."""

import pytest

from voicebot.vocabulary.folding import fold, listen, restress
from voicebot.vocabulary.phones import forward_id, phone, phone_count, self_loop_id
from voicebot.vocabulary.pronounce import Pronouncer, plain, problem, with_plus


@pytest.fixture(scope="module")
def pronouncer() -> Pronouncer:
    return Pronouncer()


def said(variants: list[tuple[str, ...]]) -> list[str]:
    return [" ".join(variant) for variant in variants]


def test_phonemes_are_folded_to_units() -> None:
    assert fold("z_V_v_t_r_V") == ("z", "a", "v", "t", "r", "a")
    assert fold("p_;_i_t;") == ("p;", "i", "t;")
    assert fold("k_ja s_s_tS") == ("k", "j", "a", "s", "tS;")
    assert listen("m_V_l_V_k_'o").stressed == 2
    assert listen("p").stressed is None


@pytest.mark.parametrize(
    ("marked", "units"),
    [
        ("м+ука", "m u k a"),
        ("вод+а", "v a d a"),
        ("в+оды", "v o d y"),
        ("молок+о", "m a l a k o"),  # espeak-ng, told this stress by U+0301, would stress another vowel
        ("мол+око", "m a l o k a"),
        ("абсол+ютно", "a p s a l; u t n a"),
        ("кр+ем", "k r; e m"),
        ("жен+а", "Z y n a"),
        ("ж+ены", "Z e n y"),
        ("шир+ок", "S y r o k"),
    ],
)
def test_a_mark_moves_the_stress(pronouncer: Pronouncer, marked: str, units: str) -> None:
    assert said(pronouncer.pronounce(plain(marked), marked)) == [units]


def test_letters_and_sounds_that_do_not_pair_are_left_alone() -> None:
    assert restress("аа", listen("'A"), 1) is None
    assert restress("да", listen("d_'A"), 1) is None


def test_without_a_mark_every_stress_is_a_variant(pronouncer: Pronouncer) -> None:
    variants = said(pronouncer.variants("Обормотов"))
    assert variants[0] == "a b a r m o t a f"  # espeak-ng's guess first
    assert set(variants) == {"a b a r m o t a f", "o b a r m a t a f", "a b o r m a t a f", "a b a r m a t o f"}
    assert said(pronouncer.variants("Обо\u0301рмотов")) == ["a b o r m a t a f"]
    assert said(pronouncer.variants("об+ормотов")) == ["a b o r m a t a f"]


def test_a_surname_that_may_have_yo_is_said_with_it_too(pronouncer: Pronouncer) -> None:
    assert "S; i g l; o f" in said(pronouncer.variants("Щеглев"))
    assert said(pronouncer.variants("Щеглёв")) == ["S; i g l; o f"]


def test_abbreviations_are_spelled(pronouncer: Pronouncer) -> None:
    assert said(pronouncer.variants("МРТ")) == ["e m e r t e"]
    assert said(pronouncer.variants("ктг")) == ["k a t e g e"]
    assert said(pronouncer.variants("ГГТ")) == ["g e g e t e"]
    assert said(pronouncer.variants("АЛТ")) == ["a l t", "a e l t e"]


def test_prepositions_of_one_letter_are_no_letter_names(pronouncer: Pronouncer) -> None:
    assert said(pronouncer.variants("в")) == ["v", "f"]


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("3D", "Latin"),
        ("СПГ2", "digits"),
        ("ул.", "no Russian word"),
        ("стр", "short for another word"),
        ("кпснтр", "no vowel"),
        ("ст+рона", "at no vowel"),
        ("при-", "no Russian word"),
    ],
)
def test_what_cannot_be_said_is_told(pronouncer: Pronouncer, word: str, why: str) -> None:
    assert why in problem(word)
    assert pronouncer.variants(word) == []


def test_marks_are_read_both_ways() -> None:
    assert with_plus("Ива\u0301нов") == "ив+анов"
    assert plain("Ива\u0301нов") == plain("Ив+анов") == "иванов"


def test_phones_and_transitions_are_numbered_as_the_network_was_trained() -> None:
    assert [phone(0, 0), phone(1, 0), phone(1, 3), phone(2, 0)] == [1, 3, 6, 7]
    assert phone_count(43) == 2 + 4 * 42
    assert (self_loop_id(7), forward_id(7)) == (13, 14)
