"""One person's data: found whole, handed out whole, erased whole, and nobody else's touched."""

import json
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import soundfile
from privacy_stage import ANNA, BORN, IVAN, Stage, stage
from pyrage.x25519 import Identity

from voicebot.accounts.audit import Audit
from voicebot.clinic.tables import AppointmentStatus
from voicebot.errors import StorageError
from voicebot.privacy import removal
from voicebot.privacy.erase import COMING, FAMILY, LAB, PAST, RUNNING, Eraser, what_would_stay
from voicebot.privacy.export import FolderSink, ZipSink, export
from voicebot.privacy.patients import BadNumber, Kept, Subject, kept_of, subject_of
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.recorder import Recorder
from voicebot.records.sealing import read_recipients
from voicebot.records.tables import FactsRow

CHILD_BORN = date(2019, 3, 1)


@pytest.fixture
def clinic(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    with stage(database_url, tmp_path) as made:
        yield made


def kept(clinic: Stage, subject: Subject) -> Kept:
    return clinic.database.run(lambda session: kept_of(session, subject), is_readonly=True)


def ids(found: Kept) -> set[str]:
    return {row.id for row in found.dialogs}


def eraser(clinic: Stage) -> Eraser:
    return Eraser(clinic.database, clinic.settings, clinic.clock)


def test_everything_that_names_a_person_is_found(clinic: Stage) -> None:
    called, spelled = clinic.call(), clinic.call(phone="89161234567")
    hidden = clinic.call(phone="")  # told the number, or typed it
    clinic.store.add_turn(hidden, Turn(3, Who.CALLER, "восемь девятьсот", slots={"phone": ANNA}))
    typed = clinic.call(phone="anonymous")
    clinic.store.add_turn(typed, Turn(3, Who.CALLER, digits="89161234567"))
    booked_elsewhere = clinic.call(phone=IVAN)
    clinic.visit(booked_elsewhere)
    other = clinic.call(phone=IVAN)
    clinic.paper(called)
    found = kept(clinic, subject_of("8 (916) 123-45-67"))
    assert ids(found) == {called, spelled, hidden, typed, booked_elsewhere}
    assert [len(rows) for rows in (found.patients, found.visits, found.waiting, found.messages, found.lab_orders)] == [1] * 5
    assert {row.dialog_id for row in found.call_backs} == {called, spelled}
    assert ids(kept(clinic, Subject(IVAN))) == {booked_elsewhere, other}
    assert kept(clinic, Subject("+79990000000")).is_empty
    with pytest.raises(BadNumber):
        subject_of("916")


def test_a_birth_date_tells_a_family_apart(clinic: Stage) -> None:
    mine, childs, talk = clinic.call(), clinic.call(), clinic.call()
    clinic.visit(mine, surname="Кукушкина", born=BORN)
    clinic.visit(childs, surname="Кукушкин", born=CHILD_BORN)
    clinic.paper(childs, born=CHILD_BORN)
    found = kept(clinic, Subject(ANNA, BORN))
    assert ids(found) == {mine, talk}
    assert [row.surname for row in found.patients] == ["Кукушкина"]
    assert (len(found.visits), found.others_dialogs) == (1, 1)
    assert not found.waiting
    assert not found.lab_orders
    assert not found.messages
    of_child = kept(clinic, Subject(ANNA, CHILD_BORN))
    assert ids(of_child) == {childs, talk}
    assert len(of_child.lab_orders) == 1


def test_an_export_has_all_of_it_readable_by_people_and_programs(clinic: Stage, tmp_path: Path) -> None:
    one = clinic.call()
    clinic.visit(one)
    clinic.paper(one)
    lost = clinic.call()
    next(clinic.recordings.rglob(f"{lost}.flac")).unlink()
    folder = tmp_path / "out"
    assert export(clinic.database, clinic.settings, clinic.store, clinic.clock, Subject(ANNA), FolderSink(folder)) == 2
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "README.txt", "patient.json", "notices.json", "missing.json", f"audio/{one}.flac",
        *(f"dialogs/{each}.{kind}" for each in (one, lost) for kind in ("txt", "json")),
    }  # fmt: skip
    facts = json.loads((folder / "patient.json").read_text())
    assert facts["phone"] == ANNA
    assert facts["patients"][0]["surname"] == "Кукушкина"
    assert facts["patients"][0]["birth_date"] == "1985-05-12"
    assert facts["visits"][0]["doctor_id"] == "ivanov"
    assert facts["messages"][0]["values"] == {"patient": "Кукушкина"}
    assert facts["call_backs"][0]["note"] == "после обеда"
    assert set(facts["dialogs"]) == {one, lost}
    assert "кукушкина" in (folder / f"dialogs/{one}.txt").read_text()
    assert json.loads((folder / f"dialogs/{one}.json").read_text())["turns"][1]["text"].startswith("меня зовут")
    assert json.loads((folder / "notices.json").read_text()) == {"v1": "Разговор записывается."}
    assert list(json.loads((folder / "missing.json").read_text())) == [f"audio/{lost}.flac"]
    sound, _ = soundfile.read(folder / f"audio/{one}.flac", dtype="int16")
    assert (sound == 77).all()
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*"))
    with pytest.raises(StorageError, match="cannot be made"):
        FolderSink(folder)


def test_a_sealed_recording_leaves_open_and_says_when_it_cannot(database_url: str, tmp_path: Path) -> None:
    identity = Identity.generate()
    key_file = tmp_path / "key"
    key_file.write_text(str(identity))
    with stage(database_url, tmp_path, recordings={"key_file": key_file}) as clinic:
        one = clinic.call(has_sound=False)
        recorder = Recorder(clinic.recordings / "x.flac.sealed", 0, recipients=read_recipients([str(identity.to_public())]))
        recorder.write(b"\1\0" * 160, b"\2\0" * 160)
        recorder.close()
        clinic.store.set_recording(one, "x.flac.sealed")
        for word in ("open", "locked"):
            with zipfile.ZipFile(tmp_path / word, "w") as archive:
                export(clinic.database, clinic.settings, clinic.store, clinic.clock, Subject(ANNA), ZipSink(archive))
            key_file.unlink(missing_ok=True)
        with zipfile.ZipFile(tmp_path / "open") as archive:
            assert archive.read(f"audio/{one}.flac")[:4] == b"fLaC"
        with zipfile.ZipFile(tmp_path / "locked") as archive:
            assert "cannot be read" in json.loads(archive.read("missing.json"))[f"audio/{one}.flac"]


def test_an_erased_person_is_nowhere_and_the_figures_are_as_they_were(clinic: Stage) -> None:
    one, two, others = clinic.call(), clinic.call(days_ago=40), clinic.call(phone=IVAN)
    clinic.paper(one)
    clinic.visit(one, days=-30, status=AppointmentStatus.FULFILLED)
    clinic.visit(one, days=5, status=AppointmentStatus.CANCELLED)
    spool = clinic.settings.data_dir / "spool" / "00000001-1-aa.rejected.jsonl"
    spool.parent.mkdir(exist_ok=True)
    keep = json.dumps({"op": "turn", "id": others, "values": {"text": "чужое"}}, ensure_ascii=False)
    drop = [json.dumps({"op": "turn", "id": one, "values": {"text": "моё"}}), f'torn "{ANNA}']
    spool.write_text("\n".join([drop[0], keep, drop[1]]) + "\n")
    with clinic.database.session(is_readonly=True) as session:
        before = session.query(FactsRow).count()
    stays = what_would_stay(kept(clinic, Subject(ANNA)), clinic.clock.now())
    assert (stays[PAST], stays[COMING], stays[LAB]) == (2, 0, 1)
    done = eraser(clinic).erase(Subject(ANNA), "root", "10.0.0.1", with_visits=True)
    assert done.removed == {
        "recordings": 2, "dialogs": 2, "contact_points": 0, "outgoing_calls": 0,
        "waiting": 1, "messages": 1, "visits": 2, "lab_orders": 1, "patients": 1, "rejected": 2,
    }  # fmt: skip
    assert not any(done.stays.values())
    needles = ("9161234567", one, two, BORN.isoformat())
    assert [n for n in clinic.holds(*needles) if n not in (one,)] == []
    assert kept(clinic, Subject(ANNA)).is_empty
    assert spool.read_text() == keep + "\n"
    assert [path.stem for path in clinic.recordings.rglob("*.flac")] == [others]
    assert clinic.store.get(others) is not None
    assert len(kept(clinic, Subject(IVAN)).call_backs) == 1
    with clinic.database.session(is_readonly=True) as session:
        assert session.query(FactsRow).count() == before
    notes = Audit(clinic.database, clinic.clock).entries()
    assert [(note.action, note.subject, note.address) for note in notes] == [
        ("patient_erased", "+7 916 ***-**-67", "10.0.0.1"),
        ("erasure_begun", "+7 916 ***-**-67", "10.0.0.1"),
    ]
    assert "dialogs 2" in notes[0].detail


def test_what_stays_is_said_with_its_reason(clinic: Stage) -> None:
    over, running = clinic.call(), clinic.call(is_over=False)
    clinic.visit(over, days=-30)
    clinic.visit(over, days=3)
    clinic.paper(over)
    done = eraser(clinic).erase(Subject(ANNA), "root")
    assert {reason: count for reason, count in done.stays.items() if count} == {RUNNING: 1, COMING: 1, PAST: 1, LAB: 1}
    left = kept(clinic, Subject(ANNA))
    assert ids(left) == {running}
    assert (len(left.visits), len(left.patients)) == (2, 1)
    again = eraser(clinic).erase(Subject(ANNA), "root", with_visits=True)
    assert again.stays[COMING] == 1
    assert [row.start > clinic.clock.now() for row in kept(clinic, Subject(ANNA)).visits] == [True]
    clinic.clock.advance(3 * 3600)  # the running one has lost its process
    assert eraser(clinic).erase(Subject(ANNA), "root").removed["dialogs"] == 1


def test_one_of_a_family_is_erased_and_the_other_stays(clinic: Stage) -> None:
    mine, childs = clinic.call(), clinic.call()
    clinic.visit(mine, days=-1)
    clinic.visit(childs, days=-1, surname="Кукушкин", born=CHILD_BORN)
    done = eraser(clinic).erase(Subject(ANNA, BORN), "root", with_visits=True)
    assert done.stays[FAMILY] == 1
    assert ids(kept(clinic, Subject(ANNA))) == {childs}
    assert [row.surname for row in kept(clinic, Subject(ANNA)).patients] == ["Кукушкин"]


def test_an_interrupted_erasure_is_finished_by_the_next(clinic: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    one = clinic.call()
    clinic.paper(one)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(removal, "remove_dialogs", crash)
        with pytest.raises(KeyboardInterrupt):
            eraser(clinic).erase(Subject(ANNA), "root")
    assert ids(kept(clinic, Subject(ANNA))) == {one}
    done = eraser(clinic).erase(Subject(ANNA), "root")
    assert (done.removed["dialogs"], done.removed["messages"]) == (1, 1)
    assert ids(kept(clinic, Subject(ANNA))) == set()


def test_a_dialog_without_anything_else_is_found_by_its_summary(clinic: Stage) -> None:
    one = clinic.call(phone="")
    clinic.store.update_dialog(one, summary={"телефон": ANNA})
    clinic.store.open_dialog(Dialog("XXXXXXXX", caller_phone="+7916123456"))  # not the number: a digit is missing
    assert ids(kept(clinic, Subject(ANNA))) == {one}
