"""Words as paths of phones: a trie in which the forward transition enters a state and the self-loop stays in it."""

from collections import Counter
from collections.abc import Callable, Mapping

from voicebot.vocabulary.folding import Pronunciation
from voicebot.vocabulary.phones import forward_id, phone, position, self_loop_id

Arc = tuple[int, int, int, int, float]
"""From, to, input label, output label, cost."""


class WordTrie:
    """Collects arcs. Words that sound alike end in one state by different disambiguation labels, `most_homophones` of them."""

    def __init__(self, units: Mapping[str, int], last_transition: int, new_state: Callable[[], int]) -> None:
        """`units`: unit -> its number, silence 0; `new_state` gives the number of a further state."""
        self.arcs: list[Arc] = []
        self.most_homophones = 0
        self._units = units
        self._last_transition = last_transition
        self._new_state = new_state
        self._children: dict[tuple[int, int], int] = {}
        self._homophones: Counter[int] = Counter()

    def can_say(self, pronunciation: Pronunciation) -> bool:
        return bool(pronunciation) and all(self._units.get(unit, 0) > 0 for unit in pronunciation)

    def enter(self, source: int, unit: int, where: int, cost: float = 0.0) -> int:
        """Return a new state reached by the unit."""
        state, number = self._new_state(), phone(unit, where)
        self.arcs.append((source, state, forward_id(number), 0, cost))
        self.arcs.append((state, state, self_loop_id(number), 0, 0.0))
        return state

    def walk(self, source: int, pronunciation: Pronunciation, count: int) -> int:
        """Return the state reached by the first `count` units of a word, made where there is none."""
        state = source
        for place, unit in enumerate(pronunciation[:count]):
            where = position(place, len(pronunciation))
            key = (state, phone(self._units[unit], where))
            if key not in self._children:
                self._children[key] = self.enter(state, self._units[unit], where)
            state = self._children[key]
        return state

    def add(self, source: int, end: int, label: int, pronunciation: Pronunciation, cost: float) -> None:
        """Add a path from `source` to `end` that puts out `label`."""
        state = self.walk(source, pronunciation, len(pronunciation))
        self._homophones[state] += 1
        self.most_homophones = max(self.most_homophones, self._homophones[state])
        self.arcs.append((state, end, self._last_transition + self._homophones[state], label, cost))
