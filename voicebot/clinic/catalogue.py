"""The clinic's catalogue: its models and how it is read, in one place to import from."""

from voicebot.clinic.entries import KINDS, Branch, Catalogue, ClinicInfo, Doctor, Kind, Service, Shift, Speciality
from voicebot.clinic.entry import Entry
from voicebot.clinic.knowledge_entries import FaqEntry, LabTest
from voicebot.clinic.loading import CatalogueError, load_catalogue

__all__ = [
    "KINDS",
    "Branch",
    "Catalogue",
    "CatalogueError",
    "ClinicInfo",
    "Doctor",
    "Entry",
    "FaqEntry",
    "Kind",
    "LabTest",
    "Service",
    "Shift",
    "Speciality",
    "load_catalogue",
]
