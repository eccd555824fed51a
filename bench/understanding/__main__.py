"""`python -m bench.understanding`: how well callers are understood, against the aims. docs/understanding.md tells more."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.robot import DEMO, EMBEDDED_MODEL
from bench.understanding.cases import NOW, Case, read_cases
from bench.understanding.hearing import Ears, asked
from bench.understanding.scoring import Result, figures
from voicebot import logs
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.services import SERVICES
from voicebot.dialog import hypotheses
from voicebot.dialog.commands import GLOBAL
from voicebot.dialog.hypotheses import Hypothesis
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.opening import understanding_of
from voicebot.dialog.talking import Alternative
from voicebot.dialog.understanding import Understanding, Understood
from voicebot.dialog.understanding.noise import Noise
from voicebot.dialog.understanding.told import told
from voicebot.errors import VoicebotError
from voicebot.settings import load

#: Figure -> (least or most, clean, noised, line, heard); None: only reported.
AIMS: dict[str, tuple[str, float | None, float | None, float | None, float | None]] = {
    "intent": (">=", 95.0, None, None, 90.0),
    "no wish heard in an answer": (">=", 95.0, None, None, None),
    "slots": (">=", 95.0, None, None, 90.0),
    "all slots of a phrase": (">=", None, None, None, None),
    "out of scope rejected": (">=", 90.0, None, None, None),
    "false rejection": ("<=", 5.0, None, None, None),
    "emergencies caught": (">=", 100.0, None, None, None),
    "false emergencies": ("<=", 0.5, None, None, 0.5),
    "expected calibration error": ("<=", 5.0, None, None, None),
    "processor milliseconds a hypothesis, 95 %": ("<=", 20.0, None, None, None),
}
_QUICK_STEP = 5
#: What the phrases were made to: written, damaged letter by letter, spoken on a clean line, spoken in white noise.
VARIANTS = ("clean", "noised", "line", "heard")
SNR_DB = {"line": 40.0, "heard": 10.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table; the exit status tells only whether it could be measured."""
    options = _options(arguments)
    settings = load()
    logs.quiet()
    cases = _chosen(options)[:: _QUICK_STEP if options.quick else 1]
    try:
        catalogue = load_catalogue(options.folder / "clinic")
        plans = load_dialplans(options.folder / "dialplans", SERVICES)
        understanding = understanding_of(catalogue, plans, options.folder, settings.cache)
        understanding.warm_up()
        folder = settings.cache / "bench-understanding"
        every = {}
        for variant in options.variants:
            heard = _as_heard(variant, cases, understanding, settings.cache, folder)
            results, milliseconds = _understood(understanding, cases, heard, plans.application.reject_below)
            every[variant] = figures(results)
            every[variant]["processor milliseconds a hypothesis, 95 %"] = {"value": milliseconds, "of": len(cases)}
            if options.errors:
                _say("\n".join(_errors(variant, results)))
    except VoicebotError as error:
        print(error, file=sys.stderr)
        return 1
    part = (
        options.phrases.name if options.phrases else "all" if options.all else "development" if options.development else "test"
    )
    _say("\n".join(table(every, f"{len(cases)} phrases ({part})")))
    report = {"bench": "understanding", "part": part, "phrases": len(cases), "snr_db": SNR_DB, "variants": every}
    _say(json.dumps(report, ensure_ascii=False))
    if options.json:
        options.json.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


def _chosen(options: argparse.Namespace) -> list[Case]:
    if options.phrases:
        return read_cases(options.phrases)
    return [case for case in read_cases() if case.is_development == options.development or options.all]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.understanding", description=__doc__)
    parser.add_argument("--development", action="store_true", help="the phrases for tuning instead of the blind test")
    parser.add_argument("--all", action="store_true", help="the phrases for tuning and the blind test")
    parser.add_argument("--phrases", type=Path, metavar="DIR", help="phrases of another folder: bench/understanding/strangers")
    parser.add_argument("--quick", action="store_true", help="every fifth phrase: does it work at all?")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument(
        "--folder", type=Path, default=DEMO, help="a clinic's folder; default: the demo clinic, which the phrases speak of"
    )
    parser.add_argument("--errors", action="store_true", help="print every phrase misunderstood: of those for tuning only")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    return parser.parse_args(arguments)


def _as_heard(
    variant: str, cases: Sequence[Case], understanding: Understanding, cache: Path, folder: Path
) -> list[tuple[Alternative, ...]]:
    match variant:
        case "clean":
            return [(Alternative(case.text),) for case in cases]
        case "noised":
            noise = Noise([case.text for case in cases], seed=11)
            return [(Alternative(noise.heard(case.text)),) for case in cases]
    return Ears(EMBEDDED_MODEL, cache, folder, understanding, SNR_DB[variant]).heard(cases, _say)


def _understood(
    understanding: Understanding, cases: Sequence[Case], heard: Sequence[tuple[Alternative, ...]], reject_below: float
) -> tuple[list[Result], float]:
    """What was understood of each phrase, as the dialog takes it, and the 95th percentile of its processor milliseconds."""
    results, spent = [], []
    for case, alternatives in zip(cases, heard, strict=True):
        begun = time.process_time()
        best = _best(understanding, case, alternatives, reject_below)
        spent.append((time.process_time() - begun) / max(1, len(alternatives)))
        results.append(Result(case, best.text, told(understanding, best.understood, NOW, best.text)))
    return results, round(1000.0 * sorted(spent)[int(0.95 * len(spent))], 1)


def _best(understanding: Understanding, case: Case, alternatives: tuple[Alternative, ...], reject_below: float) -> Hypothesis:
    if not alternatives:
        return Hypothesis("", Understood())
    if len(alternatives) == 1 and alternatives[0].confidence == 1.0:  # read, not heard
        text = alternatives[0].text
        return Hypothesis(text, understanding.understand(text, asked(case.expect) if case.expect else None, NOW))
    expect = asked(case.expect)
    several = hypotheses.read(understanding, alternatives, expect, NOW)
    best = hypotheses.best(
        several, expect, lambda one: understanding.answers(one.understood, expect, one.text), lambda _one: False
    )
    if best.understood.intent in GLOBAL or best.understood.intent_confidence >= reject_below:
        return best
    return replace(best, understood=replace(best.understood, intent="none"))  # what no form would open on


def table(every: dict[str, dict[str, dict[str, Any]]], title: str) -> list[str]:
    """A Markdown table: figures by variants, with their aims."""
    variants = list(every)
    lines = ["", f"| {title} | " + " | ".join(variants) + " |", "|---" * (len(variants) + 1) + "|"]
    for name, (sign, *aims) in AIMS.items():
        cells = []
        for variant in variants:
            figure = every[variant][name]
            aim = aims[VARIANTS.index(variant)]
            cells.append(f"**{figure['value']}** of {figure['of']}{_against(figure['value'], sign, aim)}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _against(value: float | None, sign: str, aim: float | None) -> str:
    if value is None or aim is None:
        return ""
    met = value >= aim if sign == ">=" else value <= aim
    return f" ({sign} {aim:g}: {'met' if met else 'MISSED'})"


def _errors(variant: str, results: Sequence[Result]) -> list[str]:
    lines = [f"--- {variant}"]
    for one in results:
        wrong = one.wrong_slots()
        if one.is_intent_right and not wrong:
            continue
        asked = f"@{one.case.expect} " if one.case.expect else ""
        heard = "" if one.heard == one.case.text else f" | heard: {one.heard}"
        line = f"{asked}{one.case.text}{heard} | {one.told['intent']} {one.told['confidence']:.2f}"
        if not one.is_intent_right:
            line += f" not {'/'.join(sorted(one.case.intents))}"
        if wrong:
            line += f" | missed {', '.join(wrong)} in { {**one.told['slots'], **one.told.get('labels', {})} }"
        lines.append(line)
    return lines


_say: Callable[[str], None] = print

if __name__ == "__main__":
    sys.exit(main())
