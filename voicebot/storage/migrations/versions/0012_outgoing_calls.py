"""Calls that the robot makes; which way a dialog's call went."""

import sqlalchemy as sa
from alembic import op

revision = "0012_outgoing_calls"
down_revision = "0011_channels"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_OPEN = sa.text("done_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "outgoing_calls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("form", sa.String(64), nullable=False),
        sa.Column("given", sa.JSON(), nullable=False),
        sa.Column("not_before", _TIME, nullable=False),
        sa.Column("not_after", _TIME, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("retry_seconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(64), nullable=False),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.Column("dialog_id", sa.String(64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("done_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_calls")),
        sa.UniqueConstraint("key", name=op.f("uq_outgoing_calls_key")),
    )
    op.create_index("ix_outgoing_calls_open", "outgoing_calls", ["not_before"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("ix_outgoing_calls_done_at", "outgoing_calls", ["done_at"])
    op.create_index("ix_outgoing_calls_phone", "outgoing_calls", ["phone"])
    op.create_index("ix_outgoing_calls_created_at", "outgoing_calls", ["created_at"])
    op.add_column("dialogs", sa.Column("direction", sa.String(4), nullable=False, server_default="in"))


def downgrade() -> None:
    with op.batch_alter_table("dialogs") as dialogs:
        dialogs.drop_column("direction")
    op.drop_table("outgoing_calls")
