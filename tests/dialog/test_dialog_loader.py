"""Broken dialplans: the error names file, line and cure."""

from pathlib import Path

import pytest
from demo_clinic import DEMO

from voicebot.clinic.services import SERVICES
from voicebot.dialog.loader import iter_texts, load_dialplans
from voicebot.dialog.schema import Dialplans, json_schema
from voicebot.errors import ConfigurationError

GOOD = """\
forms:
  - form: visit
    vars: {tries: "0"}
    items:
      - field: when
        type: datetime
        prompt: Когда вам удобно?
      - object: offers
        service: find_slots
        arguments: {when: when}
      - block: end
        prompt: "{when|text} записали."
        filled:
          - goto: more
"""

# what is replaced, by what, the line that must be named, what the message must say
BROKEN = [
    ("type: datetime", "type: dattime", 6, "'dattime' is not known here"),
    ("type: datetime", "typ: datetime", 6, "unknown word"),
    ("goto: more", "goto: nowhere", 14, "'nowhere', which does not exist"),
    ("goto: more", "goto: '#choice'", 14, "'choice' is no item"),
    ("goto: more", "goto: more\n            clear: [when]", 14, "exactly one verb"),
    ("type: datetime", "type: datetime\n        others: tries", 7, "'tries' is no variable for a subject"),
    ("type: datetime", "type: subject\n        fills: [when]\n        others: rest", 8, "'rest' is no variable for a subject"),
    ("{when|text}", "{wen|text}", 12, "{wen}, which is not defined"),
    ("{when|text}", "{when|upper}", 12, "unknown filter"),
    ("{when|text}", "{when|doctor:dativ}", 12, "wrong case"),
    ("service: find_slots", "service: find_slotz", 9, "no service 'find_slotz'"),
    ("arguments: {when: when}", "arguments: {wen: when}", 10, "no argument 'wen'"),
    ("arguments: {when: when}", "arguments: {when: wish}", 10, "'wish', which is not defined"),
    ("arguments: {when: when}", "arguments: {when: open(when)}", 10, "unknown function"),
    ("service: find_slots", "service: hold", 8, "needs the argument 'slot_id'"),
    ("type: datetime", "type: choice", 5, "needs either options or from"),
    ("type: datetime", "type: choice\n        options: [{value: a, phrases: [' ']}]", 7, "grammar is empty"),
    ("type: datetime", "type: choice\n        options: [{value: a, phrases: []}]", 7, "at least 1 item"),
    ("type: datetime", "type: yes_no\n        confirm: auto", 7, "cannot be confirmed"),
    ("type: datetime", "type: subject", 5, "fills nothing"),
    ("block: end", "block: when", 11, "two items are called 'when'"),
    ("block: end", "blok: end", 11, "an item is one of block, field, object"),
    ("Когда вам удобно?", "Приём в 10 часов?", 7, "digits"),
    ("Когда вам удобно?", "''", 7, "words to speak"),
    ("form: visit", "form: welcome", 2, "exists twice"),
    ("    items:", "   items:", 4, "expected"),
]


def _folder(tmp_path: Path, extra: str) -> Path:
    for file in (DEMO / "dialplans").glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "visit.yaml").write_text(extra, encoding="utf-8")
    return tmp_path


def test_the_pattern_itself_is_good(tmp_path: Path) -> None:
    assert "visit" in load_dialplans(_folder(tmp_path, GOOD), SERVICES).forms


@pytest.mark.parametrize(("good", "broken", "line", "says"), BROKEN, ids=[row[1][:30] for row in BROKEN])
def test_errors_name_file_line_and_cure(tmp_path: Path, good: str, broken: str, line: int, says: str) -> None:
    assert good in GOOD
    with pytest.raises(ConfigurationError) as caught:
        load_dialplans(_folder(tmp_path, GOOD.replace(good, broken, 1)), SERVICES)
    text = str(caught.value)
    assert says in text
    assert any(part.startswith(f"{tmp_path / 'visit.yaml'}:{line}:") for part in text.splitlines()), text


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_dialplans(_folder(tmp_path, GOOD.replace("goto: more", "goto: nowhere").replace("{when|", "{wen|")), SERVICES)
    assert "nowhere" in str(caught.value)
    assert "{wen}" in str(caught.value)


def test_an_empty_folder_and_a_missing_root(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no dialplan"):
        load_dialplans(tmp_path, SERVICES)
    (tmp_path / "visit.yaml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="0 `application` sections"):
        load_dialplans(tmp_path, SERVICES)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "visit.yaml").write_bytes(b"forms: \xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_dialplans(tmp_path, SERVICES)


def test_schema_for_editors_names_every_word_of_an_item() -> None:
    schema = json_schema()
    assert {"prompt", "noinput", "nomatch", "filled", "confirm", "options"} <= set(schema["$defs"]["FieldItem"]["properties"])
    assert {"service", "arguments", "catch", "undo"} <= set(schema["$defs"]["ObjectItem"]["properties"])


def test_texts_for_the_voice_cache(dialplans: Dialplans) -> None:
    texts = list(iter_texts(dialplans))
    assert "Чем могу помочь?" in texts
    assert "Хорошо, подожду." in texts
    assert all(not any(character.isdigit() for character in text) for text in texts)
