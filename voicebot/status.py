"""What each process says of itself: a small JSON file, renewed each second, read by the desk's /health."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from voicebot.clock import Clock

STALE_SECONDS = 5.0


def publish(folder: Path, name: str, clock: Clock, **facts: Any) -> None:
    """Write `folder/name.json` in one step, so that a reader never sees half of it. Nothing personal goes in."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.json"
    draft = target.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps({"pid": os.getpid(), "at": clock.now().timestamp(), **facts}, ensure_ascii=False))
    draft.replace(target)


def withdraw(folder: Path, name: str) -> None:
    """Take the file away on an orderly end."""
    (folder / f"{name}.json").unlink(missing_ok=True)


def read(folder: Path, clock: Clock) -> dict[str, dict[str, Any]]:
    """Return name -> facts, with `is_alive` false where the file is stale or its process is gone."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError):
            facts = json.loads(file.read_text())
            is_fresh = clock.now().timestamp() - facts.get("at", 0) < STALE_SECONDS
            facts["is_alive"] = is_fresh and Path(f"/proc/{facts.get('pid')}").exists()
            found[file.stem] = facts
    return found
