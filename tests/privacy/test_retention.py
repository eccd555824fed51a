"""What is too old goes, class by class; what was counted stays counted; a crash in between loses nothing."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from privacy_stage import Stage, stage
from pydantic import ValidationError
from sqlalchemy import select, text

from voicebot.accounts.audit import Audit
from voicebot.clinic.tables import AppointmentRow, PatientRow
from voicebot.privacy import removal
from voicebot.privacy.daily import CLAIM, Chore, DailyPurge, due_day
from voicebot.privacy.retention import Purge, Purged, Stopped
from voicebot.records.numbers import numbers
from voicebot.records.tables import FactsRow, LatencyRow, NoticeRow
from voicebot.settings import Retention


@pytest.fixture
def clinic(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    with stage(database_url, tmp_path) as made:
        yield made


def purge(clinic: Stage) -> Purged:
    return Purge(clinic.database, clinic.settings, clinic.clock, lambda: None).run()


def figures(clinic: Stage) -> tuple[int, int, int]:
    today = clinic.clock.now().date()
    with clinic.database.session(is_readonly=True) as session:
        found = numbers(session, today - timedelta(days=720), today)
    return found.total.contacts, found.heard.words, found.latency["total"].count if found.latency else 0


def test_each_class_has_its_time(clinic: Stage) -> None:
    fresh, deaf, old = clinic.call(days_ago=1), clinic.call(days_ago=91), clinic.call(days_ago=366)
    clinic.paper(fresh, days_ago=1)
    clinic.paper(deaf, days_ago=91)
    clinic.paper(old, days_ago=181)
    clinic.visit(old, days=-366)
    before = figures(clinic)
    due = Purge(clinic.database, clinic.settings, clinic.clock).due()
    done = purge(clinic)
    assert due == done
    assert done == Purged(recordings=2, dialogs=1, messages=2, waiting=1)
    heads = {dialog.id: dialog for dialog in clinic.store.find()}
    assert set(heads) == {fresh, deaf}
    assert heads[fresh].recording_path
    assert not heads[deaf].recording_path
    assert len(clinic.store.get(deaf).turns) == 2  # type: ignore[union-attr]
    assert [path.stem for path in clinic.recordings.rglob("*.flac")] == [fresh]
    assert len([path for path in clinic.recordings.rglob("*") if path.is_dir()]) == 3  # the other days' folders are gone
    assert figures(clinic) == before == (3, 9, 3)
    assert clinic.holds(old) == [old]  # the visit of the clinic still names its call
    with clinic.database.session(is_readonly=True) as session:
        named = set(session.scalars(select(FactsRow.dialog_id)))
        assert old not in named
        assert len(named) == 3
        assert session.scalar(select(NoticeRow.text)) == "Разговор записывается."
    note = Audit(clinic.database, clinic.clock).entries()[0]
    assert (note.who, note.action, note.detail) == ("retention", "purged", str(done))
    assert purge(clinic).total == 0
    assert len(Audit(clinic.database, clinic.clock).entries()) == 1  # nothing to tell


def test_the_words_of_a_purged_dialog_are_nowhere(clinic: Stage) -> None:
    clinic.call(days_ago=400)
    assert clinic.holds("кукушкин", "9161234567", "окулист") == ["9161234567", "кукушкин", "окулист"]
    purge(clinic)
    assert clinic.holds("кукушкин", "9161234567", "окулист") == []
    if clinic.database.is_sqlite:
        file = clinic.database.url.database or ""
        raw = Path(file).read_bytes() + Path(file + "-wal").read_bytes()
        for word in ("кукушкин", "окулист", "9161234567"):
            assert word.encode() not in raw, word


def test_figures_audit_and_leftovers_end_too(clinic: Stage) -> None:
    clinic.call(days_ago=1830)
    clinic.call(days_ago=10)
    audit = Audit(clinic.database, clinic.clock)
    audit.note("root", "logged_in")
    orphan = clinic.file("2020/01/02/LOST.flac")
    sealed = orphan.with_suffix(".flac.sealed")
    sealed.write_bytes(b"x")
    stranger = orphan.with_name("notes.txt")
    stranger.write_text("not ours")
    rejected = clinic.settings.data_dir / "spool" / "00000001-1-aa.rejected.jsonl"
    rejected.parent.mkdir(exist_ok=True)
    rejected.write_text("{}\n")
    now = clinic.clock.now().timestamp()
    os.utime(rejected, (now, now))
    first = purge(clinic)
    assert (first.figures, first.dialogs, first.audit, first.leftovers) == (1, 1, 0, 2)
    assert rejected.exists()
    assert stranger.exists()
    assert not sealed.exists()
    with clinic.database.session(is_readonly=True) as session:
        assert session.query(LatencyRow).count() == 1
    clinic.clock.advance(31 * 86400)
    assert purge(clinic).leftovers == 1
    assert not rejected.exists()
    clinic.clock.advance(1100 * 86400)
    assert purge(clinic).audit == 3
    assert [entry.action for entry in audit.entries()] == ["purged"]


def test_nothing_is_purged_that_is_to_be_kept_for_ever(database_url: str, tmp_path: Path) -> None:
    for_ever = {name: 0 for name in Retention.model_fields if name.endswith("_days")}
    with stage(database_url, tmp_path, retention=for_ever) as clinic:
        one = clinic.call(days_ago=4000)
        clinic.paper(one, days_ago=4000)
        assert purge(clinic).total == 0
        assert clinic.store.get(one) is not None


def test_a_running_dialog_and_an_uncounted_one_wait(clinic: Stage) -> None:
    running = clinic.call(days_ago=366, is_over=False)  # it has lost its process, and nobody has counted it yet
    assert purge(clinic).dialogs == 0
    assert clinic.store.get(running) is not None
    clinic.call(days_ago=1)  # the digester takes both
    assert purge(clinic).dialogs == 1
    assert clinic.store.get(running) is None


def test_old_visits_lose_their_patient_where_the_clinic_wants_that(database_url: str, tmp_path: Path) -> None:
    with stage(database_url, tmp_path, retention={"visits_days": 1000}) as clinic:
        old, new = clinic.visit("D1", days=-1001), clinic.visit("D2", days=-5)
        lone = clinic.visit("D3", phone="+79990001122", days=-2000, surname="Сорокина")
        assert purge(clinic).visits == 2
        with clinic.database.session(is_readonly=True) as session:
            rows = {row.id: row for row in session.scalars(select(AppointmentRow))}
            assert rows[old].phone == rows[lone].phone == ""
            assert rows[old].patient_id == rows[lone].patient_id != rows[new].patient_id
            assert (rows[old].doctor_id, rows[old].status) == ("ivanov", "booked")
            assert sorted(session.scalars(select(PatientRow.surname))) == ["", "Кукушкина"]
        assert clinic.holds("сорокин", "9990001122") == []
        assert purge(clinic).visits == 0


def test_a_crash_between_files_and_rows_loses_no_track(clinic: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [clinic.call(days_ago=91 + n) for n in range(3)]

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(removal, "forget_recordings", crash)
        with pytest.raises(KeyboardInterrupt):
            purge(clinic)
    assert not list(clinic.recordings.rglob("*.flac"))
    assert all(clinic.store.get(one).recording_path for one in ids)  # type: ignore[union-attr]
    purge(clinic)
    assert not any(clinic.store.get(one).recording_path for one in ids)  # type: ignore[union-attr]


def test_a_file_that_cannot_be_deleted_keeps_its_dialog(clinic: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, other = clinic.call(days_ago=400), clinic.call(days_ago=401)
    unlink = Path.unlink

    def refusing(path: Path, missing_ok: bool = False) -> None:
        if path.stem == stuck:
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refusing)
        assert purge(clinic).dialogs == 1
    assert clinic.store.get(other) is None
    assert clinic.store.get(stuck).recording_path  # type: ignore[union-attr]
    assert purge(clinic).dialogs == 1


def test_a_recording_may_not_outlive_its_dialog() -> None:
    for audio, words in ((366, 365), (0, 365)):
        with pytest.raises(ValidationError, match="audio_days may not exceed text_days"):
            Retention(audio_days=audio, text_days=words)
    assert Retention(audio_days=0, text_days=0).audio_days == 0
    assert Retention(audio_days=5, text_days=0).text_days == 0


# -- once a day -------------------------------------------------------------------------------------------------------------


def daily(clinic: Stage) -> DailyPurge:
    return DailyPurge(clinic.database, clinic.settings, clinic.clock, rest_seconds=0)


def test_it_runs_once_a_day_whoever_asks_and_however_often(clinic: Stage) -> None:
    clinic.at(datetime(2026, 11, 24, 12, 0, tzinfo=UTC))
    first, second = daily(clinic), daily(clinic)
    assert first.run_if_due() is not None
    for desk in (first, second, daily(clinic)):
        assert desk.run_if_due() is None
    clinic.at(datetime(2026, 11, 24, 23, 59, tzinfo=UTC))  # 2:59 in Moscow: the day has not come
    assert second.run_if_due() is None
    clinic.at(datetime(2026, 11, 25, 0, 0, tzinfo=UTC))
    assert second.run_if_due() is not None
    assert first.run_if_due() is None
    clinic.at(datetime(2026, 11, 30, 20, 0, tzinfo=UTC))  # the machine was off for days
    assert first.run_if_due() is not None
    assert second.run_if_due() is None


def test_the_day_of_a_desk_that_died_is_finished_by_another(clinic: Stage) -> None:
    for n in range(120):
        clinic.call(days_ago=91 + n / 1000, has_sound=False)
        clinic.store.update_dialog(clinic.store.find()[0].id, recording_path="2026/01/01/none.flac")
    dying = daily(clinic)
    dying.stop()  # at its first batch
    assert dying.run_if_due() is None
    left = Purge(clinic.database, clinic.settings, clinic.clock).due().recordings
    other = daily(clinic)
    assert other.run_if_due() is None  # claimed
    clinic.clock.advance(CLAIM.total_seconds() + 1)
    assert other.run_if_due() is not None
    assert left >= 0
    assert Purge(clinic.database, clinic.settings, clinic.clock).due().total == 0
    assert daily(clinic).run_if_due() is None


def test_who_is_at_it_for_long_is_not_overtaken(clinic: Stage) -> None:
    chore = Chore(clinic.database, clinic.clock, clinic.settings.zoneinfo, "purge", 3)
    other = Chore(clinic.database, clinic.clock, clinic.settings.zoneinfo, "purge", 3)
    day = chore.claim()
    assert day is not None
    for _ in range(8):
        clinic.clock.advance(600)
        chore.still_at_it()
        assert other.claim() is None
    chore.done(day)
    assert other.claim() is None


def test_the_day_begins_at_its_hour_in_the_clinics_zone(clinic: Stage) -> None:
    zone = clinic.settings.zoneinfo
    assert due_day(datetime(2026, 11, 23, 23, 59, tzinfo=UTC), zone, 3).day == 23  # 2:59 on the 24th
    assert due_day(datetime(2026, 11, 24, 0, 0, tzinfo=UTC), zone, 3).day == 24
    assert due_day(datetime(2026, 11, 23, 21, 0, tzinfo=UTC), zone, 0).day == 24


def test_a_purge_that_is_stopped_tells_what_it_did(clinic: Stage) -> None:
    clinic.call(days_ago=91)

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        Purge(clinic.database, clinic.settings, clinic.clock, stop).run()
    assert "recordings 1" in Audit(clinic.database, clinic.clock).entries()[0].detail


def test_the_search_index_is_merged_and_still_finds(clinic: Stage) -> None:
    for n in range(30):
        clinic.call(days_ago=400 - n, has_sound=False)
    kept = clinic.call(days_ago=1)
    assert purge(clinic).dialogs == 30
    with clinic.database.session(is_readonly=True) as session:
        assert list(session.scalars(text("SELECT dialog_id FROM dialog_words"))) == [kept]


def test_of_many_desks_that_look_at_the_same_moment_one_purges(clinic: Stage) -> None:
    """For the first time ever, and on a later day."""
    for _ in range(2):
        barrier = Barrier(6)

        def claim(barrier: Barrier = barrier) -> object:
            chore = Chore(clinic.database, clinic.clock, clinic.settings.zoneinfo, "purge", 3)
            barrier.wait()
            return chore.claim()

        with ThreadPoolExecutor(6) as pool:
            days = [future.result() for future in [pool.submit(claim) for _ in range(6)]]
        (day,) = [day for day in days if day is not None]
        Chore(clinic.database, clinic.clock, clinic.settings.zoneinfo, "purge", 3).done(day)  # type: ignore[arg-type]
        clinic.clock.advance(86_400)
