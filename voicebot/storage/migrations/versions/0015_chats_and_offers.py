"""Operators answer text dialogs; free times are offered to those who wait for them."""

import sqlalchemy as sa
from alembic import op

revision = "0015_chats_and_offers"
down_revision = "0010_contact_points"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_CHATS = sa.text("asked_at IS NOT NULL AND result = ''")


def upgrade() -> None:
    op.add_column("handovers", sa.Column("asked_at", _TIME, nullable=True))
    op.add_column("handovers", sa.Column("active_at", _TIME, nullable=True))
    op.add_column("handovers", sa.Column("said_number", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_handovers_chats", "handovers", ["asked_at"], sqlite_where=_CHATS, postgresql_where=_CHATS)
    op.add_column("waiting", sa.Column("offers", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("waiting", sa.Column("offer_until", _TIME, nullable=True))
    op.add_column("waiting", sa.Column("outcome", sa.String(16), nullable=False, server_default=""))
    op.add_column("waiting", sa.Column("appointment_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    for column in ("appointment_id", "outcome", "offer_until", "offers"):
        op.drop_column("waiting", column)
    op.drop_index("ix_handovers_chats", "handovers")
    for column in ("said_number", "active_at", "asked_at"):
        op.drop_column("handovers", column)
