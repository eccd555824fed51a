"""Does the caller mean to interrupt? A sound over the robot's voice is believed only for its words. Pure."""

from voicebot.hearing.backchannel import BACKCHANNELS, words_of

_CERTAIN_DB = 10.0
"""So far above the echo threshold it cannot be echo, whatever the words."""

_CLEAR_DB = 4.0
_DOUBTFUL_AFTER_MS = 600
_LONG_WORD = 5
_SHORTEST = 3
"""Shorter words are what recognisers make of breath, and of the beginning of "угу" or "ага" ("у", "от")."""

_AMBIGUOUS_BEGINNING = 3
_SAME_BEGINNING = 3


def is_interruption(
    words: str,
    *,
    elapsed_ms: int,
    clearance_db: float,
    echo_text: str,
    is_yes_an_answer: bool,
    is_cut_off: bool,
) -> bool:
    """Judge `words`, heard over the robot saying `echo_text`.

    `clearance_db` is how far the sound is above the echo threshold, `elapsed_ms` how long it has lasted. `is_cut_off`: the
    last word may be the beginning of another (a probe in mid-word).
    """
    spoken = words_of(words)
    meant = [word for word in spoken if word not in BACKCHANNELS]
    if is_yes_an_answer and not is_cut_off and spoken[:1] == ["да"]:
        meant.append("да,")
    if is_cut_off and meant and meant[-1] == spoken[-1] and _may_become_backchannel(meant[-1]):
        meant.pop()
    if clearance_db < _CERTAIN_DB:
        meant = [word for word in meant if not is_echo_word(word, echo_text)]
    longest = max(map(len, meant), default=0)
    if clearance_db >= _CLEAR_DB:
        return longest >= _SHORTEST or len(meant) >= 2
    return elapsed_ms >= _DOUBTFUL_AFTER_MS and (len(meant) >= 2 or longest >= _LONG_WORD)


def is_echo_word(word: str, echo_text: str) -> bool:
    """Tell whether the robot itself says this word, or one that begins like it (echo is heard with mistakes)."""
    said = echo_text.replace("+", "").lower().split()
    beginning = word[:_SAME_BEGINNING]
    return any(own.strip('.,!?:;«»"()-–—').startswith(beginning) for own in said)


def _may_become_backchannel(word: str) -> bool:
    """Tell whether more sound may make "пон" "понятно"."""
    beginning = word[:_AMBIGUOUS_BEGINNING]
    return any(listening.startswith(beginning) for listening in BACKCHANNELS)
