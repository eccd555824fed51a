"""The clinic's templates as the settings have them: where their folder is, which links they hold, who can answer."""

from voicebot.clinic.catalogue import Catalogue
from voicebot.clock import Clock
from voicebot.messages.links import Links
from voicebot.messages.loading import load_templates
from voicebot.messages.providers import answered_channels
from voicebot.messages.templates import Templates
from voicebot.settings import Settings
from voicebot.storage.database import Database


def open_templates(settings: Settings, catalogue: Catalogue, database: Database, clock: Clock) -> Templates:
    """Raises ConfigurationError with every problem of the clinic's templates."""
    links = Links(database, clock, settings)
    return load_templates(
        settings.dialog.folder / "messages",
        catalogue,
        link_of=links.link_of,
        link_letters=links.letters,
        answered=answered_channels(settings),
    )
