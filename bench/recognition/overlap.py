"""How much of the test stands in the recipe's texts: `python -m bench.recognition.overlap`. Small means blind."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from bench.recognition.texts import DEVELOPMENT, TEST, Line, read, words_of
from models.recipe.texts import callers
from models.recipe.texts.slots import Slots
from models.recipe.texts.templates import ANSWERS, TALK, expand, template_table

DRAWN = 100_000
SIZES = (3, 4, 5)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Of one list: `exact` utterances that were drawn whole, shares of its n-grams (by n) that were drawn, per cent."""

    utterances: int
    exact: int
    shares: dict[int, float]


def drawn_sentences(seed: int = 1) -> Iterator[tuple[str, ...]]:
    """Endless sentences of the templates, weighted as in training: of talk and of answers in turn."""
    chance = random.Random(seed)
    slots, tables = Slots(chance), [template_table(kind) for kind in (TALK, ANSWERS)]
    while True:
        for templates, weights in tables:
            yield words_of(expand(chance.choices(templates, weights)[0], chance, slots.draw))


def training_sentences(count: int = DRAWN) -> Iterator[tuple[str, ...]]:
    """What the language model is counted on: `count` sentences of the templates, and what callers say, each once."""
    called = (words_of(sentence) for _, sentence in callers.sentences(random.Random(1)))
    return chain(islice(drawn_sentences(), count), called)


class Drawn:
    """What a number of drawn sentences hold."""

    def __init__(self, sentences: Iterable[tuple[str, ...]]) -> None:
        self._whole = set(sentences)
        self._grams = {gram for sentence in self._whole for size in SIZES for gram in _grams(sentence, size)}

    def is_whole(self, line: Line) -> bool:
        return line.words in self._whole

    def known(self, line: Line, size: int) -> tuple[int, int]:
        """Return (n-grams of the line that were drawn, n-grams of the line)."""
        grams = list(_grams(line.words, size))
        return sum(gram in self._grams for gram in grams), len(grams)

    def overlap(self, lines: list[Line]) -> Overlap:
        shares = {}
        for size in SIZES:
            counts = [self.known(line, size) for line in lines]
            whole = sum(count for _, count in counts)
            shares[size] = round(100 * sum(count for count, _ in counts) / whole, 1) if whole else 0.0
        return Overlap(len(lines), sum(map(self.is_whole, lines)), shares)


def _grams(words: tuple[str, ...], size: int) -> Iterator[tuple[str, ...]]:
    return (words[at : at + size] for at in range(len(words) - size + 1))


def main() -> None:
    drawn = Drawn(training_sentences())
    print(f"Of what {DRAWN} sentences drawn from the templates and all sentences of callers hold, per cent of n-grams:")
    for name in (*TEST, *DEVELOPMENT):
        found = drawn.overlap(read(name))
        grams = ", ".join(f"{size}-grams {share}" for size, share in found.shares.items())
        print(f"  {name}: {grams}; drawn whole {found.exact} of {found.utterances}")


if __name__ == "__main__":
    main()
