"""The conversation in the terminal while it goes on: the patient's words as spoken, the robot's from the records."""

from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from voicebot.errors import StorageError
from voicebot.patient.report import Answered, Dialled, PatientEvent, PatientSpoke, Report, RobotSpoke
from voicebot.records.dialogs import Dialog, DialogFilter, Turn, Who, without_stress
from voicebot.records.store import RecordStore
from voicebot.records.transcript import latency_text, offset_text

_PATIENT, _ROBOT, _NOTE, _EVENT = "cyan", "green", "dim", "yellow"
_WAIT_POLLS = 6  # for a robot's turn to be played, so that its latency is shown with it


@dataclass(slots=True)
class LiveView:
    """Prints lines as they come. `store` is None where the robot is elsewhere: then only its voice is noted."""

    console: Console
    store: RecordStore | None = None
    sip_call_id: str = ""
    dialog: Dialog | None = None
    _shown: int = 0
    _polls: int = 0
    _robot_at_ms: int | None = None  # where an answer began whose first turn is not shown yet
    _awaits_answer: bool = True  # an answer's later turns have no onset of their own: better no time than a wrong one
    _notices: set[str] = field(default_factory=set)

    def take(self, event: PatientEvent) -> None:
        """Show what the patient's process tells."""
        if isinstance(event, Dialled):
            self.sip_call_id = event.sip_call_id
        elif isinstance(event, Answered):
            self._say(None, "", f"answered after {event.after_ms} ms", _EVENT)
        elif isinstance(event, PatientSpoke):
            self._robot_at_ms, self._awaits_answer = None, True
            said = f"[keys {event.text}]" if event.action == "digits" else event.text
            self._say(event.at_ms, "patient", said + (" [over the robot]" if event.action == "interrupt" else ""), _PATIENT)
        elif isinstance(event, RobotSpoke):
            self._robot_at_ms = event.at_ms if self._awaits_answer else None
            if self.store is None:
                self._say(event.at_ms, "robot", "[speaks]", _ROBOT)

    def poll(self) -> None:
        """Show what the records have got since the last call; call it a few times a second."""
        if self.store is None or not self.sip_call_id:
            return
        try:
            if self.dialog is None:
                found = self.store.find(DialogFilter(sip_call_id=self.sip_call_id, limit=1))
                if not found:
                    return
                self.dialog = found[0]
                self._say(None, "", f"dialog {self.dialog.id}", _EVENT)
            self._show(self.store.turns_after(self.dialog.id, self._shown), is_last=False)
        except StorageError as error:
            self._once(error.message)

    def finish(self) -> Dialog | None:
        """Show the rest; return the dialog as stored in the end."""
        if self.store is None or self.dialog is None:
            return None
        try:
            self._show(self.store.turns_after(self.dialog.id, self._shown), is_last=True)
            self.dialog = self.store.get(self.dialog.id)
        except StorageError as error:
            self._once(error.message)
        return self.dialog

    def _show(self, turns: list[Turn], *, is_last: bool) -> None:
        for position, turn in enumerate(turns):
            is_newest = position == len(turns) - 1
            is_waiting = turn.who is Who.ROBOT and not turn.latency_ms and turn.offset_start_ms is None
            if is_waiting and is_newest and not is_last and self._polls < _WAIT_POLLS:
                self._polls += 1
                return
            self._polls = 0
            self._shown = turn.number
            self._show_turn(turn)

    def _show_turn(self, turn: Turn) -> None:
        if turn.who is Who.CALLER:
            heard = turn.text or (f"keys {turn.digits}" if turn.digits else turn.intent or "nothing")
            sure = f" ({turn.confidence:.2f})" if turn.confidence is not None else ""
            meant = [turn.intent] if turn.intent not in ("", "none") else []
            meant += [f"{name}={value}" for name, value in turn.slots.items()]
            self._say(None, "", f"heard: {heard}{sure}" + (f" -> {', '.join(meant)}" if turn.text and meant else ""), _NOTE)
        elif turn.who is Who.SYSTEM:
            self._say(None, "", turn.text, _EVENT)
        else:
            at_ms = self._robot_at_ms if turn.offset_start_ms is None else turn.offset_start_ms
            self._robot_at_ms, self._awaits_answer = None, False
            self._say(at_ms, str(turn.who), without_stress(turn.text), _ROBOT)
            if turn.latency_ms:
                self._say(None, "", f"after {latency_text(turn.latency_ms)}", _NOTE)

    def _say(self, at_ms: int | None, who: str, text: str, style: str) -> None:
        at = "" if at_ms is None else offset_text(at_ms)
        self.console.print(Text(f"{at:>7}  {who:<8}  {text}", style=style), soft_wrap=True)

    def _once(self, notice: str) -> None:
        if notice not in self._notices:
            self._notices.add(notice)
            self._say(None, "", notice, "red")


def summary_lines(report: Report) -> list[str]:
    """How a call went, by the patient's own ears."""
    lines = [
        f"The call lasted {report.duration_ms / 1000:.1f} s; {_ENDINGS.get(report.ended_by, report.ended_by)}"
        + (f" (SIP {report.sip_status})." if report.ended_by in ("refused", "lost") else "."),
        f"The patient did {report.steps_done} of {report.steps_total} steps.",
    ]
    figures = report.figures()
    if report.latencies_ms:
        lines.append(
            f"From the patient's last sound to the robot's first: median {figures['latency_p50_ms']} ms, "
            f"slowest {max(report.latencies_ms)} ms over {len(report.latencies_ms)} answers (measured on the wire)."
        )
    if report.barge_ins:
        stops = report.barge_in_stops_ms
        lines.append(
            f"Spoke over the robot {len(report.barge_ins)} times; "
            + (
                f"it fell silent within {max(stops)} ms."
                if len(stops) == len(report.barge_ins)
                else f"it stopped {len(stops)} times."
            )
        )
    return lines


_ENDINGS: dict[str, str] = {
    "robot": "the robot ended it",
    "patient": "the patient hung up",
    "timeout": "the patient hung up, as the robot did not do what was waited for",
    "limit": "the patient hung up at the limit",
    "refused": "it was refused",
    "lost": "nobody answered",
    "interrupted": "it was interrupted",
}
