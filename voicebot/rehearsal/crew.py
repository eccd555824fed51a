"""Several calls at a time: workers that share the files out among themselves, and what they tell."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from statistics import mean

import msgspec

from voicebot.dialog.conversation_files import load_conversation
from voicebot.errors import LineError
from voicebot.rehearsal.fitness import why_not
from voicebot.rehearsal.rehearse import Rehearsed

_decoder = msgspec.json.Decoder(Rehearsed)
_LINE_BYTES = 1 << 22
MOST_TURNS = 8
MOST_SECONDS = 120


async def play_all(files: Sequence[Path], jobs: int, recordings: Path | None) -> AsyncIterator[Rehearsed]:
    """Yield results as they come. Raises LineError when a worker dies; ConfigurationError for a bad file."""
    spoken: deque[Path] = deque()
    for file in files:
        reason = why_not(load_conversation(file))
        if reason:
            yield Rehearsed(file.stem, skipped=reason)
        else:
            spoken.append(file)
    results: asyncio.Queue[Rehearsed | LineError] = asyncio.Queue()
    shares = [list(spoken)[number :: max(1, jobs)] for number in range(max(1, jobs))]
    workers = [asyncio.create_task(_work(share, recordings, results)) for share in shares if share]
    try:
        for _ in range(len(spoken)):
            result = await results.get()
            if isinstance(result, LineError):
                raise result
            yield result
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _work(files: Sequence[Path], recordings: Path | None, results: "asyncio.Queue[Rehearsed | LineError]") -> None:
    words = [str(recordings or ""), *map(str, files)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "voicebot.rehearsal.worker",
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
    )
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            results.put_nowait(_decoder.decode(line))
        status = await process.wait()
        if status:
            results.put_nowait(LineError(f"A rehearsal ended with status {status}.", "See its messages above."))
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def summary(results: Sequence[Rehearsed]) -> str:
    """How many went well, and what a booking takes: in turns of the caller, repeated phrases counted, and in seconds."""
    spoken = [one for one in results if not one.skipped]
    failed = sum(bool(one.failures) for one in spoken)
    lines = [f"{len(spoken) - failed} passed, {failed} failed, {len(results) - len(spoken)} over text only"]
    if spoken:
        longest = max(spoken, key=lambda one: one.seconds)
        repeated = sum(one.repairs for one in spoken)
        lines.append(f"Longest call: {longest.seconds:.0f} s ({longest.name}); {repeated} phrases repeated")
    usual = [one for one in spoken if one.is_usual_booking]
    if usual:
        lines.append(f"Booking one visit, {_takes(usual)}: at most {MOST_TURNS} turns and {MOST_SECONDS} s are wanted")
    bookings = [one for one in spoken if one.is_booking]
    if len(bookings) > len(usual):
        lines.append(f"All calls that booked, {_takes(bookings)}; {sum(one.booked for one in bookings)} visits")
    return ".\n".join(lines) + "."


def _takes(bookings: Sequence[Rehearsed]) -> str:
    turns, seconds = mean(one.caller_turns for one in bookings), mean(one.seconds for one in bookings)
    return f"mean of {len(bookings)}: {turns:.1f} turns, {seconds:.0f} s"
