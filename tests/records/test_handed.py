"""Text dialogs between robot, queue and operator, on SQLite and PostgreSQL: one operator at a time, no word lost or doubled."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.records import handed
from voicebot.records.appending import append
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.handed import Chat, ChatRefused, Handed, State, is_abandoned
from voicebot.records.queue import KEPT, Queue, Result
from voicebot.records.store import RecordStore, UnknownDialog
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

SILENT = timedelta(minutes=5)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def records(database: Database, clock: VirtualClock, tmp_path: Path) -> Iterator[RecordStore]:
    store = RecordStore(database, tmp_path / "spool", clock)
    yield store
    store.close()


@pytest.fixture
def chats(database: Database, clock: VirtualClock) -> Handed:
    return Handed(database, clock)


@pytest.fixture
def queue(database: Database, clock: VirtualClock) -> Queue:
    return Queue(database, clock)


def opened(records: RecordStore, channel: str = "web") -> str:
    one = dialog_id.new()
    records.open_dialog(Dialog(id=one, channel=channel))
    return one


def ask(database: Database, clock: VirtualClock, one: str) -> None:
    database.run(lambda session: handed.ask(session, clock.now(), one, "operator", "requested", {"специальность": "хирург"}))


def wrote(database: Database, clock: VirtualClock, one: str, *texts: str, who: Who = Who.CALLER) -> int:
    return database.run(lambda session: append(session, one, [Turn(0, who, text) for text in texts], clock.now()))


def place_of(chats: Handed, one: str, delivered: int = 0) -> handed.Place:
    return next(place for place in chats.look({one: delivered}) if place.dialog_id == one)


def test_asked_taken_answered_closed(
    records: RecordStore, database: Database, clock: VirtualClock, chats: Handed, queue: Queue
) -> None:
    one = opened(records)
    wrote(database, clock, one, "позовите человека")
    assert chats.look({one: 0}) == (), "with the robot"
    assert queue.open() == ()
    ask(database, clock, one)
    assert place_of(chats, one).state is State.WAITING
    (waiting,) = queue.open()
    assert (waiting.dialog_id, waiting.reason, waiting.channel) == (one, "requested", "web")
    with pytest.raises(ChatRefused) as refused:
        chats.say(one, "anna", "Здравствуйте", "k0")
    assert refused.value.state is State.WAITING, "nobody answers what he has not taken"
    assert queue.take(one, "anna") == "anna"
    assert queue.take(one, "boris") == "anna", "two cannot take the same"
    with pytest.raises(ChatRefused) as refused:
        chats.say(one, "boris", "Здравствуйте", "k1")
    assert refused.value.taken_by == "anna"
    first = chats.say(one, "anna", "Здравствуйте!", "k2")
    assert chats.say(one, "anna", "Здравствуйте!", "k2") == first, "the same form twice"
    wrote(database, clock, one, "добрый день")
    second = chats.say(one, "anna", "Чем помочь?", "k3")
    place = place_of(chats, one)
    assert [turn.text for turn in place.said] == ["Здравствуйте!", "Чем помочь?"]
    assert (place.state, place.taken_by) == (State.TAKEN, "anna")
    assert place_of(chats, one, delivered=first).said == place.said[1:]
    assert place_of(chats, one, delivered=second).said == ()
    chats.say(one, "anna", "До свидания", "k4")
    assert queue.settle(one, "anna", Result.SOLVED) == "anna"
    last = place_of(chats, one, delivered=second)
    assert (last.state, last.result, [turn.text for turn in last.said]) == (State.CLOSED, "solved", ["До свидания"])
    with pytest.raises(ChatRefused):
        chats.say(one, "anna", "ещё", "k5")
    dialog = records.get(one)
    assert dialog is not None
    assert [(turn.number, str(turn.who)) for turn in dialog.turns] == [
        (1, "caller"), (2, "operator"), (3, "caller"), (4, "operator"), (5, "operator")
    ]  # fmt: skip
    assert queue.open() == ()


def test_given_back_and_asked_again(
    records: RecordStore, database: Database, clock: VirtualClock, chats: Handed, queue: Queue
) -> None:
    one = opened(records)
    ask(database, clock, one)
    queue.take(one, "anna")
    chats.say(one, "anna", "Вернёмся к роботу", "k")
    with pytest.raises(ChatRefused):
        chats.give_back(one, "boris")
    chats.give_back(one, "anna")
    chats.give_back(one, "anna")  # the same click twice
    assert place_of(chats, one).state is State.WITH_ROBOT
    assert queue.open() == ()
    clock.advance(60)
    ask(database, clock, one)
    place = place_of(chats, one, delivered=1)
    assert (place.state, place.taken_by, place.said) == (State.WAITING, "", ())
    assert queue.open()[0].since == clock.now()


def test_nobody_came(records: RecordStore, database: Database, clock: VirtualClock, chats: Handed, queue: Queue) -> None:
    one, other = opened(records), opened(records)
    for each in (one, other):
        ask(database, clock, each)
    queue.take(other, "anna")
    assert database.run(lambda session: handed.withdraw(session, one))
    assert not database.run(lambda session: handed.withdraw(session, other)), "somebody is in: he stays"
    assert place_of(chats, one).state is State.WITH_ROBOT
    assert [waiting.dialog_id for waiting in queue.open()] == [other]
    with pytest.raises(UnknownDialog):
        database.run(lambda session: handed.withdraw(session, dialog_id.new()))


def test_taken_from_the_robot(
    records: RecordStore, database: Database, clock: VirtualClock, chats: Handed, queue: Queue
) -> None:
    one, call = opened(records), opened(records, "phone")
    queue.take(one, "anna")
    queue.take(call, "anna")
    assert {place.dialog_id: place.state for place in chats.look({})} == {one: State.TAKEN}, "a call is no chat"
    chats.say(one, "anna", "Это человек", "k")
    assert place_of(chats, one).said[0].text == "Это человек"


def test_long_dialogs_stay_in_the_queue(records: RecordStore, database: Database, clock: VirtualClock, queue: Queue) -> None:
    one = opened(records, "telegram")
    clock.advance(KEPT.total_seconds() * 3)
    ask(database, clock, one)
    assert [waiting.dialog_id for waiting in queue.open()] == [one], "begun long ago, handed over now"


def test_many_take_and_write_at_once(
    records: RecordStore, database: Database, clock: VirtualClock, chats: Handed, queue: Queue
) -> None:
    one = opened(records)
    ask(database, clock, one)
    with ThreadPoolExecutor(6) as threads:
        owners = set(threads.map(lambda who: queue.take(one, who), [f"operator-{number}" for number in range(6)]))
    assert len(owners) == 1
    owner = owners.pop()
    with ThreadPoolExecutor(6) as threads:  # the robot's process and the desk write into one dialog
        robot = [threads.submit(wrote, database, clock, one, f"пациент {number}") for number in range(15)]
        desk = [threads.submit(chats.say, one, owner, f"оператор {number}", f"key-{number}") for number in range(15)]
        numbers = [job.result() for job in (*robot, *desk)]
    assert sorted(numbers) == list(range(1, 31)), "no number twice, none left out"
    assert len(place_of(chats, one).said) == 15


def test_a_silent_operator_loses_it(
    records: RecordStore, database: Database, clock: VirtualClock, chats: Handed, queue: Queue
) -> None:
    one = opened(records)
    ask(database, clock, one)
    queue.take(one, "anna")
    ((chat, unanswered),) = chats.taken()
    assert unanswered is None
    clock.advance(400)
    assert not is_abandoned(chat, unanswered, clock.now(), SILENT, is_logged_in=True), "it is the patient's turn"
    wrote(database, clock, one, "вы тут?", "ау")
    ((chat, unanswered),) = chats.taken()
    assert unanswered == clock.now()
    clock.advance(299)
    assert not is_abandoned(chat, unanswered, clock.now(), SILENT, is_logged_in=True)
    assert is_abandoned(chat, unanswered, clock.now(), SILENT, is_logged_in=False), "who has left answers nobody"
    clock.advance(1)
    assert is_abandoned(chat, unanswered, clock.now(), SILENT, is_logged_in=True)
    chats.say(one, "anna", "да", "k")
    assert not chats.release(one, "anna", chat.active_at), "she has answered meanwhile"
    ((chat, unanswered),) = chats.taken()
    assert unanswered is None
    assert chats.release(one, "anna", chat.active_at)
    assert place_of(chats, one).state is State.WAITING
    assert chats.taken() == ()
    assert queue.next() == one


def test_who_has_it_is_one_whatever_happens(
    records: RecordStore, database: Database, clock: VirtualClock, chats: Handed, queue: Queue
) -> None:
    """Any order of what the two processes do: the rows say the same as a model of six lines."""
    rng = random.Random(7)
    for _ in range(12):
        one, state, owner, heard = opened(records), State.WITH_ROBOT, "", 0
        for step in range(14):
            who = rng.choice(["anna", "boris"])
            deed = rng.choice(["ask", "withdraw", "take", "say", "back", "release", "settle"])
            if deed == "ask" and state is State.WITH_ROBOT:
                ask(database, clock, one)
                state, owner = State.WAITING, ""
            elif deed == "withdraw":
                went = database.run(lambda session, one=one: handed.withdraw(session, one))
                assert went == (state in (State.WAITING, State.WITH_ROBOT))
                state = State.WITH_ROBOT if went else state
            elif deed == "take" and state is not State.CLOSED:
                state, owner = State.TAKEN, owner if state is State.TAKEN else who
                assert queue.take(one, who) == owner
            elif deed in ("say", "back"):
                try:
                    if deed == "say":
                        chats.say(one, who, "слово", str(step))
                    else:
                        chats.give_back(one, who)
                    assert (state, owner) == (State.TAKEN, who) or (deed == "back" and state is State.WITH_ROBOT)
                    heard += deed == "say"
                    state = State.WITH_ROBOT if deed == "back" else state
                except ChatRefused as refusal:
                    assert refusal.state is state  # noqa: PT017
                    assert (state, owner) != (State.TAKEN, who)
            elif deed == "release" and state is State.TAKEN:
                chat = chats.chat(one)
                assert isinstance(chat, Chat)
                assert chats.release(one, owner, chat.active_at)
                state = State.WAITING
            elif deed == "settle" and state is State.TAKEN:
                assert (queue.settle(one, who, Result.SOLVED) == who) == (who == owner)
                state = State.CLOSED if who == owner else state
            places = [place for place in chats.look({one: 0}) if place.dialog_id == one]
            assert (places[0].state if places else State.WITH_ROBOT) is state
            assert (len(places[0].said) if places else 0) == heard
