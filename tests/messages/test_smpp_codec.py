"""PDUs there and back, against another's codec, and whatever octets a peer may send."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.messages.senders.smpp.incoming import Joiner, Part, read_part
from voicebot.messages.senders.smpp.pdu import Address, Bind, Command, Framer, Pdu, PduError, ShortMessage, decode_id

ASCII = st.characters(min_codepoint=1, max_codepoint=126)
OCTET = st.integers(0, 255)


def texts(most: int) -> st.SearchStrategy[str]:
    return st.text(ASCII, max_size=most)


ADDRESSES = st.builds(Address, texts(20), OCTET, OCTET)
MESSAGES = st.builds(
    ShortMessage,
    source=ADDRESSES,
    destination=ADDRESSES,
    message=st.binary(max_size=254),
    data_coding=OCTET,
    esm_class=OCTET,
    registered_delivery=OCTET,
    validity=texts(16),
    service_type=texts(5),
    protocol=OCTET,
    priority=OCTET,
    schedule=texts(16),
    replace=OCTET,
    default_message=OCTET,
    tlvs=st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=300), max_size=4),
)
PDUS = st.builds(Pdu, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=400))


@given(MESSAGES)
def test_a_message_comes_back_as_it_was(message: ShortMessage) -> None:
    assert ShortMessage.decode(message.encode()) == message


@given(st.builds(Bind, texts(15), texts(8), texts(12), OCTET, OCTET, OCTET, texts(40)))
def test_a_bind_comes_back_as_it_was(bind: Bind) -> None:
    assert Bind.decode(bind.encode()) == bind


@given(st.lists(PDUS, max_size=5), st.data())
def test_any_cuts_give_the_same_pdus(pdus: list[Pdu], data: st.DataObject) -> None:
    octets = b"".join(pdu.encode() for pdu in pdus)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=8)))
    framer, found = Framer(), []
    for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True):
        found += list(framer.feed(octets[start:end]))
    assert found == pdus


@given(st.binary(max_size=300))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    for read in (ShortMessage.decode, Bind.decode, decode_id, lambda body: list(Framer().feed(body))):
        with suppress(PduError):
            read(octets)
    with suppress(PduError):
        read_part(ShortMessage(Address("1"), Address("2"), octets, esm_class=0x40))


@given(MESSAGES, st.data())
def test_a_body_that_ends_too_early(message: ShortMessage, data: st.DataObject) -> None:
    body = message.encode()
    mandatory = len(body) - sum(4 + len(value) for value in message.tlvs.values())
    cut = data.draw(st.integers(0, mandatory - 1))
    with pytest.raises(PduError):
        ShortMessage.decode(body[:cut])


def test_a_length_beyond_reason_ends_the_stream() -> None:
    with pytest.raises(PduError):
        list(Framer().feed(struct.pack(">IIII", 0x7FFFFFFF, 4, 0, 1)))
    with pytest.raises(PduError):
        list(Framer().feed(struct.pack(">IIII", 15, 4, 0, 1)))


@given(MESSAGES.filter(lambda one: all(tag for tag in one.tlvs)))
def test_another_codec_reads_ours_and_writes_the_same(message: ShortMessage) -> None:
    smpp34 = pytest.importorskip("smpp34", reason="the second SMPP codec (dev dependency) is not installed")
    octets = Pdu(Command.SUBMIT_SM, 7, body=message.encode()).encode()
    theirs = smpp34.decode(octets)
    assert theirs.sequence_number == 7
    assert (theirs.source_addr, theirs.destination_addr) == (message.source.number, message.destination.number)
    assert (theirs.source_addr_ton, theirs.dest_addr_npi) == (message.source.ton, message.destination.npi)
    assert (theirs.esm_class, theirs.data_coding) == (message.esm_class, message.data_coding)
    assert theirs.registered_delivery == message.registered_delivery
    assert theirs.validity_period == message.validity
    assert bytes(theirs.short_message) == message.message
    assert {tlv.tag: bytes(tlv.value) for tlv in theirs.tlvs} == dict(message.tlvs)
    assert bytes(theirs.encode()) == octets


@given(
    st.lists(st.text(max_size=5), min_size=2, max_size=6), st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=4)
)
def test_parts_in_any_order_and_twice(texts: list[str], order: list[int], again: list[int]) -> None:
    """Each part arrives, some of them twice before the last one does."""
    joiner, count = Joiner(), len(texts)
    numbers = [number for number in order if number < count]
    numbers = [*(number for number in again if number < count and number != numbers[-1]), *numbers]
    found = [joiner.add("79160000000", Part(texts[number], 9, count, number + 1), 0.0) for number in numbers]
    whole = [one for one in found if one is not None]
    assert whole
    assert whole[0] == "".join(texts)


def test_an_unfinished_text_is_forgotten() -> None:
    joiner = Joiner()
    assert joiner.add("1", Part("old ", 1, 2, 1), 0.0) is None
    assert joiner.add("1", Part("new", 1, 2, 2), 1000.0) is None
    assert joiner.add("1", Part("begin ", 1, 2, 1), 1001.0) == "begin new"
