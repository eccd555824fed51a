"""Sessions of browsers and keys of programs. Tokens are random and stored as hashes only."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from voicebot.accounts.roles import NEEDED, Role, Scope, allows
from voicebot.accounts.tables import ApiKeyRow, SessionRow, UserRow
from voicebot.accounts.users import AccountError
from voicebot.clock import Clock
from voicebot.storage.database import Database

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)  # a shift
_SEEN_STEP = timedelta(minutes=1)  # seen_at is written that often at most
_KEY_PREFIX = "vb_"
_KEY_WHO = "key:"  # no login has a colon


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks: a user with a session, or a program with a key."""

    who: str  # the login, or "key:name"
    role: Role
    csrf: str = ""
    must_change: bool = False
    name: str = ""
    scopes: frozenset[Scope] | None = None  # of a key that is narrowed; such a key opens no pages

    def may(self, scope: Scope) -> bool:
        """Whether this part of the interface for programs is open."""
        is_in_scope = self.scopes is None or scope in self.scopes
        return is_in_scope and not self.must_change and allows(self.role, NEEDED[scope])

    @property
    def is_program(self) -> bool:
        return self.who.startswith(_KEY_WHO)


class LoginSessions:
    """The store of sessions and keys. Raises StorageError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(self, user_id: int) -> str:
        """Begin a session; return its token, which is nowhere stored."""
        token, now = secrets.token_urlsafe(32), self._clock.now()

        def work(session: Session) -> None:
            session.execute(delete(SessionRow).where(SessionRow.created_at < now - LONGEST))
            csrf = secrets.token_urlsafe(24)
            session.add(SessionRow(token_hash=_hash(token), user_id=user_id, csrf=csrf, created_at=now, seen_at=now))

        self._database.run(work)
        return token

    def find(self, token: str) -> Login | None:
        """Return who a token belongs to, None if it is unknown, idle for too long, or its user may not enter any more."""
        now = self._clock.now()
        query = select(SessionRow, UserRow).join(UserRow).where(SessionRow.token_hash == _hash(token))
        found = self._database.run(lambda session: session.execute(query).one_or_none(), is_readonly=True)
        if found is None:
            return None
        own, user = found
        if now - own.seen_at > IDLE or now - own.created_at > LONGEST or not user.is_active:
            self.close(token)
            return None
        if now - own.seen_at > _SEEN_STEP:
            seen = update(SessionRow).where(SessionRow.token_hash == own.token_hash).values(seen_at=now)
            self._database.run(lambda session: session.execute(seen))
        return Login(user.login, Role(user.role), own.csrf, user.must_change, user.name)

    def present(self) -> frozenset[str]:
        """Return the logins of those who have a session that is still in use."""
        now = self._clock.now()
        query = (
            select(UserRow.login)
            .join(SessionRow, SessionRow.user_id == UserRow.id)
            .where(SessionRow.seen_at >= now - IDLE, SessionRow.created_at >= now - LONGEST, UserRow.is_active)
        )
        return frozenset(self._database.run(lambda session: session.scalars(query).all(), is_readonly=True))

    def close(self, token: str) -> None:
        """End a session; nothing happens if there is none."""
        self._database.run(lambda session: session.execute(delete(SessionRow).where(SessionRow.token_hash == _hash(token))))

    # -- keys -------------------------------------------------------------------------------------------------------------

    def add_key(self, name: str, role: Role, scopes: Collection[Scope] = ()) -> str:
        """Make a key for a program; return it, it cannot be shown again. Without scopes it may all that its role may."""
        useless = [scope for scope in scopes if not allows(role, NEEDED[scope])]
        if useless:
            raise AccountError(f"The role {role} does not allow {', '.join(useless)}.", "Choose another role or scope.")
        narrowed = " ".join(sorted(set(scopes)))
        key = _KEY_PREFIX + secrets.token_urlsafe(32)

        def work(session: Session) -> None:
            if session.scalar(select(ApiKeyRow.id).where(ApiKeyRow.name == name)) is not None:
                raise AccountError(f"There is a key {name} already.", "Choose another name.")
            session.add(
                ApiKeyRow(name=name, key_hash=_hash(key), role=role.value, scopes=narrowed, created_at=self._clock.now())
            )

        self._database.run(work)
        return key

    def revoke_key(self, name: str) -> None:
        """Make a key worthless."""

        def work(session: Session) -> None:
            row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.name == name))
            if row is None:
                raise AccountError(f"There is no key {name}.", "`voicebot users keys` names them.")
            row.revoked_at = self._clock.now()

        self._database.run(work)

    def find_key(self, key: str) -> Login | None:
        """Return the program that a key belongs to, None if it is unknown or revoked."""
        if not key.startswith(_KEY_PREFIX):
            return None
        now = self._clock.now()

        def work(session: Session) -> Login | None:
            row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.key_hash == _hash(key), ApiKeyRow.revoked_at.is_(None)))
            if row is None:
                return None
            if row.used_at is None or now - row.used_at > _SEEN_STEP:
                row.used_at = now
            scopes = frozenset(map(Scope, row.scopes.split())) if row.scopes else None
            return Login(f"{_KEY_WHO}{row.name}", Role(row.role), scopes=scopes)

        return self._database.run(work)

    def all_keys(self) -> list[tuple[str, Role, bool, str]]:
        """Return (name, role, is it valid, scopes by spaces: "" is all) of all keys."""
        query = select(ApiKeyRow).order_by(ApiKeyRow.name)
        return self._database.run(
            lambda session: [(row.name, Role(row.role), row.revoked_at is None, row.scopes) for row in session.scalars(query)],
            is_readonly=True,
        )


def is_same_csrf(login: Login, given: str) -> bool:
    """Compare a form's token with the session's, in constant time."""
    return bool(login.csrf) and hmac.compare_digest(login.csrf.encode(), given.encode("utf-8", "replace"))


def _hash(token: str) -> str:
    # Tokens are 256 random bits: a plain hash cannot be turned back.
    return hashlib.sha256(token.encode()).hexdigest()
