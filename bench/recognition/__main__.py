"""`python -m bench.recognition`: what a recogniser model hears, in figures. docs/recognition.md says what they mean."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from bench import machine
from bench.recognition import report
from bench.recognition.measure import PARTS, Options, measure
from bench.recognition.page import write_page
from bench.robot import EMBEDDED_MODEL
from voicebot.errors import VoicebotError
from voicebot.settings import load
from voicebot.supplies.manifest import load_manifest
from voicebot.supplies.models import installed


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status tells only whether it could be measured."""
    options = _options(arguments)
    # Words that grammars lack are counted under "left out"; the log would name hundreds.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    settings = load()
    work = options.work or settings.cache / "bench-recognition"
    parts = frozenset(options.parts or PARTS)
    every = []
    try:
        for path in options.model or _installed_models():
            wanted = Options(path, settings.cache, work, parts, options.development, options.step, options.recorded)
            figures = measure(wanted, _say, _say if options.verbose else None)
            figures["load_average"] = machine.load()
            _say("\n".join(["", f"{figures['model']}:", "", *report.sections(figures)]))
            every.append(figures)
    except VoicebotError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(every, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if options.write_docs:
        _say(f"Written: {', '.join(map(str, write_page(every)))}")
    print(json.dumps(every, ensure_ascii=False))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.recognition", description=__doc__)
    help_model = "a model's folder (again for another); default: the embedded one and every one fetched"
    parser.add_argument("--model", type=Path, action="append", help=help_model)
    parser.add_argument("--development", action="store_true", help="the lists for tuning instead of the test")
    parser.add_argument("--step", type=int, default=1, metavar="N", help="only every N-th utterance")
    parser.add_argument("--quick", action="store_const", const=8, dest="step", help="every eighth: does it work at all?")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="only these parts")
    parser.add_argument("--verbose", action="store_true", help="print every utterance heard wrong")
    parser.add_argument("--work", type=Path, help="where synthesised speech is kept; default: in the cache")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--recorded", type=Path, metavar="DIR", help="calls of `voicebot qa export-tests`, too")
    parser.add_argument("--write-docs", action="store_true", help="put the figures into docs/recognition.md")
    options = parser.parse_args(arguments)
    if options.step < 1:
        parser.error("--step counts from 1")
    if options.write_docs and (options.development or options.parts):
        parser.error("--write-docs takes all parts of the test")
    return options


def _installed_models() -> list[Path]:
    settings = load()
    fetched = [installed(name, settings) for name, entry in load_manifest().items() if entry.kind == "vosk"]
    # the embedded one stands in the manifest, too
    return list(dict.fromkeys([EMBEDDED_MODEL, *(path for path in fetched if path is not None)]))


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
