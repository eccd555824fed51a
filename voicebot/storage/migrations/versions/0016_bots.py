"""Updates of messengers' bots: read once, answered once."""

import sqlalchemy as sa
from alembic import op

revision = "0016_bots"
down_revision = "0012_outgoing_calls"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bot_positions",
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("held_until", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_bot_positions")),
    )
    op.create_table(
        "bot_updates",
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("channel", "key", name=op.f("pk_bot_updates")),
    )
    op.create_index("ix_bot_updates_at", "bot_updates", ["at"])


def downgrade() -> None:
    op.drop_table("bot_updates")
    op.drop_table("bot_positions")
