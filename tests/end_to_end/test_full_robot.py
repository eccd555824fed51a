"""The whole robot with one line: the second caller hears a real voice tell his place, music, and then the robot itself."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from robot import running_robot, transcript
from sip_peers import Baresip, RawSip, wait_until

from voicebot.audio.levels import level_db
from voicebot.link.waiting_sounds import load

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(300)]

NUMBER = "+79161234567"


def samples(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)


def is_heard(sound: bytes, heard: bytes) -> bool:
    """Whether a prepared sound was played: the best correlation over all offsets, G.711 and jitter allowed for."""
    needle, hay = samples(sound), samples(heard)
    loud = np.flatnonzero(np.abs(needle) > 500)
    needle = needle[loud[0] : loud[-1]] if len(loud) else needle
    if len(needle) < 1000 or len(hay) < len(needle):
        return False
    size = 1 << (len(hay) + len(needle)).bit_length()
    matches = np.fft.irfft(np.fft.rfft(hay, size) * np.conj(np.fft.rfft(needle, size)), size)[: len(hay) - len(needle) + 1]
    energy = np.concatenate([[0.0], np.cumsum(hay**2)])
    window = np.sqrt(np.maximum(1.0, energy[len(needle) :] - energy[: -len(needle)]))
    return bool(np.max(matches / (window * np.linalg.norm(needle))) > 0.8)


@pytest.mark.heavy  # tests/line/test_line_queue_calls.py shows the same on every run, with a brain that only says it is full
def test_the_second_caller_waits_hears_his_place_and_is_served(tmp_path: Path) -> None:
    with running_robot(tmp_path, {"sip": {"lines": 1}}) as robot, RawSip(robot.port) as first:
        first.send(first.invite())
        first.wait_for("SIP/2.0 200")
        first.send(first.message("ACK"))
        wait_until(lambda: robot.status()["brain-1"]["calls"] == 1, "the first call is served")
        sounds = load(robot.data_dir / "waiting")
        assert sounds.is_complete
        account = f"<sip:{NUMBER}@127.0.0.1>;regint=0;answermode=manual;audio_codecs=PCMA"
        with Baresip(tmp_path, "second", account=account) as second, Baresip(tmp_path, "third", account=account) as third:
            second.dial(robot.uri)
            wait_until(lambda: is_heard(sounds.greeting, second.heard()), "the greeting of the queue")
            third.dial(robot.uri)
            wait_until(lambda: is_heard(sounds.places[0], second.heard()), "the first place")
            wait_until(lambda: is_heard(sounds.hint, second.heard()), "what zero is for")
            wait_until(lambda: is_heard(sounds.places[1], third.heard()), "the second place")
            length = len(second.heard())
            wait_until(lambda: len(second.heard()) > length + 5 * 16000, "music")
            music = second.heard()[-2 * 16000 :]
            assert level_db(np.frombuffer(music, dtype="<i2")) > -45
            assert not is_heard(sounds.places[1], second.heard())
            waiting = [head for head in robot.dialogs() if head.reason == "queue"]
            assert len(waiting) == 2
            assert all(head.caller_phone == NUMBER and not head.outcome for head in waiting)

            first.send(first.message("BYE", cseq=2))
            wait_until(lambda: is_heard(sounds.served, second.heard()), "thanks for waiting")
            wait_until(lambda: is_heard(sounds.places[0], third.heard()), "the third is first now")
            third.hang_up()
            wait_until(lambda: robot.status()["line"]["waiting"] == 0, "nobody waits")

            def greeted() -> str:
                served = [robot.dialog(head.id) for head in waiting if robot.dialog(head.id).turns]
                said = [turn for one in served for turn in one.turns if turn.prompt and turn.played_text]
                return served[0].id if said else ""

            served_id = wait_until(greeted, f"the robot has greeted\n{robot.log[-4000:]}")
            second.hang_up()
        wait_until(lambda: all(robot.dialog(head.id).outcome for head in waiting), "every dialog has an outcome")
        served = robot.dialog(served_id)
        (left,) = [robot.dialog(head.id) for head in waiting if head.id != served_id]
        assert (left.outcome, left.reason, left.ended_by) == ("lost", "queue_left", "caller")
        (waited,) = [turn for turn in served.turns if turn.text == "waited in the queue"]
        assert waited.slots["seconds"] >= 5
        assert served.turns[1].offset_start_ms is not None, transcript(list(served.turns))
        assert served.turns[1].offset_start_ms < 5000  # its clock began when it was served
        assert served.handling_seconds is not None
        assert served.handling_seconds < 30
        facts = robot.status()["line"]
        assert (facts["admitted_from_queue"], facts["left_the_queue"]) == (1, 1)
