"""The running robot, as its processes tell of themselves."""

from collections.abc import Iterator

from voicebot import status
from voicebot.clock import Clock
from voicebot.doctor.finding import Finding, doubtful, fine
from voicebot.settings import Settings


def check_running(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Who lives, who was started again, who raised an alarm."""
    found = status.read(settings.run_dir, clock)
    if not any(facts["is_alive"] for facts in found.values()):
        yield fine("running", "The robot does not run now.")
        return
    for name, facts in found.items():
        if not facts["is_alive"]:
            yield doubtful("running", f"{name} is silent.", "The supervisor starts it again; its log says why it died.")
    restarts = {name: times for name, times in found.get("supervisor", {}).get("restarts", {}).items() if times}
    if restarts:
        told = ", ".join(f"{name} {times}" for name, times in restarts.items())
        yield doubtful("running", f"Processes died and were started again: {told}.", "`journalctl -u voicebot` says why.")
    alarms = {name: facts["alarms"] for name, facts in found.items() if facts.get("alarms")}
    for name, told in alarms.items():
        yield doubtful("running", f"{name} raised alarms: {told}.", "docs/reliability.md says what each means.")
    if not restarts and not alarms:
        yield fine("running", f"{sum(facts['is_alive'] for facts in found.values())} processes, none died.")
