"""Many callers at once: threads and processes, SQLite and PostgreSQL. Nobody is booked twice, nothing is lost."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from small_clinic import PHONE, Name, assert_consistent, slot_at

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.failures import SlotTaken
from voicebot.storage.database import Database

CALLERS = 8
HOURS = [(9, 0), (9, 30), (10, 0), (10, 30), (11, 0), (11, 30)]


def all_at_once(work) -> list:
    barrier = Barrier(CALLERS)

    def one(number: int):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(one, range(CALLERS)))


def test_each_slot_goes_to_one_caller(bookings: Bookings, database: Database) -> None:
    slots = [slot_at(database, "clara", *hour) for hour in HOURS]

    def caller(number: int) -> list[int]:
        won = []
        for slot in slots:
            try:
                bookings.hold(slot, f"d{number}")
                won.append(bookings.book(slot, f"d{number}", Name(), PHONE, None, f"d{number}/{slot}").slot_id)
            except SlotTaken:
                continue
        return won

    won = Counter(slot for slots in all_at_once(caller) for slot in slots)
    assert won == Counter(slots)
    assert_consistent(database)


def test_each_time_is_held_for_one_dialog(bookings: Bookings, database: Database) -> None:
    for hour in HOURS:
        slot = slot_at(database, "anna", *hour)

        def caller(number: int, slot: int = slot) -> bool:
            try:
                bookings.hold(slot, f"d{number}")
            except SlotTaken:
                return False
            return True

        assert sum(all_at_once(caller)) == 1


def test_long_and_short_visits_compete_without_holds(bookings: Bookings, database: Database) -> None:
    slots = [slot_at(database, "clara", *hour) for hour in HOURS]

    def caller(number: int) -> int:
        booked = 0
        for slot in slots if number % 2 else reversed(slots):
            try:
                bookings.book(slot, f"d{number}", Name(), PHONE, "filling" if number % 3 else "look", f"d{number}/{slot}")
                booked += 1
            except SlotTaken:
                continue
        return booked

    booked = sum(all_at_once(caller))
    assert len(bookings.appointments_of(PHONE)) == booked >= len(HOURS) // 2
    assert_consistent(database)


def test_one_order_sent_many_times_at_once(bookings: Bookings, database: Database) -> None:
    slot = slot_at(database, "anna", 9)
    results = all_at_once(lambda _: bookings.book(slot, "d1", Name(), PHONE, None, "d1/book"))
    assert len(set(results)) == 1
    moves = all_at_once(lambda _: bookings.reschedule(results[0].id, slot_at(database, "anna", 10), "d1/move"))
    assert len(set(moves)) == 1
    assert bookings.appointments_of(PHONE) == (moves[0],)
    assert_consistent(database)


def test_two_callers_swap_their_holds(bookings: Bookings, database: Database) -> None:
    """Each wants what the other holds: a deadlock if locks were taken in any order."""
    slots = [slot_at(database, "anna", 9), slot_at(database, "boris", 14)]
    bookings.hold(slots[0], "d0")
    bookings.hold(slots[1], "d1")

    def caller(number: int) -> str:
        try:
            bookings.hold(slots[(number + 1) % 2], f"d{number % 2}")
        except SlotTaken as taken:
            return taken.code
        return "held"

    assert set(all_at_once(caller)) <= {"held", "slot_taken"}
    assert_consistent(database)


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from small_clinic import PHONE, Name, catalogue, clock
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.failures import SlotTaken
from voicebot.storage.database import open_database

number, slots = int(sys.argv[3]), [int(slot) for slot in sys.argv[4].split(",")]
bookings = Bookings(open_database(sys.argv[2]), catalogue(), clock())
sys.stdin.readline()
for slot in slots:
    try:
        bookings.hold(slot, f"p{number}")
        print("won", bookings.book(slot, f"p{number}", Name(), PHONE, None, f"p{number}/{slot}").slot_id)
    except SlotTaken:
        continue
"""


def test_processes_compete(bookings: Bookings, database: Database, database_url: str) -> None:
    slots = [slot_at(database, "clara", *hour, day=day) for day in (23, 24, 25) for hour in HOURS]
    arguments = [str(Path(__file__).parent), database_url]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments, str(number), ",".join(map(str, slots))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    with ThreadPoolExecutor(len(processes)) as pool:
        results = list(pool.map(lambda process: process.communicate("go\n", timeout=90), processes))
    assert [process.returncode for process in processes] == [0, 0, 0], results
    won = Counter(int(line.split()[1]) for out, _ in results for line in out.splitlines() if line.startswith("won"))
    assert won == Counter(slots)
    assert_consistent(database)
