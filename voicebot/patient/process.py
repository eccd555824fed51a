"""The patient's process: reads a Job from standard input, places the call, tells events as JSON lines on standard output.

A process of its own keeps pjsua2's clock away from everybody else's GIL, and a crash of the library away from its user.
"""

import io
import os
import signal
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

import msgspec
import structlog

from voicebot.audio.pcm import Pcm
from voicebot.errors import ModelError, VoicebotError
from voicebot.line import binding
from voicebot.patient.measure import Span
from voicebot.patient.report import (
    Answered,
    Dialled,
    Event,
    Failed,
    Finished,
    Job,
    PatientSpoke,
    Report,
    RobotFinished,
    RobotSpoke,
    measured,
)
from voicebot.patient.scenario import Scenario
from voicebot.patient.script import Script
from voicebot.patient.session import Acted, News, RobotBegan, Session
from voicebot.patient.sound import LineSound, noise_of, patient_voice, render_steps
from voicebot.patient.steered import RobotEnded, SteeredScript
from voicebot.patient.target import parse_target
from voicebot.settings import Settings


class _Outlet:
    """Events to the parent. The library's own prints go to standard error instead."""

    def __init__(self) -> None:
        self._descriptor = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(self, event: Event) -> None:
        os.write(self._descriptor, msgspec.json.encode(event) + b"\n")


def main() -> int:
    outlet = _Outlet()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    interrupted: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _frame: interrupted.append(signum))
    # Unbuffered: a thread that waits in a buffered reader would break the interpreter's end.
    orders = os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    job = msgspec.json.decode(orders.readline(), type=Job)
    try:
        outlet.tell(Finished(report=_call(job, orders, outlet, interrupted)))
    except VoicebotError as error:
        outlet.tell(Failed(message=error.message, cure=error.cure))
        return 1
    return 0


def _call(job: Job, orders: io.FileIO, outlet: _Outlet, interrupted: list[int]) -> Report:
    scenario = Scenario.model_validate(job.scenario)
    target = parse_target(job.target)
    settings = Settings(cache_dir=Path(job.cache))
    needs_voice = scenario.line.noise == "babble" or any(step.text is not None for step in scenario.steps)
    with patient_voice(scenario.voice, settings) if needs_voice else nullcontext(_unvoiced) as say:
        sounds = render_steps(scenario, Path(job.folder), say)
        noise = noise_of(scenario.line, scenario.voice.level_db, say)
    durations = tuple(round(sound.duration_ms) if sound is not None else 0 for sound in sounds)
    parent = os.getppid()
    line = LineSound(noise, scenario.line.echo_db, scenario.line.echo_delay_ms)
    script = SteeredScript(scenario, durations) if job.is_steered else Script(scenario, durations)
    if isinstance(script, SteeredScript):
        threading.Thread(target=_read_orders, args=(orders, script, len(scenario.steps)), daemon=True).start()
    session = Session(script, sounds, line)

    def tell_news(news: News) -> None:
        if isinstance(news, RobotBegan):
            outlet.tell(RobotSpoke(at_ms=news.at_ms))
        elif isinstance(news, RobotEnded):
            outlet.tell(RobotFinished(at_ms=news.at_ms))
        elif isinstance(news, Acted):
            step = scenario.steps[news.number]
            text = step.text or step.digits or (step.play.name if step.play else "")
            span: Span = news.span
            outlet.tell(PatientSpoke(step=news.number, action=step.action, text=text, at_ms=span.start_ms, end_ms=span.end_ms))

    loaded = binding.load(settings.cache)
    from voicebot.patient.caller import Telephone  # pjsua2 is there only now

    telephone = Telephone(target, scenario, loaded)
    try:
        result = telephone.place(
            session,
            on_dialled=lambda sip_call_id: outlet.tell(Dialled(sip_call_id=sip_call_id)),
            on_answered=lambda after_ms: outlet.tell(Answered(after_ms=after_ms)),
            on_news=tell_news,
            is_interrupted=lambda: bool(interrupted) or os.getppid() != parent,  # nobody is left to tell
        )
    finally:
        telephone.close()
    recording = Path(job.recording) if job.recording else None
    if recording is not None and session.duration_ms:
        session.save(recording)
    return measured(
        session,
        scenario,
        target=target.uri,
        sip_call_id=result.sip_call_id,
        sip_status=result.sip_status,
        ended_by=result.ended_by,
        answered_after_ms=result.answered_after_ms,
        recording=recording if session.duration_ms else None,
    )


def _read_orders(orders: io.FileIO, script: SteeredScript, beyond: int) -> None:
    """Follow the numbers on standard input; its end hangs up."""
    for line in orders:
        script.do(int(line))
    script.do(beyond)


def _unvoiced(_text: str) -> Pcm:
    raise ModelError("This patient has no voice.")


if __name__ == "__main__":
    sys.exit(main())
