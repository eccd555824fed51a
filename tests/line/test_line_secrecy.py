"""Signalling by TLS and sound by SRTP, with a real phone; on both builds of pjsua2."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from line_brain import PATIENT_HZ, ROBOT_HZ, Brain
from sip_peers import Baresip, LineProcess, level_at, native_cache, running_line, tone, wait_until

from voicebot.errors import LineError
from voicebot.link.messages import CallStarted, Dial, Hangup
from voicebot.settings import Sip

pytestmark = pytest.mark.call


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with cert.pem, key.pem, and both.pem, which signs itself."""
    folder = tmp_path_factory.mktemp("pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return folder


@contextmanager
def secure_line(
    tmp_path: Path, pem: Path, binding: str = "wheel", *, target: str = "", **sip: Any
) -> Iterator[tuple[LineProcess, Brain]]:
    settings: dict[str, Any] = {
        "sip": {"transport": "tls", "certificate": str(pem / "cert.pem"), "private_key": str(pem / "key.pem"), **sip}
    }
    if target:
        settings["calls"] = {"target": target}
    cache = native_cache(tmp_path) if binding == "native" else None
    with running_line(tmp_path, settings, cache) as line, Brain(line.socket) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        assert line.status()["binding"].startswith(binding)
        yield line, brain


def phone(tmp_path: Path, pem: Path, media: str = "", *, name: str = "patient", answers: bool = False) -> Baresip:
    """`media`: baresip's mediaenc: srtp (offered), srtp-mand, or none."""
    encryption = f";mediaenc={media}" if media else ""
    mode = "auto" if answers else "manual"
    return Baresip(
        tmp_path, name,
        says=tone(PATIENT_HZ, 60),
        account=f"<sip:{name}@127.0.0.1;transport=tls>;regint=0;answermode={mode};audio_codecs=PCMA{encryption}",
        config=("module srtp.so", f"sip_certificate {pem}/both.pem"),
    )  # fmt: skip


def both_are_heard(brain: Brain, patient: Baresip, call_id: str) -> None:
    wait_until(lambda: level_at(brain.caller_sound(call_id)[-16000:], PATIENT_HZ) > 2000, "the patient is heard")
    brain.say(call_id, 1, tone(ROBOT_HZ, 1.5))
    wait_until(lambda: level_at(patient.heard()[-16000:], ROBOT_HZ) > 1000, "the robot is heard")


@pytest.mark.parametrize("binding", ["wheel", "native"])
def test_signalling_and_sound_are_encrypted(tmp_path: Path, pem: Path, binding: str) -> None:
    with (
        secure_line(tmp_path, pem, binding, srtp="required") as (line, brain),
        phone(tmp_path, pem, "srtp-mand") as patient,
    ):
        patient.dial(line.uri + ";transport=tls")
        call_id = brain.wait(CallStarted).call_id
        both_are_heard(brain, patient, call_id)
        trace = patient.log
        assert "Via: SIP/2.0/TLS" in trace
        assert trace.count("RTP/SAVP") >= 2, "offer and answer"
        assert "a=crypto:" in trace
        brain.send(Hangup(call_id=call_id))
        patient.wait_for("CALL_CLOSED")


def test_whom_we_call_is_called_in_secret(tmp_path: Path, pem: Path) -> None:
    with phone(tmp_path, pem, "srtp-mand", name="+79161234567", answers=True) as patient:
        target = f"sip:{{phone}}@127.0.0.1:{patient.port + 1}"
        with secure_line(tmp_path, pem, srtp="required", target=target) as (_, brain):
            brain.send(Dial(order=1, phone="+79161234567", dialog_id="4341AM8A"))
            both_are_heard(brain, patient, brain.wait(CallStarted).call_id)
            assert "RTP/SAVP" in patient.log


def test_sound_in_clear_is_refused_where_secrecy_is_required(tmp_path: Path, pem: Path) -> None:
    with secure_line(tmp_path, pem, srtp="required") as (line, brain), phone(tmp_path, pem) as patient:
        patient.dial(line.uri + ";transport=tls")
        patient.wait_for("CALL_CLOSED")
        assert "SIP/2.0 4" in patient.log
        assert brain.all(CallStarted) == []
        line.wait_calls(0)


@pytest.mark.parametrize("media", ["", "srtp"])
def test_optional_serves_both(tmp_path: Path, pem: Path, media: str) -> None:
    with secure_line(tmp_path, pem, srtp="optional") as (line, brain), phone(tmp_path, pem, media) as patient:
        patient.dial(line.uri + ";transport=tls")
        both_are_heard(brain, patient, brain.wait(CallStarted).call_id)


def test_a_peer_without_a_known_certificate_is_not_talked_to(tmp_path: Path, pem: Path) -> None:
    ca_file = str(pem / "cert.pem")
    with secure_line(tmp_path, pem, ca_file=ca_file) as (line, brain):
        stranger = Baresip(tmp_path, "stranger", account="<sip:stranger@127.0.0.1;transport=tls>;regint=0;audio_codecs=PCMA")
        with stranger:
            stranger.dial(line.uri + ";transport=tls")
            stranger.wait_for("CALL_CLOSED", 30)
        with phone(tmp_path, pem) as known:
            known.dial(line.uri + ";transport=tls")
            brain.wait(CallStarted)
        assert len(brain.all(CallStarted)) == 1


# -- settings -------------------------------------------------------------------------------------------------------------


def test_tls_needs_a_certificate() -> None:
    with pytest.raises(ValueError, match="certificate"):
        Sip(transport="tls")


@pytest.mark.parametrize("broken", ["missing", "empty", "other_key", "ca"])
def test_files_that_cannot_be_used_are_told_before_any_call(tmp_path: Path, pem: Path, broken: str) -> None:
    pytest.importorskip("pjsua2")
    from voicebot.line.secrecy import check_files

    certificate, key, ca = pem / "cert.pem", pem / "key.pem", None
    if broken == "missing":
        certificate = tmp_path / "nothing.pem"
    elif broken == "empty":
        certificate = tmp_path / "empty.pem"
        certificate.write_text("")
    elif broken == "other_key":
        key = tmp_path / "other.pem"
        command = ["openssl", "genrsa", "-out", str(key), "2048"]
        subprocess.run(command, check=True, capture_output=True)
    else:
        ca = tmp_path / "ca.pem"
        ca.write_text("no certificate")
    check_files(Sip(transport="tls", certificate=pem / "cert.pem", private_key=pem / "key.pem"))
    with pytest.raises(LineError, match=r"sip\.(certificate|ca_file)"):
        check_files(Sip(transport="tls", certificate=certificate, private_key=key, ca_file=ca))
