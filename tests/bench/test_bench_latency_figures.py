"""The bench's arithmetic: joining what the wire and the records say of the same call."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bench import machine
from bench.figures import answered_inside, clock_offset_ms, falls_silent, false_turns, join_waits, lost_ms, prompts_of, spread
from voicebot.patient.measure import BargeIn, Response, Span
from voicebot.patient.report import Report, Said
from voicebot.records.dialogs import Dialog, Latency, Turn, Who

# The patient's clock is 200 ms ahead of the robot's: the greeting that the robot began at 100 ms was heard at 300 ms.
OFFSET_MS = 200
STAGES = Latency(endpoint_ms=300, recognise_ms=50, think_ms=10, speak_ms=20, total_ms=430)


def report(
    said: list[Said], responses: list[Response], duration_ms: int = 60_000, barge_ins: tuple[BargeIn, ...] = ()
) -> Report:
    return Report(
        scenario="", caller="", target="", sip_call_id="", sip_status=200, ended_by="robot", duration_ms=duration_ms,
        answered_after_ms=10, first_audio_ms=300, steps_done=1, steps_total=1, said=said, robot=[], responses=responses,
        barge_ins=list(barge_ins),
    )  # fmt: skip


def said(text: str, start_ms: int, end_ms: int) -> Said:
    return Said(step=0, action="say", text=text, start_ms=start_ms, end_ms=end_ms)


def greeting(**changes: object) -> Turn:
    values: dict[str, object] = {
        "text": "здравствуйте",
        "played_text": "здравствуйте",
        "offset_start_ms": 100,
        "played_ms": 1000,
    }
    return Turn(1, Who.ROBOT, **{**values, **changes})  # type: ignore[arg-type]


def heard(number: int, start_ms: int, end_ms: int) -> Turn:
    return Turn(number, Who.CALLER, text="да", offset_start_ms=start_ms, offset_end_ms=end_ms)


def answered(number: int, start_ms: int) -> Turn:
    return Turn(
        number, Who.ROBOT, text="хорошо", played_text="хорошо", offset_start_ms=start_ms, played_ms=500, latency_ms=STAGES
    )


def test_the_clocks_meet_at_the_first_prompt() -> None:
    assert clock_offset_ms(report([], []), Dialog("A", turns=(greeting(),))) == OFFSET_MS
    assert clock_offset_ms(report([], []), Dialog("A")) == 0


def test_stages_add_up_to_what_the_wire_shows() -> None:
    dialog = Dialog("A", turns=(greeting(), heard(2, 4000, 4940), answered(3, 5400)))
    call = report([said("да", 4200, 5200)], [Response(Span(4200, 5200), 480)])
    (wait,) = join_waits(call, dialog)
    assert (wait.said, wait.wire_ms, wait.robot_ms) == ("да", 480, 430)
    assert wait.stages_ms == {"endpoint": 300, "recognise": 50, "think": 10, "speak": 20, "rest": 100}


def test_each_wait_gets_the_stages_of_its_own_turn() -> None:
    dialog = Dialog("A", turns=(greeting(), heard(2, 4000, 4940), answered(3, 5400), heard(4, 8000, 9000), answered(5, 9500)))
    call = report(
        [said("раз", 4200, 5200), said("два", 8200, 9190), said("три", 20_000, 21_000)],
        [Response(Span(4200, 5200), None), Response(Span(8200, 9190), 500), Response(Span(20_000, 21_000), 700)],
    )
    second, third = join_waits(call, dialog)
    assert second.said == "два"
    assert sum(second.stages_ms.values()) == 500
    assert (third.wire_ms, dict(third.stages_ms)) == (700, {})  # the robot stored nothing of it


def test_a_call_without_a_dialog_still_counts() -> None:
    (wait,) = join_waits(report([said("да", 4200, 5200)], [Response(Span(4200, 5200), 480)]), None)
    assert (wait.wire_ms, dict(wait.stages_ms)) == (480, {})


def tone(*spans_ms: tuple[int, int], total_ms: int = 12_000) -> np.ndarray:
    samples = np.zeros(total_ms * 8, dtype=np.int16)
    for start, end in spans_ms:
        samples[start * 8 : end * 8] = 1000
    return samples


def test_silence_put_into_a_prompt_shows() -> None:
    assert lost_ms(tone((100, 1100)), 100, 1000, None) == 0
    assert lost_ms(tone((100, 1000)), 100, 1000, None) == 0  # it ends softly
    assert lost_ms(tone((100, 500), (900, 1500)), 100, 1000, None) == 400
    assert lost_ms(tone((100, 1100), (1100, 2000)), 100, 1000, 1100) == 0  # the next prompt is not its own sound
    assert lost_ms(tone(), 100, 1000, None) == 0


def test_a_prompt_that_nobody_interrupted_is_falsely_cut() -> None:
    cut = greeting(played_text="здрав", played_ms=400)
    robot = tone((100, 500))
    (alone,) = prompts_of(report([], []), Dialog("A", turns=(cut,)), robot)
    (over,) = prompts_of(report([said("стоп", 500, 1200)], []), Dialog("A", turns=(cut,)), robot)
    (whole,) = prompts_of(report([], []), Dialog("A", turns=(greeting(),)), tone((100, 1100)))
    (hung_up,) = prompts_of(report([], [], duration_ms=900), Dialog("A", turns=(cut,)), robot)
    assert (alone.is_cut, alone.is_falsely_cut) == (True, True)
    assert (over.is_cut, over.is_falsely_cut) == (True, False)
    assert (whole.is_cut, whole.is_falsely_cut) == (False, False)
    assert (hung_up.is_cut, hung_up.is_falsely_cut) == (True, False)


def test_words_that_the_patient_did_not_say_are_counted() -> None:
    dialog = Dialog("A", turns=(greeting(), heard(2, 4000, 4940), heard(3, 8000, 8500), Turn(4, Who.CALLER, intent="noinput")))
    assert false_turns(report([said("да", 4200, 5200)], []), dialog) == 1


def interrupted(start_ms: int, end_ms: int) -> Report:
    turn = Span(start_ms, end_ms)
    return report([said("нет другое", start_ms, end_ms)], [], barge_ins=(BargeIn(turn, None),))


def test_an_answer_into_the_phrase_is_not_the_interrupted_prompt() -> None:
    prompt = greeting(played_text="здрав", played_ms=1000)
    dialog = Dialog("A", turns=(prompt, heard(2, 1000, 1400), answered(3, 1900)))
    wire = [Span(300, 1400), Span(2100, 2600)]
    assert falls_silent(interrupted(1200, 2700), dialog, wire) == [200]
    assert answered_inside(interrupted(1200, 2700), dialog) == 1
    assert falls_silent(interrupted(1200, 1900), dialog, wire) == [200]
    assert answered_inside(interrupted(1200, 1900), dialog) == 0


def test_a_prompt_that_goes_on_after_a_pause_fell_silent_late_or_never() -> None:
    dialog = Dialog("A", turns=(greeting(played_ms=3000),))
    wire = [Span(300, 1400), Span(1700, 2300)]
    assert falls_silent(interrupted(1200, 2700), dialog, wire) == [1100]
    assert falls_silent(interrupted(1200, 2200), dialog, wire) == [None]


def test_a_spread_names_its_worst() -> None:
    assert spread(range(1, 101)) == {"count": 100, "p50": 50, "p95": 95, "worst": 100}
    assert spread([]) == {"count": 0, "p50": None, "p95": None, "worst": None}


def test_processor_time_counts_children(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass\n"
    waiting = (
        f"import subprocess, sys, time\np = subprocess.Popen([sys.executable, '-c', {busy!r} + 'time.sleep(60)'])\np.wait()"
    )
    before = machine.cpu_seconds(os.getpid())
    process = subprocess.Popen([sys.executable, "-c", waiting], start_new_session=True)
    try:
        give_up_at = time.monotonic() + 60
        while machine.cpu_seconds(process.pid) < 0.3 and time.monotonic() < give_up_at:
            time.sleep(0.05)
        assert machine.cpu_seconds(process.pid) >= 0.3
        assert machine.cpu_seconds(os.getpid()) >= before + 0.3
    finally:
        os.killpg(process.pid, 9)
        process.wait()
