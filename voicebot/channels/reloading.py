"""New dialogs for text: chats that begin are held by them, those that go on keep theirs."""

import gc
from collections.abc import Callable

from voicebot.channels.clinic import TextClinic
from voicebot.channels.door import Context
from voicebot.talk.reloading import Reloading


def reloading_of(clinic: TextClinic, context: Context, settle: Callable[[], None] = lambda: None) -> Reloading[TextClinic]:
    """Return one process's. `clinic`: whose conversations go on; `settle` is called when a new edition is in use: what is to
    stay may be put out of the collector's way.
    """

    def use(newer: TextClinic) -> str:
        clinic.thinkers.renew(newer.version, newer.thinker())
        context.renew(newer.catalogue, newer.dialplans, newer.understanding, newer.texts)
        gc.unfreeze()  # the edition before may go
        settle()
        return newer.version

    return Reloading(clinic.version, clinic.newer, use)
