"""The build of pjproject: what can be told without building, and a call between two processes of a finished build."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from voicebot.settings import Settings
from voicebot.supplies import sip_native
from voicebot.supplies.debian import SourceFile
from voicebot.supplies.errors import SupplyError
from voicebot.supplies.sip_native import (
    CONFIG_SITE,
    build,
    choose_component,
    find_sip_native,
    install_needs,
    missing_needs,
    python_tag,
    unpack_source,
    version_of,
)

VERSION = """\
export PJ_VERSION_MAJOR  := 2
export PJ_VERSION_MINOR  := 17
export PJ_VERSION_REV    := {rev}
export PJ_VERSION_SUFFIX := {suffix}
"""


def test_pjproject_is_chosen_among_the_files_of_asterisk() -> None:
    names = [
        "asterisk_22.dsc",
        "asterisk_22.orig.tar.xz",
        "asterisk_22.orig-Xopus.tar.xz",
        "asterisk_22.orig-Xpjproject.tar.xz",
    ]
    files = [SourceFile(f"http://m.invalid/{name}", name, "0" * 64) for name in names]
    assert choose_component(files).name == "asterisk_22.orig-Xpjproject.tar.xz"
    with pytest.raises(SupplyError, match="no pjproject component"):
        choose_component(files[:3])


@pytest.mark.parametrize(("rev", "suffix", "version"), [("", "", "2.17"), ("1", "", "2.17.1"), ("", "-dev", "2.17-dev")])
def test_the_version_is_read_from_the_source(tmp_path: Path, rev: str, suffix: str, version: str) -> None:
    (tmp_path / "version.mak").write_text(VERSION.format(rev=rev, suffix=suffix))
    assert version_of(tmp_path) == version


def test_a_source_without_a_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "version.mak").write_text("export OTHER := 1\n")
    with pytest.raises(SupplyError, match="version"):
        version_of(tmp_path)


def tarball(path: Path, members: dict[str, str]) -> Path:
    with tarfile.open(path, "w:xz") as out:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            out.addfile(info, io.BytesIO(text.encode()))
    return path


def test_the_source_is_unpacked_inside_its_folder(tmp_path: Path) -> None:
    good = tarball(tmp_path / "good.tar.xz", {"pjproject-x/version.mak": VERSION, "pjproject-x/a": "1"})
    assert unpack_source(good, tmp_path / "good") == tmp_path / "good" / "pjproject-x"
    with pytest.raises(SupplyError, match="holds no pjproject"):
        unpack_source(tarball(tmp_path / "empty.tar.xz", {"readme": ""}), tmp_path / "empty")
    with pytest.raises(tarfile.OutsideDestinationError):
        unpack_source(tarball(tmp_path / "evil.tar.xz", {"../outside": "1"}), tmp_path / "evil")
    assert not (tmp_path / "outside").exists()


def finished(cache: Path, name: str) -> Path:
    folder = cache / "sip-native" / name
    folder.mkdir(parents=True)
    (folder / "_pjsua2.so").touch()
    (folder / "pjsua2.py").touch()
    return folder


def test_the_newest_build_for_this_python_is_found(tmp_path: Path) -> None:
    assert find_sip_native(tmp_path) is None
    finished(tmp_path, f"pjproject-2.9-{python_tag()}")
    newest = finished(tmp_path, f"pjproject-2.17-{python_tag()}")
    finished(tmp_path, "pjproject-3.0-cp200")
    (finished(tmp_path, f"pjproject-2.18-{python_tag()}") / "_pjsua2.so").unlink()
    assert find_sip_native(tmp_path) == newest
    assert build(Settings(cache_dir=tmp_path), lambda *_: None) == newest  # nothing is built twice


def test_what_the_build_lacks_is_told_to_who_cannot_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_native, "missing_needs", lambda: ["libsrtp2-dev", "swig"])
    monkeypatch.setattr(sip_native.os, "geteuid", lambda: 1000)
    with pytest.raises(SupplyError, match="libsrtp2-dev, swig") as refused:
        install_needs()
    assert refused.value.cure == "As root: apt-get install libsrtp2-dev swig"


def test_missing_headers_and_programs_become_package_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    lacking = missing_needs(lambda header: header != "srtp2/srtp.h")
    assert {"build-essential", "swig", "libsrtp2-dev"} <= set(lacking)
    assert "libssl-dev" not in lacking


def test_the_configuration_is_for_many_calls() -> None:
    assert "#define PJSUA_MAX_CALLS 1024\n" in CONFIG_SITE
    assert "#define NDEBUG 1" in CONFIG_SITE


PEER = r"""
import gc, math, struct, sys, time
folder, role, target = sys.argv[1:4]
sys.path.insert(0, folder)
import pjsua2 as pj

class Port(pj.AudioMediaPort):
    heard = 0
    step = 0
    def onFrameRequested(self, frame):
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
        tone = (round(8000 * math.sin(2 * math.pi * 440 * (self.step + i) / 8000)) for i in range(160))
        self.step += 160
        frame.buf.assign_from_bytes(struct.pack("<160h", *tone))
    def onFrameReceived(self, frame):
        data = bytearray(frame.buf.size())
        frame.buf.copy_to_bytearray(data)
        if data and max(map(abs, struct.unpack(f"<{len(data) // 2}h", data))) > 4000:
            self.heard += 1

class Call(pj.Call):
    is_over = False
    def onCallState(self, prm):
        self.is_over = self.is_over or self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED
    def onCallMediaState(self, prm):
        media = self.getAudioMedia(-1)
        media.startTransmit(port)
        port.startTransmit(media)

class Account(pj.Account):
    call = None
    def onIncomingCall(self, prm):
        self.call = Call(self, prm.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        self.call.answer(answer)

endpoint = pj.Endpoint()
endpoint.libCreate()
config = pj.EpConfig()
config.uaConfig.threadCnt = 0
config.uaConfig.maxCalls = 1024
config.logConfig.level = config.logConfig.consoleLevel = 1
config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
config.medConfig.ecTailLen = 0
config.medConfig.noVad = True
endpoint.libInit(config)
endpoint.audDevManager().setNullDev()
transport = pj.TransportConfig()
transport.boundAddress = "127.0.0.1"
transport_id = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
endpoint.libStart()
address = endpoint.transportGetInfo(transport_id).localName
port = Port()
form = pj.MediaFormatAudio()
form.init(pj.PJMEDIA_FORMAT_PCM, 8000, 1, 20000, 16)
port.createPort("port", form)
account = Account()
account_config = pj.AccountConfig()
account_config.idUri = f"sip:{role}@{address}"
account_config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
account_config.mediaConfig.transportConfig.port = 42000 if role == "callee" else 42200
account_config.mediaConfig.transportConfig.portRange = 100
account.create(account_config)
print(address, flush=True)
if role == "caller":
    account.call = Call(account)
    account.call.makeCall(f"sip:callee@{target}", pj.CallOpParam(True))
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    endpoint.libHandleEvents(10)
    if role == "caller" and port.heard >= 25:
        break
    if account.call is not None and account.call.is_over:
        break
endpoint.hangupAllCalls()
until = time.monotonic() + 0.5
while time.monotonic() < until:
    endpoint.libHandleEvents(10)
print("heard", port.heard, flush=True)
account.call = None
port = None
gc.collect()
account.shutdown()
account = None
gc.collect()
endpoint.libDestroy()
print("ended", flush=True)
"""


@pytest.mark.native
@pytest.mark.call
def test_two_processes_of_the_build_hear_each_other_and_end_cleanly() -> None:
    folder = find_sip_native(Settings().cache)
    if folder is None:
        pytest.skip("our own pjproject is not built: python -m voicebot.supplies.sip_native")

    def peer(role: str, target: str = "") -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", PEER, str(folder), role, target]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def address(process: "subprocess.Popen[str]") -> str:
        assert process.stdout is not None
        return next(line.strip() for line in process.stdout if line.startswith("127.0.0.1:"))

    with peer("callee") as callee:
        try:
            with peer("caller", address(callee)) as caller:
                try:
                    said_by_caller = caller.communicate(timeout=60)[0]
                finally:
                    caller.kill()
            said_by_callee = callee.communicate(timeout=60)[0]
        finally:
            callee.kill()
    for process, said in ((caller, said_by_caller), (callee, said_by_callee)):
        assert process.returncode == 0, said
        assert "ended" in said
        assert int(said.split("heard ")[1].split()[0]) >= 10
