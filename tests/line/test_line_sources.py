"""How many calls a source may bring, and which datagrams the kernel lets through. Pure; the filter runs in a model of it."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.line.admission import is_allowed
from voicebot.line.packet_filter import Instruction, program
from voicebot.line.sources import Silenced, SourceLimit

# -- sources ------------------------------------------------------------------------------------------------------------


def test_a_burst_and_then_the_rate() -> None:
    limit = SourceLimit(2, 5)
    assert [limit.takes("10.0.0.1", 0) for _ in range(6)] == [True] * 5 + [False]
    assert limit.takes("10.0.0.2", 0), "another source is another's"
    assert [limit.takes("10.0.0.1", 1.0) for _ in range(3)] == [True, True, False]
    assert [limit.takes("10.0.0.1", 100) for _ in range(6)] == [True] * 5 + [False], "no more than the burst is saved up"


@given(st.lists(st.floats(0, 3), max_size=200), st.floats(0.1, 20), st.integers(1, 30))
def test_never_more_than_burst_and_rate_allow(pauses: list[float], rate: float, burst: int) -> None:
    limit, now, taken = SourceLimit(rate, burst), 0.0, 0
    for pause in pauses:
        now += pause
        taken += limit.takes("x", now)
    assert taken <= burst + rate * now + 1e-6


def test_no_limit_and_few_memories() -> None:
    assert all(SourceLimit(0, 1).takes("x", 0) for _ in range(1000))
    limit = SourceLimit(1, 1)
    for number in range(100_000):
        limit.takes(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", number * 1e-6)
    assert len(limit._buckets) == 4096  # forged addresses fill nothing


def test_addresses_of_one_host_are_one_source() -> None:
    limit = SourceLimit(0.001, 1)
    assert limit.takes("2001:db8::1", 0)
    assert not limit.takes("2001:db8::2", 0), "the same /64"
    assert limit.takes("2001:db8:0:1::1", 0)
    assert limit.takes("10.0.0.1", 0)
    assert not limit.takes("::ffff:10.0.0.1", 0)


def test_silence_has_an_end_and_a_size() -> None:
    silenced = Silenced(10, 2)
    for number, host in enumerate(("a", "b", "c")):
        silenced.add(host, number)
    assert silenced.hosts() == ["b", "c"]
    assert not silenced.forget_old(10.9)
    assert silenced.forget_old(11)
    assert silenced.hosts() == ["c"]


# -- the kernel's filter ------------------------------------------------------------------------------------------------


def takes(steps: list[Instruction], source: str, payload: bytes) -> bool:
    """Run the program over a datagram as the kernel does for a UDP socket (Linux, Documentation/networking/filter.rst)."""
    address = ip_address(source)
    if address.version == 4:
        ip = bytes([0x45]) + bytes(11) + address.packed + bytes(4)
    else:
        ip = bytes([0x60]) + bytes(7) + address.packed + bytes(16)
    udp = bytes(8) + payload
    accumulator, at = 0, 0
    while True:
        step = steps[at]
        at += 1
        if step.code in (0x20, 0x30):
            data, offset = (ip, step.k - 0xFFF00000) if step.k >= 0xFFF00000 else (udp, step.k)
            size = 4 if step.code == 0x20 else 1
            if offset + size > len(data):
                return False
            accumulator = int.from_bytes(data[offset : offset + size], "big")
        elif step.code == 0x54:
            accumulator &= step.k
        elif step.code == 0x74:
            accumulator >>= step.k
        elif step.code == 0x05:
            at += step.k
        elif step.code == 0x15:
            at += step.if_true if accumulator == step.k else step.if_false
        else:
            assert step.code == 0x06
            return step.k > 0


ALLOWED = [ip_network("192.0.2.0/24"), ip_network("127.0.0.1"), ip_network("2001:db8::/32"), ip_network("::1")]


@pytest.mark.parametrize(
    ("source", "start", "is_taken"),
    [
        ("192.0.2.7", b"OPTIONS sip:", True),
        ("192.0.2.7", b"INVITE sip:", True),
        ("192.0.2.7", b"REFER sip:", True),  # declined by the stack
        ("192.0.2.7", b"SUBSCRIBE sip:", False),
        ("192.0.2.7", b"REGISTER sip:", False),
        ("192.0.2.7", b"MESSAGE sip:", False),
        ("192.0.2.7", b"subscribe sip:", False),
        ("192.0.2.7", b"\r\nINVITE sip:", False),
        ("192.0.2.7", b"\r\n", False),
        ("198.51.100.1", b"INVITE sip:", True),  # 403
        ("198.51.100.1", b"SIP/2.0 200 OK", True),  # an operator's answer may come from anywhere
        ("198.51.100.1", b"BYE sip:", True),
        ("198.51.100.1", b"OPTIONS sip:", False),
        ("198.51.100.1", b"REFER sip:", False),
        ("198.51.100.66", b"INVITE sip:", False),  # silenced
        ("198.51.100.66", b"SIP/2.0 200 OK", False),
        ("2001:db8::5", b"OPTIONS sip:", True),
        ("2001:db9::5", b"OPTIONS sip:", False),
        ("2001:db9::5", b"INVITE sip:", True),
        ("2001:db9:1::5", b"INVITE sip:", False),  # silenced with its /64
        ("::1", b"OPTIONS sip:", True),
    ],
)
def test_who_may_send_what(source: str, start: bytes, is_taken: bool) -> None:
    silenced = [ip_network("198.51.100.66"), ip_network("2001:db9:1::/64")]
    assert takes(program(ALLOWED, silenced), source, start + b" rest of it") is is_taken


_addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
_networks = st.one_of(
    st.builds(lambda a, n: ip_network((a, n), strict=False), st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds(lambda a, n: ip_network((a, n), strict=False), st.ip_addresses(v=6), st.integers(0, 128)),
)


@given(st.lists(_networks, max_size=6), st.lists(_networks, max_size=300), _addresses, st.booleans())
def test_the_filter_knows_networks_as_admission_does(allowed, silenced, address, is_inside) -> None:  # type: ignore[no-untyped-def]
    if is_inside and allowed:
        network = allowed[0]
        address = network.network_address
    if getattr(address, "ipv4_mapped", None) is not None:
        return  # on the wire that is IPv4
    steps = program(allowed, silenced)
    is_silenced = any(address in network for network in silenced)
    assert takes(steps, str(address), b"OPTIONS sip:") is (is_allowed(str(address), allowed) and not is_silenced)
    assert takes(steps, str(address), b"INVITE sip:") is not is_silenced
