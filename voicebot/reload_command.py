"""`voicebot reload`: the running robot reads its dialogs again; calls in progress end on the ones they began with.

`--check` is what the supervisor does first, in a process of its own at low priority: whatever can be wrong is found there,
and what takes long (learning phrases, speaking prompts) lies in the caches before a process that holds calls reads anything.
"""

import json
import os
import signal
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from voicebot import settings as settings_module
from voicebot import status
from voicebot.clock import SystemClock
from voicebot.errors import ConfigurationError, VoicebotError
from voicebot.settings import Settings
from voicebot.supervisor import EXIT_CONFIGURATION

_LOOK_SECONDS = 0.2

Facts = Mapping[str, Mapping[str, Any]]


def reload(
    wait_seconds: Annotated[float, typer.Option("--wait", help="for every process to have read them")] = 300.0,
    check: Annotated[bool, typer.Option("--check", help="only find out whether they could be used, and prepare")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="with --check: tell what is wrong as JSON")] = False,
) -> None:
    """Let the running robot on this machine read its dialogs, catalogue and words again, without dropping a call."""
    settings = settings_module.load()
    if check:
        _check(settings, as_json=as_json)
        return
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


def _check(settings: Settings, *, as_json: bool) -> None:
    """Read everything as a brain would, and keep in the caches what was made."""
    from voicebot.talk.edition import load_edition  # loads the recogniser: only for this
    from voicebot.voice.choose import open_voice

    try:
        edition = load_edition(settings, open_voice(settings))
    except VoicebotError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"problem": error.message, "cure": error.cure}, ensure_ascii=False))
        raise typer.Exit(EXIT_CONFIGURATION) from None
    typer.echo(json.dumps({"version": edition.version}) if as_json else f"These dialogs are fit for use: {edition.version}")


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
