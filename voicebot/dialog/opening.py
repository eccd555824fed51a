"""A clinic's dialogs made ready to talk, in one place: the phone, the chat, the tests and the tools open them alike."""

import inspect
from collections.abc import Callable

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding


def understanding_of(catalogue: Catalogue, plans: Dialplans) -> Understanding:
    """Return the understanding of this clinic's callers, taught by the dialplans' own examples too."""
    build: Callable[..., Understanding] = Understanding
    if "examples" in inspect.signature(Understanding).parameters:
        return build(catalogue, examples=plans.examples())
    return build(catalogue)
