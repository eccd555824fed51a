"""How much a brain has to do, as it tells line. Pure; times and processor time come from outside."""

from voicebot.link.load import BusyMeter, Recent
from voicebot.link.messages import Load

_ANSWERS_SECONDS = 10.0  # turns are rarer than samples of lateness


class LoadMeter:
    """Fed with what happens; `tell` each second."""

    def __init__(self, cores: float, now: float, used_seconds: float) -> None:
        """`cores`: this brain's share of the machine; `used_seconds`: of processor so far."""
        self._busy = BusyMeter(cores, now, used_seconds)
        self._behind = Recent()
        self._answers = Recent(_ANSWERS_SECONDS)

    def behind(self, milliseconds: float, now: float) -> None:
        """So much late is what should be done now."""
        self._behind.add(milliseconds, now)

    def answered(self, milliseconds: float, now: float) -> None:
        """A turn was recognised, thought about, and its first sound made in so long."""
        self._answers.add(milliseconds, now)

    def tell(self, now: float, used_seconds: float) -> Load:
        return Load(
            busy_share=self._busy.share(now, used_seconds),
            behind_ms=self._behind.p95(now),
            answer_ms=self._answers.p95(now),
        )
