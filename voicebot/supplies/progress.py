"""How a long job tells its progress: a callback, and a view of it for the console."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

# what is done now, how much of it is done, how much there is (None: unknown); bytes or steps
OnProgress = Callable[[str, int, int | None], None]


def unseen(what: str, done: int, total: int | None) -> None:
    """Show nothing."""


@contextmanager
def shown() -> Iterator[OnProgress]:
    """Show bars on a terminal's standard error; plain lines, one a job, where it is not a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        seen: set[str] = set()

        def line(what: str, done: int, total: int | None) -> None:
            if what not in seen:
                seen.add(what)
                console.print(f"{what} ...", highlight=False)

        yield line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {}

        def bar(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield bar


@contextmanager
def told(on_progress: OnProgress | None) -> Iterator[OnProgress]:
    """Tell `on_progress`; where it is None, show it on the console."""
    if on_progress is not None:
        yield on_progress
        return
    with shown() as console_progress:
        yield console_progress
