"""A real Kamailio with our configuration, and robots that answer by order, for tests of what stands in front of robots."""

import re
import shutil
import socket
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from sip_peers import RawSip, free_port, wait_until

CONFIG = Path(__file__).parents[1] / "deploy" / "kamailio" / "kamailio.cfg"
_KEPT = re.compile(r"(?i)(via|from|to|call-id|cseq|record-route):")


def need_kamailio() -> None:
    """Skip the test, saying why, where Kamailio is missing."""
    if shutil.which("kamailio") is None:
        pytest.skip("Kamailio is not installed (apt-get install kamailio)")


class FakeRobot:
    """Answers OPTIONS with 200 and INVITE as told; counts what came."""

    def __init__(self, invite_status: str = "200 OK") -> None:
        self.invite_status = invite_status
        self.options_status = "200 OK"
        self.is_mute = False
        self.seen: Counter[str] = Counter()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.settimeout(0.1)
        self.port: int = self._sock.getsockname()[1]
        self._is_over = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_over = True
        self._thread.join(5)
        self._sock.close()

    def _serve(self) -> None:
        while not self._is_over:
            try:
                data, peer = self._sock.recvfrom(65536)
            except TimeoutError:
                continue
            request = data.decode(errors="replace")
            method = request.split(" ", 1)[0]
            if self.is_mute or method.startswith("SIP/"):
                continue
            self.seen[method] += 1
            if method == "ACK":
                continue
            status = {"INVITE": self.invite_status, "OPTIONS": self.options_status}.get(method, "200 OK")
            self._sock.sendto(self._answer(request, status).encode(), peer)

    def _answer(self, request: str, status: str) -> str:
        kept = [line for line in request.split("\r\n") if _KEPT.match(line)]
        tagged = [
            f"{line};tag=robot{self.port}" if line.lower().startswith("to:") and ";tag=" not in line else line for line in kept
        ]
        contact = f"Contact: <sip:robot@127.0.0.1:{self.port}>"
        return "\r\n".join([f"SIP/2.0 {status}", *tagged, contact, "Content-Length: 0", "", ""])


class Front:
    """Kamailio before `robots`; `overflow`: the operators' URI, empty for none."""

    def __init__(self, folder: Path, robots: list[str], overflow: str = "", allow: str = "127.0.0.1") -> None:
        need_kamailio()
        self.port = free_port()
        self._folder = folder
        self.is_ready = False
        rows = [f"1 {uri} 0 0 duid=robot{number};maxload={load}" for number, (uri, _, load) in enumerate(map(_robot, robots))]
        (folder / "dispatcher.list").write_text("\n".join(rows) + "\n")
        (folder / "address.list").write_text(f"1 {allow} 32 0\n")
        given = [f"LISTEN=udp:127.0.0.1:{self.port}", f'FOLDER="{folder}"', f'CONTROL="unix:{folder}/control.sock"']
        if overflow:
            given.append(f'OVERFLOW="{overflow}"')
        options = [word for one in given for word in ("-A", one)]
        self._log = (folder / "kamailio.log").open("wb")
        command = [
            "kamailio",
            "-DD",
            "-E",
            "-f",
            str(CONFIG),
            "-P",
            str(folder / "pid"),
            "-Y",
            str(folder),
            "-m",
            "32",
            "-M",
            "4",
        ]
        self._process = subprocess.Popen([*command, *options], stdout=self._log, stderr=subprocess.STDOUT)
        try:
            wait_until(self._answers, "Kamailio answers OPTIONS")
        except BaseException:
            self.stop()
            raise

    def log(self) -> str:
        return (self._folder / "kamailio.log").read_text(errors="replace")

    def command(self, *words: str) -> str:
        """Give an order by kamcmd; return what it prints."""
        socket_name = f"unix:{self._folder}/control.sock"
        done = subprocess.run(["kamcmd", "-s", socket_name, *words], capture_output=True, text=True, timeout=10, check=False)
        return done.stdout + done.stderr

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def __enter__(self) -> "Front":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            pytest.fail(f"Kamailio ended: {self.log()[-2000:]}")
        with RawSip(self.port) as probe:
            probe.send(probe.message("OPTIONS"))
            return any(text.startswith("SIP/2.0") for text in probe.receive(0.3))


def _robot(told: str) -> tuple[str, str, int]:
    uri, found, load = told.partition(" maxload=")
    return uri, found, int(load or 60)
