"""Several calls at a time: workers that share the files out among themselves, and what they tell."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from voicebot.dialog.conversation_files import load_conversation
from voicebot.errors import LineError
from voicebot.rehearsal.fitness import why_not
from voicebot.rehearsal.rehearse import Rehearsed

_decoder = msgspec.json.Decoder(Rehearsed)
_LINE_BYTES = 1 << 22


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
