"""A whole call and a whole day at the desk, at the chattiest level: no log line says who, from where, born when, or what.

The same call is sealed on its way to the disk, and its patient is handed out and erased over HTTP.
"""

import io
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import soundfile
from pyrage.x25519 import Identity
from robot import Robot, running_robot, transcript
from sip_peers import need_baresip, wait_until
from speaking import Patient

from voicebot.records.dialogs import Dialog, Who
from voicebot.records.recordings import Recordings
from voicebot.records.sealing import is_sealed
from voicebot.russian.phones import say_phone
from voicebot.settings import Settings

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(500)]

CALLER, OTHER = "+79161234567", "+79035550011"
ANSWERS: dict[str, str | list[str]] = {
    "Я правильно поняла": "Да.",
    "request.wish": "Запишите меня к терапевту.",
    "booking.when": "Завтра утром.",
    "booking.choice": "Первый.",
    "booking.patient": "Смирнова Анна.",
    "booking.phone": "89035550011#",
    "booking.confirm": ["Нет, другой номер.", "Да, всё верно."],
    "results.birth_date": "Двенадцатое мая тысяча девятьсот восемьдесят пятого года.",
    "results": "12051985#",  # where that was not heard
    "more.more": ["Готовы ли мои анализы?", "Нет, спасибо."],
}
PASSWORD = "длинная фраза 7 для журнала"
#: Who, from where and born when, as it might be spelled.
SPELLED = (
    "смирнов", "анна", "smirnova", "9161234567", "916 123", "916123", "9035550011", "903 555", "903555",
    "девятьсот шестнадцать", "девятьсот три", "пятьсот пятьдесят пять", "двенадцатое мая", "двенадцатого мая",
    "восемьдесят пят", "12.05.1985", "1985-05-12", "12051985", "12 мая", "терапевт", PASSWORD, "длинная фраза",
)  # fmt: skip


def test_neither_the_call_nor_the_desk_logs_anything_personal(tmp_path: Path) -> None:
    need_baresip()
    identity = Identity.generate()
    key_file = tmp_path / "medium" / "recordings.key"
    key_file.parent.mkdir()
    key_file.write_text(str(identity))
    keys = {"recipients": [str(identity.to_public())], "key_file": str(key_file), "minimum_free_mb": 10}
    with running_robot(tmp_path, {"log_level": "debug", "recordings": keys}) as robot:  # type: ignore[dict-item]
        with Patient(tmp_path, CALLER) as patient:
            patient.dial(robot.uri)
            patient.wait_for("CALL_ESTABLISHED")
            dialog = patient.converse(robot, ANSWERS)
        story = transcript(list(dialog.turns))
        (appointment,) = robot.appointments()
        assert appointment["phone"] == OTHER, story
        assert any(turn.slots.get("birth_date") == "12.05.1985" for turn in dialog.turns), story
        assert dialog.caller_phone == CALLER
        assert dialog.notice_version, story
        assert robot.store.notice(dialog.notice_version).endswith("Разговор записывается.")
        sealed_on_the_disk(robot, dialog, key_file)
        a_day_at_the_desk(robot, dialog)
        log = robot.log
        status = "".join(file.read_text() for file in (robot.data_dir / "run").glob("*.json"))
    assert "purged" in log or "daily_purge_done" in log  # the desk's own work was logged, so its log is here
    assert "appointment_booked" in log  # and the brain's
    for personal in (*SPELLED, *said_in(dialog)):
        assert personal.lower() not in robot.log.lower(), personal
        assert personal.lower() not in status.lower(), personal


def said_in(dialog: Dialog) -> Iterator[str]:
    """What was said, keyed and understood, and how it would be read back."""
    for turn in dialog.turns:
        if turn.who is Who.CALLER:
            yield from (text for text in (turn.text, turn.digits) if len(text) > 4)
            yield from (str(one["text"]) for one in turn.alternatives if len(one["text"]) > 8)
            yield from (str(value) for value in turn.slots.values() if isinstance(value, str) and len(value) > 8)
        elif turn.who is Who.ROBOT and turn.prompt.startswith("booking.confirm"):
            yield turn.text
    for phone in (CALLER, OTHER):
        yield say_phone(phone)
        yield say_phone(phone).replace(",", "")


def sealed_on_the_disk(robot: Robot, dialog: Dialog, key_file: Path) -> None:
    """The recording is closed to the disk's readers, and whole to the key."""
    path = robot.data_dir / "recordings" / dialog.recording_path
    raw = path.read_bytes()
    assert is_sealed(raw)
    assert b"fLaC" not in raw
    assert list((robot.data_dir / "recordings").rglob("*.flac")) == []
    settings = Settings.model_validate({"data_dir": robot.data_dir, "recordings": {"key_file": key_file}})
    sound, rate_hz = soundfile.read(io.BytesIO(Recordings(settings).flac(dialog)), dtype="int16")
    assert abs(len(sound) / rate_hz - (dialog.handling_seconds or 0)) < 0.5
    assert abs(sound[:, 0]).max() > 2000
    assert abs(sound[:, 1]).max() > 2000


def a_day_at_the_desk(robot: Robot, dialog: Dialog) -> None:
    """Log in, look for a number and a name, open, listen, look at the audit, hand out, erase."""
    base = f"http://127.0.0.1:{robot.http_port}"
    ours = {"origin": base, "accept": "text/html"}
    with httpx.Client(base_url=base, headers=ours, timeout=20) as client:
        drawn = (robot.data_dir / "admin-password.txt").read_text().strip()
        assert client.post("/login", data={"name": "admin", "password": drawn}).status_code == 303

        def post(path: str, **fields: str) -> httpx.Response:
            return client.post(path, data={"csrf": csrf, **fields})

        csrf = re.findall(r'name="csrf" value="([^"]+)"', client.get("/password").text)[0]
        assert post("/password", old=drawn, new=PASSWORD, again=PASSWORD).status_code == 303
        csrf = re.findall(r'name="csrf" value="([^"]+)"', client.get("/password").text)[0]
        for fields in ({"phone": "916 123-45-67"}, {"words": "смирновой"}):
            found = post("/dialogs", **fields)
            assert found.status_code == 303
            # The digester takes a finished dialog into the search within some seconds.
            wait_until(lambda where=found.headers["location"]: dialog.id in client.get(where).text, str(fields), 30)
        assert client.get("/dialogs", params={"phone": CALLER}).status_code == 400  # typed into the address by hand
        assert client.get(f"/dialogs/{CALLER}").status_code == 404
        assert client.get(f"/d/{OTHER}/stream").status_code == 404
        assert client.post("/login", data={"name": "смирнова анна", "password": "12.05.1985"}).status_code in (401, 429)
        assert "смирнова" in client.get(f"/dialogs/{dialog.id}").text.lower()
        part = client.get(f"/dialogs/{dialog.id}/sound", headers={"range": "bytes=0-3"})
        assert (part.status_code, part.content) == (206, b"fLaC")
        looked = post("/personal", phone=CALLER)
        find = looked.headers["location"].split("=")[1]
        with zipfile.ZipFile(io.BytesIO(post("/personal/export", find=find).content)) as archive:
            assert f"audio/{dialog.id}.flac" in archive.namelist()
            assert "Разговор записывается." in archive.read("notices.json").decode()
        assert post("/personal/erase", find=find, confirmation="СТЕРЕТЬ", visits="true").status_code == 200
        assert client.get(f"/dialogs/{dialog.id}").status_code == 404
        audit = client.get("/audit.csv").text
    for action in ("searched", "dialog_opened", "recording_played", "patient_exported", "patient_erased"):
        assert f";{action};" in audit, action
    with sqlite3.connect(robot.database_file) as connection:
        kept = repr(connection.execute("SELECT who, action, subject, detail FROM audit").fetchall()).lower()
        facts = connection.execute("SELECT count(*) FROM dialog_facts").fetchone()
    assert facts == (1,)
    assert not [text for text in ("9161234567", "9035550011", "смирнов", "1985") if text in kept]
    assert not list((robot.data_dir / "recordings").rglob("*.sealed"))
