"""Dialogs for text as they are now and as they were: a dialog ends with the edition it began with.

The edition's version travels in the dialog's state. A process that does not know it any more (started anew, or too many came
since) goes on with the newest one, as after any restart.
"""

from collections.abc import Mapping
from datetime import datetime

from voicebot.channels.thinking import Thinker, Thought
from voicebot.clock import Clock
from voicebot.dialog.state import State
from voicebot.dialog.talking import Event, Started

_KEPT = 3
KEY = "edition"  # in a state's session


class Thinkers:
    """A Thinker for each edition, behind the face of one. Use from many threads; `renew` from any one of them."""

    def __init__(self, version: str, thinker: Thinker) -> None:
        self._newest = (version, thinker)
        self._known: Mapping[str, Thinker] = {version: thinker}

    def renew(self, version: str, thinker: Thinker) -> None:
        """Dialogs that begin from now on are held by this one."""
        older = {known: one for known, one in self._known.items() if known != version}
        # Replaced, never changed: who is thinking looks into the old mapping.
        self._known = {**dict(list(older.items())[-(_KEPT - 1) :]), version: thinker}
        self._newest = (version, thinker)

    @property
    def clock(self) -> Clock:
        return self._newest[1].clock

    def now(self) -> datetime:
        return self._newest[1].now()

    def is_open(self) -> bool:
        """An operator works at this hour."""
        return self._newest[1].is_open()

    def think(self, state: State, event: Event, *, has_operators: bool) -> Thought:
        thinker = self._known.get(str(state.session.get(KEY)), self._newest[1])
        return thinker.think(state, event, has_operators=has_operators)

    def begin(self, dialog_id: str, started: Started, *, has_operators: bool) -> Thought:
        version, thinker = self._newest
        thought = thinker.begin(dialog_id, started, has_operators=has_operators)
        thought.state.session[KEY] = version
        return thought
