"""Figures of this machine for Prometheus: what the robot's processes use, room on disks, recordings that wait, certificates."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography import x509
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from voicebot import status
from voicebot.clock import Clock
from voicebot.records.uploads import Waiting, waiting_in
from voicebot.settings import Settings

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Machine(Collector):
    """Looked up when somebody asks; what cannot be read is left out."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        yield from _of_processes(self._pids())
        yield self._disks()
        yield from self._recordings()
        yield self._certificates()

    def _pids(self) -> dict[str, int]:
        facts = status.read(self._settings.run_dir, self._clock)
        return {name: int(fact["pid"]) for name, fact in facts.items() if fact.get("is_alive")} | {"desk": os.getpid()}

    def _disks(self) -> Metric:
        free = GaugeMetricFamily("voicebot_disk_free_bytes", "Room where data and recordings lie.", labels=["folder"])
        for name, folder in (("data", self._settings.data_dir), ("recordings", self._settings.recordings_folder)):
            there = next((one for one in (folder, *folder.parents) if one.exists()), None)
            if there is not None:
                free.add_metric([name], shutil.disk_usage(there).free)
        return free

    def _recordings(self) -> Iterable[Metric]:
        has_store = bool(self._settings.recordings.store.bucket)
        waiting = waiting_in(self._settings.recordings_folder, self._clock) if has_store else Waiting(0, 0.0)
        yield GaugeMetricFamily("voicebot_recordings_waiting", "Recordings that the store has not got yet.", waiting.files)
        yield GaugeMetricFamily(
            "voicebot_recordings_oldest_seconds", "How long the oldest of them waits.", waiting.oldest_seconds
        )

    def _certificates(self) -> Metric:
        left = GaugeMetricFamily("voicebot_certificate_seconds", "How long a certificate is still good.", labels=["of"])
        for name, path in (("sip", self._settings.sip.certificate), ("http", self._settings.http.certificate)):
            try:
                found = x509.load_pem_x509_certificates(path.read_bytes())[0] if path is not None else None
            except (OSError, ValueError):
                left.add_metric([name], 0)  # nobody can be shown it
                continue
            if found is not None:
                left.add_metric([name], (found.not_valid_after_utc - self._clock.now()).total_seconds())
        return left


def _of_processes(pids: dict[str, int]) -> Iterator[Metric]:
    memory = GaugeMetricFamily("voicebot_process_resident_bytes", "Memory of a process.", labels=["process"])
    cpu = CounterMetricFamily("voicebot_process_cpu_seconds", "Processor time since a process's start.", labels=["process"])
    files = GaugeMetricFamily("voicebot_process_open_files", "File descriptors of a process.", labels=["process"])
    threads = GaugeMetricFamily("voicebot_process_threads", "Threads of a process.", labels=["process"])
    for name, pid in pids.items():
        place = Path(f"/proc/{pid}")
        try:
            # The name in parentheses may hold anything, so count from its end (proc(5)).
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            open_files = len(list((place / "fd").iterdir()))
        except OSError:
            continue  # it has just ended, or is not Linux
        memory.add_metric([name], int(fields[21]) * _PAGE_BYTES)
        cpu.add_metric([name], (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND)
        threads.add_metric([name], int(fields[17]))
        files.add_metric([name], open_files)
    yield from (memory, cpu, files, threads)
