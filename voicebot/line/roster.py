"""Which brains live and which takes the next call. Pure."""

from dataclasses import dataclass

from voicebot.link.messages import Hello


@dataclass(slots=True)
class _Brain:
    hello: Hello
    calls: int = 0


class Roster:
    """Living brains by link number."""

    def __init__(self) -> None:
        self._brains: dict[int, _Brain] = {}

    def __len__(self) -> int:
        return len(self._brains)

    @property
    def room(self) -> int:
        """How many more calls all brains together take."""
        return sum(max(0, brain.hello.capacity_calls - brain.calls) for brain in self._brains.values())

    def join(self, link: int, hello: Hello) -> None:
        self._brains[link] = _Brain(hello)

    def leave(self, link: int) -> None:
        self._brains.pop(link, None)

    def hello(self, link: int) -> Hello | None:
        brain = self._brains.get(link)
        return brain.hello if brain else None

    def any(self) -> int | None:
        """Return some living brain."""
        return next(iter(self._brains), None)

    def take(self) -> int | None:
        """Give a call to the brain with the smallest share of its capacity used; None if all are full."""
        free = [
            (b.calls / b.hello.capacity_calls, link) for link, b in self._brains.items() if b.calls < b.hello.capacity_calls
        ]
        if not free:
            return None
        link = min(free)[1]
        self._brains[link].calls += 1
        return link

    def take_this(self, link: int) -> bool:
        """Give a call to this brain, which asked for it; False if it is full or gone."""
        brain = self._brains.get(link)
        if brain is None or brain.calls >= brain.hello.capacity_calls:
            return False
        brain.calls += 1
        return True

    def release(self, link: int) -> None:
        """A call of this brain ended."""
        brain = self._brains.get(link)
        if brain is not None:
            brain.calls = max(0, brain.calls - 1)

    def summary(self) -> list[dict[str, int | str]]:
        """What the status file shows."""
        return [
            {"id": b.hello.brain_id, "pid": b.hello.pid, "calls": b.calls, "capacity": b.hello.capacity_calls}
            for b in self._brains.values()
        ]
