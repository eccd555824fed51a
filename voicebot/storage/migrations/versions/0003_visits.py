"""Identity by birth date, reasons of cancellations, the waiting list, messages to patients, laboratory orders."""

import sqlalchemy as sa
from alembic import op

revision = "0003_visits"
down_revision = "0002_records"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patients", sa.Column("birth_date", sa.Date(), nullable=True))
    op.add_column("appointments", sa.Column("cancel_reason", sa.String(32), nullable=False, server_default=""))

    op.create_table(
        "waiting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("dialog_id", sa.String(64), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("surname", sa.String(100), nullable=False),
        sa.Column("given", sa.String(100), nullable=False),
        sa.Column("patronymic", sa.String(100), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("doctor_id", sa.String(64), nullable=True),
        sa.Column("speciality_id", sa.String(64), nullable=True),
        sa.Column("service_id", sa.String(64), nullable=True),
        sa.Column("branch_id", sa.String(64), nullable=True),
        sa.Column("wish", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "doctor_id IS NOT NULL OR speciality_id IS NOT NULL OR service_id IS NOT NULL",
            name=op.f("ck_waiting_for_something"),
        ),
        sa.CheckConstraint("status <> 'to-offer' OR slot_id IS NOT NULL", name=op.f("ck_waiting_found")),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_waiting_slot_id_slots")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting")),
        sa.UniqueConstraint("key", name=op.f("uq_waiting_key")),
    )
    op.create_index("ix_waiting_status_created_at", "waiting", ["status", "created_at"])
    op.create_index("ix_waiting_phone", "waiting", ["phone"])

    op.create_table(
        "messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("dialog_id", sa.String(64), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("template", sa.String(64), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_messages_key")),
    )
    op.create_index("ix_messages_status_created_at", "messages", ["status", "created_at"])
    op.create_index("ix_messages_dialog_id", "messages", ["dialog_id"])

    op.create_table(
        "lab_orders",
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("branch_id", sa.String(64), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_lab_orders")),
    )
    op.create_index("ix_lab_orders_phone", "lab_orders", ["phone"])


def downgrade() -> None:
    for table in ("lab_orders", "messages", "waiting"):
        op.drop_table(table)
    op.drop_column("appointments", "cancel_reason")
    op.drop_column("patients", "birth_date")
