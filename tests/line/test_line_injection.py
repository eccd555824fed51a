"""What a caller writes into an INVITE, and what a broken brain calls a dialog, adds nothing to what the robot sends on."""

import re
from pathlib import Path
from typing import Any

import pytest
from line_brain import Brain
from sip_peers import RawSip, running_line, wait_until

from voicebot.line.headers import header
from voicebot.link.messages import CallStarted, Dial, Dialing, DialState, Rename, Transfer, Transferring

pytestmark = pytest.mark.call

ID, MARK = "4341AM8A", "evilmark"
HOSTILE_USERS = (
    f"x%0d%0aX-{MARK}:%201",
    f"x%0d%0a%0d%0aINVITE%20sip:{MARK}@127.0.0.1",
    f"%22%3e%3csip:{MARK}@127.0.0.1%3e",
    f"x%00{MARK}",
    f"x;{MARK}=1",
    f"x?X-{MARK}=1",
    f"%D1%8F%E2%80%AE{MARK}",
    f"{MARK}%25%30%64%25%30%61",
)
HOSTILE_NAMES = (
    f'"A\\"> <sip:{MARK}@127.0.0.1>" ',
    f'"x%0d%0aX-{MARK}: 1" ',
    f'"я\u202e{MARK}\u2028" ',
    f'"folded\r\n X-{MARK}: 1" ',
    f'"\\\r\\\nX-{MARK}: 1" ',
    "",
)
HOSTILE_HEADERS = (
    f"User-to-User: {MARK};encoding=hex\nX-Dialog-ID: {MARK}\nReferred-By: <sip:{MARK}@127.0.0.1>",
    f'P-Asserted-Identity: "{MARK}" <sip:x%0d%0aX-{MARK}:1@127.0.0.1>\nRemote-Party-ID: <sip:{MARK}@127.0.0.1>',
    f"X-Label: a\n b\n\tX-{MARK}: 1\nSubject: %0d%0aX-{MARK}: 1\nDiversion: <sip:{MARK}@127.0.0.1>",
    f"Refer-To: <sip:{MARK}@127.0.0.1?X-{MARK}=1>\nReplaces: {MARK};to-tag=1;from-tag=2\nHistory-Info: <sip:{MARK}@127.0.0.1>",
)


def hostile_invites(caller: RawSip) -> list[str]:
    """Return INVITEs, each evil in one place."""
    good = caller.invite()
    made = [good.replace("From: <sip:raw@", f"From: <sip:{user}@") for user in HOSTILE_USERS]
    made += [good.replace("From: <sip:raw@", f"From: {name}<sip:raw@") for name in HOSTILE_NAMES]
    made += [good.replace("INVITE sip:100@", f"INVITE sip:{user}@", 1) for user in HOSTILE_USERS[:4]]
    made += [caller.invite(headers) for headers in HOSTILE_HEADERS]
    return made


def names_of(message: str) -> list[str]:
    return sorted(line.partition(":")[0].strip().lower() for line in message.partition("\r\n\r\n")[0].split("\r\n")[1:])


@pytest.mark.parametrize("mode", ["consult", "blind"])
def test_a_caller_adds_nothing_to_a_transfer(tmp_path: Path, mode: str) -> None:
    """The INVITE that an operator gets and the REFER that a caller gets are those of a harmless call, whoever calls."""
    with RawSip(0) as operator:
        target = f"sip:200@127.0.0.1:{operator.port}"
        settings: dict[str, Any] = {
            "transfer": {"targets": {"operator": target}, "mode": mode, "id_in": ["headers", "refer_to", "user_part"]}
        }
        with running_line(tmp_path, settings) as line, Brain(line.socket) as brain:
            wait_until(lambda: line.status().get("brains"), "the brain has joined")
            operator.far_port = line.port
            harmless: list[str] = []
            understood = 0
            with RawSip(line.port) as counter:
                kinds = len(hostile_invites(counter))
            for number in range(-1, kinds):
                with RawSip(line.port) as caller:
                    invite = hostile_invites(caller)[number] if number >= 0 else caller.invite()
                    message = transferred(line.port, brain, caller, operator, invite, mode)
                if number < 0:
                    harmless = names_of(message)
                    continue
                if not message:
                    continue
                understood += 1
                assert names_of(message) == harmless, message
                assert header(message, "X-Dialog-ID") == ID
                assert header(message, "User-to-User") == f"{ID.encode().hex()};encoding=hex"
                lines = message.split("\r\n")
                # In a REFER, From and To are the caller's own dialog, and the request goes to his own Contact.
                about_him = [one for one in lines[1:] if not re.match(r"(?i)(from|to|t|f)\s*:", one)]
                assert MARK not in "\n".join(about_him if mode == "blind" else lines), message
            assert MARK not in line.log
            assert understood >= 12


def answer_of(caller: RawSip) -> str:
    """Return the 200 of the INVITE, "" where the stack did not understand it: an OPTIONS behind it was answered alone."""
    caller.send(caller.message("OPTIONS", branch=f"{caller.key}probe"))
    got: list[str] = []
    wait_until(lambda: got.extend(caller.receive(0.05)) or any(header(text, "CSeq") == "1 OPTIONS" for text in got), "OPTIONS")
    if not any(header(text, "CSeq") == "1 INVITE" for text in got):
        return ""
    wait_until(lambda: got.extend(caller.receive(0.02)) or any(map(is_final, got)), f"an answer to the INVITE of {got}")
    final = next(filter(is_final, got))
    return final if final.startswith("SIP/2.0 200") else ""


def is_final(text: str) -> bool:
    return text.startswith("SIP/2.0 ") and text[8] != "1" and header(text, "CSeq") == "1 INVITE"


def transferred(port: int, brain: Brain, caller: RawSip, operator: RawSip, invite: str, mode: str) -> str:
    """Call, let the brain hand the call over, return what was sent because of that, end it all."""
    seen, told = len(brain.all(CallStarted)), len([m for m in brain.all(Transferring) if m.state.is_final])
    caller.send(invite)
    answer = answer_of(caller)
    if not answer:
        return ""
    tail = "".join(f"{line}\r\n" for line in answer.split("\r\n") if re.match(r"(?i)(from|to|call-id)\s*:", line))

    def send(method: str, cseq: int) -> None:
        via = f"Via: SIP/2.0/UDP 127.0.0.1:{caller.port};branch=z9hG4bK{caller.key}{method}{cseq}\r\n"
        rest = f"CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        caller.send(f"{method} sip:100@127.0.0.1:{port} SIP/2.0\r\n{via}{tail}{rest}")

    send("ACK", 1)
    call_id = brain.wait(CallStarted, seen + 1).call_id
    brain.send(Rename(call_id=call_id, dialog_id=ID), Transfer(call_id=call_id, target="operator"))
    peer = operator if mode == "consult" else caller
    message = peer.wait_for("INVITE " if mode == "consult" else "REFER ")
    peer.reply(message, "486 Busy Here" if mode == "consult" else "202 Accepted")
    if mode == "consult":
        peer.wait_for("ACK ")
        wait_until(lambda: len([m for m in brain.all(Transferring) if m.state.is_final]) > told, "the transfer ends")
    send("BYE", 9)
    caller.wait_for("SIP/2.0 200")
    return message


def test_a_broken_brain_cannot_write_headers(tmp_path: Path) -> None:
    broken = (f"a\r\nX-{MARK}: 1", f"a b{MARK}", "", "я", "a" * 500, f"a?X-{MARK}=1", "%0d%0a")
    with RawSip(0) as operator:
        target = f"127.0.0.1:{operator.port}"
        settings = {"transfer": {"targets": {"operator": f"sip:200@{target}"}}, "calls": {"target": f"sip:{{phone}}@{target}"}}
        with running_line(tmp_path, settings) as line, Brain(line.socket) as brain, RawSip(line.port) as caller:
            wait_until(lambda: line.status().get("brains"), "the brain has joined")
            operator.far_port = line.port
            caller.send(caller.invite())
            caller.wait_for("SIP/2.0 200")
            caller.send(caller.message("ACK", branch=f"{caller.key}ack"))
            started = brain.wait(CallStarted)
            call_id = started.call_id
            for number, dialog_id in enumerate(broken, start=1):
                brain.send(Dial(order=number, phone="+79161234567", dialog_id=dialog_id))
                assert brain.wait(Dialing, number).state is DialState.FORBIDDEN
                brain.send(Rename(call_id=call_id, dialog_id=dialog_id), Transfer(call_id=call_id, target="operator"))
                invite = operator.wait_for("INVITE ")
                assert header(invite, "X-Dialog-ID") == started.dialog_id  # the one that line drew itself
                operator.reply(invite, "603 Decline")
                operator.wait_for("ACK ")
                brain.wait(Transferring, number)
            assert line.process.poll() is None
            caller.send(caller.message("BYE", 2))
            caller.wait_for("SIP/2.0 200")
