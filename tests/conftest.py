"""What every test may count on."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logging_as_at_the_start() -> Iterator[None]:
    """A command run in this process sets structlog up for itself; the next test must see every event again."""
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
