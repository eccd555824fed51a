"""One browser for the tests of a file.

Not for longer: Playwright keeps an event loop running in the main thread while it lives, and no asynchronous test of
another room could start its own (a 'package' fixture outlives a folder without __init__.py: it ends with the run).
"""

from collections.abc import Iterator
from typing import Any

import pytest
from chromium import running_chromium


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with running_chromium() as browser:
        yield browser
