"""Threads that bear the name of their work also outside Python, so that `top -H` and the bench tell what each kind costs."""

from concurrent.futures import ThreadPoolExecutor

import setproctitle


def name_thread(name: str) -> None:
    """Give the calling thread a name in /proc; Linux keeps 15 bytes of it."""
    setproctitle.setthreadtitle(name)


def named_pool(name: str, workers: int) -> ThreadPoolExecutor:
    """Return a pool whose threads are called `name`."""
    return ThreadPoolExecutor(workers, thread_name_prefix=name, initializer=name_thread, initargs=(name,))
