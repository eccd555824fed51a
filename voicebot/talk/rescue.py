"""When the robot itself has failed: an apology from prepared sound, and a human. Nothing that may be broken is asked.

Orders go to line before anything is written down: the records may be what broke.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from voicebot.dialog.talking import HandOver
from voicebot.link import messages as line
from voicebot.talk.chronicle import Chronicle
from voicebot.talk.speech import Mouth, Prepared, Utterance
from voicebot.trouble import where

log = structlog.get_logger(__name__)

REASON = "robot_failed"


@dataclass(slots=True)
class Rescue:
    """Sees one caller through to a human, or to a friendly end."""

    call_id: str
    send: Callable[[line.FromBrain], None]
    mouth: Mouth
    chronicle: Chronicle
    apology: Prepared
    goodbye: Prepared

    async def begin(self, error: Exception, frame: int, plan: HandOver | None, *, has_ended: bool) -> None:
        """Give the orders. `plan`: hand over so; None: no human works now. `has_ended`: only the goodbye was still to come."""
        log.error(
            "conversation failed",
            dialog_id=self.chronicle.dialog_id,
            error=type(error).__name__,
            where=where(error),
            goes_to="end" if has_ended else "operator" if plan else "goodbye",
        )
        is_with_human = self.chronicle.is_transferred
        said: list[Utterance] = []
        over: list[Utterance] = []
        if not is_with_human:  # the two humans are not to be disturbed
            over = self.mouth.stop(frame)
            if has_ended:
                self.send(line.Hangup(call_id=self.call_id))
            elif plan is not None:
                said.append(self.mouth.play(self.apology, "apology"))
                self.send(line.Transfer(call_id=self.call_id, target=plan.target, reason=plan.reason))
            else:
                said.append(self.mouth.play(self.goodbye, "goodbye"))
                self.send(line.Hangup(call_id=self.call_id))
        await self.mouth.close()  # a late voice must not talk into it
        for utterance in over:
            await self.chronicle.played(utterance)
        await self.chronicle.happened("robot failed", error=type(error).__name__)
        await self.chronicle.robot_turns(said, None if has_ended or is_with_human else plan)

    async def played(self, message: line.PlayStarted | line.PlayEnded) -> None:
        """Keep the records true to the end."""
        if isinstance(message, line.PlayStarted):
            self.mouth.on_started(message)
            return
        utterance = self.mouth.on_ended(message)
        if utterance is not None:
            await self.chronicle.played(utterance)

    async def transfer_failed(self) -> None:
        """No human took the call either."""
        utterance = self.mouth.play(self.goodbye, "goodbye")
        self.send(line.Hangup(call_id=self.call_id))
        await self.chronicle.robot_turns([utterance], None)
