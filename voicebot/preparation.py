"""Before the first call, and daily: tables, free slots, dialplans and settings that hold together."""

from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.services import SERVICES
from voicebot.clinic.setup import prepare as prepare_slots
from voicebot.clock import SystemClock
from voicebot.dialog.loader import load_dialplans
from voicebot.errors import ConfigurationError
from voicebot.lost_calls import LostCalls
from voicebot.records.archive import open_archive
from voicebot.records.sealing import read_recipients
from voicebot.settings import Settings
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade
from voicebot.talk import hours

SCHEDULE_DAYS = 60


def prepare(settings: Settings) -> None:
    """Raise ConfigurationError or StorageError, with a cure, rather than start a robot that cannot serve a caller."""
    if not settings.dialog.folder.is_dir():
        raise ConfigurationError(f"There is no folder {settings.dialog.folder}.", "Set dialog.folder to a clinic's folder.")
    hours.check(settings.transfer.hours)
    if "operator" not in settings.transfer.targets:
        raise ConfigurationError("transfer.targets has no operator.", 'Give one: targets = {operator = "sip:200@pbx"}.')
    read_recipients(settings.recordings.recipients)
    open_archive(settings)
    catalogue = load_catalogue(settings.dialog.folder / "clinic")
    load_dialplans(settings.dialog.folder / "dialplans", SERVICES)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = open_database(settings.database_url)
    try:
        upgrade(database)
        prepare_slots(database, catalogue, SystemClock(), days=SCHEDULE_DAYS)
    finally:
        database.close()


def settle_lost_calls(settings: Settings) -> None:
    """Nothing runs here yet: calls that this machine held before are over. Raises StorageError."""
    database = open_database(settings.database_url)
    try:
        LostCalls(database, SystemClock()).look(of_node=settings.node_name)
    finally:
        database.close()
