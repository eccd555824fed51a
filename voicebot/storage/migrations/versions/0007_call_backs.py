"""Calls that are to be returned."""

import sqlalchemy as sa
from alembic import op

revision = "0007_call_backs"
down_revision = "0006_qa_keys"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_OPEN = sa.text("done_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "call_backs",
        sa.Column("dialog_id", sa.String(8), nullable=False),
        sa.Column("phone", sa.String(64), nullable=False),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("assigned_to", sa.String(64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_try_at", _TIME, nullable=True),
        sa.Column("done_at", _TIME, nullable=True),
        sa.Column("done_by", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("dialog_id", name=op.f("pk_call_backs")),
        sa.ForeignKeyConstraint(
            ["dialog_id"], ["dialogs.id"], name=op.f("fk_call_backs_dialog_id_dialogs"), ondelete="CASCADE"
        ),
    )
    op.create_index("ix_call_backs_open", "call_backs", ["created_at"], sqlite_where=_OPEN, postgresql_where=_OPEN)


def downgrade() -> None:
    op.drop_table("call_backs")
