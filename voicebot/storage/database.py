"""One way to the database: SQLite in a file, or PostgreSQL by URL; the same code above it.

SQLite writes take their lock when a transaction begins (BEGIN IMMEDIATE), so none of them ends half-way because another
one came first: waiting happens in one place, and can be retried there without harm.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Result, create_engine, event, literal_column, make_url, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from voicebot.errors import ConfigurationError, StorageError
from voicebot.storage.base import Base
from voicebot.storage.failures import DatabaseLockedError, DatabaseUnreachableError, SerializationError, translate, translated
from voicebot.storage.sqlite_file import keep_to_the_file

T = TypeVar("T")

_READONLY = "voicebot_readonly"
_POOL_SECONDS = 5.0
_URL_CURE = 'Give "sqlite:///path/to/file.db" or "postgresql://user@host/name".'


class Database:
    """An open database. Safe to share between threads, not between forked processes: open one in each.

    `busy_seconds`: how long one attempt waits for a lock. `retry_seconds`: how long attempts go on in all.
    """

    def __init__(self, engine: Engine, busy_seconds: float, retry_seconds: float) -> None:
        self.engine = engine
        self.busy_seconds = busy_seconds
        self.retry_seconds = retry_seconds
        self._reading = engine.execution_options(**{_READONLY: True})

    @property
    def url(self) -> URL:
        return self.engine.url

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def session(self, *, is_readonly: bool = False) -> Iterator[Session]:
        """Open a transaction: committed at the end of the block, rolled back by an exception.

        Locks met at the begin are waited for; StorageError after `retry_seconds`. What PostgreSQL may undo in the
        middle (a serialization failure) is only retried by `run`, which can do the whole block again.
        """
        with translated(self.url), Session(self._engine(is_readonly), expire_on_commit=False) as session:
            self._retrying(DatabaseLockedError)(self._begin, session)
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise

    def run(self, work: Callable[[Session], T], *, is_readonly: bool = False) -> T:
        """Do `work` in a transaction, all of it again where the database undid it; `work` must bear that."""

        def once() -> T:
            with self.session(is_readonly=is_readonly) as session:
                return work(session)

        return self._retrying(SerializationError)(once)

    def check(self) -> None:
        """Raise StorageError unless the database answers; for health pages."""
        with self.session(is_readonly=True) as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        self.engine.dispose()

    def _engine(self, is_readonly: bool) -> Engine:
        return self._reading if is_readonly else self.engine

    def _begin(self, session: Session) -> None:
        try:
            session.connection()
        except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
            session.rollback()
            ours = translate(error, self.url)
            if ours is None:
                raise
            raise ours from None

    def _retrying(self, *kinds: type[StorageError]) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(kinds),
            stop=stop_after_delay(self.retry_seconds),
            wait=wait_random_exponential(multiplier=0.02, max=0.25),
            reraise=True,
        )


def open_database(url: str, *, busy_seconds: float = 2.0, retry_seconds: float = 6.0, may_create: bool = True) -> Database:
    """Open `url` and prove that it answers; raise StorageError with a cure if it does not.

    A caller waits while we wait for locks, so the limits are short. `may_create`: make an empty SQLite file where none is.
    """
    parsed = _parse(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            engine = _sqlite_engine(parsed, busy_seconds, may_create=may_create)
        else:
            engine = _postgresql_engine(parsed, busy_seconds)
    except ModuleNotFoundError:
        raise ConfigurationError("The PostgreSQL driver is not installed.", "pip install 'voicebot[postgresql]'") from None
    database = Database(engine, busy_seconds, retry_seconds)
    if database.is_sqlite:
        database._retrying(DatabaseLockedError)(_switch_to_wal, database)
    database.check()
    return database


def insert_missing(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows that break no unique constraint, many at once; return how many went in."""
    if not rows:
        return 0
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement = (sqlite_insert if is_sqlite else postgresql_insert)(table).on_conflict_do_nothing()
    # Drivers do not agree on rowcount after many rows; what is returned can be counted.
    returned: Result[Any] = session.execute(statement.returning(literal_column("1")), list(rows))
    return len(returned.all())


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend in ("postgres", "postgresql"):  # whatever driver libpq's spelling implies, ours is psycopg
            parsed = parsed.set(drivername="postgresql+psycopg")
        elif backend != "sqlite":
            raise ConfigurationError(f"database.url names {backend}, which is not supported.", _URL_CURE)
    except (ArgumentError, NoSuchModuleError):
        raise ConfigurationError("database.url is not a database URL.", _URL_CURE) from None
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        # Every process would have its own, and lose it.
        raise ConfigurationError("database.url names a database in memory.", _URL_CURE)
    return parsed


def _sqlite_engine(url: URL, busy_seconds: float, *, may_create: bool) -> Engine:
    if may_create and url.database and not url.database.startswith("file:"):
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnreachableError(
                f"The database's folder {folder} cannot be made: {error.strerror}.", "Correct data_dir or database.url."
            ) from None
    engine = create_engine(
        url,
        connect_args={"timeout": busy_seconds, "isolation_level": None},
        pool_size=8,
        max_overflow=16,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,  # parameters are names and phones: none may reach a log
    )
    if url.database and not url.database.startswith("file:"):
        keep_to_the_file(engine, Path(url.database), may_create=may_create)

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by us, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={round(busy_seconds * 1000)}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=FULL")  # a confirmed booking survives a power cut
        cursor.execute("PRAGMA secure_delete=FAST")  # what is erased is overwritten where that costs no more writing
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        is_readonly = connection.get_execution_options().get(_READONLY, False)
        connection.exec_driver_sql("BEGIN" if is_readonly else "BEGIN IMMEDIATE")

    return engine


def _switch_to_wal(database: Database) -> None:
    """WAL lets readers go on while one writes. The mode stays in the file; switching needs it for a moment alone."""
    with translated(database.url):
        connection = database.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode")
            if cursor.fetchone() != ("wal",):
                cursor.execute("PRAGMA journal_mode=WAL")
            cursor.close()
        finally:
            connection.close()


def _postgresql_engine(url: URL, busy_seconds: float) -> Engine:
    query = dict(url.query)
    query.setdefault("connect_timeout", "5")
    query.setdefault("application_name", "voicebot")
    # A server that vanished (power, network) is known within half a minute, not after the kernel's two hours.
    for name, value in (("keepalives_idle", 10), ("keepalives_interval", 5), ("keepalives_count", 3)):
        query.setdefault(name, str(value))
    query.setdefault("tcp_user_timeout", "20000")
    engine = create_engine(
        url.set(query=query),
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=16,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {round(busy_seconds * 1000)}")
            cursor.execute("SET idle_in_transaction_session_timeout = 60000")  # a brain that died must not keep locks
            cursor.execute("SET timezone = 'UTC'")
        connection.commit()

    return engine
