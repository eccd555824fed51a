"""Figures into docs/recognition.md, between its two marks."""

import json
from datetime import UTC, datetime
from pathlib import Path

from bench.recognition import report
from bench.robot import ROOT
from voicebot.errors import VoicebotError

PAGE = ROOT / "docs" / "recognition.md"
BEGIN, END = "<!-- figures: begin (make bench-recognition BENCH_ARGS=--write-docs) -->", "<!-- figures: end -->"


def write_page(every: list[report.Figures], page: Path = PAGE) -> list[Path]:
    """Replace the page's figures, and those beside a model of the repository; return the files written."""
    text = page.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise VoicebotError(f"{page} lacks the marks between which figures go.", f"Put back: {BEGIN} and {END}.")
    lines = [f"Measured on {datetime.now(UTC):%Y-%m-%d}.", ""]
    for figures in every:
        lines += [f"### {figures['model']}", ""]
        if figures["step"] > 1:
            lines += [f"One utterance in {figures['step']} only: the intervals are wide.", ""]
        lines += report.sections(figures)
    page.write_text(f"{head}{BEGIN}\n\n{chr(10).join(lines)}\n{END}{tail}", encoding="utf-8")
    written = [page]
    for figures in every:
        folder = ROOT / "models" / figures["model"]
        if folder.is_dir():
            path = folder / "figures.json"
            path.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            written.append(path)
    return written
