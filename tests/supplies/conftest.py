from collections.abc import Iterator

import pytest
from supply_server import FileServer, serving


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as site:
        yield site
