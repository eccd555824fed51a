"""`voicebot reload`: the running robot reads its dialogs again; calls in progress end on the ones they began with."""

import os
import signal
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from voicebot import settings as settings_module
from voicebot import status
from voicebot.clock import SystemClock
from voicebot.errors import ConfigurationError

_LOOK_SECONDS = 0.2

Facts = Mapping[str, Mapping[str, Any]]


def reload(
    wait_seconds: Annotated[float, typer.Option("--wait", help="for every process to have read them")] = 120.0,
) -> None:
    """Let the running robot on this machine read its dialogs, catalogue and words again, without dropping a call."""
    settings = settings_module.load()
    clock = SystemClock()
    before = status.read(settings.run_dir, clock)
    supervisor = before.get("supervisor", {})
    if not supervisor.get("is_alive"):
        raise ConfigurationError(f"No robot runs with data_dir {settings.data_dir}.", "Start it, or name its VOICEBOT_CONFIG.")
    os.kill(int(supervisor["pid"]), signal.SIGUSR1)
    give_up_at = clock.monotonic_seconds() + wait_seconds
    while clock.monotonic_seconds() < give_up_at:
        facts = status.read(settings.run_dir, clock)
        problem = refused(before, facts)
        if problem:
            raise ConfigurationError(problem, "The robot goes on with the dialogs it had.")
        if is_done(before, facts):
            for name in readers(facts):
                typer.echo(f"{name}: {facts[name].get('dialplan', '')}")
            return
        time.sleep(_LOOK_SECONDS)
    raise ConfigurationError(f"Not every process had read them after {wait_seconds:g} s.", "Look into the log.")


def readers(facts: Facts) -> list[str]:
    """Return the living processes that hold dialogs."""
    return sorted(name for name, fact in facts.items() if fact.get("is_alive") and "dialplan" in fact)


def refused(before: Facts, now: Facts) -> str:
    """Return why somebody did not take the new dialogs; "" while nobody has refused. Pure."""
    for name in ("supervisor", *readers(now)):
        if _has_answered(name, before, now) and now[name].get("reload_problem"):
            return f"{name}: {now[name]['reload_problem']}"
    return ""


def is_done(before: Facts, now: Facts) -> bool:
    """Whether supervisor and all that hold dialogs have taken them. A process that was started anew read them then. Pure."""
    return all(_has_answered(name, before, now) for name in ("supervisor", *readers(now)))


def _has_answered(name: str, before: Facts, now: Facts) -> bool:
    was, fact = before.get(name, {}), now.get(name, {})
    if was.get("pid") != fact.get("pid"):
        return bool(fact)
    return int(fact.get("reloads", 0)) > int(was.get("reloads", 0))
