"""Why the clinic could not do what was asked: typed, with the code that dialplans react to."""

from voicebot.errors import VoicebotError


class ServiceFailure(VoicebotError):
    """Something a conversation can go on from. `code` reaches the dialplan as Returned.error."""

    code = "failed"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or f"The clinic's service failed: {self.code}.")


class SlotTaken(ServiceFailure):
    """Somebody else holds or has booked that time."""

    code = "slot_taken"


class HoldExpired(SlotTaken):
    """We held that time, the hold ran out, and somebody else took it."""

    code = "hold_expired"


class TooLate(ServiceFailure):
    """That time has passed or is too near."""

    code = "too_late"


class NotFound(ServiceFailure):
    """No such slot, appointment, doctor, service or branch."""

    code = "not_found"


class NotIdentified(ServiceFailure):
    """Nobody of that phone number has that name or birth date. Whether the number is known is not told."""

    code = "not_identified"


class TooManyAttempts(ServiceFailure):
    """Too many were not identified lately, of this number or in all: only a human may go on."""

    code = "too_many_attempts"


class NotOffered(ServiceFailure):
    """That doctor does not do that service, or not at that branch."""

    code = "not_offered"


class AppointmentClosed(ServiceFailure):
    """The appointment was cancelled or has taken place: nothing can be changed in it."""

    code = "appointment_closed"


class TooEarly(ServiceFailure):
    """The visit has not begun: nobody can say yet whether the patient came."""

    code = "too_early"


class ChangedMeanwhile(ServiceFailure):
    """Somebody else changed the same thing after it was looked at."""

    code = "changed"


class KeyReused(ServiceFailure):
    """The same idempotency key came with another order: a mistake of the caller's program."""

    code = "key_reused"


class BadPhone(ServiceFailure):
    """That is no phone number."""

    code = "bad_phone"


class Unavailable(ServiceFailure):
    """The database cannot be used now."""

    code = "unavailable"
