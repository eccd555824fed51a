"""One browser for all these tests."""

from collections.abc import Iterator
from typing import Any

import pytest
from chromium import running_chromium


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    with running_chromium() as browser:
        yield browser
