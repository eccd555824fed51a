"""What each process says of itself: a small JSON file, renewed each second, read by the desk's /health."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voicebot.clock import Clock

STALE_SECONDS = 5.0


def publish(folder: Path, name: str, clock: Clock, **facts: Any) -> None:
    """Write `folder/name.json` in one step, so that a reader never sees half of it. Nothing personal goes in."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.json"
    draft = target.with_suffix(f".{os.getpid()}.tmp")
    times = {"at": clock.now().timestamp(), "tick": clock.monotonic_seconds()}
    text = json.dumps({"pid": os.getpid(), **times, **facts}, ensure_ascii=False)
    try:
        draft.write_text(text)
        draft.replace(target)
    except OSError:
        # A full disk: the old file's own block can still be written, and who is silent would be killed as hung.
        draft.unlink(missing_ok=True)
        with target.open("r+") as file:
            file.write(text)
            file.truncate()


def withdraw(folder: Path, name: str) -> None:
    """Take the file away on an orderly end."""
    (folder / f"{name}.json").unlink(missing_ok=True)


def read(folder: Path, clock: Clock) -> dict[str, dict[str, Any]]:
    """Return name -> facts, with `is_alive` false where the file is stale or its process is gone."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError):
            facts = json.loads(file.read_text())
            facts["is_alive"] = age_seconds(facts, clock) < STALE_SECONDS and Path(f"/proc/{facts.get('pid')}").exists()
            found[file.stem] = facts
    return found


def age_seconds(facts: Mapping[str, Any], clock: Clock) -> float:
    """How long ago a process told these facts: by the clock that nobody sets, one for all processes of a machine."""
    if "tick" in facts:
        return clock.monotonic_seconds() - float(facts["tick"])
    return clock.now().timestamp() - float(facts.get("at", 0))
