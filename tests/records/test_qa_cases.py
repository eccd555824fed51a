"""What each mark is good for."""

from datetime import UTC, datetime

from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.marks import Kind, Mark
from voicebot.records.qa_cases import cases_of, merged, sound_of

DICTATED = "звоните восемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def dialog(*turns: Turn, path: str = "2026/11/22/x.flac") -> Dialog:
    return Dialog("AAAAAAA6", started_at=START, turns=turns, recording_path=path)


ASKED = Turn(1, Who.ROBOT, "Чем помочь?", prompt="request.wish", offset_start_ms=0, offset_end_ms=1000)
SAID = Turn(2, Who.CALLER, "запишите к терапевта", intent="price", offset_start_ms=2000, offset_end_ms=3500)
LATER = Turn(3, Who.CALLER, "да", intent="answer", offset_start_ms=3600, offset_end_ms=3900)
CALL = dialog(ASKED, SAID, LATER)


def mark(kind: Kind, text: str = "", intent: str = "", number: int = 2, note: str = "") -> Mark:
    return Mark("AAAAAAA6", number, kind, text, intent, note, "qa", START)


def test_a_misheard_turn_is_a_sound_with_its_words_and_teaches_if_the_wish_is_known() -> None:
    cases = cases_of([(mark(Kind.MISHEARD, "Запишите к терапевту!", "book"), CALL)])
    (sound,) = cases.sounds
    assert (sound.name, sound.text) == ("AAAAAAA6-2", "запишите к терапевту")
    assert (sound.start_ms, sound.end_ms) == (1700, 3600)  # not into what was said next
    assert cases.training() == {"book": ["запишите к терапевту"]}
    only_heard = cases_of([(mark(Kind.MISHEARD, "запишите к терапевту"), CALL)])
    assert only_heard.phrases == {}
    assert len(only_heard.sounds) == 1


def test_a_misunderstood_turn_teaches_what_was_heard_or_its_right_text() -> None:
    assert cases_of([(mark(Kind.MISUNDERSTOOD, intent="book"), CALL)]).phrases == {"запишите к терапевта": "book"}
    cases = cases_of([(mark(Kind.MISUNDERSTOOD, "запишите к терапевту", "operator"), CALL)])
    assert cases.conversations["qa_AAAAAAA6_2"] == {
        "conversation": "QA, dialog AAAAAAA6, turn 2: taken for price, means operator",
        "turns": [
            {},
            {"caller": "запишите к терапевту", "understood": {"intent": "operator"}, "hands_over": "requested"},
        ],
    }
    assert cases_of([(mark(Kind.MISUNDERSTOOD, intent="answer"), CALL)]).conversations == {}


def test_the_latest_mark_of_a_phrase_counts() -> None:
    first, second = mark(Kind.MISUNDERSTOOD, "болит ухо", "price"), mark(Kind.MISUNDERSTOOD, "болит ухо", "book", number=3)
    assert cases_of([(first, CALL), (second, CALL)]).phrases == {"болит ухо": "book"}
    assert merged({"болит ухо": "price", "другое": "info"}, {"болит ухо": "book"}) == {"болит ухо": "book", "другое": "info"}


def test_what_teaches_nothing_is_counted() -> None:
    unrecorded = dialog(ASKED, SAID, path="")
    cases = cases_of(
        [
            (mark(Kind.MISUNDERSTOOD), CALL),
            (mark(Kind.MISHEARD), CALL),
            (mark(Kind.MISHEARD, "слова"), unrecorded),
            (mark(Kind.MISUNDERSTOOD, DICTATED, "sms"), CALL),
            (mark(Kind.MISUNDERSTOOD, intent="book", number=1), CALL),
            (mark(Kind.FINE, number=99), CALL),
        ]
    )  # fmt: skip
    assert (cases.phrases, cases.sounds, cases.conversations) == ({}, [], {})
    assert cases.left_out == {
        "nobody chose what was really wanted": 1,
        "nobody wrote what was really said": 1,
        "no recording of a misheard turn": 1,
        "holds a phone number": 1,
        "not a caller's turn": 1,
        "the turn is gone": 1,
    }


def test_prompts_and_data_become_remarks() -> None:
    cases = cases_of(
        [
            (mark(Kind.BAD_PROMPT, number=1, note="длинно, звоните 89161234567"), CALL),
            (mark(Kind.WRONG_DATA, note="нет врача"), CALL),
        ]
    )
    prompt, data = cases.remarks
    assert (prompt.prompt, prompt.note) == ("request.wish", "длинно, звоните [номер]")
    assert (data.prompt, data.text, data.kind) == ("request.wish", "запишите к терапевта", Kind.WRONG_DATA)


def test_what_is_fine_teaches_nothing() -> None:
    cases = cases_of([(mark(Kind.FINE, intent="book"), CALL)])
    assert (cases.phrases, cases.sounds, cases.left_out) == ({}, [], {})


def test_a_turn_without_offsets_has_no_sound() -> None:
    keyed = Turn(2, Who.CALLER, "слова")
    assert sound_of(mark(Kind.MISHEARD, "слова"), dialog(keyed), keyed, "слова") is None
