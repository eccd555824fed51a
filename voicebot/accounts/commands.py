"""`voicebot users ...`: who may open the desk."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from voicebot import settings as settings_module
from voicebot.accounts.audit import Audit
from voicebot.accounts.roles import Role, Scope
from voicebot.accounts.sessions import LoginSessions
from voicebot.accounts.users import Users
from voicebot.clock import SystemClock
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

app = typer.Typer(help="Who may open the desk: users, roles, keys of programs.", no_args_is_help=True)
_console = Console()

Login = Annotated[str, typer.Argument(help="Latin letters, digits, dots, dashes")]
_SHELL = "command line"


@app.command("list")
def list_users() -> None:
    """Print all users."""
    with _database() as database:
        table = Table("login", "name", "role", "may enter", "last login")
        for user in Users(database, SystemClock()).all():
            last = f"{user.last_login_at:%Y-%m-%d %H:%M} UTC" if user.last_login_at else "never"
            table.add_row(user.login, user.name, user.role, "yes" if user.is_active else "no", last)
        _console.print(table)


@app.command()
def add(login: Login, role: Role, name: Annotated[str, typer.Option(help="as shown on the pages")] = "") -> None:
    """Make a user; the password is drawn and shown once."""
    with _database() as database:
        password = Users(database, SystemClock()).add(login, role, name=name)
        Audit(database, SystemClock()).note(_SHELL, "user_added", login, detail=role)
    _console.print(f"{login} ({role}) may enter. Password, shown once, to be changed at the first login: {password}")


@app.command()
def password(login: Login) -> None:
    """Draw a new password, shown once; the user is logged out everywhere."""
    with _database() as database:
        drawn = Users(database, SystemClock()).set_password(login)
        Audit(database, SystemClock()).note(_SHELL, "password_reset", login)
    _console.print(f"New password of {login}, shown once, to be changed at the first login: {drawn}")


@app.command("role")
def set_role(login: Login, role: Role) -> None:
    """Give a user another role."""
    with _database() as database:
        Users(database, SystemClock()).set_role(login, role)
        Audit(database, SystemClock()).note(_SHELL, "role_changed", login, detail=role)


@app.command()
def disable(login: Login) -> None:
    """Keep a user out; the sessions end at once."""
    with _database() as database:
        Users(database, SystemClock()).set_active(login, False)
        Audit(database, SystemClock()).note(_SHELL, "user_disabled", login)


@app.command()
def enable(login: Login) -> None:
    """Let a user in again."""
    with _database() as database:
        Users(database, SystemClock()).set_active(login, True)
        Audit(database, SystemClock()).note(_SHELL, "user_enabled", login)


@app.command()
def keys() -> None:
    """Print the keys of other programs."""
    with _database() as database:
        table = Table("name", "role", "only for", "valid")
        for name, role, is_valid, scopes in LoginSessions(database, SystemClock()).all_keys():
            table.add_row(name, role, scopes or "all the role may", "yes" if is_valid else "revoked")
        _console.print(table)


@app.command("add-key")
def add_key(
    name: str,
    role: Role,
    only: Annotated[list[Scope], typer.Option(help="narrow it to this part of the interface; may be repeated")] = [],  # noqa: B006
) -> None:
    """Make a key for another program, shown once (HTTP header Authorization: Bearer KEY); see docs/api.md."""
    with _database() as database:
        key = LoginSessions(database, SystemClock()).add_key(name, role, only)
        Audit(database, SystemClock()).note(_SHELL, "key_added", name, detail=" ".join([role, *only]))
    _console.print(f"Key of {name}, shown once: {key}", soft_wrap=True)


@app.command("revoke-key")
def revoke_key(name: str) -> None:
    """Make a key worthless."""
    with _database() as database:
        LoginSessions(database, SystemClock()).revoke_key(name)
        Audit(database, SystemClock()).note(_SHELL, "key_revoked", name)


@contextmanager
def _database() -> Iterator[Database]:
    database = open_database(settings_module.load().database_url)
    try:
        upgrade(database)
        yield database
    finally:
        database.close()
