"""A database file that goes away or is replaced: refused at once, never written into the void, nothing made in its place."""

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from voicebot.storage.database import Database, open_database
from voicebot.storage.failures import DatabaseUnreachableError

THINGS = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer, nullable=False))


def _opened(file: Path) -> Database:
    return open_database(f"sqlite:///{file}", busy_seconds=0.2, retry_seconds=0.2)


def _with_things(file: Path) -> Database:
    database = _opened(file)
    with database.session() as session:
        THINGS.create(session.connection())
    return database


def _add(database: Database, n: int) -> None:
    with database.session() as session:
        session.execute(insert(THINGS).values(n=n))


def _numbers(database: Database) -> list[int]:
    with database.session(is_readonly=True) as session:
        return list(session.scalars(select(THINGS.c.n).order_by(THINGS.c.n)))


@pytest.mark.parametrize("is_deleted", [True, False], ids=["deleted", "moved"])
def test_a_file_that_goes_away_is_refused_and_not_made_anew(tmp_path: Path, is_deleted: bool) -> None:
    file, away = tmp_path / "a.db", tmp_path / "away.db"
    database = _with_things(file)
    _add(database, 1)
    if is_deleted:
        file.unlink()
    else:
        file.rename(away)
    with pytest.raises(DatabaseUnreachableError):
        _add(database, 2)
    with pytest.raises(DatabaseUnreachableError):
        _numbers(database)
    assert not file.exists()
    if not is_deleted:
        away.rename(file)
        _add(database, 3)
        assert _numbers(database) == [1, 3]
    database.close()


def test_another_file_in_its_place_is_taken(tmp_path: Path) -> None:
    file, other = tmp_path / "a.db", tmp_path / "other.db"
    second = _with_things(other)
    _add(second, 10)
    second.close()  # all of it is in the file now
    database = _with_things(file)
    _add(database, 1)
    for part in tmp_path.glob("a.db*"):
        part.unlink()
    other.rename(file)
    _add(database, 11)
    assert _numbers(database) == [10, 11]
    database.close()


def test_who_may_make_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachableError):
        open_database(f"sqlite:///{tmp_path}/no/a.db", may_create=False)
    assert not (tmp_path / "no").exists()
    file = tmp_path / "with spaces & %41.db"
    _with_things(file).close()
    database = open_database(f"sqlite:///{file}", may_create=False)
    _add(database, 1)
    assert _numbers(database) == [1]
    database.close()
