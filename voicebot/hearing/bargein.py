"""Does the caller mean to interrupt? A sound over the robot's voice is believed only for its words. Pure."""

from voicebot.hearing.backchannel import BACKCHANNELS, words_of

_CERTAIN_DB = 12.0
"""So far above the echo threshold it cannot be echo, whatever the words."""

_CLEAR_DB = 6.0
_SHORT_WORD = 2
_SHORT_WORD_AFTER_MS = 340
"""The beginnings of "угу" and "ага" come out as "у", "а", "от": a short word counts when it has lasted."""

_DOUBTFUL_AFTER_MS = 600
_LONG_WORD = 5
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
    meant = [
        word for word in words_of(words) if word not in BACKCHANNELS or (is_yes_an_answer and word == "да" and elapsed_ms > 240)
    ]
    if not meant:
        return False
    if clearance_db < _CERTAIN_DB:
        meant = [word for word in meant if not is_echo_word(word, echo_text)]
    longest = max(map(len, meant), default=0)
    if clearance_db >= _CLEAR_DB:
        if is_cut_off and longest <= _SHORT_WORD:
            return longest > 0 and elapsed_ms >= _SHORT_WORD_AFTER_MS
        return longest > 0
    return elapsed_ms >= _DOUBTFUL_AFTER_MS and (len(meant) >= 2 or longest >= _LONG_WORD)


def is_echo_word(word: str, echo_text: str) -> bool:
    """Tell whether the robot itself says this word, or one that begins like it (echo is heard with mistakes)."""
    said = echo_text.replace("+", "").lower().split()
    beginning = word[:_SAME_BEGINNING]
    return any(own.strip('.,!?:;«»"()-–—').startswith(beginning) for own in said)
