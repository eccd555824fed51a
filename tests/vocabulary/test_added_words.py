"""Words that the shipped model does not know are heard after they were added: real speech, open and with a grammar."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vosk

from voicebot.settings import Settings
from voicebot.supplies.rhvoice import find_rhvoice
from voicebot.vocabulary import graph
from voicebot.vocabulary.apart import try_words
from voicebot.vocabulary.errors import FixedVocabulary, UnknownWord
from voicebot.vocabulary.prepared import prepare
from voicebot.vocabulary.wanted import Wanted
from voicebot.voice import telephone
from voicebot.voice.engine import VoiceEngine
from voicebot.voice.espeak import EspeakEngine
from voicebot.voice.rhvoice import RhvoiceEngine

MODEL = Path(__file__).resolve().parents[2] / "models" / "vosk-embedded-ru"
RATE_HZ = 8000
CHUNK_BYTES = 3200
SURNAMES = ("абырвалгович", "тыквоедов", "дзюбанюк", "чмыхало")
HOMOPHONE = "чмыхала"  # unstressed о and а sound alike
ANSWERS = (
    "да", "нет", "завтра", "послезавтра", "сегодня", "утром", "вечером", "днём", "в понедельник", "во вторник", "в среду",
    "в четверг", "в пятницу", "к терапевту", "к хирургу", "к кардиологу", "оператор", "повторите", "первый", "второй",
    "третий", "другое время", "не подходит", "в десять", "без разницы", "до свидания",
)  # fmt: skip


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = Wanted({word: (word,) for word in (*SURNAMES, HOMOPHONE, "завтра")})
    made = prepare(MODEL, words, tmp_path_factory.mktemp("words"))
    assert set(made.added) == {*SURNAMES, HOMOPHONE}
    assert made.unsaid == ()
    return made.path


@pytest.fixture(scope="module")
def before() -> vosk.Model:
    vosk.SetLogLevel(-1)
    return vosk.Model(str(MODEL))


@pytest.fixture(scope="module")
def after(extended: Path) -> vosk.Model:
    vosk.SetLogLevel(-1)
    return vosk.Model(str(extended))


def spoken(engine: VoiceEngine, text: str) -> bytes:
    sound = engine.synthesise(text)
    converter = telephone.TelephoneSound(sound.rate_hz, telephone.gain_for(sound))
    samples = np.concatenate([converter.feed(sound.samples), converter.finish()])
    return bytes(RATE_HZ) + samples.astype("<i2").tobytes() + bytes(RATE_HZ)


@cache
def voices() -> dict[str, VoiceEngine]:
    files = find_rhvoice(Settings().cache)
    rhvoice: dict[str, VoiceEngine] = {"rhvoice": RhvoiceEngine(files, "Irina")} if files else {}
    return {"espeak": EspeakEngine(), **rhvoice}


@pytest.fixture(params=["espeak", "rhvoice"])
def say(request: pytest.FixtureRequest) -> Callable[[str], bytes]:
    engine = voices().get(request.param)
    if engine is None:
        pytest.skip("RHVoice is not in the cache (make voice)")
    return lambda text: spoken(engine, text)


def heard(model: vosk.Model, audio: bytes, grammar: tuple[str, ...] = ()) -> str:
    arguments: list[Any] = [json.dumps([*grammar, "[unk]"], ensure_ascii=False)] if grammar else []
    recogniser = vosk.KaldiRecognizer(model, RATE_HZ, *arguments)
    parts = []
    for begin in range(0, len(audio), CHUNK_BYTES):
        if recogniser.AcceptWaveform(audio[begin : begin + CHUNK_BYTES]):
            parts.append(json.loads(recogniser.Result())["text"])
    parts.append(json.loads(recogniser.FinalResult())["text"])
    return " ".join(part for part in parts if part)


@pytest.mark.parametrize("surname", SURNAMES)
def test_a_new_doctor_is_heard_openly_and_with_a_grammar_and_was_not_before(
    before: vosk.Model, after: vosk.Model, say: Callable[[str], bytes], surname: str
) -> None:
    audio = say(f"запишите меня к врачу {surname.capitalize()} на завтра")
    assert before.vosk_model_find_word(surname) < 0 <= after.vosk_model_find_word(surname)
    assert surname not in heard(before, audio).split()
    open_words = heard(after, audio).replace(HOMOPHONE, "чмыхало").split()
    assert surname in open_words
    assert "завтра" in open_words
    grammar = (*ANSWERS, *SURNAMES)
    alone = say(surname.capitalize())
    assert heard(before, alone, grammar) in ("", "[unk]")
    assert heard(after, alone, grammar) == surname


@pytest.mark.parametrize("answer", ["да", "завтра", "в четверг", "к кардиологу", "другое время", "не подходит"])
def test_a_grammar_of_thirty_phrases_hears_the_old_ones_as_well(
    after: vosk.Model, say: Callable[[str], bytes], answer: str
) -> None:
    grammar = (*ANSWERS, *SURNAMES)
    assert len(grammar) == 30
    assert heard(after, say(answer), grammar) == answer


def test_what_was_heard_before_is_heard_the_same(before: vosk.Model, after: vosk.Model) -> None:
    """On human-like phrases without new words the two models agree, open and under grammars."""
    engine = voices()["espeak"]
    phrases = (
        "здравствуйте запишите меня пожалуйста к терапевту на завтра",
        "сколько стоит приём невролога",
        "у меня болит горло и температура",
        "в пятницу после обеда",
    )
    for phrase in phrases:
        audio = spoken(engine, phrase)
        assert heard(after, audio) == heard(before, audio)
        assert heard(after, audio, ANSWERS) == heard(before, audio, ANSWERS)


def test_the_new_words_are_in_the_lists_and_the_files_agree(extended: Path) -> None:
    old, new = graph.load(MODEL), graph.load(extended)  # load checks what it reads
    assert set(new.words) - set(old.words) == {*SURNAMES, HOMOPHONE}
    assert all(new.words[word] == label for word, label in old.words.items())
    assert min(new.words[word] for word in SURNAMES) > max(old.words.values())
    labels = {int(label) for label in new.pronunciations.fst.arcs["output"]} - {0}
    assert {new.words[word] for word in SURNAMES} <= labels
    # a state's arcs are sorted by what they put out, and its reach covers that
    for state in (new.pronunciations.fst.start, *range(len(old.pronunciations.fst.states), len(new.pronunciations.fst.states))):
        outputs = [int(arc["output"]) for arc in new.pronunciations.fst.arcs_of(state)]
        assert outputs == sorted(outputs)
        reach = new.pronunciations.reach[state]
        assert all(any(begin <= label < end for begin, end in reach) for label in outputs if label)


def test_a_known_word_gets_a_further_pronunciation_and_no_second_number(before: vosk.Model, tmp_path: Path) -> None:
    old = graph.load(MODEL)
    new = old.extended({"завтра": [("z", "a", "f", "t", "r", "a")]})
    assert new.words == old.words
    count = np.count_nonzero(new.pronunciations.fst.arcs["output"] == old.words["завтра"])
    assert count == 1 + np.count_nonzero(old.pronunciations.fst.arcs["output"] == old.words["завтра"])


def test_words_of_the_clinic_become_likelier_and_no_other(tmp_path: Path) -> None:
    old = graph.load(MODEL)
    rare = graph.raisable(old, sorted(old.words))
    assert len(rare) > 1000
    new = old.extended({}, likely=rare[:5])
    changed = old.language.arcs[old.language.arcs["cost"] != new.language.arcs["cost"]]
    assert sorted(changed["input"]) == sorted(old.words[word] for word in rare[:5])
    assert graph.raisable(new, rare[:6]) == rare[5:6]


def test_the_plain_spelling_of_a_new_word_is_for_grammars_only() -> None:
    old = graph.load(MODEL)
    sound = [("Z", "o", "l", "u", "d;", "i", "f")]
    new = old.extended({"жёлудевич": sound, "желудевич": sound})
    unigrams = set(new.language.arcs["input"].tolist())
    assert new.words["жёлудевич"] in unigrams
    assert new.words["желудевич"] not in unigrams


def test_sounds_that_the_model_was_not_trained_on_are_left_out() -> None:
    old = graph.load(MODEL)
    assert not old.can_say([("q", "a")])
    assert old.can_say([("q", "a"), ("d", "a")])
    new = old.extended({"чужой-звук": [("q", "a"), ("d", "a")]})
    label = new.words["чужой-звук"]
    assert np.count_nonzero(new.pronunciations.fst.arcs["output"] == label) == 1


def test_a_model_that_lacks_a_word_does_not_pass_its_trial(extended: Path) -> None:
    try_words(extended, ["тыквоедов", "завтра"])
    with pytest.raises(UnknownWord, match="кукарямбов") as refused:
        try_words(extended, ["завтра", "кукарямбов"])
    assert refused.value.words == ("кукарямбов",)


def test_a_model_without_its_units_takes_no_words(tmp_path: Path) -> None:
    with pytest.raises(FixedVocabulary, match="cannot be added") as refused:
        graph.load(tmp_path)
    assert "synonyms" in refused.value.cure
