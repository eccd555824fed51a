"""The demo clinic's place and the moment at which tests visit it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from voicebot.clinic.services import ClinicServices
from voicebot.clock import VirtualClock
from voicebot.settings import Settings

DEMO = Path(__file__).parents[1] / "dialplans" / "demo"
MONDAY_NINE = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # 9:00 in Moscow
DAYS = 35
CACHE = Settings().cache
"""The user's: what the demo's phrases teach is learnt once, for tests and robots alike."""

ServicesAt = Callable[[VirtualClock], ClinicServices]
