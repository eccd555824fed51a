"""The C heap: what was freed goes back to the system only when it is told so."""

import ctypes
import sys


def give_back() -> bool:
    """Give the system what is free in all arenas (malloc_trim(3) of glibc); some milliseconds, in which no memory can be had.

    True where something went back; False also where this is no glibc.
    """
    if sys.platform != "linux":
        return False
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except AttributeError:
        return False
    return bool(trim(0))
