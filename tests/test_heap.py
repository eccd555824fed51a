"""What a busy hour has freed goes back to the system."""

import subprocess
import sys

import pytest

_PROGRAM = """
from pathlib import Path
from voicebot.heap import give_back
def resident_mb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
held = [bytearray(60_000) for _ in range(2000)]
del held[:-1]  # the last one keeps all before it in the heap
before = resident_mb()
assert give_back()
print(before - resident_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap is Linux's")
def test_what_is_free_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 50
