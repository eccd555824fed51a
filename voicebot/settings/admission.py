"""A full robot: when it is full, and what becomes of whoever calls then."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from voicebot.settings.basis import Seconds, Section


class Admission(Section):
    """When the robot is full, and what becomes of callers then. docs/telephony.md"""

    when_full: Literal["queue", "operators", "refuse"] = Field(
        "queue", description="refuse: 503, for a balancer in front that then tries the next robot"
    )
    places: int = Field(20, ge=1, le=100, description="in the queue; whoever comes to a full one goes to the operators")
    wait_seconds: Seconds = Field(120, description="the longest wait; then the operators")
    tell_seconds: float = Field(30, ge=10, description="how often the place is told; a better one is told sooner")
    music: Path | None = Field(None, description="a sound file of your own (WAV, FLAC); empty: the built-in loop")
    is_measured: bool = Field(True, description="the load decides besides sip.lines and brain.capacity_calls")
    always_calls: int = Field(2, ge=0, description="so many each brain takes however slow: it is not calls that slow it then")
    busy_share: float = Field(0.75, gt=0, le=1, description="of a brain's share of the cores; above it no more calls")
    line_busy_share: float = Field(0.85, gt=0, le=2, description="of one core, the same for the line")
    late_share: float = Field(0.01, gt=0, le=1, description="of the line's frames that came too late, in the last seconds")
    behind_ms: float = Field(400, gt=0, description="p95 of how far a brain is behind its calls, in the last seconds")
    answer_ms: float = Field(1000, gt=0, description="p95 of recognising, thinking and beginning to speak, of the last turns")
