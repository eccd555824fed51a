"""One arena a core: memory that threads of their own allocate does not spread over an arena each."""

import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, threading
from voicebot.heap import share_arenas
{call}
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
there = threading.Barrier(13)
def work():
    for _ in range(100):
        libc.malloc(1000)
    there.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
for one in threads: one.start()
there.wait()
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, file)
libc.fflush(file)
"""


def arenas(call: str) -> int:
    done = subprocess.run([sys.executable, "-c", _PROGRAM.format(call=call)], capture_output=True, text=True, check=True)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap is Linux's")
def test_threads_share_arenas() -> None:
    alone, shared = arenas(""), arenas("assert share_arenas()")
    assert alone > shared >= 1
