"""What a caller may have wanted, as QA chooses it for a mark: what the robot knows at this clinic, in Russian where we can."""

from collections.abc import Mapping

import structlog
from fastapi import Request

from voicebot.desk import words
from voicebot.dialog.understanding.intents import RULED
from voicebot.dialog.understanding.phrases import ANSWER, NOTHING, read_phrases
from voicebot.errors import ConfigurationError

log = structlog.get_logger(__name__)

#: What the training knows besides: rules of their own, or no wish at all.
_OTHERS = ("emergency", "off_topic", NOTHING, ANSWER)


def intents_of(request: Request) -> Mapping[str, str]:
    """Return intent -> its name for people, in the order of the names; read once a process."""
    state = request.app.state
    if not hasattr(state, "intents"):
        state.intents = _read(request)
    found: Mapping[str, str] = state.intents
    return found


def _read(request: Request) -> Mapping[str, str]:
    known = {*RULED, *_OTHERS}
    try:
        known |= set(read_phrases(request.app.state.desk.settings.dialog.folder))
    except ConfigurationError as error:
        log.warning("desk_without_phrases", cure=error.cure)  # those of the rules are offered all the same
    return dict(sorted(((intent, words.intent(intent)) for intent in known), key=lambda item: item[1]))
