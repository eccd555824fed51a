"""Two robots, Kamailio before them and PostgreSQL behind them, on this machine: `make two-robots`.

An example to look at, to test with and to begin a real installation from: docs/deployment.md tells what changes when the
parts stand on machines of their own. Everything lies in one folder; Ctrl-C ends it all, calls first.
"""

import argparse
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from voicebot import settings as settings_module
from voicebot import status
from voicebot.clock import SystemClock
from voicebot.errors import ConfigurationError, VoicebotError

ROOT = Path(__file__).resolve().parents[1]
_START_SECONDS = 240.0  # the first start renders all fixed prompts, twice
_END_SECONDS = 20.0
_RTP_PORTS = 400
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where what listens on the loopback. Each robot takes `robots` + n for SIP, `http` + 2n and the one after for HTTP."""

    front: int = 5060
    robots: int = 5071
    http: int = 8081
    rtp: int = 20000


@dataclass(slots=True)
class Robot:
    """One of the two, with a folder and ports of its own."""

    number: int
    folder: Path
    ports: Ports
    process: subprocess.Popen[bytes] | None = None

    @property
    def sip_port(self) -> int:
        return self.ports.robots + self.number * 2

    @property
    def http_port(self) -> int:
        return self.ports.http + self.number * 2

    @property
    def data_dir(self) -> Path:
        return self.folder / "var"

    def is_ready(self) -> bool:
        facts = status.read(self.data_dir / "run", SystemClock())
        alive = {name for name, fact in facts.items() if fact["is_alive"]}
        return {"line", "brain-1"} <= alive and bool(facts["line"].get("brains"))

    def kill(self) -> None:
        """As a machine dies: everything at once, without a word to anybody."""
        if self.process is None:
            return
        for pid in _family(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@dataclass(slots=True)
class Cluster:
    """All of it. `operator`: a SIP URI that takes transfers and what overflows."""

    folder: Path
    ports: Ports = field(default_factory=Ports)
    operator: str = f"sip:200@{_HOST}:5080"
    calls_a_robot: int = 60
    is_load_measured: bool = True
    say: Callable[[str], None] = print
    robots: list[Robot] = field(default_factory=list)
    _postgres: "subprocess.Popen[bytes] | None" = None
    _kamailio: "subprocess.Popen[bytes] | None" = None

    @property
    def database_url(self) -> str:
        return f"postgresql+psycopg://postgres@/voicebot?host={self.folder / 'postgres'}"

    @property
    def uri(self) -> str:
        """Whom to call."""
        return f"sip:100@{_HOST}:{self.ports.front}"

    def start(self) -> None:
        """Start database, robots and front, and wait until calls are answered. Raises VoicebotError with a cure."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.say("Starting PostgreSQL ...")
        self._start_postgres()
        self.robots = [Robot(number, self.folder / f"robot{number + 1}", self.ports) for number in range(2)]
        for robot in self.robots:
            self.say(f"Starting robot {robot.number + 1} on port {robot.sip_port} ...")
            self._start_robot(robot)
            # One after the other: the first makes the tables and, the first time, renders the prompts for both.
            self._wait(robot.is_ready, robot.process, f"robot {robot.number + 1}", robot.folder / "robot.log")
        self.say("Starting Kamailio ...")
        self._start_kamailio()

    def start_again(self, robot: Robot) -> None:
        """Start a robot that was killed, as systemd does, and wait until it is ready. Raises VoicebotError."""
        for told in (robot.data_dir / "run").glob("*.json"):  # what the dead said a moment ago looks alive
            told.unlink()
        self._start_robot(robot)
        self._wait(robot.is_ready, robot.process, f"robot {robot.number + 1}", robot.folder / "robot.log")

    def stop(self) -> None:
        """End all; calls are ended first."""
        if self._kamailio is not None:
            _end(self._kamailio, signal.SIGTERM)
        for robot in self.robots:
            if robot.process is not None and robot.process.poll() is None:
                robot.process.send_signal(signal.SIGTERM)
                robot.process.send_signal(signal.SIGINT)  # told twice: without waiting for callers to finish
        for robot in self.robots:
            if robot.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    robot.process.wait(_END_SECONDS)
                robot.kill()
        if self._postgres is not None:
            _end(self._postgres, signal.SIGINT)

    def _start_postgres(self) -> None:
        binaries = _postgres_binaries()
        folder = self.folder / "postgres"
        folder.mkdir(exist_ok=True)
        user = _postgres_user(folder)
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        if not (folder / "data" / "PG_VERSION").exists():
            words = [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
            _run([str(word) for word in words], user, folder, environment)
        command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
        for option in ("listen_addresses=", "max_connections=200"):
            command += ["-c", option]
        self._postgres = _spawn(command, folder / "postgres.log", folder, environment, user)
        ask = [str(binaries / "pg_isready"), "-q", "-h", str(folder)]
        self._wait(
            lambda: not subprocess.run(ask, check=False).returncode, self._postgres, "PostgreSQL", folder / "postgres.log"
        )
        make = [str(binaries / "createdb"), "-h", str(folder), "-U", "postgres", "voicebot"]
        subprocess.run(make, capture_output=True, check=False)  # there already, the second time

    def _start_robot(self, robot: Robot) -> None:
        robot.folder.mkdir(exist_ok=True)
        config = robot.folder / "voicebot.toml"
        config.write_text(self._settings(robot))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VOICEBOT_")}
        environment["VOICEBOT_CONFIG"] = str(config)
        command = [sys.executable, "-m", "voicebot.cli", "serve"]
        robot.process = _spawn(command, robot.folder / "robot.log", ROOT, environment)

    def _settings(self, robot: Robot) -> str:
        return f"""\
data_dir = "{robot.data_dir}"
node = "robot{robot.number + 1}"
cache_dir = "{settings_module.load().cache}"

[sip]
port = {robot.sip_port}
rtp_port_first = {self.ports.rtp + robot.number * _RTP_PORTS}
rtp_port_count = {_RTP_PORTS}
allow = ["127.0.0.0/8"]            # Kamailio alone, where it stands apart

[admission]
when_full = "refuse"               # Kamailio tries the other robot, then the operators
is_measured = {str(self.is_load_measured).lower()}

[transfer]
targets = {{ operator = "{self.operator}" }}

[database]
url = "{self.database_url}"

[recordings]
folder = "{self.folder / "recordings"}"   # a shared folder: every desk plays every call

[http]
port = {robot.http_port}

[channels]
port = {robot.http_port + 1}

[brain]
count = 1

[dialog]
folder = "{ROOT / "dialplans" / "demo"}"
"""

    def _start_kamailio(self) -> None:
        if shutil.which("kamailio") is None:
            raise ConfigurationError("Kamailio is not installed.", "apt-get install kamailio")
        folder = self.folder / "kamailio"
        folder.mkdir(exist_ok=True)
        rows = [
            f"1 sip:{_HOST}:{robot.sip_port} 0 0 duid=robot{robot.number + 1};maxload={self.calls_a_robot}"
            for robot in self.robots
        ]
        (folder / "dispatcher.list").write_text("\n".join(rows) + "\n")
        (folder / "address.list").write_text(f"1 {_HOST} 32 0\n")
        given = {
            "LISTEN": f"udp:{_HOST}:{self.ports.front}",
            "FOLDER": f'"{folder}"',
            "CONTROL": f'"unix:{folder}/control.sock"',
            "OVERFLOW": f'"{self.operator}"',
        }
        options = [word for name, value in given.items() for word in ("-A", f"{name}={value}")]
        config = ROOT / "deploy" / "kamailio" / "kamailio.cfg"
        command = ["kamailio", "-DD", "-E", "-f", str(config), "-P", str(folder / "pid"), "-Y", str(folder), *options]
        self._kamailio = _spawn(command, folder / "kamailio.log", folder, dict(os.environ))
        self._wait(self._front_answers, self._kamailio, "Kamailio", folder / "kamailio.log")

    def _front_answers(self) -> bool:
        """Kamailio says 200 to OPTIONS as soon as a robot answered its own."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((_HOST, 0))
            sock.settimeout(0.5)
            port = sock.getsockname()[1]
            lines = (
                f"OPTIONS {self.uri} SIP/2.0",
                f"Via: SIP/2.0/UDP {_HOST}:{port};branch=z9hG4bK{time.monotonic_ns()}",
                "Max-Forwards: 70",
                f"From: <sip:start@{_HOST}>;tag=1",
                f"To: <{self.uri}>",
                f"Call-ID: {time.monotonic_ns()}",
                "CSeq: 1 OPTIONS",
                "Content-Length: 0",
            )
            sock.sendto("\r\n".join([*lines, "", ""]).encode(), (_HOST, self.ports.front))
            try:
                return sock.recv(4096).startswith(b"SIP/2.0 200")
            except OSError:
                return False

    def _wait(self, is_there: Callable[[], bool], process: "subprocess.Popen[bytes] | None", name: str, log: Path) -> None:
        give_up_at = time.monotonic() + _START_SECONDS
        while not is_there():
            if process is not None and process.poll() is not None:
                raise ConfigurationError(f"{name} ended while it started.", f"{log} says why.")
            if time.monotonic() > give_up_at:
                raise ConfigurationError(f"{name} is not there after {_START_SECONDS:.0f} s.", f"{log} says why.")
            time.sleep(0.2)


def _family(pid: int) -> list[int]:
    """The supervisor and all below it; each process has a session of its own, so no group holds them together."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:  # it grows meanwhile
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        raise ConfigurationError("PostgreSQL's server is not installed.", "apt-get install postgresql")
    return Path(initdb).parent


def _postgres_user(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: then it gets its own user's folder, which that user must be able to reach."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, user)
    for parent in folder.parents:
        if not parent.stat().st_mode & 0o001:
            raise ConfigurationError(
                f"{parent} is closed to PostgreSQL's user {user}.", "Name another --folder, or do not be root."
            )
    return user


def _run(command: list[str], user: str | None, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, user=user, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(
            f"{Path(command[0]).name} failed: {done.stderr.strip()[-300:]}", "Look at the folder's rights."
        )


def _spawn(
    command: list[str], log: Path, folder: Path, environment: dict[str, str], user: str | None = None
) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=environment,
            user=user,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end them in order
        )


def _end(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    process.send_signal(number)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running(cluster: Cluster) -> Iterator[Cluster]:
    """Start it, and end it whatever happens."""
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="two_robots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "two-robots", help="where everything lies")
    parser.add_argument("--port", type=int, default=Ports().front, help="where Kamailio takes calls")
    parser.add_argument("--operator", default=f"sip:200@{_HOST}:5080", help="a SIP URI that takes transfers and what overflows")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: nothing is left running
    cluster = Cluster(options.folder.resolve(), Ports(front=options.port), options.operator)
    try:
        with running(cluster):
            desks = ", ".join(f"http://{_HOST}:{robot.http_port}/" for robot in cluster.robots)
            print(f"Ready. Call {cluster.uri}; the desks are {desks}. Ctrl-C ends it.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
            print("Ending ...", flush=True)
    except VoicebotError as error:
        print(f"{error.message} {error.cure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
