"""What the doctor says of machines that are sound, and of machines that are broken on purpose."""

import contextlib
import hashlib
import os
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from demo_clinic import DEMO
from pydantic import SecretStr
from typer.testing import CliRunner

from voicebot import status
from voicebot.clock import SystemClock
from voicebot.doctor import commands, doors, machine, parts, pbx, running, secret_files, store
from voicebot.doctor.examine import CHECKS, Check, examine
from voicebot.doctor.finding import Finding, Level
from voicebot.settings import Calls, Http, Recordings, Settings, Sip, Transfer, load
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

CLOCK = SystemClock()


def said(check: Check, settings: Settings) -> list[tuple[str, Level]]:
    return [(finding.subject, finding.level) for finding in check(settings, CLOCK)]


def wrongs(check: Check, settings: Settings) -> list[Finding]:
    return [finding for finding in check(settings, CLOCK) if finding.level is not Level.FINE]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "var", dialog={"folder": DEMO})


# -- the machine --------------------------------------------------------------------------------------------------------


def test_a_disk_without_room_stops_recordings(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "not" / "there", recordings=Recordings(minimum_free_mb=10**9))
    assert said(machine.check_disk, settings) == [("disk", Level.WRONG)]
    assert "nothing is recorded" in wrongs(machine.check_disk, settings)[0].what


def test_one_disk_is_told_once(settings: Settings) -> None:
    assert len(list(machine.check_disk(settings, CLOCK))) == 1


def test_more_lines_need_more_descriptors(settings: Settings) -> None:
    few = settings.model_copy(update={"sip": Sip(lines=4)})
    many = settings.model_copy(update={"sip": Sip(lines=10**8)})
    assert said(machine.check_descriptors, few) == [("descriptors", Level.FINE)]
    assert said(machine.check_descriptors, many) == [("descriptors", Level.DOUBTFUL)]


def test_memory_and_clock_are_told(settings: Settings) -> None:
    greedy = settings.model_copy(update={"brain": settings.brain.model_copy(update={"count": 10_000})})
    assert said(machine.check_memory, greedy) == [("memory", Level.DOUBTFUL)]
    [clock] = machine.check_clock(settings, CLOCK)
    assert "Europe/Moscow" in clock.what


# -- the database -------------------------------------------------------------------------------------------------------


def test_a_database_of_its_own_version_is_fine(settings: Settings) -> None:
    assert said(store.check_database, settings) == [("database", Level.FINE)]  # none yet
    settings.data_dir.mkdir()
    database = open_database(settings.database_url)
    upgrade(database, "0001_clinic")
    assert said(store.check_database, settings)[0] == ("database", Level.DOUBTFUL)
    upgrade(database)
    database.close()
    assert said(store.check_database, settings) == [("database", Level.FINE)]


def test_a_torn_database_is_wrong(settings: Settings) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "voicebot.db").write_bytes(b"SQLite format 3\x00" + os.urandom(4096))
    assert said(store.check_database, settings) == [("database", Level.WRONG)]


# -- parts --------------------------------------------------------------------------------------------------------------


def test_dialplans_that_do_not_load_are_wrong(settings: Settings, tmp_path: Path) -> None:
    assert said(parts.check_dialogs, settings) == [("dialogs", Level.FINE)]
    absent = settings.model_copy(update={"dialog": settings.dialog.model_copy(update={"folder": tmp_path / "none"})})
    assert said(parts.check_dialogs, absent) == [("dialogs", Level.WRONG)]
    without = settings.model_copy(update={"transfer": Transfer(targets={"other": "sip:1@127.0.0.1"})})
    assert ("dialogs", Level.WRONG) in said(parts.check_dialogs, without)


def test_the_recogniser_is_tried(settings: Settings, tmp_path: Path) -> None:
    [finding] = parts.check_recogniser(settings, CLOCK)
    assert finding.level is not Level.WRONG
    assert "loads" in finding.what
    broken = settings.model_copy(update={"hearing": settings.hearing.model_copy(update={"model": tmp_path})})
    assert said(parts.check_recogniser, broken) == [("recogniser", Level.WRONG)]


def test_more_lines_than_were_measured_are_doubtful(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert said(parts.check_binding, Settings(cache_dir=cache)) == [("sip binding", Level.DOUBTFUL)]


def test_words_that_nobody_can_hear_are_told(settings: Settings, tmp_path: Path) -> None:
    assert said(parts.check_grammar, settings) == [("grammar", Level.FINE)]
    clinic = tmp_path / "clinic"
    shutil.copytree(DEMO, clinic)
    file = clinic / "dialplans" / "booking.yaml"
    file.write_text(file.read_text().replace("терапевт", "терапевт2х"))
    changed = settings.model_copy(update={"dialog": settings.dialog.model_copy(update={"folder": clinic})})
    assert said(parts.check_grammar, changed)[0][0] == "grammar"
    (clinic / "dialplans" / "booking.yaml").write_text("form: [")
    assert said(parts.check_grammar, changed) == [("grammar", Level.WRONG)]


# -- doors --------------------------------------------------------------------------------------------------------------


def test_a_port_of_somebody_else_is_wrong(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        settings = Settings(data_dir=tmp_path, sip=Sip(port=port))
        assert ("sip port", Level.WRONG) in said(doors.check_ports, settings)
        status.publish(settings.run_dir, "line", CLOCK)  # it is our own line that holds it
        assert ("sip port", Level.FINE) in said(doors.check_ports, settings)


def test_rtp_ports_that_others_hold_are_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        sip = Sip(rtp_port_first=taken.getsockname()[1], rtp_port_count=4)
        assert ("rtp ports", Level.DOUBTFUL) in said(doors.check_ports, Settings(data_dir=tmp_path, sip=sip))


def test_the_chats_port_is_looked_at(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(data_dir=tmp_path, channels={"port": taken.getsockname()[1]})
        assert ("chat port", Level.WRONG) in said(doors.check_ports, settings)
        status.publish(settings.run_dir, "channels-1", CLOCK)
        assert ("chat port", Level.FINE) in said(doors.check_ports, settings)


def test_a_desk_for_the_world_needs_https(settings: Settings) -> None:
    open_desk = settings.model_copy(update={"http": Http(host="0.0.0.0"), "sip": Sip(allow=["0.0.0.0/0"])})
    assert said(doors.check_exposure, open_desk) == [("who may call", Level.DOUBTFUL), ("who may read", Level.WRONG)]
    proxied = settings.model_copy(update={"http": Http(host="0.0.0.0", trusted_proxies=["10.0.0.1"])})
    assert said(doors.check_exposure, proxied) == [("who may read", Level.FINE)]


# -- secrets and certificates -------------------------------------------------------------------------------------------


def test_a_secret_for_all_to_read_is_doubtful(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "sip-password"
    file.write_text("x")
    file.chmod(0o644)
    given = settings.model_copy(update={"sip": Sip(password_file=file), "recordings": Recordings(is_enabled=False)})
    assert said(secret_files.check_secret_files, given) == [("secrets", Level.DOUBTFUL)]
    file.chmod(0o600)
    assert said(secret_files.check_secret_files, given) == [("secrets", Level.FINE)]
    file.unlink()
    assert said(secret_files.check_secret_files, given) == [("secrets", Level.WRONG)]


def test_settings_with_secrets_are_the_robots_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "voicebot.toml"
    file.write_text('database.url = "postgresql+psycopg://robot:x@db/voicebot"\n[sip]\npassword = "x"\n')
    file.chmod(0o644)
    monkeypatch.setenv("VOICEBOT_CONFIG", str(file))
    monkeypatch.setenv("VOICEBOT_RECORDINGS__IS_ENABLED", "false")
    [finding] = secret_files.check_secret_files(load(), CLOCK)
    assert finding.level is Level.DOUBTFUL
    assert "sip.password, database.url" in finding.what
    file.chmod(0o600)
    assert list(secret_files.check_secret_files(load(), CLOCK)) == []


@pytest.mark.parametrize(
    ("begins_days", "ends_days", "level"),
    [(-10, 300, Level.FINE), (-10, 10, Level.DOUBTFUL), (-10, -1, Level.WRONG), (5, 300, Level.WRONG)],
)
def test_certificates_end_one_day(settings: Settings, tmp_path: Path, begins_days: int, ends_days: int, level: Level) -> None:
    certificate, key = _certificate(tmp_path, begins_days, ends_days)
    given = settings.model_copy(update={"http": Http(certificate=certificate, private_key=key)})
    assert said(secret_files.check_certificates, given) == [("certificates", level)]


def test_the_key_of_another_certificate_is_wrong(settings: Settings, tmp_path: Path) -> None:
    certificate, _key = _certificate(tmp_path, -1, 100)
    (tmp_path / "other").mkdir()
    _certificate_of_another, key = _certificate(tmp_path / "other", -1, 100)
    given = settings.model_copy(update={"http": Http(certificate=certificate, private_key=key)})
    [finding] = wrongs(secret_files.check_certificates, given)
    assert "is not the key" in finding.what
    key.write_text("no key at all")
    assert said(secret_files.check_certificates, given) == [("certificates", Level.WRONG)]


def _certificate(folder: Path, begins_days: int, ends_days: int) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins_days))
        .not_valid_after(now + timedelta(days=ends_days))
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(built.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private


# -- the PBX ------------------------------------------------------------------------------------------------------------


@contextmanager
def answering(*answers: bytes) -> Iterator[int]:
    """A peer that answers each OPTIONS with these datagrams."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(10)

    def serve() -> None:
        try:
            message, peer = server.recvfrom(4096)
            assert message.startswith(b"OPTIONS sip:")
            for answer in answers:
                server.sendto(answer, peer)
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()
        thread.join(5)


def _target(port: int) -> Settings:
    return Settings(transfer=Transfer(targets={"operator": f"sip:200@127.0.0.1:{port}"}))


@pytest.mark.parametrize("code", [200, 404, 405, 503])
def test_any_final_answer_of_the_pbx_will_do(code: int) -> None:
    with answering(b"SIP/2.0 100 Trying\r\n\r\n", f"SIP/2.0 {code} So it is\r\n\r\n".encode()) as port:
        [finding] = pbx.check_pbx(_target(port), CLOCK)
    assert (finding.level, str(code) in finding.what) == (Level.FINE, True)


def test_a_pbx_that_is_not_there_is_wrong() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    [finding] = pbx.check_pbx(_target(port), CLOCK)
    assert finding.level is Level.WRONG
    assert finding.cure


def test_a_pbx_that_never_answers_is_not_waited_for_long() -> None:
    with answering() as port, pytest.raises(TimeoutError):
        pbx.options(pbx.Peer("127.0.0.1", port, is_tcp=False), "127.0.0.1", wait_seconds=0.05)


@pytest.mark.parametrize(
    ("uri", "peer"),
    [
        ("sip:200@pbx.local", pbx.Peer("pbx.local", 5060, is_tcp=False)),
        ("sip:pbx.local:5070;transport=tcp", pbx.Peer("pbx.local", 5070, is_tcp=True)),
        ("<sip:200@192.0.2.1:5080>", pbx.Peer("192.0.2.1", 5080, is_tcp=False)),
        ("sip:[2001:db8::1]:5080", pbx.Peer("2001:db8::1", 5080, is_tcp=False)),
        ("sips:pbx.local", pbx.Peer("pbx.local", 5061, is_tcp=True, is_tls=True)),
        ("sip:200@pbx.local?X-Dialog-ID=1", None),
        ("tel:+79990000000", None),
        ("", None),
    ],
)
def test_where_a_uri_points(uri: str, peer: pbx.Peer | None) -> None:
    assert pbx.peer_of(uri) == peer


def registrar(password: str, status_of_wrong: int = 403) -> tuple[socket.socket, list[bytes], threading.Thread]:
    """A registrar that wants a digest by RFC 2617 and answers for the right one with 200."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(10)
    seen: list[bytes] = []

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    def serve() -> None:
        with contextlib.suppress(TimeoutError, OSError):
            while True:
                message, peer = server.recvfrom(4096)
                if not message:
                    return
                seen.append(message)
                text = message.decode()
                if text.startswith("OPTIONS"):
                    server.sendto(b"SIP/2.0 200 OK\r\n\r\n", peer)
                elif (found := dict(re.findall(r'(\w+)="([^"]*)"', text))).get("response") is None:
                    challenge = 'WWW-Authenticate: Digest realm="clinic", nonce="abc", opaque="o", qop="auth,auth-int"'
                    server.sendto(f"SIP/2.0 401 Unauthorized\r\n{challenge}\r\n\r\n".encode(), peer)
                else:
                    first, second = md5(f"robot:clinic:{password}"), md5(f"REGISTER:{found['uri']}")
                    right = md5(f"{first}:abc:00000001:{found['cnonce']}:auth:{second}")
                    code = 200 if found["response"] == right else status_of_wrong
                    server.sendto(f"SIP/2.0 {code} So\r\n\r\n".encode(), peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return server, seen, thread


@pytest.mark.parametrize(("given", "level"), [("s3cret", Level.FINE), ("other", Level.WRONG)])
def test_the_password_of_the_pbx_is_tried_and_nothing_is_registered(tmp_path: Path, given: str, level: Level) -> None:
    server, seen, thread = registrar("s3cret")
    try:
        uri = f"sip:127.0.0.1:{server.getsockname()[1]}"
        sip = Sip(registrar=uri, user="robot", password=SecretStr(given))
        findings = list(
            pbx.check_pbx(Settings(data_dir=tmp_path, sip=sip, transfer=Transfer(targets={"operator": uri})), CLOCK)
        )
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", server.getsockname())
        thread.join(5)
        server.close()
    assert [(one.subject, one.level) for one in findings] == [("pbx", Level.FINE), ("registration", level)]
    asked = [message.decode() for message in seen if message.startswith(b"REGISTER ")]
    assert len(asked) == 2
    assert "Contact" not in "".join(asked)
    assert given not in "".join(asked) + "".join(one.what + one.cure for one in findings)


@pytest.mark.parametrize(("allow", "level"), [("127.0.0.0/8", []), ("10.0.0.0/8", [("who may call", Level.WRONG)])])
def test_a_registrar_that_may_not_call_is_wrong(tmp_path: Path, allow: str, level: list[tuple[str, Level]]) -> None:
    given = Settings(data_dir=tmp_path, sip=Sip(registrar="sip:127.0.0.1", allow=[allow]))
    assert [one for one in said(doors.check_exposure, given) if one[0] == "who may call"] == level


@pytest.mark.parametrize(
    ("calls", "level"),
    [
        (Calls(), Level.FINE),
        (Calls(target="sip:{phone}@pbx"), Level.FINE),
        (Calls(target="sip:{phone}@pbx", deny_prefixes=[]), Level.DOUBTFUL),
        (Calls(target="sip:{phone}@pbx", allow_prefixes=["+7495"], deny_prefixes=[]), Level.FINE),
        (Calls(target="sip:200@pbx"), Level.WRONG),
    ],
)
def test_what_may_be_dialled_is_looked_at(tmp_path: Path, calls: Calls, level: Level) -> None:
    assert said(doors.check_dialling, Settings(data_dir=tmp_path, calls=calls)) == [("calls out", level)]


# -- all of it ----------------------------------------------------------------------------------------------------------


def test_the_running_robot_is_asked(settings: Settings) -> None:
    assert said(running.check_running, settings) == [("running", Level.FINE)]
    status.publish(settings.run_dir, "supervisor", CLOCK, restarts={"brain-1": 3})
    (settings.run_dir / "line.json").write_text('{"pid": 1, "at": 0}')
    told = [finding.what for finding in wrongs(running.check_running, settings)]
    assert told == ["line is silent.", "Processes died and were started again: brain-1 3."]


def test_a_check_that_breaks_stops_no_other(settings: Settings) -> None:
    def check_broken(_settings: Settings, _clock: object) -> list[Finding]:
        raise ZeroDivisionError

    found = list(examine(settings, CLOCK, [check_broken, machine.check_clock]))
    assert (found[0].subject, found[0].level) == ("broken", Level.WRONG)
    assert found[-1].subject == "clock"
    assert len(CHECKS) == len({check.__name__ for check in CHECKS})


def test_the_command_says_it_and_ends_with_a_status(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import typer

    monkeypatch.setenv("VOICEBOT_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("voicebot.doctor.commands.examine", lambda settings, clock: examine(settings, clock, CHECKS[:4]))
    app = typer.Typer()
    app.command()(commands.doctor)
    good = CliRunner().invoke(app, [])
    assert good.exit_code == 0
    assert "disk" in good.output
    monkeypatch.setenv("VOICEBOT_RECORDINGS__MINIMUM_FREE_MB", str(10**9))
    bad = CliRunner().invoke(app, ["--json"])
    assert bad.exit_code == 1
    assert '"level": "wrong"' in bad.output
