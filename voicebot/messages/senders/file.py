"""Messages into files, one each: what the robot would send, for trying it out. Nobody receives anything."""

import asyncio
import json
import re
from dataclasses import asdict
from pathlib import Path

import structlog

from voicebot.clock import Clock
from voicebot.messages.senders.sender import Accepted, Channel, Listener, Outgoing, Receipt, ReceiptStatus, Unavailable
from voicebot.messages.sms_text import count_parts

log = structlog.get_logger(__name__)


class FileSender:
    """A Sender. The file is named by the key, so a repetition is the same message. Each counts as delivered at once."""

    is_idempotent = True

    def __init__(self, provider: str, channel: Channel, folder: Path, clock: Clock, keep_files: int = 1000) -> None:
        self.provider = provider
        self.channel = channel
        self._folder = folder
        self._clock = clock
        self._keep_files = keep_files
        self._listener: Listener | None = None

    async def open(self, listener: Listener) -> None:
        self._listener = listener
        log.warning("messages_go_to_files", channel=self.channel.value, cure="Set a provider in [messages.providers].")

    async def send(self, outgoing: Outgoing) -> Accepted:
        try:
            await asyncio.to_thread(self._write, outgoing)
        except OSError as error:
            raise Unavailable(f"A message's file cannot be written: {error.strerror}.", "Look at data_dir/outbox.") from None
        if self._listener is not None:
            receipt = Receipt(self.provider, outgoing.key, ReceiptStatus.DELIVERED, self._clock.now(), key=outgoing.key)
            await self._listener.receipt(receipt)
        return Accepted(self.provider, outgoing.key, count_parts(outgoing.text) if self.channel is Channel.SMS else 1)

    async def close(self) -> None:
        """Nothing is kept open."""

    def _write(self, outgoing: Outgoing) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        value = asdict(outgoing) | {
            "channel": self.channel.value,
            "provider": self.provider,
            "at": self._clock.now().isoformat(),
            "expires_at": outgoing.expires_at.isoformat() if outgoing.expires_at else None,
        }
        file = self._folder / f"{re.sub('[^A-Za-z0-9_-]', '_', outgoing.key)}.json"
        part = file.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        part.replace(file)
        files = sorted(self._folder.glob("*.json"), key=lambda one: one.stat().st_mtime)
        for old in files[: max(0, len(files) - self._keep_files)]:
            old.unlink(missing_ok=True)
