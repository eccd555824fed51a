"""Figures as people read them: lines on the console and a table for the page."""

from collections.abc import Mapping
from typing import Any

Figures = dict[str, Any]


def ratio(figures: Mapping[str, Any]) -> float | None:
    """How much of what the aim allows was used: below 1 the aim is met. None without an aim."""
    used, allowed = _errors(figures)
    return None if used is None or allowed is None else round(used / allowed, 2)


def _errors(figures: Mapping[str, Any]) -> tuple[float | None, float | None]:
    if figures.get("aim") is None:
        return None, None
    if "wer" in figures:
        return figures["wer"], figures["aim"]
    value = figures.get("right")
    return (None if value is None else 100.0 - value), 100.0 - figures["aim"]


def table(title: str, rows: Mapping[str, Figures]) -> list[str]:
    """A Markdown table of open recognition, word error rates in per cent."""
    heads = [title, "word errors, % (95 %)", "without unknown words, %", "unknown words, %", "exact, %", "utterances", "aim",
             "of the aim"]  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, one in rows.items():
        low, high = one["wer_interval"] or (None, None)
        cells = [name, f"**{_n(one['wer'])}** ({_n(low)}-{_n(high)})", _n(one["wer_in_vocabulary"]), _n(one["oov"]),
                 _n(one["exact"]), str(one["utterances"]), _aim("<=", one), _times(one)]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def shares(title: str, rows: Mapping[str, Figures]) -> list[str]:
    """A Markdown table of shares in per cent."""
    lines = [f"| {title} | % | of | aim | of the errors allowed |", "|---|---|---|---|---|"]
    for name, one in rows.items():
        lines.append(f"| {name} | **{_n(one['right'])}** | {one['of']} | {_aim('>=', one)} | {_times(one)} |")
    return lines


def costs(rows: Mapping[str, Figures]) -> list[str]:
    lines = ["| cost | | aim | of the aim |", "|---|---|---|---|"]
    for name, one in rows.items():
        of_aim = "" if one.get("aim") is None or one["value"] is None else f"{one['value'] / one['aim']:.2f}"
        aim = "" if one.get("aim") is None else f"<= {one['aim']}"
        lines.append(f"| {name} | **{one['value']}** | {aim} | {of_aim} |")
    return lines


def sections(figures: Figures) -> list[str]:
    """All tables of one model."""
    lines: list[str] = []
    for part in (
        table("set", figures.get("sets", {})) if figures.get("sets") else [],
        shares("same meaning as the true words", figures["slots"]) if figures.get("slots") else [],
        shares("with a runtime grammar", figures["grammar"]) if figures.get("grammar") else [],
        costs(figures["costs"]) if figures.get("costs") else [],
        [f"- left out: {reason}" for reason in figures.get("left_out", ())],
    ):
        lines += [*part, ""] if part else []
    return lines


def _n(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _aim(sign: str, one: Figures) -> str:
    return "" if one.get("aim") is None else f"{sign} {one['aim']:g}"


def _times(one: Figures) -> str:
    value = ratio(one)
    return "" if value is None else f"{value:.2f}"
