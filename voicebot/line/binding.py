"""Which pjsua2 this process runs: our own build if it is in the cache, else the wheel.

Call `load` before anything imports pjsua2. The wheel holds 4 calls and is for trying things out; `make sip-native`
builds the one for production.
"""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

import structlog

from voicebot.errors import LineError

log = structlog.get_logger(__name__)

NATIVE_FOLDER = "sip-native"
WHEEL_CALLS = 4  # compiled in; a fifth INVITE gets 486 without our seeing it
NATIVE_CALLS = 1024  # PJSUA_MAX_CALLS of our build
NATIVE_LINES = 200  # what one process was measured to hold without a late frame


@dataclass(frozen=True, slots=True)
class Binding:
    """A loaded pjsua2. `calls` is the number of legs it holds, to patients and operators together."""

    kind: str  # "native" or "wheel"
    version: str
    calls: int
    folder: Path

    @property
    def default_lines(self) -> int:
        """Patients served at once by default: one leg of the wheel's four is kept for transfers."""
        return NATIVE_LINES if self.kind == "native" else self.calls - 1


def native_folder(cache: Path) -> Path | None:
    """Return the newest build for this Python in the cache, if there is one."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    builds = [f for f in (cache / NATIVE_FOLDER).glob(f"pjproject-*-{tag}") if (f / "pjsua2.py").is_file()]
    return max(builds, key=lambda folder: _version_key(folder.name), default=None)


def load(cache: Path) -> Binding:
    """Import pjsua2 and tell which it is. Raise LineError when there is none."""
    folder = native_folder(cache)
    if folder is not None and "pjsua2" not in sys.modules:
        sys.path.insert(0, str(folder))
        try:
            importlib.import_module("pjsua2")
        except (ImportError, OSError) as error:
            # A build of another system's libraries: say so and go on with the wheel.
            log.warning("native_pjsua2_unusable", problem=type(error).__name__, cure="run `make sip-native` again")
            sys.path.remove(str(folder))
            for name in ("pjsua2", "_pjsua2"):
                sys.modules.pop(name, None)
    try:
        module = importlib.import_module("pjsua2")
    except ImportError as error:
        raise LineError(f"pjsua2 cannot be loaded: {error}.", "Run `make run`, or `pip install pjsua2-python`.") from None
    where = Path(str(module.__file__)).parent
    is_native = folder is not None and where == folder
    endpoint = module.Endpoint()
    version = str(endpoint.libVersion().full)
    del endpoint
    return Binding(
        kind="native" if is_native else "wheel",
        version=version,
        calls=NATIVE_CALLS if is_native else WHEEL_CALLS,
        folder=where,
    )


def _version_key(name: str) -> tuple[tuple[int, int | str], ...]:
    parts = name.replace("-", ".").split(".")
    return tuple((1, int(part)) if part.isdigit() else (0, part) for part in parts)
