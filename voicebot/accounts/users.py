"""Users and their passwords (argon2id, RFC 9106)."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voicebot.accounts.roles import Role
from voicebot.accounts.tables import SessionRow, UserRow
from voicebot.clock import Clock
from voicebot.errors import VoicebotError
from voicebot.storage.database import Database

LEAST_PASSWORD = 10
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}")
#: Read aloud and typed without doubt: no look-alikes.
_ALPHABET = "abcdefghkmnpqrstuvwxyz23456789"


class AccountError(VoicebotError):
    """A user cannot be made or changed so."""


@dataclass(frozen=True, slots=True)
class User:
    """A person who works with the robot."""

    id: int
    login: str
    name: str
    role: Role
    must_change: bool
    is_active: bool
    last_login_at: datetime | None = None


class Users:
    """The store of users. Raises StorageError, AccountError."""

    def __init__(self, database: Database, clock: Clock, hasher: PasswordHasher | None = None) -> None:
        self._database = database
        self._clock = clock
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("nobody's password")

    def add(self, login: str, role: Role, password: str = "", name: str = "") -> str:
        """Make a user; without a password one is drawn, to be changed at the first login. Return the password."""
        login = _checked_login(login)
        drawn = "" if password else new_password()
        if password:
            check_password(password, login)
        row = UserRow(
            login=login,
            name=name,
            role=role.value,
            password_hash=self._hasher.hash(password or drawn),
            must_change=bool(drawn),
            is_active=True,
            created_at=self._clock.now(),
        )

        def work(session: Session) -> None:
            if session.scalar(select(UserRow.id).where(UserRow.login == login)) is not None:
                raise AccountError(f"There is a user {login} already.", "Choose another login, or change that user.")
            session.add(row)

        self._database.run(work)
        return password or drawn

    def ensure_admin(self) -> str:
        """Make the first administrator where there are no users at all; return the password, "" if there were some."""
        if self._database.run(lambda session: session.scalar(select(UserRow.id).limit(1)), is_readonly=True) is not None:
            return ""
        return self.add("admin", Role.ADMIN, name="Администратор")

    def verify(self, login: str, password: str) -> User | None:
        """Return the user whom login and password fit, None otherwise; takes equally long for a login that does not exist."""
        login = login.strip().lower()

        row = self._find(login)
        try:
            self._hasher.verify(row.password_hash if row is not None else self._nobody, password)
        except (VerificationError, InvalidHashError):
            return None
        if row is None or not row.is_active:
            return None
        values: dict[str, object] = {"last_login_at": self._clock.now()}
        if self._hasher.check_needs_rehash(row.password_hash):
            values["password_hash"] = self._hasher.hash(password)
        self._database.run(lambda session: session.execute(update(UserRow).where(UserRow.id == row.id).values(**values)))
        return _user(row)

    def is_known(self, login: str) -> bool:
        """Whether there is such a user, active or not."""
        return self._find(login.strip().lower()) is not None

    def set_password(self, login: str, password: str = "", *, is_own: bool = False) -> str:
        """Change a password (drawn if empty) and log the user out everywhere; return it."""
        if password:
            check_password(password, login)
        new = password or new_password()
        self._change(login, password_hash=self._hasher.hash(new), must_change=not is_own)
        return new

    def set_role(self, login: str, role: Role) -> None:
        """Give another role; the user logs in anew."""
        self._change(login, role=role.value)

    def set_active(self, login: str, is_active: bool) -> None:
        """Let a user in or keep him out; nothing he did is forgotten."""
        self._change(login, is_active=is_active)

    def all(self) -> Sequence[User]:
        """Return all users by login."""
        query = select(UserRow).order_by(UserRow.login)
        return self._database.run(lambda session: [_user(row) for row in session.scalars(query)], is_readonly=True)

    def _find(self, login: str) -> UserRow | None:
        if not _LOGIN.fullmatch(login):
            return None  # anything may be typed there, also what no database takes
        query = select(UserRow).where(UserRow.login == login)
        return self._database.run(lambda session: session.scalar(query), is_readonly=True)

    def _change(self, login: str, **values: object) -> None:
        def work(session: Session) -> None:
            row = session.scalar(select(UserRow).where(UserRow.login == login.strip().lower()).with_for_update())
            if row is None:
                raise AccountError(f"There is no user {login}.", "`voicebot users list` names them.")
            was_last = row.role == Role.ADMIN and row.is_active and _admins(session) == 1
            for name, value in values.items():
                setattr(row, name, value)
            if was_last and not (row.role == Role.ADMIN and row.is_active):
                raise AccountError("This is the last administrator.", "Make another one first.")
            for own in session.scalars(select(SessionRow).where(SessionRow.user_id == row.id)):
                session.delete(own)

        self._database.run(work)


def new_password() -> str:
    """Draw a password: 70 bits, in groups that can be dictated."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(3))


def check_password(password: str, login: str) -> None:
    """Raise AccountError for a password that is easily guessed (NIST SP 800-63B: length, and not the login)."""
    if len(password) < LEAST_PASSWORD:
        raise AccountError(f"A password has at least {LEAST_PASSWORD} characters.", "Choose a longer one: a phrase is fine.")
    if login.lower() in password.lower() or len(set(password)) < 5:
        raise AccountError("This password is easily guessed.", "Choose one without the login, of various characters.")


def _checked_login(login: str) -> str:
    plain = login.strip().lower()
    if not _LOGIN.fullmatch(plain):
        raise AccountError("A login has Latin letters, digits, dots, dashes.", "For example: a.petrova")
    return plain


def _admins(session: Session) -> int:
    query = select(UserRow.id).where(UserRow.role == Role.ADMIN.value, UserRow.is_active.is_(True))
    return len(session.scalars(query).all())


def _user(row: UserRow) -> User:
    return User(row.id, row.login, row.name, Role(row.role), row.must_change, row.is_active, row.last_login_at)
