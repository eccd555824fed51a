"""Finished dialogs become figures and can be found by their words, on both databases."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from postgres import database_url, postgresql_url
from sqlalchemy import text, update

from voicebot.clock import VirtualClock
from voicebot.records.browse import Wanted, browse, choices
from voicebot.records.chat_tables import ChatRow
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.digest import ABANDONED, Digest, Digester, bucket_of, milliseconds_of
from voicebot.records.marks import Kind, Mark, Marks, word_errors
from voicebot.records.numbers import Numbers, Step, numbers, percentile
from voicebot.records.search import Said
from voicebot.records.store import RecordStore, UnknownDialog
from voicebot.records.tables import DialogRow
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

__all__ = ["database_url", "postgresql_url"]

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()  # Monday, 23 November 2026, 9:00 in Moscow


@pytest.fixture
def desk(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def records(desk: Database, clock: VirtualClock, tmp_path: Path) -> Iterator[RecordStore]:
    store = RecordStore(desk, tmp_path / "spool", clock)
    yield store
    store.close()


def tell(
    store: RecordStore, dialog_id: str, *said: tuple[str, str], outcome: str = "informed", at: datetime | None = None,
    seconds: float = 60.0, target: str = "", result: str = "", channel: str = "phone", unclear: tuple[int, ...] = (),
) -> None:  # fmt: skip
    store.open_dialog(Dialog(id=dialog_id, started_at=at, caller_phone="+79161234567", channel=channel, dialplan="demo"))
    for number, (who, words) in enumerate(said, start=1):
        is_unclear = number in unclear
        store.add_turn(
            dialog_id,
            Turn(
                number=number,
                who=Who(who),
                text=words,
                intent="none" if is_unclear else "book",
                confidence=0.2 if is_unclear else 0.9,
                slots={} if is_unclear else {"doctor": "Соколова"},
                prompt="request.wish" if who == "robot" else "",
                latency_ms={"total_ms": 400 + 100 * number} if who == "robot" else {},
            ),
        )
    if outcome:
        store.finish_dialog(
            dialog_id, outcome, "requested" if target else "", handling_seconds=seconds, transfer_target=target,
            transfer_result=result,
        )  # fmt: skip


def found(desk: Database, wanted: Wanted) -> list[str]:
    with desk.session(is_readonly=True) as session:
        return [line.id for line in browse(session, wanted).lines]


def figures(desk: Database, first: date, last: date, step: Step = Step.DAY, channel: str = "") -> Numbers:
    with desk.session(is_readonly=True) as session:
        return numbers(session, first, last, step, channel)


def test_words_are_found_in_any_form_and_only_where_all_are(desk: Database, records: RecordStore, clock: VirtualClock) -> None:
    tell(records, "AAAAAAA0", ("robot", "К какому врачу вас записать?"), ("caller", "хочу к врачу соколовой"))
    tell(records, "EEEEEEE0", ("robot", "К какому врачу?"), ("caller", "болит ёлка и спина"))
    tell(records, "KKKKKKK0", ("caller", "ёлки"), outcome="")
    assert Digester(desk, clock, MOSCOW).run() == 2
    assert found(desk, Wanted(words="врачи")) == ["AAAAAAA0", "EEEEEEE0"]
    assert found(desk, Wanted(words="врача Соколова")) == ["AAAAAAA0"]
    assert found(desk, Wanted(words="врач", words_by=Said.CALLER)) == ["AAAAAAA0"]
    assert found(desk, Wanted(words="елками")) == ["EEEEEEE0"]
    assert found(desk, Wanted(words="стоматолог")) == []
    assert found(desk, Wanted(words='" OR 1 & (')) == []  # 1 is a word, and nobody said it
    assert found(desk, Wanted(words="?!")) == ["AAAAAAA0", "EEEEEEE0", "KKKKKKK0"]


def test_a_dialog_is_digested_once_and_again_when_it_changed(desk: Database, records: RecordStore, clock: VirtualClock) -> None:
    digester = Digester(desk, clock, MOSCOW)
    tell(records, "AAAAAAA0", ("robot", "Вопрос?"), ("caller", "абракадабра"), unclear=(2,))
    assert (digester.run(), digester.run()) == (1, 0)
    today = date(2026, 11, 23)
    assert figures(desk, today, today).unclear == [("абракадабра", 1)]
    with desk.session() as session:
        session.execute(update(DialogRow).values(digested_at=None))
    assert digester.run() == 1
    again = figures(desk, today, today)
    assert again.total.contacts == 1
    assert again.unclear == [("абракадабра", 1)]
    assert again.latency["total"].count == 1
    with desk.session(is_readonly=True) as session:
        assert session.scalar(text("SELECT count(*) FROM dialog_words")) == 1


def test_a_dialog_whose_process_died_is_lost_after_a_while(desk: Database, records: RecordStore, clock: VirtualClock) -> None:
    tell(records, "AAAAAAA0", ("caller", "алло"), outcome="")
    digester = Digester(desk, clock, MOSCOW)
    assert digester.run() == 0
    clock.advance(ABANDONED.total_seconds() + 1)
    assert digester.run() == 1
    total = figures(desk, date(2026, 11, 23), date(2026, 11, 23)).total
    assert (total.contacts, total.lost, total.answered) == (1, 1, 0)


def test_a_chat_that_goes_on_is_not_lost_until_it_is_left(desk: Database, records: RecordStore, clock: VirtualClock) -> None:
    taken: list[Digest] = []
    digester = Digester(desk, clock, MOSCOW, taken.append)
    for one, mode in (("AAAAAAAA", "operator"), ("BBBBBBBB", "over")):
        records.open_dialog(Dialog(id=one, channel="web"))
        with desk.session() as session:
            session.add(ChatRow(channel="web", address=one, dialog_id=one, version=1, mode=mode, updated_at=clock.now()))
    clock.advance(ABANDONED.total_seconds() + 1)
    assert digester.run() == 1
    assert [one.id for one in taken] == ["BBBBBBBB"]
    clock.advance(timedelta(days=7).total_seconds())
    assert digester.run() == 1
    assert [(one.id, one.facts.is_lost) for one in taken[1:]] == [("AAAAAAAA", True)]


def test_figures_of_a_period(desk: Database, records: RecordStore, clock: VirtualClock) -> None:
    monday = clock.now()
    tell(records, "AAAAAAA0", ("robot", "a"), ("caller", "b"), outcome="booked", seconds=90)
    tell(records, "EEEEEEE0", ("robot", "a"), outcome="transferred", target="operator", result="completed", seconds=230)
    tell(records, "KKKKKKK0", ("caller", "b"), outcome="off_topic", at=monday + timedelta(days=1), channel="chat")
    tell(records, "MMMMMMM0", ("caller", "b"), outcome="failed", at=monday + timedelta(days=8))
    after_midnight = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
    tell(records, "HHHHHHH0", ("caller", "b"), outcome="booked", at=after_midnight)
    while Digester(desk, clock, MOSCOW).run(2):
        pass
    first, last = date(2026, 11, 23), date(2026, 12, 1)
    week = figures(desk, first, last, Step.WEEK)
    assert [piece.isoformat() for piece in week.pieces] == ["2026-11-23", "2026-11-30"]
    assert [counts.contacts for counts in week.pieces.values()] == [4, 1]
    total = week.total
    assert (total.contacts, total.booked, total.contained, total.transferred, total.lost, total.off_topic) == (5, 2, 3, 1, 1, 1)
    assert (total.answered, total.within_budget) == (4, 4)
    assert total.share("contained") == pytest.approx(0.6)
    assert week.channels == {"phone": 4, "chat": 1}
    assert week.hours[9] == 4
    assert week.hours[0] == 1
    assert week.transfer_reasons == {"requested": 1}
    assert week.outcomes["booked"] == 2
    assert week.handling is not None
    assert week.handling.count == 5
    assert week.latency["total"].p50 == pytest.approx(500, rel=0.05)
    assert figures(desk, first, last, channel="chat").total.contacts == 1
    by_day = figures(desk, first, last).pieces
    assert by_day[date(2026, 11, 24)].contacts == 2
    nothing = figures(desk, date(2025, 1, 1), date(2025, 1, 2))
    assert (nothing.total.contacts, nothing.handling, nothing.latency, nothing.total.share("lost")) == (0, None, {}, 0.0)


def test_the_list_is_filtered(desk: Database, records: RecordStore, clock: VirtualClock) -> None:
    tell(records, "AAAAAAA0", ("caller", "b"), outcome="booked", seconds=90)
    tell(records, "EEEEEEE0", ("caller", "b"), unclear=(1,), target="operator", result="bridged", outcome="transferred",
         seconds=20, at=clock.now() + timedelta(hours=1))  # fmt: skip
    tell(records, "KKKKKKK0", ("caller", "говорит ещё"), outcome="", at=clock.now() + timedelta(hours=2))
    Digester(desk, clock, MOSCOW).run()
    assert found(desk, Wanted()) == ["KKKKKKK0", "EEEEEEE0", "AAAAAAA0"]
    assert found(desk, Wanted(outcome="booked")) == ["AAAAAAA0"]
    assert found(desk, Wanted(is_transferred=True)) == ["EEEEEEE0"]
    assert found(desk, Wanted(seconds_from=30)) == ["AAAAAAA0"]
    assert found(desk, Wanted(seconds_to=30)) == ["EEEEEEE0"]
    assert found(desk, Wanted(confidence_below=0.95)) == ["AAAAAAA0"]  # the unclear turn's confidence says nothing
    assert found(desk, Wanted(since=clock.now() + timedelta(minutes=90))) == ["KKKKKKK0"]
    assert found(desk, Wanted(until=clock.now() + timedelta(minutes=30))) == ["AAAAAAA0"]
    assert found(desk, Wanted(phone_digits="1234")) == ["KKKKKKK0", "EEEEEEE0", "AAAAAAA0"]
    assert found(desk, Wanted(phone_digits="%")) == []
    with desk.session(is_readonly=True) as session:
        page = browse(session, Wanted(), limit=1, offset=1)
        assert ([line.id for line in page.lines], page.count) == (["EEEEEEE0"], 3)
        assert page.lines[0].unclear_turns == 1
        assert choices(session)["outcome"] == ["booked", "transferred"]


def test_marks_count_the_recognisers_errors(desk: Database, records: RecordStore, clock: VirtualClock) -> None:
    tell(records, "AAAAAAA0", ("robot", "Вопрос?"), ("caller", "запишите к терапевту на завтра"))
    Digester(desk, clock, MOSCOW).run()
    marks = Marks(desk, clock)
    marks.put(Mark("AAAAAAA0", 2, Kind.MISHEARD, "запишите меня к терапевту завтра", author="qa"))
    assert marks.of_dialog("AAAAAAA0")[2].right_text == "запишите меня к терапевту завтра"
    today = date(2026, 11, 23)
    heard = figures(desk, today, today).heard
    assert (heard.turns, heard.words, heard.errors, heard.error_rate) == (1, 5, 2, 0.4)
    assert found(desk, Wanted(is_marked=True)) == ["AAAAAAA0"]
    assert [text for _, text in marks.all_since()] == ["запишите к терапевту на завтра"]
    marks.put(Mark("AAAAAAA0", 2, Kind.FINE, author="qa"))
    assert figures(desk, today, today).heard.errors == 0
    marks.put(Mark("AAAAAAA0", 1, Kind.BAD_PROMPT, note="слишком длинно"))
    assert figures(desk, today, today).heard.turns == 1  # a prompt was not heard by us
    marks.remove("AAAAAAA0", 2)
    marks.remove("AAAAAAA0", 2)
    assert set(marks.of_dialog("AAAAAAA0")) == {1}
    with pytest.raises(UnknownDialog):
        marks.put(Mark("AAAAAAA0", 99, Kind.FINE))


def test_word_errors() -> None:
    assert word_errors("к терапевту", "К терапевту!") == (0, 2)
    assert word_errors("", "два слова") == (2, 2)
    assert word_errors("лишнее слово", "слово") == (1, 1)


@pytest.mark.parametrize("milliseconds", [0.2, 1, 7, 120, 530, 1999, 15000])
def test_a_bucket_is_five_per_cent_wide(milliseconds: float) -> None:
    assert milliseconds_of(bucket_of(milliseconds)) == pytest.approx(milliseconds, rel=0.05, abs=0.5)


def test_percentiles_of_a_histogram() -> None:
    assert percentile({1.0: 50, 2.0: 45, 9.0: 5}, 0.5) == 1.0
    assert percentile({1.0: 50, 2.0: 45, 9.0: 5}, 0.95) == 2.0
    assert percentile({1.0: 50, 2.0: 45, 9.0: 5}, 0.951) == 9.0
