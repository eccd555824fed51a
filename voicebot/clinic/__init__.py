"""The clinic: branches, doctors, services, slots, holds, bookings."""
