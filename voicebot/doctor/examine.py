"""All checks, in the order in which a person would cure what they find."""

from collections.abc import Callable, Iterable, Iterator

from voicebot.clock import Clock
from voicebot.doctor import doors, machine, parts, pbx, queue, running, secret_files, store
from voicebot.doctor.finding import Finding, wrong
from voicebot.settings import Settings

Check = Callable[[Settings, Clock], Iterable[Finding]]

CHECKS: tuple[Check, ...] = (
    machine.check_disk,
    machine.check_memory,
    machine.check_descriptors,
    machine.check_clock,
    store.check_database,
    store.check_recordings,
    parts.check_dialogs,
    parts.check_recogniser,
    parts.check_grammar,
    parts.check_voice,
    parts.check_binding,
    queue.check_queue,
    doors.check_ports,
    doors.check_exposure,
    doors.check_dialling,
    secret_files.check_secret_files,
    secret_files.check_certificates,
    pbx.check_pbx,
    running.check_running,
)


def examine(settings: Settings, clock: Clock, checks: Iterable[Check] = CHECKS) -> Iterator[Finding]:
    """Do every check; one that breaks is a finding itself and stops no other."""
    for check in checks:
        try:
            yield from check(settings, clock)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other checks must be seen
            name = check.__name__.removeprefix("check_")
            yield wrong(name, f"This could not be checked: {type(error).__name__}.", "Please report it.")
