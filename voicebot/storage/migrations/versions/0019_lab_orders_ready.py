"""Laboratory orders by the time they are ready: looked for again and again, to tell their patients."""

from alembic import op

revision = "0019_lab_orders_ready"
down_revision = "0018_pins"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_lab_orders_ready_at", "lab_orders", ["ready_at"])


def downgrade() -> None:
    op.drop_index("ix_lab_orders_ready_at", "lab_orders")
