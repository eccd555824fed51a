"""Users, sessions and keys, on both databases: nothing usable is stored, and what ends, ends."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from postgres import database_url, postgresql_url
from sqlalchemy import select, text

from voicebot.accounts.audit import Audit
from voicebot.accounts.roles import May, Role, Scope, allows
from voicebot.accounts.sessions import IDLE, LONGEST, LoginSessions, is_same_csrf
from voicebot.accounts.tables import UserRow
from voicebot.accounts.users import AccountError, Users, new_password
from voicebot.clock import VirtualClock
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

__all__ = ["database_url", "postgresql_url"]

GOOD = "длинная фраза 7"
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def users(database: Database, clock: VirtualClock) -> Users:
    return Users(database, clock, QUICK)


@pytest.fixture
def sessions(database: Database, clock: VirtualClock) -> LoginSessions:
    return LoginSessions(database, clock)


def test_the_first_start_makes_an_administrator_once(users: Users) -> None:
    password = users.ensure_admin()
    assert users.ensure_admin() == ""
    admin = users.verify("Admin ", password)
    assert admin is not None
    assert (admin.role, admin.must_change) == (Role.ADMIN, True)


def test_passwords_are_hashed_and_checked(users: Users, database: Database) -> None:
    users.add("a.petrova", Role.OPERATOR, GOOD)
    assert users.verify("a.petrova", GOOD) is not None
    for login, password in (("a.petrova", GOOD + "!"), ("nobody", GOOD), ("a.petrova", "")):
        assert users.verify(login, password) is None
    with database.session(is_readonly=True) as session:
        stored = session.scalar(select(UserRow.password_hash))
    assert stored is not None
    assert stored.startswith("$argon2id$")
    assert GOOD not in stored


@pytest.mark.parametrize("password", ["short", "a.petrova-12345", "aaaaaaaaaaaa"])
def test_bad_passwords_are_refused(users: Users, password: str) -> None:
    with pytest.raises(AccountError):
        users.add("a.petrova", Role.OPERATOR, password)


@pytest.mark.parametrize("login", ["", "а.петрова", "x y", "../x", "a" * 80])
def test_bad_logins_are_refused(users: Users, login: str) -> None:
    with pytest.raises(AccountError):
        users.add(login, Role.OPERATOR, GOOD)


def test_a_login_is_unique(users: Users) -> None:
    users.add("a.petrova", Role.OPERATOR, GOOD)
    with pytest.raises(AccountError):
        users.add("A.Petrova", Role.QA, GOOD)


def test_drawn_passwords_differ_and_are_long() -> None:
    drawn = {new_password() for _ in range(50)}
    assert len(drawn) == 50
    assert all(len(password) == 17 for password in drawn)


def test_a_session_lasts_while_it_is_used(users: Users, sessions: LoginSessions, clock: VirtualClock) -> None:
    users.add("a.petrova", Role.QA, GOOD, name="Анна Петрова")
    user = users.verify("a.petrova", GOOD)
    assert user is not None
    token = sessions.open(user.id)
    for _ in range(5):
        clock.advance(IDLE.total_seconds() - 60)
        login = sessions.find(token)
        assert login is not None
        assert (login.who, login.role, login.name) == ("a.petrova", Role.QA, "Анна Петрова")
    clock.advance(IDLE.total_seconds() + 1)
    assert sessions.find(token) is None
    assert sessions.find(token) is None


def test_a_session_ends_after_a_shift_and_by_logging_out(users: Users, sessions: LoginSessions, clock: VirtualClock) -> None:
    users.add("a.petrova", Role.QA, GOOD)
    user = users.verify("a.petrova", GOOD)
    assert user is not None
    token = sessions.open(user.id)
    while clock.elapsed_seconds < LONGEST.total_seconds() - 600:
        clock.advance(600)
        assert sessions.find(token) is not None
    clock.advance(700)
    assert sessions.find(token) is None
    token = sessions.open(user.id)
    sessions.close(token)
    assert sessions.find(token) is None
    assert sessions.find("anything") is None


def test_a_stolen_table_opens_nothing(users: Users, sessions: LoginSessions, database: Database) -> None:
    users.add("a.petrova", Role.QA, GOOD)
    token = sessions.open(1)
    key = sessions.add_key("prometheus", Role.MANAGER)
    with database.session(is_readonly=True) as session:
        stored = str(session.execute(text("SELECT token_hash, csrf FROM sessions")).all())
        stored += str(session.execute(text("SELECT key_hash FROM api_keys")).all())
    assert token not in stored
    assert key not in stored


@pytest.mark.parametrize("change", ["password", "role", "disable"])
def test_what_changes_a_user_ends_the_sessions(users: Users, sessions: LoginSessions, change: str) -> None:
    users.add("a.petrova", Role.QA, GOOD)
    user = users.verify("a.petrova", GOOD)
    assert user is not None
    token = sessions.open(user.id)
    if change == "password":
        drawn = users.set_password("a.petrova")
        changed = users.verify("a.petrova", drawn)
        assert changed is not None
        assert changed.must_change
    elif change == "role":
        users.set_role("a.petrova", Role.OPERATOR)
    else:
        users.set_active("a.petrova", False)
        assert users.verify("a.petrova", GOOD) is None
    assert sessions.find(token) is None


def test_the_last_administrator_stays(users: Users) -> None:
    users.ensure_admin()
    with pytest.raises(AccountError, match="last administrator"):
        users.set_active("admin", False)
    with pytest.raises(AccountError, match="last administrator"):
        users.set_role("admin", Role.QA)
    users.add("second", Role.ADMIN, GOOD)
    users.set_role("admin", Role.QA)
    assert [user.role for user in users.all()] == [Role.QA, Role.ADMIN]


def test_keys_of_programs(sessions: LoginSessions) -> None:
    key = sessions.add_key("prometheus", Role.MANAGER)
    login = sessions.find_key(key)
    assert login is not None
    assert (login.who, login.role, login.csrf) == ("key:prometheus", Role.MANAGER, "")
    assert sessions.find_key("vb_guess") is None
    assert sessions.find_key("") is None
    sessions.revoke_key("prometheus")
    assert sessions.find_key(key) is None
    assert sessions.all_keys() == [("prometheus", Role.MANAGER, False, "")]
    with pytest.raises(AccountError):
        sessions.add_key("prometheus", Role.MANAGER)
    with pytest.raises(AccountError):
        sessions.revoke_key("nobody")


def test_a_key_is_narrowed_to_scopes(sessions: LoginSessions) -> None:
    login = sessions.find_key(sessions.add_key("crm", Role.QA, [Scope.NUMBERS, Scope.DIALOGS]))
    assert login is not None
    assert login.is_program
    assert [scope for scope in Scope if login.may(scope)] == [Scope.DIALOGS, Scope.NUMBERS]
    assert sessions.all_keys() == [("crm", Role.QA, True, "dialogs numbers")]
    wide = sessions.find_key(sessions.add_key("wide", Role.QA))
    assert wide is not None
    assert not wide.may(Scope.QUEUE)  # the role does not allow it
    assert wide.may(Scope.AUDIO)
    with pytest.raises(AccountError):
        sessions.add_key("bad", Role.MANAGER, [Scope.AUDIO])


def test_forms_need_the_sessions_own_token(users: Users, sessions: LoginSessions) -> None:
    users.add("a.petrova", Role.QA, GOOD)
    login = sessions.find(sessions.open(1))
    assert login is not None
    assert is_same_csrf(login, login.csrf)
    assert not is_same_csrf(login, "")
    assert not is_same_csrf(login, login.csrf[:-1])


def test_roles_are_denied_what_they_do_not_need() -> None:
    assert allows(Role.ADMIN, May.MANAGE_USERS)
    assert allows(Role.OPERATOR, May.TAKE_CALLS)
    assert not allows(Role.OPERATOR, May.LISTEN)
    assert not allows(Role.QA, May.SEE_PHONES)
    assert not allows(Role.MANAGER, May.READ_DIALOGS)
    assert all(allows(Role.ADMIN, what) for what in May)


def test_the_audit_is_read_newest_first(database: Database, clock: VirtualClock) -> None:
    audit = Audit(database, clock)
    audit.note("qa", "opened", "7A3KM05X", "127.0.0.1")
    clock.advance(1)
    audit.note("admin", "user_added", "a.petrova", detail="qa" * 1000)
    assert [(entry.who, entry.action, entry.subject) for entry in audit.entries()] == [
        ("admin", "user_added", "a.petrova"),
        ("qa", "opened", "7A3KM05X"),
    ]
    assert [entry.who for entry in audit.entries(subject="7A3KM05X")] == ["qa"]
    assert [entry.action for entry in audit.entries(who="admin")] == ["user_added"]
