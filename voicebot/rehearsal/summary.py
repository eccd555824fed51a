"""What a run of rehearsals tells at its end: how many went well, and what a booking takes."""

from collections.abc import Sequence
from statistics import mean

from voicebot.rehearsal.rehearse import Rehearsed

#: What is wanted of bookings in the mean, and of any call at all.
MOST_TURNS, MOST_SECONDS, LONGEST_SECONDS = 8, 120, 210


def summary(results: Sequence[Rehearsed]) -> str:
    """How many went well, and what a booking takes: in turns of the caller, repeated phrases counted, and in seconds."""
    spoken = [one for one in results if not one.skipped]
    failed = sum(bool(one.failures) for one in spoken)
    lines = [f"{len(spoken) - failed} passed, {failed} failed, {len(results) - len(spoken)} over text only"]
    if spoken:
        longest = max(spoken, key=lambda one: one.seconds)
        repeated = sum(one.repairs for one in spoken)
        lines.append(f"Longest call: {longest.seconds:.0f} s ({longest.name}); {repeated} phrases repeated")
    usual = [one for one in spoken if one.is_usual_booking]
    if usual:
        lines.append(f"Booking one visit, {_takes(usual)}: at most {MOST_TURNS} turns and {MOST_SECONDS} s are wanted")
    bookings = _bookings(results)
    if len(bookings) > len(usual):
        lines.append(f"All calls that booked, {_takes(bookings)}; {sum(one.booked for one in bookings)} visits")
    return ".\n".join(lines) + "."


def bookings_table(results: Sequence[Rehearsed]) -> str:
    """Every call that booked with its turns and seconds, the shortest first; their mean and the most; "" if there are none."""
    bookings = sorted(_bookings(results), key=lambda one: (one.caller_turns, one.seconds))
    if not bookings:
        return ""
    rows = [("booking", "turns", "repeated", "seconds", "visits", "")]
    for one in bookings:
        kind = "" if one.is_usual_booking else "disturbed" if one.is_disturbed else "several"
        rows.append((one.name, f"{one.caller_turns}", f"{one.repairs}", f"{one.seconds:.0f}", f"{one.booked}", kind))
    turns, seconds = [one.caller_turns for one in bookings], [one.seconds for one in bookings]
    rows.append((f"mean of {len(bookings)}", f"{mean(turns):.1f}", "", f"{mean(seconds):.0f}", "", ""))
    rows.append(("most", f"{max(turns)}", "", f"{max(seconds):.0f}", "", ""))
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        f"{name:<{width}}  {numbers[0]:>5}  {numbers[1]:>8}  {numbers[2]:>7}  {numbers[3]:>6}  {numbers[4]}".rstrip()
        for name, *numbers in rows
    )


def missed(results: Sequence[Rehearsed]) -> list[str]:
    """What is wanted of bookings and was not reached, over all calls that booked, disturbed ones included."""
    bookings = _bookings(results)
    if not bookings:
        return ["No call booked."]
    turns, seconds = mean(one.caller_turns for one in bookings), mean(one.seconds for one in bookings)
    found = []
    if turns > MOST_TURNS:
        found.append(f"A booking takes {turns:.1f} turns in the mean: at most {MOST_TURNS} are wanted.")
    if seconds > MOST_SECONDS:
        found.append(f"A booking takes {seconds:.0f} s in the mean: at most {MOST_SECONDS} are wanted.")
    long = (one for one in results if one.seconds > LONGEST_SECONDS)
    return found + [f"{one.name} took {one.seconds:.0f} s: at most {LONGEST_SECONDS} are wanted of any." for one in long]


def _bookings(results: Sequence[Rehearsed]) -> list[Rehearsed]:
    return [one for one in results if one.is_booking and not one.skipped]


def _takes(bookings: Sequence[Rehearsed]) -> str:
    turns, seconds = mean(one.caller_turns for one in bookings), mean(one.seconds for one in bookings)
    return f"mean of {len(bookings)}: {turns:.1f} turns, {seconds:.0f} s"
