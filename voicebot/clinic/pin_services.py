"""Services that prove a number by a code sent to it."""

from collections.abc import Mapping

from pydantic import Field

from voicebot.clinic.arguments import Arguments, Calls
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.pins import PinLimits, Pins, PinSent
from voicebot.clock import Clock


class SendPin(Arguments):
    """Send a code by SMS. Returns PinSent; `bad_phone`, `too_many_codes`."""

    phone: str


class CheckPin(Arguments):
    """Whether this is the code that was sent to the number in this dialog. Returns the number, which is proven then.

    `wrong_code`: another try is left; `code_expired`: a new code is needed.
    """

    phone: str
    code: str = Field(max_length=200, description="as it was typed; what is no digit is left out")


PIN_SERVICES: Mapping[str, type[Arguments]] = {"send_pin": SendPin, "check_pin": CheckPin}


class PinServices:
    """Carries them out."""

    def __init__(self, bookings: Bookings, clock: Clock, limits: PinLimits | None = None) -> None:
        self._pins = Pins(bookings.database, clock, limits)
        self.calls: Calls = {"send_pin": self._send, "check_pin": self._check}

    def _send(self, asked: SendPin, dialog_id: str, key: str) -> PinSent:
        return self._pins.send(asked.phone, dialog_id, key)

    def _check(self, asked: CheckPin, dialog_id: str, _key: str) -> str:
        return self._pins.check(asked.phone, asked.code, dialog_id)
