"""Roles and what they allow. Deny by default: what is not named here nobody may do."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is at the clinic."""

    OPERATOR = "operator"
    QA = "qa"
    MANAGER = "manager"
    ADMIN = "admin"


class May(StrEnum):
    """One thing that can be allowed."""

    TAKE_CALLS = "take_calls"  # the queue of hand-overs, live transcripts, bookings of the patient
    READ_DIALOGS = "read_dialogs"  # any dialog, with its text
    LISTEN = "listen"  # recordings
    MARK = "mark"
    SEE_PHONES = "see_phones"  # unmasked
    SEE_NUMBERS = "see_numbers"
    EXPORT = "export"  # many dialogs as a file
    PERSONAL_DATA = "personal_data"  # a patient's export and erasure
    MANAGE_USERS = "manage_users"
    READ_AUDIT = "read_audit"


_ALLOWED: dict[Role, frozenset[May]] = {
    Role.OPERATOR: frozenset({May.TAKE_CALLS, May.SEE_PHONES}),
    Role.QA: frozenset({May.READ_DIALOGS, May.LISTEN, May.MARK, May.SEE_NUMBERS, May.EXPORT}),
    Role.MANAGER: frozenset({May.SEE_NUMBERS}),
    Role.ADMIN: frozenset(May),
}


def allows(role: Role, what: May) -> bool:
    """Whether a role may do something."""
    return what in _ALLOWED.get(role, frozenset())


class Scope(StrEnum):
    """What a program's key may be narrowed to; each part of /api/v1 is one, and /metrics."""

    DIALOGS = "dialogs"
    AUDIO = "audio"
    QUEUE = "queue"
    NUMBERS = "numbers"
    BOOKINGS = "bookings"
    METRICS = "metrics"


#: What the key's role must allow besides.
NEEDED: dict[Scope, May] = {
    Scope.DIALOGS: May.READ_DIALOGS,
    Scope.AUDIO: May.LISTEN,
    Scope.QUEUE: May.TAKE_CALLS,
    Scope.NUMBERS: May.SEE_NUMBERS,
    Scope.BOOKINGS: May.TAKE_CALLS,
    Scope.METRICS: May.SEE_NUMBERS,
}
