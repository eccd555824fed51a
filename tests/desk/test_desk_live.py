"""A fragment that many watch goes on being looked for, whatever one look meets."""

import pytest

from voicebot.desk import live
from voicebot.desk.live import Watched
from voicebot.errors import StorageError


@pytest.mark.parametrize("trouble", [StorageError("away"), ValueError("an odd row")], ids=["database", "odd row"])
@pytest.mark.timeout(20)
async def test_one_look_that_fails_freezes_nothing(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.0)
    looks: list[Exception | str] = ["first", trouble, "second"]

    def render() -> str:
        one = looks.pop(0) if len(looks) > 1 else looks[0]
        if isinstance(one, Exception):
            raise one
        return one

    async for fragment in Watched(render):
        if fragment == "second":
            break
    assert looks == ["second"]  # what failed was met, and left behind
