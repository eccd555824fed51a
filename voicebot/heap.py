"""The C heap of a process with many threads that hand each other's memory back."""

import ctypes
import os
import sys

_M_ARENA_MAX = -8  # malloc.h of glibc


def share_arenas() -> bool:
    """Keep glibc to one arena a core, where it would make one a thread (mallopt(3)); call it before there are threads.

    Recognisers are fed by one thread after another: with an arena for each, the process grows until every one of them has
    seen the worst. The processor does not notice. False where this is no glibc: nothing is done.
    """
    if sys.platform != "linux":
        return False
    try:
        set_option = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return bool(set_option(_M_ARENA_MAX, max(2, os.cpu_count() or 1)))
