"""Running another program: its output goes to a log file, its failure becomes a SupplyError that shows the end of it."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from voicebot.supplies.errors import SupplyError

TAIL_LINES = 15


def run(
    command: Sequence[str | Path],
    *,
    log_file: Path,
    cure: str,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 1800,
) -> None:
    """Run to success. `environment` is added to ours. The log file is appended to."""
    words = [str(word) for word in command]
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as log:
        log.write(f"\n$ {' '.join(words)}\n".encode())
        log.flush()
        try:
            done = subprocess.run(
                words,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=timeout_seconds,
                check=False,
            )
        except FileNotFoundError:
            raise SupplyError(f"The program {words[0]} is not installed.", cure) from None
        except subprocess.TimeoutExpired:
            raise SupplyError(f"{words[0]} did not end within {timeout_seconds:.0f} s; see {log_file}.", cure) from None
    if done.returncode != 0:
        raise SupplyError(f"{words[0]} failed ({done.returncode}); the end of {log_file}:\n{tail(log_file)}\n", cure)


def read(command: Sequence[str | Path], *, cure: str, environment: Mapping[str, str] | None = None) -> str:
    """Return what a quick, read-only program prints."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
    except FileNotFoundError:
        raise SupplyError(f"The program {words[0]} is not installed.", cure) from None
    except subprocess.TimeoutExpired:
        raise SupplyError(f"{words[0]} did not answer within 120 s.", cure) from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise SupplyError(f"{' '.join(words[:2])} failed ({done.returncode}): {said}", cure)
    return done.stdout.decode(errors="replace")


def tail(file: Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(file.read_text(errors="replace").splitlines()[-TAIL_LINES:])
