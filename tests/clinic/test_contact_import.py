"""Tables of addresses and consents: read whole or not at all; messages name lines and columns, never a person."""

from pathlib import Path

import pytest
from small_clinic import PHONE

from voicebot.clinic.contact_import import Contact, import_contacts, read_contacts
from voicebot.clinic.contact_points import ContactPoints, address_for
from voicebot.clock import VirtualClock
from voicebot.errors import ConfigurationError
from voicebot.storage.database import Database

HEADING = "phone;system;value;consent;details\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "contacts.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_imported_again_and_withdrawn(sqlite: Database, clock: VirtualClock, tmp_path: Path) -> None:
    points = ContactPoints(sqlite, clock)
    lines = f"{PHONE};call;;да;\n8 916 000-00-01;push;device-1;yes;yes\n"
    found = read_contacts(table(tmp_path, "\ufeff" + HEADING + lines))
    assert found[1] == Contact(PHONE, "push", "device-1", True, True)
    for _ in range(2):
        assert import_contacts(points, found, "import") == 2
    assert {(one.system, one.value, one.is_usable) for one in points.of(PHONE)} == {
        ("call", PHONE, True),
        ("push", "device-1", True),
    }
    import_contacts(points, read_contacts(table(tmp_path, f"system,phone,consent\ncall,{PHONE},no\n")), "import")
    assert address_for(points.of(PHONE), "call", PHONE) is None


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("12;call;;yes;", "2: phone"),
        ("89160000001;fax;;yes;", "2: system is none of sms"),
        ("89160000001;push;;yes;", "2: value"),
        ("89160000001;call;;perhaps;", "2: consent"),
        ("89160000001;call;;yes;some", "2: details"),
    ],
)
def test_wrong_lines_are_named_without_what_stands_there(row: str, wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=wrong) as caught:
        read_contacts(table(tmp_path, HEADING + row + "\n"))
    assert "916" not in caught.value.message


def test_wrong_columns(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="consent"):
        read_contacts(table(tmp_path, "phone;system\n"))
    with pytest.raises(ConfigurationError, match="shoe"):
        read_contacts(table(tmp_path, "phone;system;consent;shoe\n"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_contacts(tmp_path / "none.csv")
