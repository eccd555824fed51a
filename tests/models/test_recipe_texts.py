"""The recipe's texts: templates that can all be drawn, and a language model mixed of two that still adds up to one."""

import random

import pytest

from models.recipe.ngrams import BEGIN, END, estimate, mix
from models.recipe.texts import callers
from models.recipe.texts.clinic import DEMO, ClinicNames
from models.recipe.texts.slots import Slots
from models.recipe.texts.templates import ANSWERS, TALK, expand, template_table
from voicebot.russian.case import Case

LEAST_TEMPLATES = 600


@pytest.fixture(scope="module")
def slots() -> Slots:
    return Slots(random.Random(4))


@pytest.mark.parametrize(("kind", "least"), [(TALK, LEAST_TEMPLATES), (ANSWERS, 60)])
def test_every_template_gives_a_plain_sentence(slots: Slots, kind: str, least: int) -> None:
    templates, weights = template_table(kind)
    assert len(templates) >= least
    assert min(weights) > 0
    for template in templates:
        sentence = expand(template, slots.rng, slots.draw)
        assert not set(sentence) - set("абвгдежзийклмнопрстуфхцчшщъыьэюяё "), template


def test_what_callers_say_is_plain_and_has_the_recipes_slots() -> None:
    assert callers._template("запишите к {speciality|datv} на завтра") == "запишите к <spec_dat> на завтра"
    assert callers._template("сколько стоит {service}") == "сколько стоит <serv_nom>"
    assert callers._template("вы про {branch|accs}") == "", "the recipe has no names of branches"
    said = list(callers.sentences(random.Random(4)))
    assert len({number for number, _ in said}) > 7000
    for _, sentence in said:
        assert not set(sentence) - set("абвгдежзийклмнопрстуфхцчшщъыьэюяё "), sentence


def test_the_clinics_names_come_evenly_and_declined() -> None:
    names = ClinicNames(DEMO, random.Random(1))
    bare = set(names.bare())
    assert {"ферритин", "снятия швов", "капельницу", "соколовой"} <= bare
    first = names.deal("speciality", Case.DATIVE)
    dealt = [first]
    while (name := names.deal("speciality", Case.DATIVE)) != first:
        dealt.append(name)
    assert "кардиологу" in dealt or first == "кардиологу"
    assert len(set(dealt)) > 50, "none comes again before the others have come"


@pytest.mark.parametrize("kind", [TALK, ANSWERS])
def test_no_template_stands_twice(kind: str) -> None:
    templates, _ = template_table(kind)
    assert len(set(templates)) == len(templates)


def test_a_mix_of_two_language_models_adds_up_to_one() -> None:
    words = {"да", "нет", "завтра", "приду"}
    frequencies = {"да": 0.5, "нет": 0.3, "завтра": 0.2}
    clinic = estimate([["да", "приду"], ["завтра", "приду"]] * 20, frequencies, vocabulary=words)
    talk = estimate([["нет", "завтра", "нет"]] * 20, frequencies, vocabulary=words)
    mixed = mix(clinic, talk, 0.7)
    for history in ((), (BEGIN,), ("да",), ("завтра",), (BEGIN, "завтра")):
        total = sum(mixed.probability(history, word) for word in (*words, END))
        assert total == pytest.approx(1.0, abs=1e-6), history
    assert clinic.probability(("да",), "приду") > mixed.probability(("да",), "приду") > talk.probability(("да",), "приду")
    assert mixed.probability((BEGIN,), "завтра") == pytest.approx(
        0.7 * clinic.probability((BEGIN,), "завтра") + 0.3 * talk.probability((BEGIN,), "завтра")
    )


def test_a_mix_by_history_believes_the_model_that_says_the_words_so_far() -> None:
    words = {"к", "орлову", "врачу", "хочу", "домой"}
    frequencies = dict.fromkeys(words, 0.2)
    talk = estimate([["хочу", "домой"]] * 50, frequencies, vocabulary=words, general_share=0.01)
    answers = estimate([["к", "орлову"]] * 50, frequencies, vocabulary=words, general_share=0.01)
    mixed = mix(talk, answers, 0.8, is_by_history=True)
    for history in ((), (BEGIN,), ("к",), ("хочу",), (BEGIN, "к"), (BEGIN, "хочу")):
        assert sum(mixed.probability(history, word) for word in (*words, END)) == pytest.approx(1.0, abs=1e-6), history
    assert mixed.probability((BEGIN,), "к") < 0.25  # a fifth of the sentences
    assert mixed.probability((BEGIN, "к"), "орлову") > 0.9 * answers.probability((BEGIN, "к"), "орлову")
    assert mixed.probability((BEGIN, "хочу"), "домой") > 0.9 * talk.probability((BEGIN, "хочу"), "домой")


def test_what_one_template_says_is_less_certain_than_what_many_say() -> None:
    words = {"болит", "зуб", "нога", "рука", "да"}
    frequencies = dict.fromkeys(words, 0.2)
    sentences = [["болит", "зуб"]] * 40
    of_one = estimate(sentences, frequencies, origins=[1] * 40, vocabulary=words)
    of_many = estimate(sentences, frequencies, origins=range(40), vocabulary=words)
    for model in (of_one, of_many):
        for history in ((), (BEGIN,), ("болит",)):
            assert sum(model.probability(history, word) for word in (*words, END)) == pytest.approx(1.0, abs=1e-6)
    assert of_many.probability(("болит",), "зуб") > 0.9
    assert of_one.probability(("болит",), "зуб") < 0.6
    assert of_one.probability(("болит",), "рука") > 5 * of_many.probability(("болит",), "рука")


def test_drawing_more_often_does_not_make_one_template_certain() -> None:
    words, frequencies = {"болит", "зуб", "нога"}, {"болит": 0.4, "зуб": 0.3, "нога": 0.3}
    few, many = (
        estimate([["болит", "зуб"]] * times, frequencies, origins=[7] * times, vocabulary=words).probability(("болит",), "зуб")
        for times in (20, 2000)
    )
    assert many == pytest.approx(few, abs=0.02)
