"""What every test may count on, and how the two workers of `make test` share the tests."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling

_QUIET_NICENESS = 10
_CALLS = "calls"
_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ


@pytest.fixture(autouse=True)
def logging_as_at_the_start() -> Iterator[None]:
    """A command run in this process sets structlog up for itself; the next test must see every event again."""
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


class CallsApart(LoadScopeScheduling):
    """All files with calls go to one worker, one call after another; each other file goes whole to one that is free."""

    def _split_scope(self, nodeid: str) -> str:
        return _share(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> CallsApart:
    config.option.loadscopereorder = False
    return CallsApart(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Calls first, where there are workers: together they take longest."""
    if _IS_WORKER:
        items.sort(key=lambda item: _share(item.nodeid) != _CALLS)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What is no call gives way to the calls, whose sound comes every 20 ms. No worker has calls after others."""
    if _IS_WORKER and _share(item.nodeid) != _CALLS:
        os.setpriority(os.PRIO_PROCESS, 0, _QUIET_NICENESS)


def _share(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return _CALLS if _has_calls(file) else file


@cache
def _has_calls(file: str) -> bool:
    return "pytest.mark.call" in Path(__file__).parents[1].joinpath(file).read_text(encoding="utf-8")
