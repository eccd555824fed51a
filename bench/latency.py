"""How fast the robot answers and falls silent, measured on the wire: `python -m bench.latency`, `make bench-latency`.

Three parts: answers (how long the caller waits, by stage), interruptions (how soon the robot is silent), echo (whether its
own sound interrupts it). Ends with one line of JSON. docs/latency.md says what the figures mean.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import machine
from bench.calls import Call, Caller, minutes_of
from bench.figures import STAGES, Prompt, Waited, answered_inside, falls_silent, false_turns, join_waits, prompts_of, spread
from bench.robot import DEMO, EMBEDDED_MODEL, BenchRobot, running_robot
from voicebot.errors import VoicebotError

_OWN = Path(__file__).parent / "patients"
_BOOKINGS = DEMO / "patients"
ANSWERED = [
    _BOOKINGS / "book_therapist.yaml",
    _OWN / "by_name.yaml",
    _BOOKINGS / "correction.yaml",
    _OWN / "one_phrase.yaml",
    _OWN / "questions.yaml",
]
INTERRUPTED = [_OWN / "interrupts_often.yaml", _OWN / "interrupts_her.yaml", _BOOKINGS / "bargein.yaml"]
ECHOED = [_OWN / "echoing.yaml", _BOOKINGS / "book_therapist.yaml", _OWN / "by_name.yaml", _OWN / "questions.yaml"]

RESPONSE_P50_MS, RESPONSE_P95_MS, BARGE_IN_P95_MS = 600, 1200, 300
ECHO_DB = -20.0
_STUTTER_MS = 20
_SLOWEST = 8

Figures = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is not 0 only where nothing could be measured."""
    options = _options(arguments)
    with ExitStack() as stack:
        if options.keep is not None:
            folder = Path(options.keep).absolute()
            folder.mkdir(parents=True)
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voicebot-bench-")))
        try:
            figures = _measure(options, folder)
        except VoicebotError as error:
            print(error, file=sys.stderr)
            return 1
    print(json.dumps(figures, ensure_ascii=False))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.latency", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--turns", type=int, default=50, help="answers to measure (0: leave this part out)")
    parser.add_argument("--interruptions", type=int, default=20, help="interruptions to measure (0: leave out)")
    parser.add_argument("--prompts", type=int, default=100, help="prompts with the robot's own echo (0: leave out)")
    parser.add_argument("--quick", action="store_true", help="a tenth of it: does it work at all?")
    parser.add_argument("--at-once", type=int, default=3, help="echo calls side by side (the wheel's pjsua2 holds 4)")
    parser.add_argument("--model", default="embedded", help="embedded, auto (what the robot would choose), or a folder")
    parser.add_argument("--keep", help="a new folder for recordings, database and log; default: thrown away")
    options = parser.parse_args(arguments)
    if options.quick:
        options.turns, options.interruptions, options.prompts = (
            -(-n // 10) for n in (options.turns, options.interruptions, options.prompts)
        )
    return options


def _model(name: str) -> Path | None:
    if name == "auto":
        return None
    return EMBEDDED_MODEL if name == "embedded" else Path(name).absolute()


def _measure(options: argparse.Namespace, folder: Path) -> Figures:
    _say("Starting a robot of its own ...")
    load_before = machine.load()
    figures: Figures = {"bench": "latency"}
    calls: list[Call] = []
    with running_robot(folder, _model(options.model)) as robot:
        setup = _setup(robot)
        _say("\n".join(f"  {name}: {value}" for name, value in setup.items()))
        pids = {name: robot.pid_of(name) for name in ("line", "brain-1")}
        cpu = {name: machine.cpu_seconds(pid) for name, pid in pids.items()}
        caller = Caller(robot, _say)
        if options.turns:
            _say("Answers, one call at a time:")
            part = caller.until(ANSWERED, options.turns, lambda c: len(c.report.latencies_ms))
            calls += part
            figures["response_ms"] = _responses([wait for call in part for wait in join_waits(call.report, call.dialog)])
        if options.interruptions:
            _say("Interruptions, one call at a time:")
            part = caller.until(INTERRUPTED, options.interruptions, lambda c: len(c.report.barge_ins))
            calls += part
            figures["barge_in_ms"] = _interruptions(part)
        if options.prompts:
            _say(f"Prompts with the robot's own echo at {ECHO_DB:.0f} dB, {options.at_once} calls at a time:")
            part = caller.until(ECHOED, options.prompts, _count_prompts, at_once=options.at_once, echo_db=ECHO_DB)
            calls += part
            figures["echo"] = _echo(part)
        inside = sum(answered_inside(call.report, call.dialog) for call in calls if call.dialog is not None)
        phrases = sum(len(call.report.said) for call in calls)
        figures |= {"phrases": phrases, "answered_inside_a_phrase": inside}
        _say(f"\nAnswered before the caller had ended a phrase: {inside} of {phrases}.")
        spent = {name: machine.cpu_seconds(pid) - cpu[name] for name, pid in pids.items()}
    minutes = minutes_of(calls)
    figures["cpu_seconds_per_call_minute"] = {name: round(seconds / minutes, 2) for name, seconds in spent.items()}
    figures |= {"calls": len(calls), "call_minutes": round(minutes, 2), "setup": setup}
    figures["load_average"] = {"before": load_before, "after": machine.load()}
    _say(f"\n{len(calls)} calls, {minutes:.1f} minutes. Processor seconds for a minute of call: "
         + ", ".join(f"{name} {value}" for name, value in figures["cpu_seconds_per_call_minute"].items()))  # fmt: skip
    _say(f"Load average (1, 5, 15 min) before {load_before}, after {machine.load()}; {setup['cores']} cores.")
    return figures


def _setup(robot: BenchRobot) -> Figures:
    facts = robot.facts()
    return {
        "recogniser": facts["brain-1"].get("recogniser", ""),
        "voice": facts["brain-1"].get("voice", ""),
        "pjsua2": facts["line"].get("pjsua2", facts["line"].get("binding", "")),
        "cores": len(os.sched_getaffinity(0)),
    }


def _responses(waits: list[Waited]) -> Figures:
    wire = spread(w.wire_ms for w in waits)
    joined = [w for w in waits if w.stages_ms]
    stages = {name: spread(w.stages_ms[name] for w in joined) for name in STAGES}
    _say("\nEnd of the caller's speech -> first sound of the robot, ms, on the caller's wire")
    _say(f"  {'':12}{'p50':>7}{'p95':>7}{'worst':>7}")
    for name, row in {"whole": wire, **stages}.items():
        _say(f"  {name:12}{_number(row['p50']):>7}{_number(row['p95']):>7}{_number(row['worst']):>7}")
    _say(
        f"  {wire['count']} turns, {len(joined)} of them with stages. Aims: p50 <= {RESPONSE_P50_MS}, p95 <= {RESPONSE_P95_MS}."
    )
    _say("  The slowest:")
    for wait in sorted(waits, key=lambda w: -w.wire_ms)[:_SLOWEST]:
        _say(f"  {wait.wire_ms:5} «{wait.said}» " + " ".join(f"{k} {v}" for k, v in wait.stages_ms.items()))
    return {**wire, "joined": len(joined), "stages": stages, "aim_p50": RESPONSE_P50_MS, "aim_p95": RESPONSE_P95_MS}


def _interruptions(calls: list[Call]) -> Figures:
    every = [ms for call in calls for ms in falls_silent(call.report, call.dialog, call.heard)]
    stops = spread(ms for ms in every if ms is not None)
    went_on = every.count(None)
    _say("\nFirst sound of an interruption -> the last of the interrupted prompt, ms, on the caller's wire")
    _say(
        f"  p50 {_number(stops['p50'])}, p95 {_number(stops['p95'])}, worst {_number(stops['worst'])} of {stops['count']}; "
        f"the robot talked on through {went_on}. Aim: p95 <= {BARGE_IN_P95_MS}."
    )
    return {**stops, "went_on": went_on, "aim_p95": BARGE_IN_P95_MS}


def _count_prompts(call: Call) -> int:
    return len(_prompts(call))


def _prompts(call: Call) -> list[Prompt]:
    return prompts_of(call.report, call.dialog, call.robot) if call.dialog is not None else []


def _echo(calls: list[Call]) -> Figures:
    prompts = [prompt for call in calls for prompt in _prompts(call)]
    figures: Figures = {
        "echo_db": ECHO_DB,
        "prompts": len(prompts),
        "falsely_cut": sum(p.is_falsely_cut for p in prompts),
        "stuttered": sum(p.lost_ms >= _STUTTER_MS for p in prompts),
        "lost_ms": sum(p.lost_ms for p in prompts),
        "false_turns": sum(false_turns(call.report, call.dialog) for call in calls if call.dialog is not None),
    }
    _say(f"\nThe robot's own echo at {ECHO_DB:.0f} dB, {len(prompts)} prompts in {len(calls)} calls")
    _say(f"  falsely cut {figures['falsely_cut']} (aim 0), stuttered {figures['stuttered']} ({figures['lost_ms']} ms in all), "
         f"echo taken for an answer {figures['false_turns']}")  # fmt: skip
    return figures


def _number(value: float | int | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
