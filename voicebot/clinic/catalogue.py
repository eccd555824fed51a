"""The clinic's catalogue: its models and how it is read, in one place to import from."""

from voicebot.clinic.entries import KINDS, Branch, Catalogue, ClinicInfo, Doctor, Entry, Kind, Service, Shift, Speciality
from voicebot.clinic.loading import CatalogueError, load_catalogue

__all__ = [
    "KINDS",
    "Branch",
    "Catalogue",
    "CatalogueError",
    "ClinicInfo",
    "Doctor",
    "Entry",
    "Kind",
    "Service",
    "Shift",
    "Speciality",
    "load_catalogue",
]
