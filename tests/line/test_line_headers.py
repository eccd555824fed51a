"""Header text in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import LineError
from voicebot.line.headers import (
    all_headers,
    called_of,
    caller_of,
    can_refer,
    check_header,
    check_target,
    header,
    identity_headers,
    info_digit,
    refer_to,
    source_host,
    with_id_in_user,
    with_transport,
)


def invite(*lines: str) -> str:
    return "\r\n".join(["INVITE sip:100;x=1@10.0.0.1:5060 SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.2", *lines, "", "v=0\r\nFrom: no"])


@pytest.mark.parametrize(
    ("lines", "caller"),
    [
        (['From: "Anna" <sip:+79161234567@pbx>;tag=1'], "+79161234567"),
        (["f: <sip:+79161234567:secret@pbx>;tag=1"], "+79161234567"),
        (["FROM : sip:89161234567@pbx;tag=1"], "89161234567"),
        (["From: <tel:+7-916-123-45-67;phone-context=x>;tag=1"], "+7-916-123-45-67"),
        (["From: <sip:anonymous@anonymous.invalid>;tag=1"], ""),
        (["From: <sip:pbx.local>;tag=1"], ""),
        (["From: <sip:anonymous@anonymous.invalid>;tag=1", 'P-Asserted-Identity: "A" <sip:201@pbx>'], "201"),
        (["From: <sip:1@pbx>;tag=1", "P-Asserted-Identity: <sip:pbx>, <tel:+79990001122>"], "+79990001122"),
        (["From: <sip:1@pbx>;tag=1", "P-Asserted-Identity:\r\n <sip:77@pbx>"], "77"),
        (['From: "<sip:fake@x>" <sip:real@pbx>;tag=1'], "real"),
        (["From: <sip:%2B7916%00%0d%0a@pbx>;tag=1"], "+7916"),
        (["From: <sip:" + "9" * 500 + "@pbx>;tag=1"], "9" * 64),
        ([], ""),
    ],
)
def test_caller(lines: list[str], caller: str) -> None:
    assert caller_of(invite(*lines)) == caller


def test_called_and_plain_headers() -> None:
    message = invite("Call-ID: a@b", "X-A: 1", "x-a: 2", "k: replaces")
    assert called_of(message) == "100"
    assert header(message, "call-id") == "a@b"
    assert all_headers(message, "X-A") == ["1", "2"]
    assert header(message, "Supported") == "replaces"
    assert header(message, "From") == ""  # the body is not the head
    assert called_of("") == ""
    assert called_of("INVITE") == ""


@given(st.text(max_size=300))
def test_reading_never_raises(text: str) -> None:
    for message in (text, invite(f"From: {text}"), invite(f"P-Asserted-Identity: {text}")):
        assert len(caller_of(message)) <= 64
        called_of(message)
        can_refer(message)
        info_digit(message)


def test_can_refer_by_allow() -> None:
    assert can_refer(invite())
    assert can_refer(invite("Allow: INVITE, ACK", "Allow: refer"))
    assert not can_refer(invite("Allow: INVITE, ACK, BYE"))


@pytest.mark.parametrize(
    ("address", "host"),
    [("10.0.0.1:5060", "10.0.0.1"), ("[::1]:5060", "::1"), ("10.0.0.1", "10.0.0.1"), ("fe80::1", "fe80::1")],
)
def test_source_host(address: str, host: str) -> None:
    assert source_host(address) == host


@pytest.mark.parametrize("uri", ["sip:200@pbx", "sips:200@10.0.0.1:5061;transport=tls", "sip:[::1]:5060", "sip:pbx.local"])
def test_good_targets(uri: str) -> None:
    assert check_target("operator", uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "200",
        "tel:200",
        "sip:200@pbx?Replaces=x",
        "sip:200@pbx\r\nX: 1",
        "<sip:200@pbx>",
        "sip:200@",
        "sip:a b@pbx",
        "sip:" + "1" * 300,
    ],
)
def test_bad_targets_are_refused_with_a_cure(uri: str) -> None:
    with pytest.raises(LineError) as caught:
        check_target("operator", uri)
    assert "transfer.targets" in caught.value.cure


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Dialog-ID", "a\r\nVia: evil"),
        ("X-Dialog-ID", "a\nb"),
        ("X-Dialog-ID", "a\x00"),
        ("X-Dialog-ID", "я"),
        ("X-Dialog-ID", "a" * 257),
        ("X Dialog", "a"),
        ("X:Y", "a"),
        ("", "a"),
        ("Replaces", "a"),
        ("via", "a"),
        ("Method", "BYE"),
        ("body", "x"),
        ("i", "x"),
        ("Route", "<sip:evil>"),
    ],
)
def test_injection_is_refused(name: str, value: str) -> None:
    with pytest.raises(LineError):
        check_header(name, value)
    with pytest.raises(LineError):
        refer_to("sip:200@pbx", {name: value})


def test_identity_and_refer_to() -> None:
    headers = identity_headers("7KA94MX2")
    assert headers == {"X-Dialog-ID": "7KA94MX2", "User-to-User": "374b4139344d5832;encoding=hex"}
    assert bytes.fromhex(headers["User-to-User"].split(";")[0]) == b"7KA94MX2"
    assert refer_to("sip:200@pbx", {}) == "<sip:200@pbx>"
    assert refer_to("sip:200@pbx", {"X-A": "a b&c=d?>"}) == "<sip:200@pbx?X-A=a%20b%26c%3Dd%3F%3E>"
    with pytest.raises(LineError):
        identity_headers("a\r\nb")


def test_id_in_user_part_and_transport() -> None:
    assert with_id_in_user("sip:200@pbx:5080", "7KA9") == "sip:200-7KA9@pbx:5080"
    assert with_id_in_user("sip:pbx", "7KA9") == "sip:7KA9@pbx"
    assert with_transport("sip:200@pbx", "tcp") == "sip:200@pbx;transport=tcp"
    assert with_transport("sip:200@pbx;transport=tls", "tcp") == "sip:200@pbx;transport=tls"
    assert with_transport("sip:200@pbx", "udp") == "sip:200@pbx"


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf", "5", "5"),
        ("application/dtmf;x=1", " # \r\n", "#"),
        ("application/dtmf", "d", "D"),
        ("application/dtmf", "55", ""),
        ("application/dtmf", "x", ""),
        ("application/dtmf-relay", "Signal=5", ""),
    ],
)
def test_plain_info(kind: str, body: str, digit: str) -> None:
    assert info_digit(f"INFO sip:100@x SIP/2.0\r\nContent-Type: {kind}\r\n\r\n{body}") == digit
    assert info_digit(f"MESSAGE sip:100@x SIP/2.0\r\nContent-Type: {kind}\r\n\r\n{body}") == ""
