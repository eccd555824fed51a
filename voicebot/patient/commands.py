"""`voicebot call` and `voicebot demo`: a simulated patient over real SIP."""

import queue
import threading
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from voicebot import settings as settings_module
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clock import SystemClock
from voicebot.errors import ConfigurationError, StorageError, VoicebotError
from voicebot.patient.booked import appointments_of_dialog
from voicebot.patient.live import LiveView, summary_lines
from voicebot.patient.report import PatientEvent, Report
from voicebot.patient.run import Patient
from voicebot.patient.scenario import PatientLine, PatientVoice, Scenario, load_scenario, scenario_of_words
from voicebot.patient.server import local_target, running_robot
from voicebot.records.store import RecordStore, open_store
from voicebot.settings import Settings
from voicebot.storage.database import open_database

_POLL_SECONDS = 0.2
_LAST_WRITES_SECONDS = 2.0

ScenarioOption = Annotated[str, typer.Option("--scenario", help="A file, or a name in the dialplans' patients folder.")]
RecordOption = Annotated[Path | None, typer.Option("--record", help="WAV of the call: left the patient, right the robot.")]


def call(
    to: Annotated[str, typer.Option("--to", help="sip:100@127.0.0.1:5060; default: this installation's robot.")] = "",
    scenario: ScenarioOption = "",
    say: Annotated[list[str] | None, typer.Option("--say", help="A phrase a turn; may be repeated.")] = None,
    voice: Annotated[str, typer.Option(help="RHVoice speaker (Aleksandr-hq, Irina, Anna, Elena), or espeak.")] = "",
    noise_db: Annotated[
        float | None, typer.Option(help="Noise this far below the speech (SNR), white unless --babble.")
    ] = None,
    babble: Annotated[bool, typer.Option("--babble", help="The noise is of other people's talk.")] = False,
    echo_db: Annotated[float | None, typer.Option(help="The robot's own sound comes back at this gain, e.g. -20.")] = None,
    record: RecordOption = None,
    caller: Annotated[str, typer.Option(help="The caller's number.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one line of JSON.")] = False,
) -> None:
    """Call a robot as a simulated patient: a scenario, or phrases given here. Status 0 if every step was done."""
    settings = settings_module.load()
    console = Console(stderr=as_json)
    if bool(scenario) == bool(say):
        raise typer.BadParameter("give either --scenario or --say")
    path = find_scenario(scenario, settings) if scenario else None
    plan = load_scenario(path) if path else scenario_of_words(say or [])
    plan = _adjusted(plan, voice, noise_db, babble, echo_db, caller)
    patient = Patient(
        plan, to or local_target(settings), recording=record, folder=path.parent if path else None, cache=settings.cache
    )
    view = LiveView(console)
    report = watch(patient, view)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _print_summary(console, report)
    raise typer.Exit(0 if report.is_complete else 1)


def demo(scenario: ScenarioOption = "book_therapist", record: RecordOption = None) -> None:
    """Watch a simulated patient's call to this installation's robot (started for it where none runs)."""
    settings = settings_module.load()
    clock = SystemClock()
    console = Console()
    path = find_scenario(scenario, settings)
    plan = load_scenario(path)
    recording = record or settings.data_dir / "demo" / f"{datetime.now(settings.zoneinfo):%Y%m%d-%H%M%S}-{path.stem}.wav"
    with ExitStack() as stack:
        with console.status("Looking for a running robot, else starting one ..."):
            robot = running_robot(settings, clock, settings.data_dir / "demo" / "serve.log")
            was_started = stack.enter_context(robot)
        console.print("A robot was started for this demo." if was_started else "A robot is running.", style="dim")
        store = open_store(settings, clock)
        try:
            patient = Patient(plan, local_target(settings), recording=recording, folder=path.parent, cache=settings.cache)
            console.print(Text(f"{plan.name}: {plan.caller} calls {local_target(settings)}\n", style="bold"), soft_wrap=True)
            view = LiveView(console, store)
            report = watch(patient, view)
            _wait_stored(store, view)
            dialog = view.finish()
            console.print()
            _print_summary(console, report)
            if dialog is not None:
                _print_outcome(console, settings, view)
        finally:
            store.close()
    raise typer.Exit(0 if report.is_complete else 1)


def find_scenario(name: str, settings: Settings) -> Path:
    """Return a scenario's file: a path, or a name in the dialplans' patients folder."""
    path = Path(name)
    if path.is_file():
        return path
    folder = settings.dialog.folder / "patients"
    named = folder / f"{name}.yaml"
    if named.is_file():
        return named
    known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
    raise ConfigurationError(f"There is no scenario {name}.", f"Give a file, or one of: {known or f'(none in {folder})'}.")


def watch(patient: Patient, view: LiveView) -> Report:
    """Show a call until it is over; Ctrl-C hangs up. Raises LineError when it could not be placed."""
    events: queue.SimpleQueue[PatientEvent | VoicebotError | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for event in patient.events():
                events.put(event)
        except VoicebotError as error:
            events.put(error)
        finally:
            events.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        while True:
            try:
                event = events.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                view.poll()
                continue
            except KeyboardInterrupt:
                patient.hang_up()
                continue
            if event is None:
                break
            if isinstance(event, VoicebotError):
                raise event
            view.take(event)
    finally:
        patient.close()
        reader.join()
    assert patient.report is not None
    return patient.report


def _adjusted(plan: Scenario, voice: str, noise_db: float | None, babble: bool, echo_db: float | None, caller: str) -> Scenario:
    """Apply the command line's wishes, checked as a file's would be."""
    values = plan.model_dump()
    if voice:
        values["voice"] |= {"engine": "espeak", "speaker": ""} if voice == "espeak" else {"speaker": voice}
    if noise_db is not None or babble:
        values["line"] |= {"noise": "babble" if babble else "white"}
    if noise_db is not None:
        values["line"] |= {"snr_db": noise_db}
    if echo_db is not None:
        values["line"] |= {"echo_db": echo_db}
    if caller:
        values["caller"] = caller
    try:
        return plan.model_copy(
            update={
                "voice": PatientVoice.model_validate(values["voice"]),
                "line": PatientLine.model_validate(values["line"]),
                "caller": Scenario(name="x", caller=values["caller"], steps=()).caller,
            }
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _print_summary(console: Console, report: Report) -> None:
    for line in summary_lines(report):
        console.print(Text(line), soft_wrap=True)
    if report.recording:
        console.print(Text(f"What the patient heard: {report.recording}"), soft_wrap=True)


def _wait_stored(store: RecordStore, view: LiveView) -> None:
    """The robot learns of the end a moment later than the patient, and then completes recording and records."""
    deadline = threading.Event()
    for _ in range(round(_LAST_WRITES_SECONDS / _POLL_SECONDS)):
        view.poll()
        stored = store.get(view.dialog.id) if view.dialog is not None else None
        if stored is not None and stored.ended_at is not None:
            return
        deadline.wait(_POLL_SECONDS)


def _print_outcome(console: Console, settings: Settings, view: LiveView) -> None:
    dialog = view.dialog
    assert dialog is not None
    outcome = dialog.outcome or "not finished"
    console.print(Text(f"\nDialog {dialog.id}: {outcome}" + (f" ({dialog.reason})" if dialog.reason else ""), style="bold"))
    try:
        database = open_database(settings.database_url)
        try:
            catalogue = load_catalogue(settings.dialog.folder / "clinic")
            for line in appointments_of_dialog(database, catalogue, dialog.id):
                console.print(Text(f"Booked: {line}", style="bold green"), soft_wrap=True)
        finally:
            database.close()
    except StorageError as error:
        console.print(Text(str(error), style="red"), soft_wrap=True)
    if dialog.recording_path:
        console.print(Text(f"Recording: {settings.recordings_folder / dialog.recording_path}"), soft_wrap=True)
    console.print(Text(f"Transcript: voicebot dialogs show {dialog.id}"), soft_wrap=True)
