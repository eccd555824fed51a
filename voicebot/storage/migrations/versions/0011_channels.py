"""Text dialogs between two messages."""

import sqlalchemy as sa
from alembic import op

revision = "0011_channels"
down_revision = "0015_chats_and_offers"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_WITH_PEOPLE = sa.text("mode IN ('waiting', 'operator')")
_UNFINISHED = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "chats",
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("address", sa.String(128), nullable=False),
        sa.Column("dialog_id", sa.String(8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(12), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("replies", sa.Text(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("due", sa.String(12), nullable=False),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("claimed_until", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["dialog_id"], ["dialogs.id"], name=op.f("fk_chats_dialog_id_dialogs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("channel", "address", name=op.f("pk_chats")),
    )
    op.create_index("ix_chats_dialog_id", "chats", ["dialog_id"])
    op.create_index("ix_chats_mode", "chats", ["mode"], sqlite_where=_WITH_PEOPLE, postgresql_where=_WITH_PEOPLE)
    op.create_index("ix_chats_due_at", "chats", ["due_at"], sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED)


def downgrade() -> None:
    op.drop_table("chats")
