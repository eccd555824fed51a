"""The demo clinic's place and the moment at which tests visit it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from voicebot.clinic.services import ClinicServices
from voicebot.clock import VirtualClock

DEMO = Path(__file__).parents[1] / "dialplans" / "demo"
MONDAY_NINE = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # 9:00 in Moscow
DAYS = 35

ServicesAt = Callable[[VirtualClock], ClinicServices]
