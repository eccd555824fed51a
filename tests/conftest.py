"""What every test may count on, and how `make test` shares two workers between them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

_QUIET_NICENESS = 10


@pytest.fixture(autouse=True)
def logging_as_at_the_start() -> Iterator[None]:
    """A command run in this process sets structlog up for itself; the next test must see every event again."""
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With pytest-xdist: calls first, all in one worker, one after another; every other file whole in one worker."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        item.add_marker(pytest.mark.xdist_group("calls" if _is_call(item) else _file(item)))
    items.sort(key=lambda item: not _is_call(item))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What is no call gives way to the calls, whose sound comes every 20 ms. A worker never has calls after others."""
    if "PYTEST_XDIST_WORKER" in os.environ and not _is_call(item):
        os.setpriority(os.PRIO_PROCESS, 0, _QUIET_NICENESS)


def _is_call(item: pytest.Item) -> bool:
    return item.get_closest_marker("call") is not None


def _file(item: pytest.Item) -> str:
    return str(item.path.relative_to(Path(__file__).parent))
