"""The clinic's tables, in the words of FHIR R4 (Slot, Appointment, Patient).

Two bookings of one slot, or of one doctor at overlapping times, are refused by constraints, not by checks: a live
appointment owns one row of `occupied` for each five minutes of its doctor's time.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from voicebot.storage.base import Base, UtcDateTime

CELL = timedelta(minutes=5)  # all starts and durations are multiples of it


class SlotStatus(StrEnum):
    """FHIR R4 SlotStatus; `busy-tentative` is a hold with an expiry."""

    FREE = "free"
    BUSY = "busy"
    BUSY_TENTATIVE = "busy-tentative"
    BUSY_UNAVAILABLE = "busy-unavailable"  # the doctor does not work then after all


class AppointmentStatus(StrEnum):
    """FHIR R4 AppointmentStatus, those in use here."""

    BOOKED = "booked"
    ARRIVED = "arrived"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NOSHOW = "noshow"


class WaitingStatus(StrEnum):
    """What became of a place in the waiting list."""

    WAITING = "waiting"
    TO_OFFER = "to-offer"  # a time was found: `slot_id`; the patient is to be told
    OFFERED = "offered"
    CLOSED = "closed"


class MessageStatus(StrEnum):
    """What became of a message to a patient."""

    QUEUED = "queued"  # nothing was sent yet
    UNDERWAY = "underway"  # handed to a provider, its receipt or deadline is waited for
    DELIVERED = "delivered"
    READ = "read"
    SENT = "sent"  # accepted by the last provider, which told nothing more in time
    FAILED = "failed"  # no channel was left
    DROPPED = "dropped"  # of no use any more: too late, or the visit was cancelled or moved; `reason` says which


_LIVE = text("status NOT IN ('cancelled', 'noshow')")
_OPEN = text("done_at IS NULL")


class SlotRow(Base):
    """A piece of a doctor's working time. `hold_expires_at` and `held_by` are set while busy-tentative."""

    __tablename__ = "slots"
    __table_args__ = (
        UniqueConstraint("doctor_id", "start"),
        CheckConstraint("duration_minutes > 0", name="duration"),
        CheckConstraint("status <> 'busy-tentative' OR (held_by IS NOT NULL AND hold_expires_at IS NOT NULL)", name="hold"),
        Index("ix_slots_held_by", "held_by"),
        Index("ix_slots_appointment_id", "appointment_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    doctor_id: Mapped[str] = mapped_column(String(64))
    branch_id: Mapped[str] = mapped_column(String(64))
    start: Mapped[datetime] = mapped_column(UtcDateTime())
    duration_minutes: Mapped[int]
    status: Mapped[str] = mapped_column(String(20), default=SlotStatus.FREE.value)
    held_by: Mapped[str | None] = mapped_column(String(64))  # dialog ID
    hold_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    lapsed_holder: Mapped[str | None] = mapped_column(String(64))  # the dialog whose hold ran out last
    appointment_id: Mapped[int | None]  # the live appointment that takes it; no foreign key: the two point at each other

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.duration_minutes)


class PatientRow(Base):
    """Whom an appointment is for, as told by phone. `phone` is E.164."""

    __tablename__ = "patients"
    __table_args__ = (UniqueConstraint("phone", "surname", "given", "patronymic"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(String(20))
    surname: Mapped[str] = mapped_column(String(100), default="")
    given: Mapped[str] = mapped_column(String(100), default="")
    patronymic: Mapped[str] = mapped_column(String(100), default="")
    birth_date: Mapped[date | None] = mapped_column(Date())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())


class AppointmentRow(Base):
    """A booking. Doctor, branch and time are kept here too: the slot may be re-cut later."""

    __tablename__ = "appointments"
    __table_args__ = (
        Index("uq_appointments_live_slot", "slot_id", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_appointments_phone", "phone"),
        Index("ix_appointments_dialog_id", "dialog_id"),
        Index("ix_appointments_start", "start"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slot_id: Mapped[int] = mapped_column(ForeignKey("slots.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"))
    doctor_id: Mapped[str] = mapped_column(String(64))
    branch_id: Mapped[str] = mapped_column(String(64))
    service_id: Mapped[str | None] = mapped_column(String(64))
    start: Mapped[datetime] = mapped_column(UtcDateTime())
    duration_minutes: Mapped[int]
    status: Mapped[str] = mapped_column(String(20), default=AppointmentStatus.BOOKED.value)
    phone: Mapped[str] = mapped_column(String(20))
    dialog_id: Mapped[str] = mapped_column(String(64))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("appointments.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    cancel_reason: Mapped[str] = mapped_column(String(32), default="", server_default="")
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # the patient said that he will come


class OccupiedRow(Base):
    """Five minutes of a doctor's time that a live appointment owns; the primary key forbids overlaps."""

    __tablename__ = "occupied"
    __table_args__ = (Index("ix_occupied_appointment_id", "appointment_id"),)

    doctor_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    start: Mapped[datetime] = mapped_column(UtcDateTime(), primary_key=True)
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointments.id"))


class OrderRow(Base):
    """A carried-out order under its idempotency key: the same key again returns the same appointment."""

    __tablename__ = "clinic_orders"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str] = mapped_column(String(20))  # book, cancel, reschedule
    target: Mapped[int]  # slot or appointment it was given for
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointments.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())


class WaitingRow(Base):
    """Somebody who wants a time that nobody has now. `wish` is voicebot.clinic.wishes' JSON."""

    __tablename__ = "waiting"
    __table_args__ = (
        CheckConstraint("doctor_id IS NOT NULL OR speciality_id IS NOT NULL OR service_id IS NOT NULL", name="for_something"),
        CheckConstraint("status <> 'to-offer' OR slot_id IS NOT NULL", name="found"),
        Index("ix_waiting_status_created_at", "status", "created_at"),
        Index("ix_waiting_phone", "phone"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    dialog_id: Mapped[str] = mapped_column(String(64))
    phone: Mapped[str] = mapped_column(String(20))
    surname: Mapped[str] = mapped_column(String(100), default="")
    given: Mapped[str] = mapped_column(String(100), default="")
    patronymic: Mapped[str] = mapped_column(String(100), default="")
    birth_date: Mapped[date | None] = mapped_column(Date())
    doctor_id: Mapped[str | None] = mapped_column(String(64))
    speciality_id: Mapped[str | None] = mapped_column(String(64))
    service_id: Mapped[str | None] = mapped_column(String(64))
    branch_id: Mapped[str | None] = mapped_column(String(64))
    wish: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(16), default=WaitingStatus.WAITING.value)
    slot_id: Mapped[int | None] = mapped_column(ForeignKey("slots.id"))
    found_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    # Of voicebot.clinic.waiting_offers: how often a time was offered, until when the last offer holds, what came of it all.
    offers: Mapped[int] = mapped_column(default=0, server_default="0")
    offer_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    outcome: Mapped[str] = mapped_column(String(16), default="", server_default="")
    appointment_id: Mapped[int | None]


class MessageRow(Base):
    """A message to a patient: a template's name and its values, no ready text. `courier` columns are messages.courier's."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_status_created_at", "status", "created_at"),
        Index("ix_messages_dialog_id", "dialog_id"),
        Index("ix_messages_phone", "phone"),
        Index("ix_messages_created_at", "created_at"),
        Index("ix_messages_open", "due_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_messages_appointment_id", "appointment_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    dialog_id: Mapped[str] = mapped_column(String(64))
    phone: Mapped[str] = mapped_column(String(20))
    template: Mapped[str] = mapped_column(String(64))
    values: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(16), default=MessageStatus.QUEUED.value)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    # What the sender of the message wants.
    appointment_id: Mapped[int | None]  # a visit that must still be ahead when it is sent
    branch_id: Mapped[str] = mapped_column(String(64), default="", server_default="")  # whose clock tells night from day
    is_urgent: Mapped[bool] = mapped_column(default=True, server_default=true())  # the patient waits for it, at night too
    channels: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # in this order; none: as the settings say
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    # The courier's.
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # when it is to be looked at next; none: at once
    cascade: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # messages.cascade.State
    claimed_by: Mapped[str] = mapped_column(String(64), default="", server_default="")
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    fence: Mapped[int] = mapped_column(default=0, server_default="0")  # grows with each claim: an old one may write no more
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    reason: Mapped[str] = mapped_column(String(32), default="", server_default="")
    # What the patient said to it.
    answer: Mapped[str] = mapped_column(String(16), default="", server_default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class ContactPointRow(Base):
    """An address of whoever has a phone number (FHIR R4 ContactPoint). At most one row a system and value."""

    __tablename__ = "contact_points"
    __table_args__ = (
        UniqueConstraint("phone", "system", "value", name="uq_contact_points_phone"),
        Index("ix_contact_points_system_value", "system", "value"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(String(20))  # E.164
    system: Mapped[str] = mapped_column(String(16))  # messages' Channel: sms, telegram, max, viber, push, call
    value: Mapped[str] = mapped_column(String(200))  # chat ID, device token, E.164
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    consent_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    refused_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # by its provider: blocked, gone
    allows_details: Mapped[bool] = mapped_column(default=False)  # speciality and doctor may be named there
    source: Mapped[str] = mapped_column(String(64), default="")  # where the consent was given: dialog ID, login, import
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())


class LabOrderRow(Base):
    """A laboratory's order: whether it is ready, never what came out. `ready_at`: known or expected; none: unknown."""

    __tablename__ = "lab_orders"
    __table_args__ = (Index("ix_lab_orders_phone", "phone"), Index("ix_lab_orders_ready_at", "ready_at"))

    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    phone: Mapped[str] = mapped_column(String(20))
    birth_date: Mapped[date] = mapped_column(Date())
    branch_id: Mapped[str] = mapped_column(String(64), default="")
    ready_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())


class FailedIdentityRow(Base):
    """Somebody was not who he said he was. `key` stands for a phone number (a hash), empty for the whole clinic."""

    __tablename__ = "failed_identities"
    __table_args__ = (Index("ix_failed_identities_key_at", "key", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
