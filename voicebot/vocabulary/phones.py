"""Numbers of phones and transitions, on which the network's file and the graph must agree.

1 silence, 2 spare, unit k >= 1 -> 3 + 4 (k - 1) + {0 begin, 1 inside, 2 end, 3 single} of a word.
"""

from __future__ import annotations

SILENCE_PHONE = 1
BEGIN, INSIDE, END, SINGLE = range(4)


def phone(unit: int, position: int) -> int:
    """Position-dependent phone of a unit; silence has one only."""
    return SILENCE_PHONE if unit == 0 else 3 + 4 * (unit - 1) + position


def position(place: int, count: int) -> int:
    """Where in a word of `count` units the unit at `place` stands."""
    if count == 1:
        return SINGLE
    return BEGIN if place == 0 else END if place == count - 1 else INSIDE


def phone_count(units: int) -> int:
    return 2 + 4 * (units - 1)


def forward_id(phone_number: int) -> int:
    return 2 * phone_number


def self_loop_id(phone_number: int) -> int:
    return 2 * phone_number - 1
