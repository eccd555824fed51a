"""`voicebot qa export-tests`: QA's marks become training phrases and test cases, by one command."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from voicebot import settings as settings_module
from voicebot.accounts.audit import Audit
from voicebot.audio.pcm import TELEPHONE_HZ, Pcm
from voicebot.audio.wav import write_sound
from voicebot.clock import SystemClock
from voicebot.dialog.conversation_files import load_conversation
from voicebot.dialog.understanding.phrases import read_phrases
from voicebot.errors import StorageError
from voicebot.records.dialogs import Dialog
from voicebot.records.marks import Mark, Marks
from voicebot.records.qa_cases import Cases, Remark, SoundCase, cases_of, merged
from voicebot.records.recordings import Recordings
from voicebot.records.store import RecordStore
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

app = typer.Typer(help="What the quality department's marks teach the robot.", no_args_is_help=True)
_console = Console()

_TAUGHT_HEAD = (
    "# Phrases that QA corrected, by `voicebot qa export-tests`. Read them before you keep them: they will be learnt.\n"
)
_HEAD = "# Phrases that QA corrected, by `voicebot qa export-tests`: `python -m bench.understanding` reads such files.\n"


@app.callback()
def _several() -> None:
    """Keep `export-tests` a command of its own, though it is the only one."""


@app.command("export-tests")
def export_tests(
    to: Annotated[Path, typer.Option(help="folder to write into: a clinic's (dialplans/CLINIC), or any other")],
    since: Annotated[str, typer.Option(help="only marks from this day or time on: 2026-11-22, 2026-11-22T10:00")] = "",
    sound: Annotated[bool, typer.Option(help="cut misheard turns out of the recordings")] = True,
) -> None:
    """Write marked turns as training phrases and test cases. Holds what patients said: look it over, keep it private.

    What earlier exports wrote stays; a phrase that QA has judged anew moves to its new intent.
    """
    settings = settings_module.load()
    moment = _moment(since, settings)
    with _database(settings) as database:
        clock = SystemClock()
        records = RecordStore(database, settings.data_dir / "spool", clock)
        cases = cases_of(_marked(Marks(database, clock), records, moment))
        Audit(database, clock).note("command line", "qa_exported", detail=f"since {since or 'ever'}")
        counts = write(cases, to, Recordings(settings) if sound else None)
    for what, count in counts.items():
        _console.print(f"{count:5} {what}", highlight=False)
    for why, count in cases.left_out.items():
        _console.print(f"{count:5} left out: {why}", style="yellow", highlight=False)


def write(cases: Cases, folder: Path, recordings: Recordings | None) -> Mapping[str, int]:
    """Write all files, prove that they can be read, and return what there is now -> how many. Raises StorageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        training = folder / "understanding" / "qa.yaml"
        known = {phrase: intent for intent, phrases in _phrases(training).items() for phrase in phrases}
        cases.phrases = merged(known, cases.phrases)
        taught = cases.training()
        if taught:
            _write(training, _TAUGHT_HEAD + _yaml(taught))
            lines = [f"== {intent}\n" + "".join(f"{phrase}\n" for phrase in phrases) for intent, phrases in taught.items()]
            _write(folder / "phrases" / "qa.txt", _HEAD + "\n".join(lines))
            read_phrases(folder)
        for name, conversation in cases.conversations.items():
            path = folder / "conversations" / f"{name}.yaml"
            _write(path, _yaml(conversation))
            load_conversation(path)
        heard = _write_sounds(folder / "recognition", cases, recordings) if recordings is not None else 0
        if cases.remarks:
            _write(folder / "remarks.csv", _remarks(cases.remarks))
    except OSError as error:
        raise StorageError(f"{folder} cannot be written ({error.strerror}).", "Choose another --to.") from None
    return {
        "training phrases (understanding/qa.yaml), and the same with their meaning (phrases/qa.txt)": len(cases.phrases),
        "conversations of this export (conversations/qa_*.yaml)": len(cases.conversations),
        "recordings with their words of this export (recognition/cases.tsv)": heard,
        "remarks on prompts and data (remarks.csv)": len(cases.remarks),
    }


def _write_sounds(folder: Path, cases: Cases, recordings: Recordings) -> int:
    """Cut the caller's side out; a recording that cannot be heard is counted and left out."""
    table = folder / "cases.tsv"
    rows: dict[str, str] = {}
    if table.is_file():
        rows = {line.split("\t")[1]: line for line in table.read_text(encoding="utf-8").splitlines()}
    count = 0
    for one in cases.sounds:
        samples = _heard(one, recordings)
        if samples is None:
            cases.leave_out("no recording of a misheard turn")
            continue
        path = folder / f"{one.name}.wav"
        _private(path)
        write_sound(path, samples)
        rows[one.name] = f"open\t{one.name}\t{one.text}"
        count += 1
    if rows:
        _write(table, "".join(f"{rows[name]}\n" for name in sorted(rows)))
    return count


def _heard(one: SoundCase, recordings: Recordings) -> Pcm | None:
    try:
        both = recordings.samples(one.dialog, one.start_ms, one.end_ms)
    except StorageError:
        return None  # gone, or sealed for a key that is not here
    return Pcm(TELEPHONE_HZ, both[:, 0].copy()) if len(both) else None


def _marked(marks: Marks, records: RecordStore, since: datetime | None) -> Iterator[tuple[Mark, Dialog]]:
    for mark, _heard_as in marks.all_since(since):
        dialog = records.get(mark.dialog_id)
        if dialog is not None:
            yield mark, dialog


def _phrases(path: Path) -> dict[str, list[str]]:
    """What an earlier export wrote, intent -> phrases."""
    if not path.is_file():
        return {}
    try:
        found = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
        return {str(intent): [str(phrase) for phrase in phrases] for intent, phrases in found.items()}
    except (YAMLError, UnicodeDecodeError, AttributeError, TypeError):
        raise StorageError(f"{path} is not what an export wrote.", "Correct it, or move it away.") from None


def _yaml(content: Mapping[str, Any]) -> str:
    out = io.StringIO()
    writer = YAML()
    writer.width = 120
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(dict(content), out)
    return out.getvalue()


def _remarks(remarks: list[Remark]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("dialog_id", "number", "kind", "prompt", "text", "note"))
    for one in remarks:
        cells = (one.dialog_id, one.number, one.kind.value, one.prompt, one.text, one.note)
        # A spreadsheet would run what looks like a formula.
        writer.writerow([f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell for cell in cells])
    return out.getvalue()


def _write(path: Path, text: str) -> None:
    _private(path)
    path.write_text(text, encoding="utf-8")


def _private(path: Path) -> None:
    """Make a file that only its owner reads: it holds what patients said."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _moment(typed: str, settings: Settings) -> datetime | None:
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise typer.BadParameter(f"{typed} is neither a day (2026-11-22) nor a time (2026-11-22T10:00).") from None
    return moment.replace(tzinfo=settings.zoneinfo) if moment.tzinfo is None else moment


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings.database_url)
    try:
        upgrade(database)
        yield database
    finally:
        database.close()
