"""Which brains live and which takes the next call. Pure."""

from dataclasses import dataclass

from voicebot.line.gate import Gate, GateRules
from voicebot.link.messages import Hello, Load


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """What is a brain's whole load; each figure is taken as a share of its limit, the largest counts."""

    busy_share: float = 0.75
    behind_ms: float = 400.0
    answer_ms: float = 1000.0

    def figure(self, load: Load) -> float:
        return max(load.busy_share / self.busy_share, load.behind_ms / self.behind_ms, load.answer_ms / self.answer_ms)


@dataclass(slots=True)
class _Brain:
    hello: Hello
    gate: Gate
    calls: int = 0

    def takes(self, now: float) -> bool:
        return self.calls < self.hello.capacity_calls and self.gate.is_open(self.calls, now)

    def give(self, now: float) -> None:
        self.calls += 1
        self.gate.let_in(now)


class Roster:
    """Living brains by link number. A brain takes calls up to its capacity, and while its load allows."""

    def __init__(self, limits: LoadLimits | None = None, rules: GateRules | None = None) -> None:
        """`rules` None: the load does not count."""
        self._limits = limits or LoadLimits()
        self._rules = rules
        self._brains: dict[int, _Brain] = {}

    def __len__(self) -> int:
        return len(self._brains)

    def has_room(self, now: float) -> bool:
        """Whether some brain takes one more call now."""
        return any(brain.takes(now) for brain in self._brains.values())

    @property
    def figure(self) -> float:
        """The load of the least loaded brain; 1.0 is its limit."""
        return min((brain.gate.figure for brain in self._brains.values()), default=0.0)

    def join(self, link: int, hello: Hello) -> None:
        self._brains[link] = _Brain(hello, Gate(self._rules or GateRules()))

    def leave(self, link: int) -> None:
        self._brains.pop(link, None)

    def told(self, link: int, load: Load, now: float) -> None:
        """A brain tells how much it has to do."""
        brain = self._brains.get(link)
        if brain is not None and self._rules is not None:
            brain.gate.measured(self._limits.figure(load), brain.calls, now)

    def hello(self, link: int) -> Hello | None:
        brain = self._brains.get(link)
        return brain.hello if brain else None

    def any(self) -> int | None:
        """Return some living brain."""
        return next(iter(self._brains), None)

    def take(self, now: float) -> int | None:
        """Give a call to the brain with the smallest share of its capacity and load used; None if all are full."""
        free = [
            (max(b.calls / b.hello.capacity_calls, b.gate.expected(now)), link)
            for link, b in self._brains.items()
            if b.takes(now)
        ]
        if not free:
            return None
        link = min(free)[1]
        self._brains[link].give(now)
        return link

    def take_this(self, link: int, now: float) -> bool:
        """Give a call to this brain, which asked for it; False if it is full or gone."""
        brain = self._brains.get(link)
        if brain is None or not brain.takes(now):
            return False
        brain.give(now)
        return True

    def release(self, link: int) -> None:
        """A call of this brain ended."""
        brain = self._brains.get(link)
        if brain is not None:
            brain.calls = max(0, brain.calls - 1)

    def summary(self) -> list[dict[str, int | float | str | bool]]:
        """What the status file shows."""
        return [
            {
                "id": b.hello.brain_id,
                "pid": b.hello.pid,
                "calls": b.calls,
                "capacity": b.hello.capacity_calls,
                "load": round(b.gate.figure, 3),
                "is_full": b.gate.is_full,
            }
            for b in self._brains.values()
        ]
