"""What `make audit` calls a finding."""

import importlib.util
import json
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("audit", Path(__file__).parents[1] / ".ci" / "audit.py")
assert _SPEC is not None
assert _SPEC.loader is not None
audit = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(audit)


def test_a_lock_holds_exact_versions_only() -> None:
    text = "# by uv\nJinja2==3.1.6\nuvicorn[standard]==0.30.1 \\\n    --hash=sha256:0\nnumpy>=2\ntorch==2.13.0+cpu ; a == 'b'\n"
    versions, findings = audit.locked(text)
    assert versions == {"jinja2": "3.1.6", "uvicorn": "0.30.1", "torch": "2.13.0+cpu"}
    assert findings == ["not an exact version: numpy>=2"]


def test_the_projects_own_locks_are_exact_and_agree() -> None:
    run, dev = (audit.locked(file.read_text()) for file in audit.LOCKS)
    assert run[1] == dev[1] == []
    assert set(run[0]) & set(dev[0])
    assert audit.differences(run[0], dev[0], {}) == []


def test_what_is_installed_otherwise_is_found() -> None:
    run, dev = {"jinja2": "3.1.6"}, {"jinja2": "3.1.6", "pytest": "9.0.0"}
    assert audit.differences(run, dev, {"jinja2": "3.1.6", "other": "1"}) == []
    assert audit.differences(run, dev, {"jinja2": "3.1.2"}) == ["jinja2: 3.1.6 is locked, 3.1.2 is installed"]
    assert audit.differences(run, {"jinja2": "3.1.5"}, {})[0] == "jinja2: 3.1.6 in run.txt, 3.1.5 in dev.txt"
    assert audit.differences({"torch": "2.13.0+cpu"}, {}, {"torch": "2.13.0"}) == []


def test_a_known_weakness_is_told_with_its_cure() -> None:
    report = {
        "dependencies": [
            {"name": "jinja2", "version": "3.1.2", "vulns": [{"id": "GHSA-1", "fix_versions": ["3.1.3"]}, {"id": "GHSA-2"}]},
            {"name": "numpy", "version": "2.0", "vulns": []},
            {"name": "ours", "skip_reason": "not found"},
        ]
    }
    found, unknown = audit.known_weaknesses(json.dumps(report))
    assert unknown == ["ours"]  # what could not be looked up is not called sound
    assert found == ["jinja2 3.1.2: GHSA-1; mended in 3.1.3", "jinja2 3.1.2: GHSA-2; mended in no version yet"]
