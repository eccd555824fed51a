"""`make audit`: are the locked packages those that are installed, do they fit together, and is a weakness of one of them known?

Known weaknesses come from pip-audit, which asks a database over the network. Where that cannot be reached, that part is skipped
and says so: an offline machine is no finding. Ends with 1 for findings only.
"""

import json
import re
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = (ROOT / "requirements" / "run.txt", ROOT / "requirements" / "dev.txt")
_TOOL = ROOT / "build" / "audit"
_LOCKED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_WAIT_SECONDS = 300


def name_of(text: str) -> str:
    """Return a package's name in one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", text).lower()


def locked(text: str) -> tuple[dict[str, str], list[str]]:
    """Return name -> version of a lock file, and what in it is not exact."""
    versions, findings = {}, []
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith(("#", "--hash", "-c ", "-r ")):
            continue
        match = _LOCKED.match(line)
        if match is None:
            findings.append(f"not an exact version: {line}")
        else:
            versions[name_of(match[1])] = match[2]
    return versions, findings


def differences(run: Mapping[str, str], dev: Mapping[str, str], installed: Mapping[str, str]) -> list[str]:
    """Return where the two locks, or the lock and what is installed, differ. What is not installed at all is fine."""
    findings = [
        f"{name}: {version} in run.txt, {dev[name]} in dev.txt"
        for name, version in run.items()
        if dev.get(name, version) != version
    ]
    for name, version in {**run, **dev}.items():
        if name in installed and installed[name].partition("+")[0] != version.partition("+")[0]:
            findings.append(f"{name}: {version} is locked, {installed[name]} is installed")
    return findings


def known_weaknesses(report: str) -> tuple[list[str], list[str]]:
    """Return what pip-audit's JSON tells, and the packages that its database does not know."""
    found, unknown = [], []
    for package in json.loads(report)["dependencies"]:
        if "skip_reason" in package:
            unknown.append(package["name"])
        for weakness in package.get("vulns", ()):
            cure = ", ".join(weakness.get("fix_versions") or ()) or "no version yet"
            found.append(f"{package['name']} {package['version']}: {weakness['id']}; mended in {cure}")
    return found, unknown


def run_tool(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WAIT_SECONDS)


def ask_database() -> tuple[list[str], str]:
    """Return the weaknesses known of run.txt's packages, and why that could not be told ("" where it could)."""
    report = _TOOL / "report.json"
    program = _TOOL / "bin" / "pip-audit"
    try:
        if not program.exists():
            venv.create(_TOOL, with_pip=True)
            made = run_tool([_TOOL / "bin" / "python", "-m", "pip", "install", "--quiet", "pip-audit"])
            if made.returncode:
                return [], "pip-audit cannot be installed here"
        report.unlink(missing_ok=True)
        options = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json", "--output", report)
        asked = run_tool([program, "-r", LOCKS[0], *options])
    except (OSError, subprocess.SubprocessError) as error:
        return [], f"pip-audit cannot be run here: {type(error).__name__}"
    if not report.exists():
        last = asked.stderr.strip().splitlines() or ["it said nothing"]
        return [], f"its database cannot be reached: {last[-1][:160]}"
    found, unknown = known_weaknesses(report.read_text())
    if len(unknown) > len(locked(LOCKS[0].read_text())[0]) // 2:
        return found, f"its database knows nothing of {len(unknown)} packages (a mirror that has none?)"
    if unknown:
        print(f"Not in the database: {', '.join(unknown)}.")
    return found, ""


def main() -> int:
    (run, run_findings), (dev, dev_findings) = (locked(file.read_text()) for file in LOCKS)
    installed = {name_of(one.metadata["Name"]): one.version for one in distributions() if one.metadata["Name"]}
    findings = [*run_findings, *dev_findings, *differences(run, dev, installed)]
    check = run_tool([sys.executable, "-m", "pip", "check"])
    if check.returncode:
        findings += check.stdout.strip().splitlines()
    print(
        f"Looked at: {len(run)} locked packages of the robot, {len(dev)} with those of the tests, {len(installed)} installed."
    )
    weaknesses, why_not = ask_database()
    if why_not:
        print(f"SKIPPED: known weaknesses were not looked up; {why_not}")
    elif not weaknesses:
        print("No weakness of the robot's packages is known.")
    findings += weaknesses
    for finding in findings:
        print(f"FOUND: {finding}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
