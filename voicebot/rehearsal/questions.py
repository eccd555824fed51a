"""What kind of question the robot asks, by the engine's own state: names of prompts are the dialplan's affair."""

from enum import Enum, auto

from voicebot.dialog.state import Phase, State


class Question(Enum):
    """How a caller answers it."""

    NEW = auto()  # by what comes next
    BACK = auto()  # "did I understand rightly?": by a yes or a no
    AGAIN = auto()  # the answer was not heard, or only half of it: by saying it again


def question_of(state: State) -> Question:
    """Return the kind of question that the caller is to answer now."""
    if state.phase is not Phase.LISTENING:
        return Question.NEW
    if state.wish is not None or (state.doubt is not None and len(state.doubt.candidates) == 1):
        return Question.BACK
    is_half_told = state.session.get("partial") is not None
    if state.doubt is not None or state.nomatches or state.noinputs or is_half_told:
        return Question.AGAIN
    return Question.NEW
