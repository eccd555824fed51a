"""What all conversations of a brain use."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import tzinfo

from voicebot.audio.pcm import Pcm
from voicebot.clock import Clock
from voicebot.dialog.engine import Engine
from voicebot.hearing.ear import Ear
from voicebot.talk.service_calls import TIMEOUT_SECONDS, Services
from voicebot.talk.speech import Prepared


@dataclass(frozen=True, slots=True)
class Shared:
    """Models, pools and services; one for each brain."""

    engine: Engine
    new_ear: Callable[[], Ear]
    say: Callable[[str], Iterator[Pcm]]
    services: Services
    clock: Clock
    zone: tzinfo
    operator_hours: Mapping[str, str]
    hearing_pool: Executor
    dialog_pool: Executor
    """Its own: an answer is not thought out behind others' recognition."""
    voice_pool: Executor
    disk_pool: Executor
    service_pool: Executor
    """Its own: services that hang must not keep turns from being stored."""
    apology: Prepared
    goodbye: Prepared
    on_alarm: Callable[[str], None] = lambda _name: None
    on_answer: Callable[[float], None] = lambda _milliseconds: None
    """Told how long a turn took from its last word to the first sound of the answer, endpointing and line left out."""

    service_timeout_seconds: float = TIMEOUT_SECONDS
    background: "set[asyncio.Task[None]]" = field(default_factory=set)
