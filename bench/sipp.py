"""Many patients at once, by sipp: each plays a recording into the call, whatever the robot says. One by one: bench.calls."""

import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.robot import end_with_parent
from voicebot.audio.g711 import alaw_encode
from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.errors import ConfigurationError
from voicebot.patient.scenario import PatientVoice
from voicebot.patient.sound import patient_voice
from voicebot.settings import Settings

_HISS = 3  # of 32767: a line is never silent
_SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="patient">
<send retrans="500"><![CDATA[
INVITE sip:100@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]t[call_number]
To: <sip:100@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:patient@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=sendrecv
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="503" optional="true" next="refused"/>
<recv response="486" optional="true" next="refused"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<nop><action><exec rtp_stream="{recording},1,8,PCMA/8000"/></action></nop>
<recv request="BYE" timeout="{milliseconds}" ontimeout="leave"/>
<send next="end"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<label id="leave"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]t[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200" timeout="5000" ontimeout="end" next="end"/>
<label id="refused"/>
<send><![CDATA[
ACK sip:100@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-1]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]t[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<label id="end"/>
</scenario>
"""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a patient plays: phrases at their seconds from the answer, until `seconds`; then he hangs up."""

    name: str
    plan: Sequence[tuple[float, str]]
    seconds: float

    def write(self, folder: Path, settings: Settings) -> Path:
        """Render it as A-law of 8 kHz. Raises ModelError where there is no voice."""
        noise = np.random.default_rng(1).integers(-_HISS, _HISS + 1, int(self.seconds * TELEPHONE_HZ))
        sound = noise.astype(np.int16)
        with patient_voice(PatientVoice(), settings) as say:
            for at_seconds, text in self.plan:
                phrase = say(text).samples
                start = int(at_seconds * TELEPHONE_HZ)
                room = sound[start : start + len(phrase)]
                room[:] = phrase[: len(room)]
        file = folder / f"{self.name}.alaw"
        file.write_bytes(bytes(alaw_encode(sound)))
        return file


class Callers:
    """One sipp that places `calls` calls, `at_once` at a time, `a_second` new ones a second."""

    def __init__(
        self, folder: Path, recording: Path, seconds: float, port: int, *, calls: int, at_once: int, a_second: float
    ) -> None:
        if shutil.which("sipp") is None:
            raise ConfigurationError("sipp is not installed.", "apt-get install sip-tester")
        self.folder = folder / f"sipp-{recording.stem}-{random.randrange(10**9)}"
        self.folder.mkdir(parents=True)
        scenario = self.folder / "scenario.xml"
        told = _SCENARIO.replace("{recording}", str(recording)).replace("{milliseconds}", str(int(seconds * 1000)))
        scenario.write_text(told, encoding="utf-8")
        phones = self.folder / "phones.csv"
        first = random.randrange(10**8, 9 * 10**8)
        phones.write_text("SEQUENTIAL\n" + "".join(f"+79{first + n:09d}\n" for n in range(calls)))
        command = ["sipp", f"127.0.0.1:{port}", "-sf", scenario, "-inf", phones, "-i", "127.0.0.1", "-mi", "127.0.0.1"]
        command += ["-p", _free_udp(1), "-mp", _free_udp(4 * at_once + 4), "-m", calls, "-l", at_once]
        command += ["-r", max(1, round(a_second * 10)), "-rp", 10_000, "-nostdin", "-trace_stat", "-fd", 1]
        command += ["-stf", self.folder / "stat.csv", "-trace_err", "-error_file", self.folder / "errors"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                preexec_fn=end_with_parent,
            )

    def prove_alive(self) -> None:
        """Raise ConfigurationError where sipp ended though it should be calling: a wrong option, a port that is taken."""
        code = self.process.poll()
        if code is not None:
            words = [*self._words_of("log"), *self._words_of("errors")]
            raise ConfigurationError(
                f"sipp ended with status {code} before its calls did: {' | '.join(words[-6:]) or 'it said nothing'}",
                "Run its command by hand; `sipp -v` tells its version.",
            )

    def _words_of(self, name: str) -> list[str]:
        file = self.folder / name
        text = file.read_text(errors="replace") if file.exists() else ""
        return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("-----")]

    def wait(self, seconds: float) -> None:
        """Wait for the last call; end it by force after so long."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGUSR1)  # ends its calls first
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def counts(self) -> dict[str, int]:
        """Return how many calls ended well and badly so far."""
        file = self.folder / "stat.csv"
        rows = file.read_text().splitlines() if file.exists() else []
        if len(rows) < 2:
            return {"successful": 0, "failed": 0}
        row = dict(zip(rows[0].split(";"), rows[-1].split(";"), strict=False))
        return {"successful": int(row["SuccessfulCall(C)"]), "failed": int(row["FailedCall(C)"])}


class Operators:
    """sipp as operators who answer every call and wait for its end."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_udp(2)
        place = folder / "operators"
        place.mkdir()
        command = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(self.port), "-nostdin", "-rtp_echo"]
        command += ["-mp", str(_free_udp(8))]
        with (place / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=place,
                preexec_fn=end_with_parent,
            )

    @property
    def uri(self) -> str:
        return f"sip:200@127.0.0.1:{self.port}"

    def __enter__(self) -> "Operators":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def _free_udp(width: int) -> int:
    for _ in range(200):
        first = random.randrange(30000, 60000, 2)
        if all(_is_free(port) for port in range(first, first + width, max(1, width // 8))):
            return first
    raise ConfigurationError("There are no free UDP ports.", "End what holds them.")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
