"""The messages of torture/*.sip, ready to be sent: written anew after the sections of RFC 4475 that each file names.

In a file: three lines of comment (the section, what the RFC wants, what the robot answers, "-" for silence), an empty line, the
message with plain line ends. {line}, {own}, {host} and {id} are filled in, {length} is the length of the body, \\xNN a byte,
\\{7*text} seven times text (with \\n for a line's end).
"""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "torture"
_REPEAT = re.compile(r"\\\{(\d+)\*([^}]*)\}")
_BYTE = re.compile(r"\\x([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Torture:
    """One message of the corpus."""

    section: str
    slug: str
    title: str
    robot_answers: str  # a status, "" for silence
    text: str

    @property
    def name(self) -> str:
        return f"{self.section}-{self.slug}"

    def message(self, *, line: str, own: str, key: str) -> bytes:
        """Return the datagram, for `line` (host:port) from `own` (host:port); `key` makes it a dialog of its own."""
        text = _REPEAT.sub(lambda found: int(found[1]) * found[2].replace("\\n", "\n"), self.text)
        for name, value in (("line", line), ("own", own), ("host", own.rpartition(":")[0]), ("id", key)):
            text = text.replace(f"{{{name}}}", value)
        head, _, body = text.partition("\n\n")
        body_bytes = _bytes(body)
        return _bytes(head.replace("{length}", str(len(body_bytes)))) + b"\r\n\r\n" + body_bytes


def corpus() -> list[Torture]:
    """Return all of it, by section."""
    return [_read(file) for file in sorted(FOLDER.glob("*.sip"), key=lambda file: [int(n) for n in _numbers(file.name)])]


def _read(file: Path) -> Torture:
    head, _, text = file.read_text().partition("\n\n")
    found = re.match(r"# RFC 4475, section ([\d.]+): (.+)\n# The RFC wants: .+\n# The robot: (\d{3}|-)\Z", head)
    section, _, slug = file.stem.partition("-")
    if found is None or found[1] != section:
        raise ValueError(f"{file.name} does not name its section")
    return Torture(section, slug, found[2], found[3].strip("-"), text)


def _numbers(name: str) -> list[str]:
    return name.partition("-")[0].split(".")


def _bytes(text: str) -> bytes:
    """CRLF for line ends, bytes for \\xNN."""
    parts = _BYTE.split(text.replace("\n", "\r\n"))
    return b"".join(bytes([int(part, 16)]) if i % 2 else part.encode() for i, part in enumerate(parts))
