"""What a message costs: by provider and part, nothing where the provider charges deliveries only and this was none. Pure."""

from collections.abc import Callable
from decimal import Decimal

from voicebot.messages.senders.sender import ReceiptStatus
from voicebot.settings import Messages

#: (provider, channel, parts, status) -> roubles. `status`: a ReceiptStatus' value, or anything else while nothing is known.
Price = Callable[[str, str, int, str], Decimal]

_LOST = frozenset(status.value for status in ReceiptStatus if status.is_final and not status.has_reached)


def prices_of(settings: Messages) -> Price:
    """Bots and calls have no price here: the first are free, the second are paid for by the minute to the line's operator."""

    def price(provider: str, channel: str, parts: int, status: str) -> Decimal:
        of = settings.providers.get(provider)
        if of is None or of.channel != channel:
            return Decimal(0)
        if not of.pays_undelivered and status in _LOST:
            return Decimal(0)
        return of.price_rub * (parts if channel == "sms" else 1)

    return price


def sms_price(settings: Messages, parts: int) -> Decimal:
    """What the main SMS provider takes for so many parts: to compare a cascade with SMS only."""
    main = next((one for one in settings.providers.values() if one.channel == "sms"), None)
    return Decimal(0) if main is None else main.price_rub * parts
