"""A conversation over a line that is attacked meanwhile: a real phone, a brain, and how to tell that they still talk."""

import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from line_brain import PATIENT_HZ, ROBOT_HZ, Brain
from sip_peers import Baresip, LineProcess, RawSip, running_line, seconds_of, tone, wait_until

from voicebot.link.messages import CallEnded, CallStarted

#: In every message that the attackers send, and in the phone's own: nothing of it may be logged.
NUMBER = "+79161234567"


class Conversation:
    """A patient (baresip) and a brain that talk over a line."""

    def __init__(self, line: LineProcess, brain: Brain, patient: Baresip) -> None:
        self.line, self.brain, self.patient = line, brain, patient
        self._utterance = 100
        patient.dial(line.uri)
        self.call_id = brain.wait(CallStarted).call_id
        patient.wait_for("CALL_ESTABLISHED")
        self.goes_on()

    def rtp_port(self) -> int:
        """Return where line takes the patient's sound: the port of its answer in the phone's trace."""
        answer = self.patient.log[self.patient.log.index("SIP/2.0 200") :]
        found = re.search(r"m=audio (\d+) ", answer)
        assert found is not None
        return int(found[1])

    def goes_on(self) -> None:
        """Both hear each other, now; fails where they do not."""
        assert self.line.process.poll() is None, self.line.log
        ticks = wait_until(lambda: self.brain.ticks.get(self.call_id), "sound of the call")
        heard_before, ticks_before = len(self.patient.heard()), len(ticks)
        self._utterance += 1
        self.brain.say(self.call_id, self._utterance, tone(ROBOT_HZ, 1.0))

        def patient_hears() -> bool:
            return seconds_of(self.patient.heard()[heard_before:], ROBOT_HZ) > 0.5

        def robot_hears() -> bool:
            sound = b"".join(tick.caller for tick in ticks[ticks_before:])
            return seconds_of(sound, PATIENT_HZ) > 0.5

        wait_until(patient_hears, f"the patient hears the robot\n{self.line.log[-3000:]}")
        wait_until(robot_hears, f"the robot hears the patient\n{self.line.log[-3000:]}")
        frames = [tick.frame for tick in ticks]
        assert frames == list(range(frames[0], frames[0] + len(frames))), "frames of the call are missing"
        assert "CALL_CLOSED" not in self.patient.types()

    def forget_ticks(self) -> None:
        """A long conversation's sound need not be kept here."""
        self.brain.ticks[self.call_id].clear()

    def is_alone(self) -> bool:
        """Tell whether every other call has come to its end."""
        facts = self.line.status()
        return facts["calls"] == 1 and facts["legs"] == 1

    def outcomes_are_whole(self) -> None:
        """Each call that a brain heard of has its one end; ours has none yet."""
        started = [message.call_id for message in self.brain.all(CallStarted)]
        ended = [message.call_id for message in self.brain.all(CallEnded)]
        assert len(set(ended)) == len(ended)
        assert set(started) - set(ended) == {self.call_id}


@contextmanager
def conversation(folder: Path, cache: Path | None = None, settings: dict[str, Any] | None = None) -> Iterator[Conversation]:
    """A line with a conversation, which must end in order and have logged nothing personal."""
    with (
        running_line(folder, settings, cache) as line,
        Brain(line.socket, capacity=150) as brain,
        Baresip(folder, NUMBER, says=tone(PATIENT_HZ, 300), limit_seconds=900) as patient,
    ):
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        talk = Conversation(line, brain, patient)
        yield talk
        talk.goes_on()
        patient.hang_up()
        wait_until(lambda: any(m.call_id == talk.call_id for m in brain.all(CallEnded)), "the patient's call ends")
        line.wait_calls(0)
        nothing_personal(line)


def nothing_personal(line: LineProcess) -> None:
    """What line wrote holds no number, whole or without its prefix."""
    written = line.log + "".join(file.read_text() for file in line.status_file.parent.glob("*.json"))
    assert NUMBER[2:] not in written


class Attacker(RawSip):
    """A peer that ends what it is answered with, as far as its broken messages let it."""

    def __init__(self, line_port: int, host: str = "127.0.0.1") -> None:
        super().__init__(line_port, host)
        self.answers: list[str] = []  # the starts of all that came

    def whole(self, method: str, key: str) -> bytes:
        """Return a faultless message of its own dialog."""
        self.key, self.to_tag = key, ""
        if method == "INVITE":
            text = self.invite(f'P-Asserted-Identity: "A" <sip:{NUMBER}@127.0.0.1>')
        elif method == "REPLY":
            text = self.message("INVITE").replace(f"INVITE sip:100@127.0.0.1:{self.far_port} SIP/2.0", "SIP/2.0 200 OK")
        else:
            text = self.message(method, headers=f"Subject: {NUMBER}")
        return text.replace("<sip:raw@", f'"{NUMBER}" <sip:{NUMBER}@').encode()

    def final_status(self) -> str:
        """Return the first final answer that came, "" where none did."""
        return next((start[8:11] for start in self.answers if start.startswith("SIP/2.0 ") and start[8] != "1"), "")

    def settle(self) -> None:
        """Read what came; end every call that was answered (ACK, BYE)."""
        for text in self._waiting():
            self.answers.append(text[:11])
            if not text.startswith("SIP/2.0 "):
                if not text.startswith("ACK "):
                    self.reply(text, "200 OK")
            elif text.startswith("SIP/2.0 200") and re.search(r"(?im)^cseq\s*:.*INVITE", text):
                self._end(text)

    def _waiting(self) -> list[str]:
        """Return what came, without waiting for more."""
        found = []
        self._sock.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                found.append(self._sock.recv(65536).decode(errors="replace"))
        self._sock.settimeout(0.2)
        return found

    def _end(self, answer: str) -> None:
        number = re.search(r"(?im)^cseq\s*:\s*(\d+)", answer)
        kept = [line for line in answer.split("\r\n") if re.match(r"(?i)(from|f|to|t|call-id|i)\s*:", line)]
        for method, cseq in (("ACK", int(number[1]) if number else 1), ("BYE", (int(number[1]) if number else 1) + 1)):
            via = f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bKend{method}{hash(answer) % 10**9}"
            head = [f"{method} sip:100@127.0.0.1:{self.far_port} SIP/2.0", via, *kept, f"CSeq: {cseq} {method}"]
            self.send("\r\n".join([*head, "Max-Forwards: 70", "Content-Length: 0", "", ""]))


def paced(send: Callable[[bytes], None], packets: Iterator[bytes], a_second: int, between: Callable[[], None]) -> int:
    """Send packets at a rate, with something done between; return how many."""
    count = 0
    for packet in packets:
        send(packet)
        count += 1
        if count % 10 == 0:
            between()
            time.sleep(10 / a_second)
    return count


class Flooder:
    """Throws datagrams at a port from an address of its own."""

    def __init__(self, port: int, host: str = "127.0.0.2") -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((host, 0))
        self._sock.setblocking(False)
        self._port = port
        self.port = self._sock.getsockname()[1]
        self.got = 0

    def aim(self, port: int) -> None:
        """From now on throw at another port."""
        self._port = port

    def send(self, data: bytes, offset: int = 0) -> None:
        with contextlib.suppress(ConnectionRefusedError, BlockingIOError):  # what came of the one before
            self._sock.sendto(data, ("127.0.0.1", self._port + offset))

    def read(self) -> None:
        """Count what came back."""
        while True:
            try:
                self._sock.recv(4096)
                self.got += 1
            except (BlockingIOError, ConnectionRefusedError):
                return

    def __enter__(self) -> "Flooder":
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    with Path(f"/proc/{pid}/status").open() as file:
        return next(int(text.split()[1]) for text in file if text.startswith("VmRSS")) / 1024
