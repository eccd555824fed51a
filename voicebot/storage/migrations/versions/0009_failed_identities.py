"""Failed identifications of callers, counted across calls."""

import sqlalchemy as sa
from alembic import op

revision = "0009_failed_identities"
down_revision = "0008_privacy"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "failed_identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_identities")),
    )
    op.create_index("ix_failed_identities_key_at", "failed_identities", ["key", "at"])


def downgrade() -> None:
    op.drop_table("failed_identities")
