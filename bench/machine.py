"""What the machine gave: load, and the processor time of a process with its children, from /proc."""

import os
from collections import defaultdict
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def load() -> list[float]:
    """The load averages over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def cpu_seconds(pid: int) -> float:
    """Return the processor time so far of a process and its living descendants, and of children that it has buried."""
    children: dict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name in parentheses may hold anything, so count from its end (proc(5)).
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        children[int(fields[1])].append(int(entry.name))
        ticks[int(entry.name)] = sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    total, waiting = 0, [pid]
    while waiting:
        current = waiting.pop()
        total += ticks.get(current, 0)
        waiting += children[current]
    return total / _TICKS_A_SECOND


def thread_seconds(pid: int) -> dict[str, float]:
    """Return the processor time so far of a process's living threads, by their names in /proc; the same names are added up."""
    found: dict[str, float] = defaultdict(float)
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            head, _, tail = stat.read_text().rpartition(")")
        except OSError:
            continue  # it has just ended
        found[head.partition("(")[2]] += sum(map(int, tail.split()[11:13])) / _TICKS_A_SECOND
    return dict(found)


def resident_mb(pid: int) -> float:
    """The memory that a process holds now."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(resident.split()[1]) / 1024


def child_called(pid: int, word: str) -> int:
    """Return the child of a process whose title ends with a word. Raises LookupError where there is none."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                title = (entry / "cmdline").read_bytes().rstrip(b"\0 ").split(b"\0")[0].decode(errors="replace")
            except OSError:
                continue
            if parent == pid and title.endswith(word):
                return int(entry.name)
    raise LookupError(word)


def udp_ports(wanted: range) -> int:
    """How many of these UDP ports are bound on this machine (proc(5), net/udp)."""
    rows = Path("/proc/net/udp").read_text().splitlines()[1:]
    return sum(int(row.split()[1].rpartition(":")[2], 16) in wanted for row in rows)
