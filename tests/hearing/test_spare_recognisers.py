"""Recognisers used turn after turn: the same words as from new ones, and never another caller's."""

from pathlib import Path

import pytest

from voicebot.audio.wav import read_sound
from voicebot.hearing.recogniser import SpeechModel
from voicebot.hearing.spares import Spare, Spares

SPEECH = Path(__file__).parent / "speech"
EMBEDDED = Path(__file__).resolve().parents[2] / "models" / "vosk-embedded-ru"
NAMES = ("booking_anna", "date_aleksandr", "yes_anna", "no_aleksandr")
GRAMMAR = ("да", "нет", "завтра", "после обеда")


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    if not EMBEDDED.is_dir():
        pytest.skip(f"the embedded model is not at {EMBEDDED}")
    return SpeechModel(EMBEDDED, is_trusted=True)


def heard(model: SpeechModel, name: str, grammar: tuple[str, ...] | None = None, *, is_kept: bool) -> list[object]:
    turn = model.turn(grammar)
    sound = read_sound(SPEECH / f"{name}.flac", rate_hz=8000).to_bytes() + bytes(4800)
    for at in range(0, len(sound), 960):
        turn.accept(sound[at : at + 960])
    found = [(one.text, round(one.confidence, 6), one.source) for one in turn.final()]
    if is_kept:
        turn.release()
    return found


@pytest.mark.parametrize("grammar", [None, GRAMMAR])
def test_a_recogniser_that_heard_before_hears_the_same(model: SpeechModel, grammar: tuple[str, ...] | None) -> None:
    new = [heard(model, name, grammar, is_kept=False) for name in NAMES]
    for order in (NAMES, NAMES[::-1]):
        again = {name: heard(model, name, grammar, is_kept=True) for name in order}
        assert [again[name] for name in NAMES] == new


def test_a_turn_broken_off_leaves_nothing_for_the_next(model: SpeechModel) -> None:
    expected = heard(model, "yes_anna", is_kept=False)
    broken = model.turn()
    broken.accept(read_sound(SPEECH / "booking_anna.flac", rate_hz=8000).to_bytes())
    broken.release()
    assert heard(model, "yes_anna", is_kept=True) == expected


def test_a_released_recogniser_answers_nobody(model: SpeechModel) -> None:
    turn = model.turn()
    turn.release()
    turn.release()
    with pytest.raises(AttributeError):
        turn.final()


def test_two_turns_at_once_never_share_one(model: SpeechModel) -> None:
    first = model.turn()
    first.release()
    one, other = model.turn(), model.turn()
    one.accept(read_sound(SPEECH / "yes_anna.flac", rate_hz=8000).to_bytes() + bytes(4800))
    assert other.final() == []
    assert one.final()[0].text == "да"


def test_the_one_that_worked_last_is_lent_first_and_only_to_its_own_grammar() -> None:
    spares = Spares(limit=3, most_turns=2)
    for name, grammar in (("a", None), ("b", ("да",)), ("c", None), ("d", None)):
        spares.give(Spare(grammar, name))
    assert len(spares) == 3  # "a" had rested longest
    assert [found.recogniser if found else None for found in (spares.take(("нет",)), spares.take(("да",)))] == [None, "b"]
    assert [found.recogniser if found else None for found in (spares.take(None), spares.take(None), spares.take(None))] == [
        "d",
        "c",
        None,
    ]
    spares.give(Spare(None, "tired", turns=2))
    assert len(spares) == 0


def test_nobody_calls_and_none_is_kept(model: SpeechModel) -> None:
    heard(model, "yes_anna", is_kept=True)
    model.forget_spares()
    assert heard(model, "yes_anna", is_kept=True)
    spares = Spares()
    spares.give(Spare(None, object()))
    spares.clear()
    assert len(spares) == 0
    assert spares.take(None) is None
