"""Looks ten times a second how far a brain is behind, and tells line each second how much it has to do."""

import asyncio
import time
from collections.abc import Callable

from voicebot.audio.pcm import FRAME_MS
from voicebot.clock import Clock
from voicebot.link.messages import Load
from voicebot.talk.load_meter import LoadMeter

_SAMPLE_SECONDS = 0.1
_SAMPLES_A_WORD = 10


class LoadWatch:
    """One brain's. `waiting` tells how many frames of its slowest call nobody has heard yet."""

    def __init__(self, clock: Clock, cores: float, waiting: Callable[[], int]) -> None:
        """`cores`: this brain's share of the machine."""
        self._clock = clock
        self._waiting = waiting
        self._meter = LoadMeter(cores, clock.monotonic_seconds(), time.process_time())

    def answered(self, milliseconds: float) -> None:
        """A turn was recognised, thought about, and its first sound made in so long."""
        self._meter.answered(milliseconds, self._clock.monotonic_seconds())

    async def run(self, send: Callable[[Load], None]) -> None:
        """Until it is cancelled: how late this very loop is, is a part of it."""
        clock = self._clock
        due = clock.monotonic_seconds()
        while True:
            for _ in range(_SAMPLES_A_WORD):
                due += _SAMPLE_SECONDS
                await asyncio.sleep(max(0.0, due - clock.monotonic_seconds()))
                now = clock.monotonic_seconds()
                self._meter.behind(max((now - due) * 1000, self._waiting() * FRAME_MS), now)
                due = max(due, now - 1.0)  # after a pause of the whole machine: not all that was missed at once
            send(self._meter.tell(clock.monotonic_seconds(), time.process_time()))
