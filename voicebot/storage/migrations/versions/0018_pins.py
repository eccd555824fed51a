"""PIN codes that prove a number; the key of links in messages."""

import sqlalchemy as sa
from alembic import op

revision = "0018_pins"
down_revision = "0017_processes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("phone_key", sa.String(32), nullable=False),
        sa.Column("dialog_id", sa.String(64), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pins")),
        sa.UniqueConstraint("key", name=op.f("uq_pins_key")),
    )
    op.create_index("ix_pins_phone_key_created_at", "pins", ["phone_key", "created_at"])
    op.create_index("ix_pins_created_at", "pins", ["created_at"])
    op.create_table(
        "link_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_keys")),
    )


def downgrade() -> None:
    op.drop_table("link_keys")
    op.drop_table("pins")
