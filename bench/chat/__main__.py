"""How many patients may chat at once: `python -m bench.chat`, `make bench-chat`.

Starts `voicebot channels` in a folder of its own and lets simulated patients book over real WebSockets, with the pauses of
people who read, think and type. Prints for each number of dialogs at once how long the answers took and what they cost the
processor. Ends with one line of JSON. docs/channels.md says what the figures mean.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench import machine
from bench.chat.crowd import Crowd
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clock import SystemClock
from voicebot.conversation_stage import diary
from voicebot.patient.measure import percentile

DEMO = Path("dialplans/demo")
GOAL_MS = 1000.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.chat", description=__doc__.splitlines()[0])
    parser.add_argument("--at-once", type=int, nargs="+", default=[215, 500, 1000, 2000, 3000], help="dialogs at once, rising")
    parser.add_argument("--seconds", type=float, default=60, help="measured at each number")
    parser.add_argument("--pace", type=float, default=1.0, help="of the patients' pauses: 0.5 is twice as fast as people")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="of the channels")
    parser.add_argument("--url", default="", help="an installation that runs already, e.g. http://127.0.0.1:8090")
    parser.add_argument("--database", default="", help="URL; empty: SQLite in a folder of its own")
    arguments = parser.parse_args()
    with server(arguments) as (url, pids):
        results = asyncio.run(measured(arguments, url, pids))
    most = max((one["at_once"] for one in results if one["p95_ms"] is not None and one["p95_ms"] <= GOAL_MS), default=0)
    print(f"\nat once with p95 <= {GOAL_MS / 1000:g} s: {most}")
    print(json.dumps({"steps": results, "most_at_once": most, "cores": os.cpu_count(), "load": machine.load()}))


async def measured(arguments: argparse.Namespace, url: str, pids: list[int]) -> list[dict[str, Any]]:
    """Let the crowd grow step by step; stop where the answers have become too slow."""
    crowd = Crowd(url.replace("http", "ws", 1) + "/chat/socket", url, arguments.pace)
    beside = [asyncio.create_task(crowd.watch()), asyncio.create_task(crowd.ping())]
    results = []
    print(" at once  answers/s   p50 ms   p95 ms   p99 ms    worst  CPU ms/answer  cores")
    for at_once in arguments.at_once:
        await crowd.grow(at_once, over_seconds=max(10.0, 20 * arguments.pace))
        await asyncio.sleep(15 * arguments.pace)  # the newcomers' first questions come together; people's do not
        result = await _step(crowd, at_once, arguments.seconds, pids)
        results.append(result)
        print(
            f"{at_once:8} {result['answers_a_second']:10.1f} {result['p50_ms']:8.0f} {result['p95_ms']:8.0f} "
            f"{result['p99_ms']:8.0f} {result['worst_ms']:8.0f} {result['cpu_ms_an_answer']:14.2f} {result['cores']:6.2f}"
            f"   the crowd: {result['crowd_cores']:.2f} cores, late by p95 {result['crowd_late_p95_ms']:.0f} ms; "
            f"{dict(crowd.tally.ends.most_common(4))}",
            flush=True,
        )
        if result["p95_ms"] > GOAL_MS:
            break
    for task in beside:
        task.cancel()
    await crowd.close()
    return results


async def _step(crowd: Crowd, at_once: int, seconds: float, pids: list[int]) -> dict[str, Any]:
    tally = crowd.tally
    tally.waits_ms.clear()
    tally.late_ms.clear()
    cpu, own, began = sum(map(machine.cpu_seconds, pids)), time.process_time(), time.perf_counter()
    tally.is_measuring = True
    await asyncio.sleep(seconds)
    tally.is_measuring = False
    took = time.perf_counter() - began
    spent = sum(map(machine.cpu_seconds, pids)) - cpu
    waits = sorted(tally.waits_ms)
    return {
        "at_once": at_once,
        "connected": tally.connected,
        "answers": len(waits),
        "answers_a_second": len(waits) / took,
        "p50_ms": percentile(waits, 0.5) or 0.0,
        "p95_ms": percentile(waits, 0.95) or 0.0,
        "p99_ms": percentile(waits, 0.99) or 0.0,
        "worst_ms": max(waits, default=0.0),
        "cpu_ms_an_answer": spent * 1000 / max(1, len(waits)),
        "cores": spent / took,
        "crowd_cores": (time.process_time() - own) / took,
        "crowd_late_p95_ms": percentile(sorted(tally.late_ms), 0.95) or 0.0,
        "ends": dict(tally.ends),
    }


@contextmanager
def server(arguments: argparse.Namespace) -> Iterator[tuple[str, list[int]]]:
    """Our own channels' process, or the one that was named (its processor time is then not known: 0)."""
    if arguments.url:
        yield arguments.url.rstrip("/"), []
        return
    with tempfile.TemporaryDirectory(prefix="bench-chat-") as folder:
        port = _free_port()
        environment = {
            **os.environ,
            "VOICEBOT_DATA_DIR": folder,
            "VOICEBOT_LOG_LEVEL": "warning",
            "VOICEBOT_DATABASE__URL": arguments.database,
            "VOICEBOT_CHANNELS__PORT": str(port),
            "VOICEBOT_CHANNELS__WEB__HAS_VOICE": "false",
            "VOICEBOT_CHANNELS__WEB__HELLOS_PER_MINUTE": "1000000",
            "VOICEBOT_CHANNELS__WEB__CONNECTIONS_PER_HOST": "100000",
        }
        if not arguments.database:
            diary(load_catalogue(DEMO / "clinic"), Path(folder) / "voicebot.db", SystemClock()).close()
        log = (Path(folder) / "channels.log").open("w")
        environment["VOICEBOT_CHANNELS__PROCESSES"] = str(arguments.processes)
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "voicebot.cli", "channels", str(n)], env=environment, stdout=log, stderr=log
            )
            for n in range(1, arguments.processes + 1)
        ]
        url = f"http://127.0.0.1:{port}"
        try:
            for process in processes:
                _wait(url, process, Path(folder) / "channels.log")
            yield url, [process.pid for process in processes]
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(20)
            log.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"the channels' process ended: {log.read_text()[-2000:]}")
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    sys.exit("the channels' process does not answer")


if __name__ == "__main__":
    main()
