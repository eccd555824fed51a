"""A clinic's dialogs made ready for text, for whatever process talks to patients in writing."""

from collections.abc import Mapping

from voicebot.channels.conversations import TextConversations
from voicebot.channels.editions import Thinkers
from voicebot.channels.rules import Rules
from voicebot.channels.texts import Texts, load_texts
from voicebot.channels.thinking import Services, Thinker
from voicebot.channels.voice_notes import Recognise
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.clinic.pins import limits_of
from voicebot.clinic.services import SERVICES, ClinicServices
from voicebot.clock import Clock
from voicebot.dialog import inventory
from voicebot.dialog.engine import Engine
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.opening import understanding_of
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding
from voicebot.dialog.version import version_of
from voicebot.errors import ConfigurationError
from voicebot.settings import Settings
from voicebot.storage.database import Database


class TextClinic:
    """The clinic's dialogs made ready for text: takes seconds, once a process."""

    def __init__(self, settings: Settings, clock: Clock, database: Database, catalogue: Catalogue) -> None:
        self.settings = settings
        self.clock = clock
        self.database = database
        self.version = version_of(settings.dialog.folder)
        self.catalogue = catalogue
        self.dialplans: Dialplans = load_dialplans(settings.dialog.folder / "dialplans", SERVICES)
        self.understanding: Understanding = understanding_of(catalogue, self.dialplans, settings.dialog.folder, settings.cache)
        self.understanding.warm_up()
        self.engine = Engine(self.dialplans, catalogue, self.understanding)
        self.texts: Texts = load_texts(settings.dialog.folder)
        bookings = Bookings(database, catalogue, clock)
        self.services: Services = ClinicServices(bookings, catalogue, clock, limits_of(settings.messages.pins))
        self.thinkers = Thinkers(self.version, self.thinker())

    def newer(self) -> "TextClinic":
        """Read the clinic's files anew, beside what is in use. Takes seconds; raises ConfigurationError with file and line."""
        catalogue = load_catalogue(self.settings.dialog.folder / "clinic")
        newer = TextClinic(self.settings, self.clock, self.database, catalogue)
        if version_of(self.settings.dialog.folder) != newer.version:
            raise ConfigurationError("Files of the dialogs changed while they were read.", "Reload once they are all there.")
        return newer

    def thinker(self) -> Thinker:
        settings = self.settings
        return Thinker(self.engine, self.services, self.clock, settings.zoneinfo, settings.transfer.hours)

    def conversations(self, rules: Mapping[str, Rules]) -> TextConversations:
        channels = self.settings.channels
        return TextConversations(
            self.thinkers,
            self.database,
            rules,
            self.texts,
            self.settings.dialog.folder.name,
            operator_wait_seconds=channels.operator_wait_seconds,
            threads=channels.threads,
        )

    def recogniser(self) -> Recognise:
        """Load the phone's recogniser, for voice notes."""
        from voicebot.channels.hearing import open_recogniser  # loads Vosk: only when the first note comes

        grammars = inventory.grammars(self.dialplans, self.understanding)
        phrases = list(dict.fromkeys(phrase for grammar in grammars.values() for phrase in grammar))
        return open_recogniser(self.settings, self.catalogue, phrases)
