"""The channels there are. One line each: a module's `open_door` returns None where the settings switch it off."""

from collections.abc import Callable

from voicebot.channels import alice, contact_form, deliveries, max, telegram, visit_links, web
from voicebot.channels.door import Context, Door

OPENERS: tuple[Callable[[Context], Door | None], ...] = (
    web.open_door,
    alice.open_door,
    telegram.open_door,
    max.open_door,
    contact_form.open_door,
    visit_links.open_door,
    deliveries.open_door,
    deliveries.open_viber_door,
)


def open_doors(context: Context) -> dict[str, Door]:
    """Open all channels that are switched on: channel -> door."""
    doors = [door for opener in OPENERS if (door := opener(context)) is not None]
    return {door.channel: door for door in doors}
