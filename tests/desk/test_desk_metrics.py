"""/metrics: what it tells, whom it tells it, and that the dashboard asks for nothing else."""

import json
import os
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from desk_browser import actions, browser, log_in
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from voicebot import dialog_id, status
from voicebot.accounts.roles import Role, Scope
from voicebot.accounts.users import AccountError
from voicebot.clinic.outbox import Outbox
from voicebot.clock import VirtualClock
from voicebot.desk.machine_metrics import Machine
from voicebot.desk.metrics import Metrics
from voicebot.desk.pages.metrics import _is_neighbour
from voicebot.messages.tables import DeliveryRow
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.digest import Digester
from voicebot.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def prometheus(app: FastAPI) -> TestClient:
    client = browser(app)
    key = app.state.desk.sessions.add_key("prometheus", Role.MANAGER, [Scope.METRICS])
    client.headers["authorization"] = f"Bearer {key}"
    return client


def samples(client: TestClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
    }


def live(app: FastAPI, clock: VirtualClock) -> None:
    """All processes tell of themselves; one call was handed over, one is booked, one goes on."""
    desk = app.state.desk
    folder = desk.settings.run_dir
    line = {"calls": 2, "lines": 120, "legs": 3, "answered": 41, "late_frames": 7, "waiting": 1, "load": 0.4}
    status.publish(folder, "line", clock, **line, registered=True, draining=False, can_apologise=True)
    status.publish(folder, "brain-1", clock, calls=2, alarms={"record_lost": 3}, spooled_writes=4, is_database_refusing=False)
    status.publish(folder, "reminders", clock, providers={"main": "closed", "spare": "open"})
    sent = {"message_id": None, "template": "booked", "attempt": 1, "channel": "sms", "address": "", "provider": "main"}
    with desk.database.session() as session:
        session.add(DeliveryRow(**sent, key="k1", status="delivered", created_at=clock.now()))
        session.add(DeliveryRow(**sent, key="k2", status="refused", created_at=clock.now()))
    Outbox(desk.database, clock).put("booked", "+79161234567", {}, "d", "late")
    status.publish(folder, "supervisor", clock, restarts={"brain-1": 2, "line": 0})
    for outcome, target in (("booked", ""), ("transferred", "operator"), ("", "operator")):
        one = dialog_id.new()
        desk.records.open_dialog(Dialog(id=one))
        desk.records.add_turn(one, Turn(1, Who.ROBOT, "Слушаю.", latency_ms={"total_ms": 480, "think_ms": 5}))
        desk.records.add_turn(one, Turn(2, Who.CALLER, "невнятно", intent="none", is_bargein=True))
        desk.records.update_dialog(one, transfer_target=target, reason="requested" if target else "")
        if outcome:
            result = "completed" if target else ""
            desk.records.finish_dialog(
                one, outcome, "requested" if target else "", handling_seconds=100, transfer_result=result
            )
    clock.advance(30)
    for name in ("line", "brain-1", "reminders", "supervisor"):
        facts = json.loads((folder / f"{name}.json").read_text())
        status.publish(folder, name, clock, **{key: value for key, value in facts.items() if key not in ("pid", "at", "tick")})


def test_what_happens_now_and_what_has_happened(app: FastAPI, prometheus: TestClient, clock: VirtualClock) -> None:
    live(app, clock)
    desk = app.state.desk
    before = samples(prometheus)
    assert before["voicebot_digest_backlog", ()] == 2
    Digester(desk.database, clock, desk.settings.zoneinfo, app.state.metrics.taken).run()
    found = samples(prometheus)
    for (name, *labels), value in {
        ("voicebot_up", ("process", "line")): 1,
        ("voicebot_line_calls", ("process", "line")): 2,
        ("voicebot_line_answered_total", ("process", "line")): 41,
        ("voicebot_line_late_frames_total", ("process", "line")): 7,
        ("voicebot_line_registered", ("process", "line")): 1,
        ("voicebot_brain_calls", ("process", "brain-1")): 2,
        ("voicebot_alarms_total", ("alarm", "record_lost"), ("process", "brain-1")): 3,
        ("voicebot_spooled_writes", ("process", "brain-1")): 4,
        ("voicebot_database_refusing", ("process", "brain-1")): 0,
        ("voicebot_restarts_total", ("process", "brain-1")): 2,
        ("voicebot_database_up",): 1,
        ("voicebot_digest_backlog",): 0,
        ("voicebot_queue_length", ("state", "waiting")): 2,
        ("voicebot_queue_length", ("state", "taken")): 0,
        ("voicebot_queue_oldest_seconds",): 30,
        ("voicebot_contacts_total", ("channel", "phone"), ("outcome", "booked"), ("result", "contained")): 1,
        ("voicebot_contacts_total", ("channel", "phone"), ("outcome", "transferred"), ("result", "transferred")): 1,
        ("voicebot_transfers_total", ("reason", "requested")): 1,
        ("voicebot_handling_seconds_count", ("channel", "phone")): 2,
        ("voicebot_handling_seconds_bucket", ("channel", "phone"), ("le", "90.0")): 0,
        ("voicebot_answer_seconds_count", ("stage", "total")): 2,
        ("voicebot_answer_seconds_bucket", ("le", "0.5"), ("stage", "total")): 2,
        ("voicebot_answer_seconds_bucket", ("le", "0.4"), ("stage", "total")): 0,
        ("voicebot_caller_turns_total",): 2,
        ("voicebot_unclear_turns_total",): 2,
        ("voicebot_bargeins_total",): 2,
    }.items():
        assert found[name, tuple(labels)] == value, name
    assert not any("невнятно" in str(key) or "+7" in str(key) for key in found)


def test_dead_processes_and_a_dead_database_are_told(
    app: FastAPI, prometheus: TestClient, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(app, clock)
    clock.advance(60)
    found = samples(prometheus)
    assert found["voicebot_up", (("process", "line"),)] == 0
    assert ("voicebot_line_calls", (("process", "line"),)) not in found

    def refuse(_queue: object) -> tuple[()]:
        from voicebot.errors import StorageError

        raise StorageError("gone", "wait")

    monkeypatch.setattr("voicebot.records.queue.Queue.open", refuse)
    found = samples(prometheus)
    assert found["voicebot_database_up", ()] == 0
    assert ("voicebot_queue_oldest_seconds", ()) not in found


def test_requests_are_counted_by_route_and_never_by_address(app: FastAPI, prometheus: TestClient) -> None:
    qa = browser(app)
    log_in(qa, "qa")
    unknown = dialog_id.new()
    assert qa.get(f"/dialogs/{unknown}").status_code == 404
    assert qa.request("BREW", "/dialogs").status_code in (403, 405)
    qa.get("/no/such/page")
    text = prometheus.get("/metrics").text
    assert unknown not in text
    found = samples(prometheus)
    assert found["voicebot_http_requests_total", (("method", "GET"), ("route", "/dialogs/{typed}"), ("status", "404"))] == 1
    assert found["voicebot_http_requests_total", (("method", "GET"), ("route", "none"), ("status", "404"))] == 1
    assert not any("BREW" in str(key) for key in found)


def test_nobody_reads_them_without_a_key(app: FastAPI) -> None:
    anybody = browser(app)
    assert anybody.get("/metrics").status_code == 401
    add_key = app.state.desk.sessions.add_key
    for name, role, scopes, expected in (
        ("a", Role.MANAGER, [], 200), ("b", Role.MANAGER, [Scope.NUMBERS], 403), ("c", Role.OPERATOR, [], 403),
        ("d", Role.ADMIN, [Scope.METRICS], 200),
    ):  # fmt: skip
        headers = {"authorization": f"Bearer {add_key(name, role, scopes)}"}
        assert anybody.get("/metrics", headers=headers).status_code == expected, name
    # A key that is narrowed opens no page.
    key = add_key("e", Role.ADMIN, [Scope.METRICS])
    assert anybody.get("/numbers", headers={"authorization": f"Bearer {key}"}).status_code == 403
    assert "refused" in actions(app)
    with pytest.raises(AccountError):
        add_key("f", Role.MANAGER, [Scope.DIALOGS])


@pytest.mark.parametrize(
    ("allow", "proxies", "address", "headers", "is_open"),
    [
        ([], [], "127.0.0.1", {}, False),
        (["10.1.0.0/16"], [], "10.1.2.3", {}, True),
        (["10.1.0.0/16"], [], "10.2.0.1", {}, False),
        (["10.1.0.0/16"], [], "testclient", {}, False),
        # Behind a proxy that nobody named, every request comes from the proxy.
        (["127.0.0.1/32"], [], "127.0.0.1", {"x-forwarded-for": "203.0.113.9"}, False),
        (["127.0.0.1/32"], ["127.0.0.1"], "127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, True),
    ],
)
def test_networks_that_need_no_key(
    app: FastAPI, allow: list[str], proxies: list[str], address: str, headers: dict[str, str], is_open: bool
) -> None:
    desk = app.state.desk
    http = desk.settings.http.model_copy(update={"metrics_allow": allow, "trusted_proxies": proxies})

    class Request:
        client = type("Client", (), {"host": address})
        headers: dict[str, str]

    class Desk:
        settings = desk.settings.model_copy(update={"http": http})

    request: Any = Request()
    request.headers = headers
    own: Any = Desk()
    assert _is_neighbour(request, own) is is_open


def test_messages_and_their_providers(app: FastAPI, prometheus: TestClient, clock: VirtualClock) -> None:
    live(app, clock)
    clock.advance(60)
    status.publish(app.state.desk.settings.run_dir, "reminders", clock, providers={"main": "half-open", "spare": "open"})
    found = samples(prometheus)

    def recent(result: str) -> float:
        return found["voicebot_deliveries_last_hour", (("channel", "sms"), ("provider", "main"), ("result", result))]

    assert [recent(result) for result in ("handed", "delivered", "failed", "unsent")] == [2, 1, 1, 0]
    assert found["voicebot_outbox_waiting", ()] == 1
    assert found["voicebot_outbox_oldest_seconds", ()] == 90
    assert found["voicebot_provider_up", (("provider", "main"),)] == 0.5
    assert found["voicebot_provider_up", (("provider", "spare"),)] == 0
    clock.advance(3600)
    assert not any(name == "voicebot_deliveries_last_hour" for name, _ in samples(prometheus))


def test_openmetrics_is_spoken_too(app: FastAPI, prometheus: TestClient, clock: VirtualClock) -> None:
    live(app, clock)
    answer = prometheus.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert "voicebot_up" in {family.name for family in openmetrics(answer.text)}


def dashboard_metrics(text: str) -> set[str]:
    """The names of our metrics in every query of a dashboard or a file of rules."""
    return set(re.findall(r"\bvoicebot_[a-z_]+", text))


def test_every_metric_of_the_dashboard_and_the_alerts_exists(app: FastAPI, prometheus: TestClient, clock: VirtualClock) -> None:
    live(app, clock)
    desk = app.state.desk
    Digester(desk.database, clock, desk.settings.zoneinfo, app.state.metrics.taken).run()
    prometheus.get("/metrics")  # counted from the second request on
    known = {name for name, _ in samples(prometheus)} | {"voicebot_certificate_seconds"}  # it has one in a test of its own
    board = json.loads((DEPLOY / "grafana" / "voicebot.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    assert len(queries) >= 15
    asked = dashboard_metrics(" ".join(queries))
    rules = yaml_of(DEPLOY / "prometheus" / "alerts.yml")["groups"]
    asked |= dashboard_metrics(" ".join(rule["expr"] for group in rules for rule in group["rules"]))
    assert asked - known == set()
    spoken = [panel["title"] for panel in board["panels"]]
    assert len(spoken) == len(set(spoken))
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


def yaml_of(file: Path) -> Any:
    return YAML(typ="safe").load(file)


def test_the_machine_tells_of_processes_disks_and_certificates(tmp_path: Path, clock: VirtualClock) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "robot.clinic.example")])
    begins = clock.now() - timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = builder.not_valid_before(begins).not_valid_after(clock.now() + timedelta(days=10)).sign(key, hashes.SHA256())
    (tmp_path / "sip.pem").write_bytes(made.public_bytes(Encoding.PEM))
    settings = Settings(
        data_dir=tmp_path / "var",
        sip={"certificate": tmp_path / "sip.pem"},
        http={"certificate": tmp_path / "missing.pem"},
        recordings={"store": {"bucket": "calls"}},
    )
    status.publish(settings.run_dir, "line", clock)
    status.publish(settings.run_dir, "brain-1", clock)
    dead = json.loads((settings.run_dir / "brain-1.json").read_text()) | {"pid": 2**22 + 1}
    (settings.run_dir / "brain-1.json").write_text(json.dumps(dead))
    waits = settings.recordings_folder / "2026" / "11" / "23" / "ABCDEFGH.flac"
    waits.parent.mkdir(parents=True)
    waits.write_bytes(b"sound")
    os.utime(waits, ((clock.now() - timedelta(hours=2)).timestamp(),) * 2)
    registry = CollectorRegistry()
    registry.register(Machine(settings, clock))
    value = registry.get_sample_value
    assert value("voicebot_certificate_seconds", {"of": "sip"}) == 10 * 86400
    assert value("voicebot_certificate_seconds", {"of": "http"}) == 0
    assert value("voicebot_recordings_waiting") == 1
    assert value("voicebot_recordings_oldest_seconds") == 7200
    for process in ("line", "desk"):  # both are this one here
        assert 1e6 < (value("voicebot_process_resident_bytes", {"process": process}) or 0) < 1e11
        assert (value("voicebot_process_open_files", {"process": process}) or 0) > 3
        assert (value("voicebot_process_threads", {"process": process}) or 0) >= 1
        assert (value("voicebot_process_cpu_seconds_total", {"process": process}) or 0) > 0
    assert value("voicebot_process_resident_bytes", {"process": "brain-1"}) is None
    free = value("voicebot_disk_free_bytes", {"folder": "recordings"})
    assert free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)


def test_the_scrape_example_asks_for_our_path() -> None:
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    assert "metrics_path: /metrics" in text
    assert "credentials_file:" in text
    assert "alerts.yml" in text


def test_metrics_of_two_desks_stay_apart(app: FastAPI) -> None:
    desk = app.state.desk
    other = Metrics(desk.settings.run_dir, desk.database, desk.clock)
    app.state.metrics.served("GET", "/x", 200, 0.1)
    assert (
        other.registry.get_sample_value("voicebot_http_requests_total", {"method": "GET", "route": "/x", "status": "200"})
        is None
    )
