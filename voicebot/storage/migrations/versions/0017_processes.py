"""Which process serves a dialog, and when it was last alive: a dialog whose machine died gets its outcome from others."""

import sqlalchemy as sa
from alembic import op

revision = "0017_processes"
down_revision = "0016_bots"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_OPEN = sa.text("ended_at IS NULL AND served_by <> ''")


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.String(96), nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    op.create_index("ix_processes_node_seen_at", "processes", ["node", "seen_at"])
    op.add_column("dialogs", sa.Column("served_by", sa.String(96), nullable=False, server_default=""))
    op.create_index("ix_dialogs_served", "dialogs", ["served_by"], sqlite_where=_OPEN, postgresql_where=_OPEN)


def downgrade() -> None:
    op.drop_index("ix_dialogs_served", "dialogs")
    op.drop_column("dialogs", "served_by")
    op.drop_table("processes")
