"""Real SIP peers on loopback for tests: our line, baresip (a patient or an operator), sipp (load and odd behaviour).

Everything has a time limit of its own and is ended by its process object; nothing listens beyond 127.0.0.0/8.
"""

import contextlib
import json
import math
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import wave
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from voicebot.line.binding import native_folder
from voicebot.settings import Settings

T = TypeVar("T")
PATIENCE_SECONDS = 20.0
RATE_HZ = 8000
_MODULES = "/usr/lib/baresip/modules"


def need_baresip() -> None:
    """Skip the test, saying why, where baresip is missing."""
    if shutil.which("baresip") is None or not Path(_MODULES, "ctrl_tcp.so").exists():
        pytest.skip("baresip is not installed (apt-get install baresip-core)")


def need_sipp() -> None:
    """Skip the test, saying why, where sipp is missing."""
    if shutil.which("sipp") is None:
        pytest.skip("sipp is not installed (apt-get install sip-tester)")


def wait_until(condition: Callable[[], T], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Return the condition's first true value; fail after so long."""
    give_up_at = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > give_up_at:
            pytest.fail(f"{what}: not within {seconds:g} s")
        time.sleep(0.01)
    return value


def free_port(width: int = 2) -> int:
    """Return the first of `width` ports that are free for UDP and TCP on every loopback address."""
    for _ in range(200):
        first = random.randrange(20000, 30000, 2)
        if all(_is_free(first + i) for i in range(width)):
            return first
    raise RuntimeError("no free ports")


def free_rtp_range(width: int = 100) -> int:
    """Return the first of a range of UDP ports; probed at its start only, ranges are spread wide."""
    for _ in range(200):
        first = random.randrange(31000, 59000, width)
        if all(_is_free(first + i) for i in range(min(width, 8))):
            return first
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("0.0.0.0", port))
            except OSError:
                return False
    return True


# -- sound --------------------------------------------------------------------------------------------------------------


def tone(frequency_hz: float, seconds: float, peak: int = 8000) -> bytes:
    """Return a sine, 8 kHz int16."""
    count = int(seconds * RATE_HZ)
    return struct.pack(f"<{count}h", *(int(peak * math.sin(2 * math.pi * frequency_hz * i / RATE_HZ)) for i in range(count)))


def write_wav(path: Path, pcm: bytes) -> Path:
    """Write 8 kHz mono PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm)
    return path


def level_at(pcm: bytes, frequency_hz: float) -> float:
    """Return the amplitude of one frequency over the whole of the sound (Goertzel)."""
    samples = array("h", pcm[: len(pcm) & ~1])
    if not samples:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * frequency_hz / RATE_HZ)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = before * before + last * last - coefficient * before * last
    return 2 * math.sqrt(max(0.0, power)) / len(samples)


def seconds_of(pcm: bytes, frequency_hz: float, threshold: float = 1500) -> float:
    """Return for how long a tone is heard, in windows of 20 ms."""
    window = RATE_HZ * 2 // 50
    return sum(level_at(pcm[i : i + window], frequency_hz) > threshold for i in range(0, len(pcm) - window + 1, window)) * 0.02


# -- line ---------------------------------------------------------------------------------------------------------------


def native_cache(folder: Path) -> Path:
    """Return a cache of the test's own that holds this machine's pjproject build; skip the test where there is none."""
    build = native_folder(Settings.model_construct(cache_dir=None).cache)
    if build is None:
        pytest.skip("no pjproject build of our own (make sip-native)")
    cache = folder / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    link = cache / build.parent.name
    if not link.exists():
        link.symlink_to(build.parent)
    return cache


def to_toml(settings: Mapping[str, Any]) -> str:
    """Write nested settings as TOML; JSON's scalars, lists and strings are TOML's."""
    lines, tables = [], []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            tables.append((key, value))
        else:
            lines.append(f"{key} = {json.dumps(value)}")
    for table, values in tables:
        lines.append(f"[{table}]")
        for key, value in values.items():
            if isinstance(value, Mapping):
                inner = ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in value.items())
                lines.append(f"{key} = {{{inner}}}")
            else:
                lines.append(f"{key} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"


class LineProcess:
    """`voicebot line` in a process of its own."""

    def __init__(
        self, folder: Path, settings: Mapping[str, Mapping[str, Any]] | None = None, cache: Path | None = None
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.data_dir = folder / "var"
        self.socket = self.data_dir / "run" / "line.sock"
        self.status_file = self.data_dir / "run" / "line.json"
        self.log_file = folder / "line.log"
        # An empty cache means the wheel. VOICEBOT_TEST_NATIVE=1 runs every test on our own build instead.
        wants_native = os.environ.get("VOICEBOT_TEST_NATIVE") == "1"
        self.cache = cache or (native_cache(folder) if wants_native else folder / "cache")
        merged: dict[str, Any] = {
            "data_dir": str(self.data_dir),
            "cache_dir": str(self.cache),
            "sip": {"port": self.port, "rtp_port_first": free_rtp_range(), "rtp_port_count": 100},
            "admission": {"is_measured": False},  # a busy machine of tests must not send callers into the queue
        }
        for section, values in (settings or {}).items():
            merged[section] = {**merged.get(section, {}), **values}
        self.port = merged["sip"]["port"]
        config = folder / "voicebot.toml"
        config.write_text(to_toml(merged))
        code = "import sys; from voicebot.settings import load; from voicebot.line.process import run; sys.exit(run(load()))"
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-X", "faulthandler", "-c", code],
                env={**os.environ, "VOICEBOT_CONFIG": str(config)},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    @property
    def uri(self) -> str:
        return f"sip:100@127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def status(self) -> dict[str, Any]:
        """Return the status file, {} where there is none (yet)."""
        try:
            loaded: dict[str, Any] = json.loads(self.status_file.read_text())
        except FileNotFoundError:
            return {}
        return loaded

    def wait_ready(self) -> None:
        def is_ready() -> bool:
            if self.process.poll() is not None:
                pytest.fail(f"line ended with {self.process.returncode}:\n{self.log}")
            return bool(self.status())

        wait_until(is_ready, "line is ready")

    def wait_calls(self, count: int, seconds: float = PATIENCE_SECONDS) -> None:
        wait_until(lambda: self.status().get("calls") == count, f"{count} calls\n{self.log}", seconds)

    def stop(self, seconds: float = 30.0) -> int:
        """Two signals (drain, then at once; two of a kind may melt into one); return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler writes where it stands
            self.process.wait()
            pytest.fail(f"line did not end:\n{self.log}")


@contextmanager
def running_line(
    folder: Path, settings: Mapping[str, Mapping[str, Any]] | None = None, cache: Path | None = None
) -> Iterator[LineProcess]:
    """A line that is ready, and that must end with status 0."""
    line = LineProcess(folder, settings, cache)
    try:
        line.wait_ready()
        yield line
    except BaseException:
        line.process.kill()
        line.process.wait()
        sys.stderr.write(line.log)
        raise
    assert line.stop() == 0, line.log


class RawSip:
    """A UDP socket that speaks SIP by hand, for what no well-behaved peer does."""

    def __init__(self, line_port: int, host: str = "127.0.0.1") -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((host, 0))
        self._sock.settimeout(0.2)
        self.far_port = line_port
        self.host, self.port = host, self._sock.getsockname()[1]
        self.key = f"{random.randrange(10**12)}"
        self.to_tag = ""

    def send(self, data: str | bytes) -> None:
        self._sock.sendto(data if isinstance(data, bytes) else data.encode(), ("127.0.0.1", self.far_port))

    def message(self, method: str, cseq: int = 1, headers: str = "", body: str = "", branch: str = "") -> str:
        """Return a request of this dialog, CRLF throughout."""
        extra = f"{headers.strip()}\n" if headers else ""
        to_tag = f";tag={self.to_tag}" if self.to_tag and method != "CANCEL" else ""
        text = (
            f"{method} sip:100@127.0.0.1:{self.far_port} SIP/2.0\n"
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{branch or self.key + method}\n"
            f"From: <sip:raw@{self.host}:{self.port}>;tag=raw{self.key}\n"
            f"To: <sip:100@127.0.0.1>{to_tag}\nCall-ID: {self.key}@raw\nCSeq: {cseq} {method}\n"
            f"Contact: <sip:raw@{self.host}:{self.port}>\nMax-Forwards: 70\n{extra}"
            f"Content-Length: {len(body.replace(chr(10), chr(13) + chr(10)))}\n\n{body}"
        )
        return text.replace("\n", "\r\n")

    def reply(self, request: str, status: str, headers: str = "") -> None:
        """Answer a request."""
        kept = [line for line in request.split("\r\n") if re.match(r"(?i)(via|from|to|call-id|cseq):", line)]
        kept = [line + ";tag=raw" if re.match(r"(?i)to:", line) and ";tag=" not in line else line for line in kept]
        more = headers.strip().split("\n") if headers else []
        self.send("\r\n".join([f"SIP/2.0 {status}", *kept, *more, "Content-Length: 0", "", ""]))

    def invite(self, headers: str = "", cseq: int = 1, media_host: str = "", direction: str = "sendrecv") -> str:
        """Return an INVITE with SDP, or a re-INVITE (cseq above 1)."""
        branch = "" if cseq == 1 else f"{self.key}INVITE{cseq}"
        kind = f"{headers}\nContent-Type: application/sdp"
        return self.message("INVITE", cseq, kind, self.sdp(cseq, media_host, direction), branch)

    def sdp(self, version: int = 1, media_host: str = "", direction: str = "sendrecv") -> str:
        """Return an offer or answer of PCMA."""
        media = "m=audio 9 RTP/AVP 8\na=rtpmap:8 PCMA/8000"
        connection = f"c=IN IP4 {media_host or self.host}"
        return f"v=0\no=- 1 {version} IN IP4 {self.host}\ns=-\n{connection}\nt=0 0\n{media}\na={direction}\n"

    def receive(self, seconds: float = 1.0) -> list[str]:
        """Return all that comes until nothing came for so long."""
        got: list[str] = []
        last = time.monotonic()
        while time.monotonic() - last < seconds:
            with contextlib.suppress(TimeoutError):
                text = self._sock.recv(65536).decode(errors="replace")
                got.append(text)
                last = time.monotonic()
                tag = re.search(r"(?im)^To:.*;tag=([^;\s]+)", text)
                if tag and text.startswith("SIP/2.0"):
                    self.to_tag = tag[1]
        return got

    def wait_for(self, start: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Return the first message that begins so."""
        give_up_at = time.monotonic() + seconds
        got: list[str] = []
        while time.monotonic() < give_up_at:
            new = self.receive(0.05)
            got += new
            for text in new:
                if text.startswith(start):
                    return text
        pytest.fail(f"no {start!r} in {got}")

    def close(self) -> None:
        self._sock.close()

    def __enter__(self) -> "RawSip":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# -- baresip ------------------------------------------------------------------------------------------------------------


class Baresip:
    """A phone. `events` and `type`s are baresip's: CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED, CALL_DTMF_START, ..."""

    def __init__(
        self,
        folder: Path,
        name: str = "patient",
        *,
        says: bytes = b"",
        answers: bool = False,
        host: str = "127.0.0.1",
        account: str = "",
        limit_seconds: int = 60,
        port: int | None = None,
        config: tuple[str, ...] = (),
    ) -> None:
        need_baresip()
        self.folder = folder / f"baresip-{name}"
        self.folder.mkdir(parents=True)
        self.name = name
        self.host = host
        self.port = free_port(4) if port is None else port
        self.control_port = self.port + 2
        rtp = free_rtp_range()
        says_file = write_wav(self.folder / "says.wav", says or bytes(120 * RATE_HZ))  # at its end baresip hangs up
        (self.folder / "config").write_text(
            "\n".join(
                [
                    "poll_method epoll",
                    f"sip_listen {host}:{self.port}",
                    f"audio_source aufile,{says_file}",
                    f"audio_player aufile,{self.folder}/player.wav",
                    "ausrc_srate 8000",
                    "auplay_srate 8000",
                    "ausrc_channels 1",
                    "auplay_channels 1",
                    f"rtp_ports {rtp}-{rtp + 99}",
                    "net_interface 127.0.0.1" if host == "127.0.0.1" else f"net_interface {host}",
                    f"module_path {_MODULES}",
                    "module g711.so",
                    "module aufile.so",
                    "module sndfile.so",
                    f"snd_path {self.folder}",
                    "module_tmp account.so",
                    "module_app menu.so",
                    "module_app ctrl_tcp.so",
                    f"ctrl_tcp_listen 127.0.0.1:{self.control_port}",
                    "sip_trans_def udp",
                    *config,
                    "",
                ]
            )
        )
        mode = "auto" if answers else "manual"
        line = account or f"<sip:{name}@{host}>;regint=0;answermode={mode};audio_codecs=PCMA"
        (self.folder / "accounts").write_text(line + "\n")
        self.log_file = self.folder / "log"
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                ["baresip", "-f", str(self.folder), "-s", "-t", str(limit_seconds)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
            )
        self.events: list[dict[str, Any]] = []
        self._buffer = b""
        self._control = wait_until(self._connect, f"{name}'s baresip listens")

    @property
    def uri(self) -> str:
        return f"sip:{self.name}@{self.host}:{self.port}"

    @property
    def log(self) -> str:
        """The SIP trace."""
        return self.log_file.read_text(errors="replace")

    def command(self, command: str, params: str = "") -> None:
        """Give a command of baresip's menu, without the slash."""
        body = json.dumps({"command": command, "params": params, "token": ""})
        self._control.sendall(f"{len(body)}:{body},".encode())

    def dial(self, uri: str) -> None:
        self.command("dial", uri)

    def hang_up(self) -> None:
        self.command("hangup")

    def press(self, digits: str) -> None:
        """Send RFC 4733 digits."""
        for digit in digits:
            self.command("sndcode", digit)
            time.sleep(0.25)

    def types(self) -> list[str]:
        """Return the types of all events so far."""
        self._control.setblocking(False)
        try:
            while chunk := self._control.recv(65536):
                self._buffer += chunk
        except BlockingIOError:
            pass
        except OSError:
            pass
        finally:
            self._control.setblocking(True)
        while b":" in self._buffer:
            length, rest = self._buffer.split(b":", 1)
            if len(rest) <= int(length):
                break
            message = json.loads(rest[: int(length)])
            self._buffer = rest[int(length) + 1 :]
            if message.get("event"):
                self.events.append(message)
        return [str(event.get("type")) for event in self.events]

    def wait_for(self, kind: str, seconds: float = PATIENCE_SECONDS) -> None:
        wait_until(lambda: kind in self.types(), f"{self.name}: {kind}, only {self.types()}\n{self.log}", seconds)

    def heard(self) -> bytes:
        """Return all that came from the far end, 8 kHz int16 (grows while the call runs)."""
        sound = b""
        for file in sorted(self.folder.glob("dump-*-dec.wav")):
            data = file.read_bytes()
            start = data.find(b"data")
            sound += data[start + 8 :] if start >= 0 else b""
        return sound[: len(sound) & ~1]

    def stop(self) -> None:
        self._control.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> "Baresip":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _connect(self) -> socket.socket | None:
        if self.process.poll() is not None:
            pytest.fail(f"baresip ended:\n{self.log}")
        try:
            return socket.create_connection(("127.0.0.1", self.control_port), timeout=5)
        except OSError:
            return None


# -- sipp ---------------------------------------------------------------------------------------------------------------


class Sipp:
    """One sipp run of an XML scenario (a body, wrapped here). `-m 1` unless told otherwise."""

    def __init__(
        self,
        folder: Path,
        scenario: str,
        *,
        remote: str = "",
        name: str = "sipp",
        host: str = "127.0.0.1",
        port: int | None = None,
        calls: int = 1,
        more: tuple[str, ...] = (),
        limit_seconds: int = 40,
    ) -> None:
        need_sipp()
        self.folder = folder / f"sipp-{name}-{random.randrange(10**9)}"
        self.folder.mkdir(parents=True)
        self.host = host
        self.port = port or free_port()
        file = self.folder / "scenario.xml"
        file.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n{scenario}\n</scenario>\n')
        command = [
            "sipp", *([remote] if remote else []), "-sf", str(file), "-i", host, "-p", str(self.port), "-mi", host,
            "-mp", str(free_rtp_range()), "-m", str(calls), "-nostdin", "-timeout", str(limit_seconds),
            "-timeout_error", "-trace_err", "-trace_msg", "-message_file", str(self.folder / "messages"),
            "-error_file", str(self.folder / "errors"), *more,
        ]  # fmt: skip
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.folder
            )

    @property
    def messages(self) -> str:
        file = self.folder / "messages"
        return file.read_text(errors="replace") if file.exists() else ""

    def wait(self, seconds: float = 60.0) -> None:
        """Wait for its end; fail unless the whole scenario went as written."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            pytest.fail(f"sipp did not end:\n{self.messages[-4000:]}")
        errors = self.folder / "errors"
        assert code == 0, f"sipp: {code}\n{errors.read_text() if errors.exists() else ''}\n{self.messages[-4000:]}"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "Sipp":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


SIPP_SDP = """v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv
"""


def sipp_invite(extra_headers: str = "", sdp: str = SIPP_SDP) -> str:
    """Return sipp's <send> of an INVITE to the remote host."""
    headers = f"{extra_headers.strip()}\n" if extra_headers else ""
    return f"""<send retrans="500"><![CDATA[
INVITE sip:100@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "Patient" <sip:+79161234567@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
To: <sip:100@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:patient@[local_ip]:[local_port]>
Max-Forwards: 70
{headers}Content-Type: application/sdp
Content-Length: [len]

{sdp}]]></send>
"""


SIPP_PROVISIONAL = '<recv response="100" optional="true"/><recv response="180" optional="true"/>\n'
SIPP_ACK = """<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Contact: <sip:patient@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0

]]></send>
"""
SIPP_ACK_OF_REFUSAL = SIPP_ACK.replace("[next_url]", "sip:100@[remote_ip]:[remote_port]").replace(
    "branch=[branch]\n[last_From:]", "branch=[branch-1]\n[last_From:]"
)
SIPP_ANSWERED = SIPP_PROVISIONAL + '<recv response="200" rtd="true" rrs="true"/>\n' + SIPP_ACK


def sipp_request(method: str, cseq: int, headers: str = "", body: str = "") -> str:
    """Return sipp's <send> of a request inside the dialog."""
    extra = f"{headers.strip()}\n" if headers else ""
    return f"""<send retrans="500"><![CDATA[
{method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: {cseq} {method}
Contact: <sip:patient@[local_ip]:[local_port]>
Max-Forwards: 70
{extra}Content-Length: [len]

{body}]]></send>
"""


SIPP_BYE = sipp_request("BYE", 90) + '<recv response="200"/>\n'
SIPP_ANSWER_BYE = """<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""


def sipp_reply(status: str, headers: str = "", body: str = "") -> str:
    """Return sipp's <send> of a response to the last request."""
    extra = f"{headers.strip()}\n" if headers else ""
    return f"""<send><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPp[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
{extra}Content-Length: [len]

{body}]]></send>
"""
