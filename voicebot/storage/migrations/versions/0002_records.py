"""Dialogs and turns: the records."""

import sqlalchemy as sa
from alembic import op

revision = "0002_records"
down_revision = "0001_clinic"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dialogs",
        sa.Column("id", sa.String(8), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("caller_phone", sa.String(64), nullable=False),
        sa.Column("called", sa.String(64), nullable=False),
        sa.Column("sip_call_id", sa.String(255), nullable=False),
        sa.Column("dialplan", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("ended_by", sa.String(16), nullable=False),
        sa.Column("notice_version", sa.String(64), nullable=False),
        sa.Column("recording_path", sa.String(255), nullable=False),
        sa.Column("recording_started_ms", sa.Integer(), nullable=True),
        sa.Column("handling_seconds", sa.Float(), nullable=True),
        sa.Column("transfer_target", sa.String(64), nullable=False),
        sa.Column("transfer_result", sa.String(32), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dialogs")),
    )
    op.create_index("ix_dialogs_started_at", "dialogs", ["started_at"])
    op.create_index("ix_dialogs_caller_phone", "dialogs", ["caller_phone"])
    op.create_index("ix_dialogs_outcome_started_at", "dialogs", ["outcome", "started_at"])

    op.create_table(
        "turns",
        sa.Column("dialog_id", sa.String(8), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("who", sa.String(8), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offset_start_ms", sa.Integer(), nullable=True),
        sa.Column("offset_end_ms", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("played_text", sa.Text(), nullable=True),
        sa.Column("played_ms", sa.Integer(), nullable=True),
        sa.Column("alternatives", sa.JSON(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("intent", sa.String(64), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("prompt", sa.String(128), nullable=False),
        sa.Column("latency_ms", sa.JSON(), nullable=False),
        sa.Column("is_bargein", sa.Boolean(), nullable=False),
        sa.Column("digits", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["dialog_id"], ["dialogs.id"], name=op.f("fk_turns_dialog_id_dialogs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dialog_id", "number", name=op.f("pk_turns")),
    )


def downgrade() -> None:
    op.drop_table("turns")
    op.drop_index("ix_dialogs_outcome_started_at", "dialogs")
    op.drop_index("ix_dialogs_caller_phone", "dialogs")
    op.drop_index("ix_dialogs_started_at", "dialogs")
    op.drop_table("dialogs")
