"""The desk's fixtures: an application with users of every role, on a clock of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_browser import desk_app
from fastapi import FastAPI

from voicebot.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def app(tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    with desk_app(tmp_path, clock, monkeypatch) as app:
        yield app
