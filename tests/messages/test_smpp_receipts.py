"""Receipts as providers really write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.messages.senders.sender import Receipt, ReceiptStatus
from voicebot.messages.senders.smpp.groups import Groups
from voicebot.messages.senders.smpp.pdu import Address, ShortMessage, Tag
from voicebot.messages.senders.smpp.receipt import is_receipt, read_receipt, receipted_id, submitted_id

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")
FULL = "id:{id} sub:001 dlvrd:001 submit date:2611231100 done date:2611231158 stat:{stat} err:000 text:Hello stat:no"


def message(text: str, tlvs: dict[int, bytes] | None = None, esm_class: int = 4) -> ShortMessage:
    return ShortMessage(Address("79161234567"), Address("CLINIC", 5, 0), text.encode(), esm_class=esm_class, tlvs=tlvs or {})


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("DELIVRD", ReceiptStatus.DELIVERED),
        ("delivered", ReceiptStatus.DELIVERED),
        ("UNDELIV", ReceiptStatus.UNDELIVERED),
        ("EXPIRED", ReceiptStatus.EXPIRED),
        ("REJECTD", ReceiptStatus.REJECTED),
        ("DELETED", ReceiptStatus.UNDELIVERED),
        ("ACCEPTD", ReceiptStatus.SENT),
        ("ENROUTE", ReceiptStatus.SENT),
    ],
)
def test_words_of_appendix_b(word: str, status: ReceiptStatus) -> None:
    found = read_receipt(message(FULL.format(id="A1", stat=word)), NOW, MOSCOW)
    assert found is not None
    assert (found.message_id, found.status) == ("A1", status)
    assert found.at == datetime(2026, 11, 23, 8, 58, tzinfo=UTC)  # the provider's clock is Moscow's


@pytest.mark.parametrize(
    ("text", "message_id"),
    [
        ("ID:77 STAT:DELIVRD", "77"),
        ("id: 78 stat: DELIVRD err: 0", "78"),
        ("stat:DELIVRD id:79", "79"),
        ("id:80 sub:1 dlvrd:1 submit date:261123110001 done date:261123115801 stat:DELIVRD", "80"),
        ("id:81 done date:9999999999 stat:DELIVRD", "81"),
        ("id:82 done date:0001010000 stat:DELIVRD", "82"),  # years ago: not believed
    ],
)
def test_odd_texts(text: str, message_id: str) -> None:
    found = read_receipt(message(text), NOW, MOSCOW)
    assert found is not None
    assert (found.message_id, found.status) == (message_id, ReceiptStatus.DELIVERED)


@pytest.mark.parametrize("text", ["", "stat:DELIVRD", "id:5", "id:5 stat:WHATEVER", "Спасибо", "id:"])
def test_what_is_no_receipt(text: str) -> None:
    assert read_receipt(message(text), NOW, MOSCOW) is None


def test_optional_parameters_go_before_the_text() -> None:
    tlvs = {int(Tag.RECEIPTED_MESSAGE_ID): b"B2\0", int(Tag.MESSAGE_STATE): b"\x05"}
    found = read_receipt(message("id:1 stat:DELIVRD", tlvs), NOW, MOSCOW)
    assert found is not None
    assert (found.message_id, found.status) == ("B2", ReceiptStatus.UNDELIVERED)


def test_classes() -> None:
    assert is_receipt(message("", esm_class=0x04))
    assert is_receipt(message("", esm_class=0x44))  # with a user data header
    assert is_receipt(message("", esm_class=0x20))  # an intermediate one
    assert not is_receipt(message("", esm_class=0x00))
    assert not is_receipt(message("", esm_class=0x40))


def test_one_id_in_two_forms() -> None:
    assert submitted_id("1A2B", "hex_then_decimal") == receipted_id("0000006699", "hex_then_decimal") == "6699"
    assert submitted_id("0042", "decimal") == receipted_id("42", "decimal") == "42"
    assert submitted_id("0042", "same") == receipted_id("0042", "same") == "0042"
    assert submitted_id("no number", "decimal") == "no number"


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(list(map(int, Tag))), st.binary(max_size=20)))
def test_any_octets(octets: bytes, tlvs: dict[int, bytes]) -> None:
    read_receipt(ShortMessage(Address("1"), Address("2"), octets, esm_class=4, tlvs=tlvs), NOW, MOSCOW)


# -- texts in parts ------------------------------------------------------------------------------------------------------


def receipt(part: str, status: ReceiptStatus) -> Receipt:
    return Receipt("main", part, status, NOW)


def told(receipts: list[Receipt]) -> list[tuple[str, str]]:
    return [(one.provider_id, one.status.value) for one in receipts]


def test_a_text_has_arrived_when_all_its_parts_have() -> None:
    groups = Groups()
    groups.add(["a", "b", "c"])
    assert told(groups.take(receipt("c", ReceiptStatus.DELIVERED))) == [("a", "sent")]
    assert told(groups.take(receipt("a", ReceiptStatus.DELIVERED))) == []
    assert told(groups.take(receipt("a", ReceiptStatus.DELIVERED))) == []  # twice
    assert told(groups.take(receipt("b", ReceiptStatus.DELIVERED))) == [("a", "delivered")]
    assert told(groups.take(receipt("b", ReceiptStatus.SENT))) == []  # late news


def test_one_lost_part_spoils_the_text() -> None:
    groups = Groups()
    groups.add(["a", "b"])
    groups.take(receipt("a", ReceiptStatus.DELIVERED))
    assert told(groups.take(receipt("b", ReceiptStatus.EXPIRED))) == [("a", "expired")]


def test_a_receipt_before_the_last_response() -> None:
    groups = Groups()
    assert told(groups.take(receipt("b", ReceiptStatus.DELIVERED))) == [("b", "delivered")]
    assert told(groups.take(receipt("a", ReceiptStatus.DELIVERED))) == [("a", "delivered")]
    assert told(groups.add(["a", "b"])) == [("a", "delivered")]


def test_a_text_in_one_part_is_none_of_it() -> None:
    assert told(Groups().take(receipt("x", ReceiptStatus.READ))) == [("x", "read")]


@given(st.permutations([(part, status) for part in "abc" for status in (ReceiptStatus.SENT, ReceiptStatus.DELIVERED)]))
def test_any_order_ends_delivered_once(order: list[tuple[str, ReceiptStatus]]) -> None:
    groups = Groups()
    groups.add(["a", "b", "c"])
    news = [one for part, status in order for one in told(groups.take(receipt(part, status)))]
    assert news.count(("a", "delivered")) == 1
    assert news[-1] == ("a", "delivered")
