"""Addresses of patients, deliveries of messages, reminders; what the courier notes about a message."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0010_contact_points"
down_revision = "0009_failed_identities"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_OPEN = sa.text("done_at IS NULL")
_NEW = (
    "appointment_id", "branch_id", "is_urgent", "channels", "not_before", "expires_at", "due_at", "cascade", "claimed_by",
    "claimed_until", "fence", "done_at", "reason", "answer", "answered_at",
)  # fmt: skip


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _time(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, _TIME, nullable=nullable)


def upgrade() -> None:
    op.add_column("appointments", _time("confirmed_at"))

    def late(name: str, length: int) -> sa.Column[str]:
        return sa.Column(name, sa.String(length), nullable=False, server_default="")

    for column in (
        sa.Column("appointment_id", sa.Integer(), nullable=True),
        late("branch_id", 64),
        sa.Column("is_urgent", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("channels", sa.JSON(), nullable=True),
        _time("not_before"),
        _time("expires_at"),
        _time("due_at"),
        sa.Column("cascade", sa.JSON(), nullable=True),
        late("claimed_by", 64),
        _time("claimed_until"),
        sa.Column("fence", sa.Integer(), nullable=False, server_default="0"),
        _time("done_at"),
        late("reason", 32),
        late("answer", 16),
        _time("answered_at"),
    ):
        op.add_column("messages", column)
    # What waited before anybody could send it would come as a surprise now.
    op.execute("UPDATE messages SET status = 'dropped', reason = 'too_late', done_at = created_at")
    op.create_index("ix_messages_open", "messages", ["due_at"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_messages_appointment_id", "messages", ["appointment_id"])

    op.create_table(
        "contact_points",
        sa.Column("id", sa.Integer(), nullable=False),
        _text("phone", 20),
        _text("system", 16),
        _text("value", 200),
        _time("verified_at"),
        _time("consent_at"),
        _time("withdrawn_at"),
        _time("refused_at"),
        sa.Column("allows_details", sa.Boolean(), nullable=False),
        _text("source", 64),
        _time("created_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_points")),
        sa.UniqueConstraint("phone", "system", "value", name=op.f("uq_contact_points_phone")),
    )
    op.create_index("ix_contact_points_system_value", "contact_points", ["system", "value"])

    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=True),
        _text("template", 64),
        sa.Column("attempt", sa.Integer(), nullable=False),
        _text("channel", 16),
        _text("address", 200),
        _text("provider", 32),
        _text("key", 64),
        _text("provider_id", 128),
        _text("status", 16),
        _text("reason", 64),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("price_kopecks", sa.Integer(), nullable=False),
        _time("created_at", nullable=False),
        _time("accepted_at"),
        _time("delivered_at"),
        _time("read_at"),
        _time("ended_at"),
        _time("deadline_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_deliveries_message_id_messages"), ondelete="SET NULL"
        ),
        sa.UniqueConstraint("message_id", "attempt", name=op.f("uq_deliveries_message_id")),
        sa.UniqueConstraint("key", name=op.f("uq_deliveries_key")),
    )
    op.create_index("ix_deliveries_provider_provider_id", "deliveries", ["provider", "provider_id"])
    op.create_index("ix_deliveries_channel_address", "deliveries", ["channel", "address"])
    op.create_index("ix_deliveries_created_at", "deliveries", ["created_at"])

    op.create_table(
        "early_receipts",
        sa.Column("id", sa.Integer(), nullable=False),
        _text("provider", 32),
        _text("provider_id", 128),
        _text("status", 16),
        _text("reason", 64),
        _time("at", nullable=False),
        _time("received_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_early_receipts")),
    )
    op.create_index("ix_early_receipts_provider_provider_id", "early_receipts", ["provider", "provider_id"])

    op.create_table(
        "reminders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("appointment_id", sa.Integer(), nullable=False),
        _text("step", 16),
        _time("start", nullable=False),
        _time("planned_at", nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=True),
        _time("created_at", nullable=False),
        _text("answer", 16),
        _time("answered_at"),
        _text("answered_by", 16),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointments.id"], name=op.f("fk_reminders_appointment_id_appointments"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_reminders_message_id_messages"), ondelete="SET NULL"
        ),
        sa.UniqueConstraint("appointment_id", "step", "start", name=op.f("uq_reminders_appointment_id")),
    )
    op.create_index("ix_reminders_message_id", "reminders", ["message_id"])
    op.create_index("ix_reminders_planned_at", "reminders", ["planned_at"])


def downgrade() -> None:
    for table in ("reminders", "early_receipts", "deliveries", "contact_points"):
        op.drop_table(table)
    op.drop_index("ix_messages_appointment_id", "messages")
    op.drop_index("ix_messages_open", "messages")
    with op.batch_alter_table("messages") as messages:
        for name in _NEW:
            messages.drop_column(name)
    with op.batch_alter_table("appointments") as appointments:
        appointments.drop_column("confirmed_at")
