"""A dialog as people read it, and as files. Pure: values in, text out."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from io import StringIO
from typing import Any

from voicebot.records.dialogs import Dialog, Latency, Turn, Who, mask_phone, without_stress

_STAGES = ("endpoint_ms", "recognise_ms", "think_ms", "speak_ms")
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_PHONE = re.compile(r"^\+\d+$")

CSV_COLUMNS = (
    "dialog_id", "started_at", "ended_at", "channel", "caller_phone", "outcome", "reason", "transfer_target", "transfer_result",
    "number", "who", "at", "offset_start_ms", "offset_end_ms", "text", "played_text", "intent", "confidence", "prompt",
    "is_bargein", "digits", *_STAGES, "total_ms",
)  # fmt: skip


def offset_text(offset_ms: int | None) -> str:
    """01:23.4, or blanks where the offset is not known."""
    if offset_ms is None:
        return "  --.-"
    return f"{offset_ms // 60_000:02d}:{offset_ms % 60_000 / 1000:04.1f}"


def latency_text(latency: Latency) -> str:
    """`405 ms = endpoint 300 + recognise 40 + think 5 + speak 60`; "" if nothing was measured."""
    stages = [f"{name.removesuffix('_ms')} {latency[name]}" for name in _STAGES if latency.get(name) is not None]  # type: ignore[literal-required]
    total = latency.get("total_ms")
    if total is None:
        return " + ".join(stages)
    return f"{total} ms" + (f" = {' + '.join(stages)}" if stages else "")


def head_lines(dialog: Dialog, zone: tzinfo, *, is_masked: bool = False) -> list[str]:
    """What is known of the dialog as a whole."""
    phone = mask_phone(dialog.caller_phone) if is_masked else dialog.caller_phone
    lines = [f"Dialog {dialog.id}, {dialog.channel}, {_time(dialog.started_at, zone)}", f"From {phone or 'unknown'}"]
    if dialog.called:
        lines[-1] += f" to {dialog.called}"
    outcome = dialog.outcome or "not finished"
    lines.append(f"Outcome: {outcome}" + (f" ({dialog.reason})" if dialog.reason else ""))
    if dialog.handling_seconds is not None:
        lines[-1] += f", handled in {dialog.handling_seconds:.0f} s"
    if dialog.ended_by:
        lines[-1] += f", ended by {dialog.ended_by}"
    if dialog.transfer_target:
        lines.append(f"Transferred to {dialog.transfer_target}: {dialog.transfer_result or 'no answer yet'}")
    if dialog.summary:
        lines.append("Known: " + "; ".join(f"{name}: {value}" for name, value in dialog.summary.items()))
    if dialog.recording_path:
        lines.append(f"Recording: {dialog.recording_path}")
    if dialog.versions:
        lines.append("With " + ", ".join(f"{name} {value}" for name, value in dialog.versions.items()))
    return lines


def turn_lines(turn: Turn) -> list[str]:
    """One turn: what was said, then indented what else is known of it."""
    said = without_stress(turn.text) or (f"[keys {turn.digits}]" if turn.digits else "[nothing]")
    lines = [f"{offset_text(turn.offset_start_ms):>7}  {turn.who:<8}  {said}"]
    notes: list[str] = []
    if turn.who is Who.ROBOT and turn.was_cut:
        heard = without_stress(turn.played_text or "")
        notes.append(f'interrupted; the caller heard: "{heard}"' if heard else "interrupted before the first word")
    if turn.is_bargein:
        notes.append("spoke over the robot")
    if turn.digits and turn.text:
        notes.append(f"keys {turn.digits}")
    others = [f'"{a["text"]}" {a.get("confidence", 0):.2f}' for a in turn.alternatives if a.get("text", "") != turn.text]
    if turn.confidence is not None:
        notes.append(f"confidence {turn.confidence:.2f}" + (f"; or {', '.join(others)}" if others else ""))
    if (turn.intent or turn.slots) and (turn.text or not turn.digits):
        slots = ", ".join(f"{name}={value}" for name, value in turn.slots.items())
        notes.append(" ".join(part for part in (turn.intent, slots) if part))
    if turn.latency_ms:
        notes.append(f"answered after {latency_text(turn.latency_ms)}")
    return lines + [f"{'':19}{note}" for note in notes]


def json_line(dialog: Dialog, **more: Any) -> str:
    """The whole dialog as one line of JSON, with `more` beside its own fields."""
    return json.dumps(_plain({**asdict(dialog), **more}), ensure_ascii=False)


def csv_lines(
    dialogs: Iterable[Dialog],
    columns: Sequence[str] = (),
    more: Callable[[str, int], Mapping[str, Any]] = lambda _dialog_id, _number: {},
    delimiter: str = ",",
) -> Iterator[str]:
    """One row a turn, after a header; a dialog without turns has one row. Safe to open in a spreadsheet.

    `more` gives the values of further `columns` of a turn.
    """
    names = (*CSV_COLUMNS, *columns)
    yield _csv(names, delimiter)
    for dialog in dialogs:
        head = {
            "dialog_id": dialog.id, "started_at": dialog.started_at, "ended_at": dialog.ended_at, "channel": dialog.channel,
            "caller_phone": dialog.caller_phone, "outcome": dialog.outcome, "reason": dialog.reason,
            "transfer_target": dialog.transfer_target, "transfer_result": dialog.transfer_result,
        }  # fmt: skip
        rows = [{**asdict(turn), **turn.latency_ms, **more(dialog.id, turn.number)} for turn in dialog.turns]
        for row in rows or [{}]:
            values = {**row, **head}
            yield _csv([values.get(column) for column in names], delimiter)


def _csv(values: Iterable[Any], delimiter: str) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n", delimiter=delimiter).writerow([_cell(value) for value in values])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and _FORMULA.match(value) and not _PHONE.match(value):
        return "'" + value  # a spreadsheet would run it
    return "" if value is None else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _time(at: datetime | None, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if at is not None else "?"
