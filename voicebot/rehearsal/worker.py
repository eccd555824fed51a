"""A process that plays files one after another and tells each result as a line of JSON: `python -m voicebot.rehearsal.worker`.

Arguments: a folder for recordings ("" for none), then conversation files.
"""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from voicebot import logs
from voicebot.dialog.conversation_files import load_conversation
from voicebot.rehearsal.rehearse import Rehearsed, rehearse


def main(words: list[str]) -> int:
    recordings, files = Path(words[0]) if words[0] else None, [Path(word) for word in words[1:]]
    logs.quiet()
    outlet = os.dup(1)  # libraries print too: what they say goes to standard error
    os.dup2(2, 1)

    def tell(result: Rehearsed) -> None:
        os.write(outlet, msgspec.json.encode(result) + b"\n")

    asyncio.run(rehearse([(file.stem, load_conversation(file)) for file in files], recordings, tell))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
