"""Doctors whose names were only half heard: whom the caller may have meant. He is asked that, not to say all of it again."""

from collections.abc import Sequence

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.hypotheses import Hypothesis
from voicebot.dialog.talking import Expect
from voicebot.dialog.understanding.details import called_doctor
from voicebot.russian.fuzzy import Ambiguous, best_match
from voicebot.russian.text import words

MOST_NAMES = 3
"""So many can be told apart by ear."""

_RIVAL_SHARE = 0.4  # of the likeliest one's belief: less likely ones are not asked about
_SOUND_FLOOR, _SOUND_MARGIN = 0.72, 0.08
_SOUND_BELIEF = 0.1  # of a name that only sounds somewhat like one of ours
_LEAST_LETTERS = 4
_ANSWER_WORDS = 3
_ASKS_FOR_DOCTOR = frozenset({"doctor", "subject"})


def doctors_in(several: Sequence[Hypothesis], expect: Expect | None, catalogue: Catalogue) -> dict[str, float]:
    """Return whom the recogniser's hypotheses name, surely or not; where none names anybody, whose name sounds like that.

    IDs, the likeliest first, with the belief in each.
    """
    belief: dict[str, float] = {}
    for one in several:
        known = one.understood
        named = (known.slots["doctor"],) if "doctor" in known.slots else known.ambiguous.get("doctor", ())
        for key in named:
            belief[key] = max(belief.get(key, 0.0), known.sure_of("doctor") / len(named))
    if not belief:
        belief = dict.fromkeys(_sounding_like(several, expect, catalogue), _SOUND_BELIEF)
    ranked = sorted(belief, key=lambda key: -belief[key])[:MOST_NAMES]
    return {key: belief[key] for key in ranked if belief[key] >= _RIVAL_SHARE * belief[ranked[0]]}


def _sounding_like(several: Sequence[Hypothesis], expect: Expect | None, catalogue: Catalogue) -> tuple[str, ...]:
    is_asked = expect is not None and expect.type in _ASKS_FOR_DOCTOR
    surnames = {key: (doctor.surname,) for key, doctor in catalogue.doctors.items()}
    for one in several:
        name = _name_in(one, is_asked=is_asked)
        found = best_match(name, surnames, _SOUND_FLOOR, _SOUND_MARGIN) if len(name) >= _LEAST_LETTERS else None
        if isinstance(found, Ambiguous):
            return tuple(match.key for match in found.candidates)
        if found is not None:
            return (found.key,)
    return ()


def _name_in(one: Hypothesis, *, is_asked: bool) -> str:
    """What stands where a doctor's name would: after "к доктору", or in a short answer that holds nothing else."""
    called = called_doctor(" ".join(words(one.text)))
    if called or not is_asked or one.understood.slots:
        return called
    tokens = words(one.text)
    return max(tokens, key=len) if 0 < len(tokens) <= _ANSWER_WORDS else ""
