"""One thing at a time of a key, whoever fails or is cancelled; nothing is kept of who is done."""

import asyncio

import pytest

from voicebot.channels.locks import KeyedLocks


async def test_a_key_is_one_at_a_time_and_keys_do_not_wait_for_each_other() -> None:
    locks: KeyedLocks[str] = KeyedLocks()
    done: list[str] = []
    may_end, others_done = asyncio.Event(), asyncio.Event()

    async def work(key: str, name: str) -> None:
        async with locks.of(key):
            if name == "first":
                await may_end.wait()
            done.append(name)
            if name == "other":
                others_done.set()

    tasks = [asyncio.create_task(work(*one)) for one in (("a", "first"), ("a", "second"), ("a", "gone"), ("b", "other"))]
    await others_done.wait()
    await asyncio.sleep(0)
    assert (done, len(locks)) == (["other"], 1)
    tasks[2].cancel()
    may_end.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (done, len(locks)) == (["other", "first", "second"], 0)


async def test_a_lock_is_free_after_a_failure() -> None:
    locks: KeyedLocks[int] = KeyedLocks()
    with pytest.raises(RuntimeError):
        async with locks.of(1):
            raise RuntimeError
    assert not len(locks)
    async with locks.of(1):
        assert len(locks) == 1
