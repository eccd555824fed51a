"""Calls that no brain holds, told to one that lives: those that wait, that go to the operators, and how they ended."""

from collections import deque
from collections.abc import Callable, Iterable

from voicebot.line.roster import Roster
from voicebot.link.messages import CallStarted, FromLine, Orphaned, Waiting

_KEPT = 10_000


class Brainless:
    """Ends are kept until a brain lives; that somebody waits is told again by whoever knows (`again`)."""

    def __init__(self, roster: Roster, send: Callable[[int, FromLine], None]) -> None:
        self._roster = roster
        self._send = send
        self._ended: deque[Orphaned] = deque(maxlen=_KEPT)

    def waits(self, started: CallStarted, reason: str = "") -> None:
        """A caller waits, or (`reason`) goes to the operators: so that his dialog is known meanwhile."""
        link = self._roster.any()
        if link is not None:
            self._send(link, Waiting(started=started, reason=reason))

    def again(self, calls: Iterable[tuple[CallStarted, str]]) -> None:
        """Whoever knew of them may be gone."""
        for started, reason in calls:
            self.waits(started, reason)

    def ended(self, orphan: Orphaned) -> None:
        self._ended.append(orphan)

    def report(self) -> None:
        """Tell what has ended."""
        link = self._roster.any()
        while link is not None and self._ended:
            self._send(link, self._ended.popleft())
