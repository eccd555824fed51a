"""Slots, patients, appointments: the clinic."""

import sqlalchemy as sa
from alembic import op

revision = "0001_clinic"
down_revision = None
branch_labels = None
depends_on = None

_LIVE = sa.text("status NOT IN ('cancelled', 'noshow')")


def upgrade() -> None:
    op.create_table(
        "slots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("doctor_id", sa.String(64), nullable=False),
        sa.Column("branch_id", sa.String(64), nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("held_by", sa.String(64), nullable=True),
        sa.Column("hold_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lapsed_holder", sa.String(64), nullable=True),
        sa.Column("appointment_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("duration_minutes > 0", name=op.f("ck_slots_duration")),
        sa.CheckConstraint(
            "status <> 'busy-tentative' OR (held_by IS NOT NULL AND hold_expires_at IS NOT NULL)",
            name=op.f("ck_slots_hold"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slots")),
        sa.UniqueConstraint("doctor_id", "start", name=op.f("uq_slots_doctor_id")),
    )
    op.create_index("ix_slots_held_by", "slots", ["held_by"])
    op.create_index("ix_slots_appointment_id", "slots", ["appointment_id"])

    op.create_table(
        "patients",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("surname", sa.String(100), nullable=False),
        sa.Column("given", sa.String(100), nullable=False),
        sa.Column("patronymic", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
        sa.UniqueConstraint("phone", "surname", "given", "patronymic", name=op.f("uq_patients_phone")),
    )

    op.create_table(
        "appointments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("doctor_id", sa.String(64), nullable=False),
        sa.Column("branch_id", sa.String(64), nullable=False),
        sa.Column("service_id", sa.String(64), nullable=True),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("dialog_id", sa.String(64), nullable=False),
        sa.Column("replaces_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_appointments_slot_id_slots")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_appointments_patient_id_patients")),
        sa.ForeignKeyConstraint(["replaces_id"], ["appointments.id"], name=op.f("fk_appointments_replaces_id_appointments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointments")),
    )
    op.create_index(
        "uq_appointments_live_slot", "appointments", ["slot_id"], unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE
    )
    op.create_index("ix_appointments_phone", "appointments", ["phone"])
    op.create_index("ix_appointments_dialog_id", "appointments", ["dialog_id"])
    op.create_index("ix_appointments_start", "appointments", ["start"])

    op.create_table(
        "occupied",
        sa.Column("doctor_id", sa.String(64), nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("appointment_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointments.id"], name=op.f("fk_occupied_appointment_id_appointments")),
        sa.PrimaryKeyConstraint("doctor_id", "start", name=op.f("pk_occupied")),
    )
    op.create_index("ix_occupied_appointment_id", "occupied", ["appointment_id"])

    op.create_table(
        "clinic_orders",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("appointment_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointments.id"], name=op.f("fk_clinic_orders_appointment_id_appointments")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_clinic_orders")),
    )


def downgrade() -> None:
    for table in ("clinic_orders", "occupied", "appointments", "patients", "slots"):
        op.drop_table(table)
