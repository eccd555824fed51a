"""How long the caller waited for an answer, stage by stage."""

from dataclasses import dataclass

from voicebot.records.dialogs import Latency as StoredLatency


@dataclass(slots=True)
class Latency:
    """The stages between the caller's last sound and the robot's first, in milliseconds, as they become known.

    It travels with the first utterance of the answer: other events of the call must not change it.
    """

    speech_end_frame: int
    endpoint_ms: float = 0.0
    recognise_ms: float = 0.0
    think_ms: float = 0.0

    @property
    def worked_ms(self) -> float:
        """What the processor took of it, until the voice began."""
        return self.recognise_ms + self.think_ms

    def stored(self, speak_ms: float, total_ms: float) -> StoredLatency:
        return StoredLatency(
            endpoint_ms=round(self.endpoint_ms),
            recognise_ms=round(self.recognise_ms),
            think_ms=round(self.think_ms),
            speak_ms=round(speak_ms),
            total_ms=round(total_ms),
        )
