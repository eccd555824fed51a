"""Peers that answer and hang up in one breath: line takes both messages in one turn of its loop, and lives."""

import os
import re
import signal
from pathlib import Path

import pytest
from line_brain import Brain
from sip_peers import LineProcess, RawSip, running_line, wait_until

from voicebot.link.messages import CallEnded, CallStarted, Dial, Transfer, Transferring, TransferState

pytestmark = pytest.mark.call

PHONE = "+79161234567"


class Hasty(RawSip):
    """Waits for line's INVITE, then answers it and hangs up before line has read the answer."""

    def invited(self) -> str:
        invite = self.wait_for("INVITE ")
        self.reply(invite, "180 Ringing")
        return invite

    def answer_and_leave(self, line: LineProcess, invite: str) -> None:
        os.kill(line.process.pid, signal.SIGSTOP)
        try:
            self.send(self._answer(invite))
            self.send(self._bye(invite))
        finally:
            os.kill(line.process.pid, signal.SIGCONT)

    def _answer(self, invite: str) -> str:
        kept = [text for text in invite.split("\r\n") if re.match(r"(?i)(via|from|to|call-id|cseq|record-route):", text)]
        kept = [f"{text};tag=raw" if text.lower().startswith("to:") else text for text in kept]
        body = self.sdp().replace("\n", "\r\n")
        contact = f"Contact: <sip:raw@{self.host}:{self.port}>"
        head = ["SIP/2.0 200 OK", *kept, contact, "Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        return "\r\n".join([*head, "", body])

    def _bye(self, invite: str) -> str:
        def of(name: str) -> str:
            found = re.search(rf"(?im)^{name}:\s*(.*?)\r?$", invite)
            assert found is not None
            return found[1]

        target = re.search(r"<(.*?)>", of("Contact"))
        assert target is not None
        return "\r\n".join(
            (
                f"BYE {target[1]} SIP/2.0",
                f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bKbye{self.key}",
                f"From: {of('To')};tag=raw",
                f"To: {of('From')}",
                f"Call-ID: {of('Call-ID')}",
                "CSeq: 1 BYE",
                "Max-Forwards: 70",
                "Content-Length: 0",
                "",
                "",
            )
        )


def test_a_patient_who_is_called_answers_and_leaves_at_once(tmp_path: Path) -> None:
    with Hasty(0) as patient:
        calls = {"calls": {"target": f"sip:{{phone}}@127.0.0.1:{patient.port}"}}
        with running_line(tmp_path, calls) as line, Brain(line.socket) as brain:
            patient.far_port = line.port
            wait_until(lambda: line.status().get("brains"), "the brain has joined")
            brain.send(Dial(order=1, phone=PHONE, dialog_id="4341AM8A"))
            patient.answer_and_leave(line, patient.invited())
            assert brain.wait(CallEnded).call_id == brain.wait(CallStarted).call_id
            line.wait_calls(0)
            wait_until(lambda: line.status()["legs"] == 0, "no leg is left")
            assert [one["calls"] for one in line.status()["brains"]] == [0]


def test_an_operator_who_answers_and_leaves_at_once(tmp_path: Path) -> None:
    with Hasty(0) as operator, RawSip(0) as patient:
        transfer = {"transfer": {"targets": {"operator": f"sip:200@127.0.0.1:{operator.port}"}}}
        with running_line(tmp_path, transfer) as line, Brain(line.socket) as brain:
            operator.far_port = patient.far_port = line.port
            wait_until(lambda: line.status().get("brains"), "the brain has joined")
            patient.send(patient.invite())
            patient.wait_for("SIP/2.0 200")
            patient.send(patient.message("ACK", branch=f"{patient.key}ack"))
            call_id = brain.wait(CallStarted).call_id
            brain.send(Transfer(call_id=call_id, target="operator"))
            operator.answer_and_leave(line, operator.invited())

            def is_decided() -> bool:
                return bool(brain.all(CallEnded)) or any(
                    m.state in (TransferState.FAILED, TransferState.BRIDGED) for m in brain.all(Transferring)
                )

            wait_until(is_decided, f"the transfer's end\n{line.log[-3000:]}")
            assert line.process.poll() is None, line.log
            wait_until(lambda: line.status()["legs"] == line.status()["calls"], "the operator's leg is gone")
