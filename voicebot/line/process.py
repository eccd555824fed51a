"""`voicebot line`: the SIP process."""

import gc
import signal
import sys
from types import FrameType

import structlog

from voicebot.clock import SystemClock
from voicebot.line.binding import Binding, load
from voicebot.settings import Settings

log = structlog.get_logger(__name__)

_SWITCH_SECONDS = 0.0005  # the clock thread must not wait 5 ms (Python's default) for the main loop's turn to end
_COLLECT_STEPS = 2000  # about every ten seconds
_HANG_UP_SECONDS = 2.0


def run(settings: Settings) -> int:
    """Serve calls until SIGTERM or SIGINT, then drain: a second signal, or the handling budget, ends what is left.

    To be called from the main thread. Raises LineError or LinkError where it cannot start. Returns the exit status.
    """
    binding = load(settings.cache)
    # Only now: these import whichever pjsua2 `load` has chosen.
    from voicebot.line.switchboard import Switchboard

    clock = SystemClock()
    switchboard = Switchboard(settings, binding, clock)
    _announce(settings, binding, switchboard.lines)
    signals: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        signals.append(number)

    handlers = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    switch_seconds = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    # A collection in the clock thread would free SIP objects there; here it is done by the main loop, on a small heap.
    gc.collect()
    gc.freeze()
    gc.disable()
    steps = 0
    deadline: float | None = None
    has_hung_up = False
    try:
        while True:
            switchboard.step()
            steps += 1
            if steps % _COLLECT_STEPS == 0:
                gc.collect()
            if not signals:
                continue
            switchboard.drain()
            now = clock.monotonic_seconds()
            if deadline is None:
                deadline = now + settings.dialog.budget_seconds + settings.transfer.ring_seconds
            if not has_hung_up and (len(signals) > 1 or now >= deadline):
                has_hung_up = True
                deadline = now + _HANG_UP_SECONDS
                switchboard.hang_up_all()
            if not switchboard.calls or (has_hung_up and now >= deadline):
                return 0
    finally:
        switchboard.close()
        gc.unfreeze()
        gc.enable()
        sys.setswitchinterval(switch_seconds)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _announce(settings: Settings, binding: Binding, lines: int) -> None:
    sip = settings.sip
    log.info(
        "line_ready",
        listens=f"{sip.bind_host}:{sip.port}/{sip.transport}",
        pjsua2=f"{binding.kind} {binding.version}",
        lines=lines,
        legs=binding.calls,
        registrar=bool(sip.registrar),
    )
    if binding.kind == "wheel":
        log.warning("quick_start_binding", lines=lines, cure="run `make sip-native` once for 200 lines")
