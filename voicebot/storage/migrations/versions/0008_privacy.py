"""What callers were told about the recording; what is done once a day."""

import sqlalchemy as sa
from alembic import op

revision = "0008_privacy"
down_revision = "0007_call_backs"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_RECORDED = sa.text("recording_path <> ''")


def upgrade() -> None:
    op.add_column("dialogs", sa.Column("notice_said_at", _TIME, nullable=True))
    op.create_table(
        "notices",
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_said_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_notices")),
    )
    op.create_table(
        "chores",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("claimed_at", _TIME, nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chores")),
    )
    op.create_index("ix_dialogs_recorded", "dialogs", ["started_at"], sqlite_where=_RECORDED, postgresql_where=_RECORDED)
    op.create_index("ix_messages_phone", "messages", ["phone"])
    op.create_index("ix_messages_created_at", "messages", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_dialogs_recorded", "dialogs")
    op.drop_index("ix_messages_created_at", "messages")
    op.drop_index("ix_messages_phone", "messages")
    op.drop_table("chores")
    op.drop_table("notices")
    with op.batch_alter_table("dialogs") as dialogs:
        dialogs.drop_column("notice_said_at")
