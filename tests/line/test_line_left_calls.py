"""A line is killed: the next one says BYE to the phones that the dead one left, so that nobody listens to silence."""

import re
import signal
import socket
import threading
from pathlib import Path

import pytest
from line_brain import OPERATOR_HZ, PATIENT_HZ, Brain
from sip_peers import Baresip, LineProcess, RawSip, free_port, tone, wait_until

from voicebot.line.left_calls import LeftCalls, SipDialog, bye, dialog_of_answer, say_goodbye
from voicebot.link.messages import CallStarted, Transfer, Transferring, TransferState
from voicebot.settings import Sip

_INVITE = """INVITE sip:100@robot SIP/2.0
Record-Route: <sip:near.proxy;lr>, <sip:middle.proxy;lr;transport=tcp>
Record-Route: <sip:far.proxy:5070;lr>
From: "Patient" <sip:+79161234567@pbx>;tag=theirs
To: <sip:100@robot>
Call-ID: abc@pbx
CSeq: 7 INVITE
m: "P" <sip:patient@10.0.0.7:5062;ob>;expires=60

v=0
""".replace("\n", "\r\n")
_OK = """SIP/2.0 200 OK
Record-Route: <sip:near.proxy;lr>, <sip:middle.proxy;lr;transport=tcp>
Record-Route: <sip:far.proxy:5070;lr>
From: "Patient" <sip:+79161234567@pbx>;tag=theirs
To: <sip:100@robot>;tag=ours
i: abc@pbx
CSeq: 7 INVITE
Contact: sip:robot@10.0.0.1:5060;ob

""".replace("\n", "\r\n")


def test_the_dialog_of_who_called_us() -> None:
    assert dialog_of_answer(_OK, "10.0.0.5:5060", _INVITE) == SipDialog(
        call_id="abc@pbx",
        local="<sip:100@robot>;tag=ours",
        remote='"Patient" <sip:+79161234567@pbx>;tag=theirs',
        target="sip:patient@10.0.0.7:5062;ob",
        routes=("<sip:near.proxy;lr>", "<sip:middle.proxy;lr;transport=tcp>", "<sip:far.proxy:5070;lr>"),
        peer="10.0.0.5:5060",
    )


def test_the_dialog_of_whom_we_called_goes_the_way_back() -> None:
    dialog = dialog_of_answer(_OK, "10.0.0.1:5060")
    assert dialog is not None
    assert (dialog.local[-6:], dialog.remote[-4:]) == ("theirs", "ours")
    assert dialog.target == "sip:robot@10.0.0.1:5060"
    assert dialog.routes[0] == "<sip:far.proxy:5070;lr>"


@pytest.mark.parametrize("lost", ["tag=ours", "tag=theirs", "abc@pbx"])
def test_half_a_dialog_is_none(lost: str) -> None:
    assert dialog_of_answer(_OK.replace(lost, ""), "10.0.0.5:5060", _INVITE) is None


def test_a_bye_is_the_end_of_that_dialog() -> None:
    dialog = dialog_of_answer(_OK, "10.0.0.5:5060", _INVITE)
    assert dialog is not None
    lines = bye(dialog, "udp", "10.0.0.1:5060").split("\r\n")
    assert lines[0] == "BYE sip:patient@10.0.0.7:5062;ob SIP/2.0"
    assert lines[1].startswith("Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK")
    assert next(line for line in lines if line.startswith("Route: ")) == "Route: <sip:near.proxy;lr>"
    assert "From: <sip:100@robot>;tag=ours" in lines
    assert lines[-2:] == ["", ""]


def test_files_are_there_from_answer_to_end_and_taken_once(tmp_path: Path) -> None:
    dialog = dialog_of_answer(_OK, "10.0.0.5:5060", _INVITE)
    assert dialog is not None
    left = LeftCalls(tmp_path / "legs")
    for leg in ("a", "b", "a"):  # a re-INVITE
        left.keep(leg, dialog)
    left.forget("b")
    left.forget("never kept")
    (tmp_path / "legs" / "torn.json").write_text('{"call_id')
    assert [file.stat().st_mode & 0o777 for file in (tmp_path / "legs").glob("[0-9]*.json")] == [0o600]
    assert LeftCalls(tmp_path / "legs").take() == [dialog]
    assert LeftCalls(tmp_path / "legs").take() == []
    assert list((tmp_path / "legs").iterdir()) == []


def test_over_tcp_the_first_route_is_told(tmp_path: Path) -> None:
    got: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(10)

        def answer() -> None:
            peer, _ = proxy.accept()
            with peer:
                text = peer.recv(65536).decode()
                got.append(text)
                kept = [line for line in text.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
                peer.sendall("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode())

        thread = threading.Thread(target=answer)
        thread.start()
        route = f"<sip:127.0.0.1:{proxy.getsockname()[1]};lr;transport=tcp>"
        dialog = SipDialog("abc@pbx", "<sip:r@x>;tag=o", "<sip:p@x>;tag=t", "sip:p@10.0.0.7", (route,), "10.0.0.7:41234")
        assert say_goodbye([dialog], Sip(transport="tcp")) == 1
        thread.join(10)
    assert got[0].startswith("BYE sip:p@10.0.0.7 SIP/2.0\r\n")
    assert f"Route: {route}" in got[0]


def test_a_peer_that_is_gone_holds_nobody_up() -> None:
    dialog = SipDialog("abc@pbx", "<sip:r@x>;tag=o", "<sip:p@x>;tag=t", "sip:p@127.0.0.1", (), f"127.0.0.1:{free_port()}")
    for transport in ("udp", "tcp"):
        assert say_goodbye([dialog], Sip(transport=transport, port=free_port())) == 0


@pytest.mark.call
def test_phones_of_a_killed_line_are_told(tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
        Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient,
    ):
        port = free_port()
        settings = {"sip": {"port": port}, "transfer": {"targets": {"operator": operator.uri}, "mode": "bridge"}}
        first = LineProcess(tmp_path, settings)
        try:
            first.wait_ready()
            legs = first.data_dir / "run" / "legs"
            with Brain(first.socket) as brain, RawSip(port) as raw:
                wait_until(lambda: first.status().get("brains"), "the brain has joined")
                raw.send(raw.invite())
                raw.wait_for("SIP/2.0 200")
                raw.send(raw.message("ACK"))
                brain.wait(CallStarted)
                raw.send(raw.message("BYE", 2))  # this one ends by itself
                wait_until(lambda: not list(legs.glob("*.json")), "its file is gone")
                patient.dial(first.uri)
                brain.wait(CallStarted, 2)
                brain.send(Transfer(call_id=brain.all(CallStarted)[1].call_id, target="operator"))
                wait_until(
                    lambda: any(m.state is TransferState.BRIDGED for m in brain.all(Transferring)), "the operator is there"
                )
                wait_until(lambda: len(list(legs.glob("*.json"))) == 2, "both legs are kept")
                first.process.send_signal(signal.SIGKILL)
                first.process.wait()
        finally:
            first.process.kill()
            first.process.wait()
        first.status_file.unlink()  # as the supervisor does
        second = LineProcess(tmp_path, settings)
        try:
            second.wait_ready()
            patient.wait_for("CALL_CLOSED")
            operator.wait_for("CALL_CLOSED")
            assert not list(legs.glob("*.json"))
            assert re.search(r"left_calls_told.*answered=2", re.sub(r"\x1b\[[0-9;]*m", "", second.log)), second.log
        finally:
            assert second.stop() == 0, second.log
