"""A real Asterisk with our recipe: the system's own, or one in a folder that debootstrap made (its path: ASTERISK_ROOT).

debootstrap --variant=minbase --include=asterisk sid FOLDER    # Debian 12 has no package of its own; chroot needs root
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from sip_peers import free_port, free_rtp_range, wait_until

RECIPE = Path(__file__).parents[1] / "deploy" / "asterisk"
HOST = "127.0.0.1"
_MODULES = """
    res_sorcery_config res_sorcery_memory res_sorcery_astdb res_timing_timerfd res_pjproject res_pjsip res_pjsip_session
    res_pjsip_sdp_rtp res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user res_pjsip_pubsub res_pjsip_refer
    res_pjsip_authenticator_digest
    res_pjsip_header_funcs res_pjsip_caller_id res_pjsip_outbound_registration res_pjsip_nat res_rtp_asterisk chan_pjsip
    app_dial app_exec app_stack app_verbose pbx_config codec_alaw codec_ulaw bridge_simple bridge_native_rtp bridge_softmix
    bridge_holding func_logic func_callerid func_strings
""".split()  # noqa: SIM905 - as a list it is a page long


class Asterisk:
    """The PBX of deploy/asterisk on a loopback port. `robot` and `operator`: host:port; the patient is whoever calls."""

    def __init__(self, folder: Path, robot: str, operator: str) -> None:
        self._root, self._command = _found()
        self.port = free_port()
        self._place = folder if self._root is None else self._root / "tmp" / folder.name
        self._place.mkdir(parents=True, exist_ok=True)
        self._robot, self._operator = robot, operator
        self._write()
        inside = self._seen(self._place)
        with (folder / "asterisk.out").open("wb") as log:
            self.process = subprocess.Popen(
                [*self._command, "-f", "-n", "-v", "-C", f"{inside}/asterisk.conf"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._output = folder / "asterisk.out"
        try:
            wait_until(self._is_up, "Asterisk is up", 60)
        except BaseException:
            self.stop()
            raise

    @property
    def uri(self) -> str:
        return f"sip:84950000000@{HOST}:{self.port}"

    @property
    def target(self) -> str:
        """Where the robot sends callers who want a human."""
        return f"sip:200@{HOST}:{self.port}"

    def console(self, words: str) -> str:
        """Give an order; return what is printed."""
        inside = self._seen(self._place)
        command = [*self._command, "-C", f"{inside}/asterisk.conf", "-rx", words]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._root is not None:
            shutil.rmtree(self._place, ignore_errors=True)

    def __enter__(self) -> "Asterisk":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _is_up(self) -> bool:
        if self.process.poll() is not None:
            pytest.fail(f"Asterisk ended: {self._output.read_text(errors='replace')[-3000:]}")
        return "robot" in self.console("pjsip show endpoints")

    def _seen(self, place: Path) -> str:
        """A path as Asterisk sees it."""
        return str(place) if self._root is None else "/" + str(place.relative_to(self._root))

    def _write(self) -> None:
        inside = self._seen(self._place)
        rtp = free_rtp_range()
        robot_host = self._robot.partition(":")[0]
        pjsip = (RECIPE / "pjsip.conf").read_text()
        for ours, here in (
            ("0.0.0.0:5060", f"{HOST}:{self.port}"),
            ("192.0.2.10:5060", self._robot),
            ("192.0.2.10", robot_host),
            ("192.0.2.40", HOST),
            ("192.0.2.31:5060", self._operator),
        ):
            assert ours in pjsip
            pjsip = pjsip.replace(ours, here)
        files = {
            "pjsip.conf": pjsip,
            "extensions.conf": (RECIPE / "extensions.conf").read_text(),
            "rtp.conf": f"[general]\nrtpstart={rtp}\nrtpend={rtp + 99}\n",
            "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in _MODULES),
            "logger.conf": "[logfiles]\nconsole => notice,warning,error,verbose(3)\n",
            "asterisk.conf": "[directories]\n"
            + "".join(f"{name} => {inside}\n" for name in ("astetcdir", "astrundir", "astlogdir", "astspooldir", "astdbdir")),
        }
        for name, text in files.items():
            (self._place / name).write_text(text)


def _found() -> tuple[Path | None, list[str]]:
    named = os.environ.get("ASTERISK_ROOT", "")
    if named and os.geteuid() == 0 and (Path(named) / "usr/sbin/asterisk").exists():
        return Path(named), ["chroot", named, "/usr/sbin/asterisk"]
    here = shutil.which("asterisk")
    if here is None:
        pytest.skip("Asterisk is not installed (apt-get install asterisk, or ASTERISK_ROOT: see tests/asterisk.py)")
    return None, [here]
