"""What Yandex takes from a skill, written down apart from the code under test (dialogs/alice/doc: response, limits)."""

import json
import re
from pathlib import Path
from typing import Any

from json_schema import violations

FOLDER = Path(__file__).parent / "fixtures" / "alice"
_SCHEMA = json.loads((FOLDER / "reply.schema.json").read_text(encoding="utf-8"))


def requests() -> dict[str, dict[str, Any]]:
    """The recorded requests by name."""
    files = sorted(FOLDER.glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files if file.stem != "reply.schema"}


def broken_rules(reply: Any) -> list[str]:
    """Return every rule that a reply breaks."""
    found = list(violations(reply, _SCHEMA, _SCHEMA))
    if found:
        return found
    response = reply["response"]
    for button in response.get("buttons", []):
        if _bytes(button.get("payload", {})) > 4096:
            found.append("a payload of more than 4096 bytes")
        if "url" in button and not re.match(r"https?://", button["url"]):
            found.append("a button to something that is no page")
    for name in ("session_state", "user_state_update", "application_state"):
        if _bytes(reply.get(name, {})) > 1024:
            found.append(f"{name} of more than 1024 bytes")
    if re.search(r"\+[аеёиоуыэюя]", response["text"], re.IGNORECASE):
        found.append("stress marks on the screen")
    if re.search(r"\+[бвгджзйклмнпрстфхцчшщъь]", response.get("tts", ""), re.IGNORECASE):
        found.append("a stress on a consonant")
    return found


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
