"""Counting letters rules out no word that is like the heard one."""

from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.understanding.words_alike import WordsAlike
from voicebot.russian.fuzzy import sound_key
from voicebot.russian.text import normalise

FLOOR = 0.8
NEAR = st.text("абвгд", max_size=9)  # few letters: most pairs are rather alike
HEARD = st.text("абвгдz", min_size=1, max_size=9)


def compared(words: list[str], heard: str) -> list[int]:
    return (
        process.cdist([heard], words, scorer=JaroWinkler.similarity, score_cutoff=FLOOR)[0].nonzero()[0].tolist()
        if words
        else []
    )


@given(words=st.lists(NEAR, max_size=30), heard=HEARD)
def test_the_same_words_as_by_comparing_all(words: list[str], heard: str) -> None:
    assert WordsAlike(words, FLOOR).places(heard).tolist() == compared(words, heard)


def test_the_same_words_of_the_clinic(catalogue: Catalogue) -> None:
    names = [form for forms in catalogue.forms("service").values() for form in forms]
    words = sorted({sound for name in names for word in normalise(name).split() if (sound := sound_key(word))})
    alike = WordsAlike(words, FLOOR)
    for heard in map(sound_key, ["узи", "гастроскопию", "гострас", "прием", "кардеолога", "шланг", "снимог", "вчера", "щ"]):
        assert alike.places(heard).tolist() == compared(words, heard), heard
