"""A caller who only plays a recording, by sipp: what a PBX's test number or a load generator does."""

from pathlib import Path

import numpy as np
import pytest
from robot import running_robot, transcript
from sip_peers import (
    RATE_HZ,
    SIPP_ACK,
    SIPP_ANSWER_BYE,
    SIPP_PROVISIONAL,
    SIPP_SDP,
    Sipp,
    need_sipp,
    sipp_invite,
)
from speaking import speech

from voicebot.audio.g711 import alaw_encode
from voicebot.records.dialogs import Who

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(240)]

# Seconds from the answer. Between a prompt's end and the no-input time lie six seconds, so the plan need not be exact.
_PLAN = (
    (9.5, "Запишите меня к терапевту на завтра."),
    (28.5, "Первый вариант."),
    (35.5, "Кузнецова Мария."),
    (54.0, "Да, всё верно."),
    (67.5, "Нет, спасибо."),
)
_LENGTH_SECONDS = 110


def recording(folder: Path) -> Path:
    sound = np.zeros(_LENGTH_SECONDS * RATE_HZ, dtype=np.int16)
    for at_seconds, text in _PLAN:
        phrase = np.frombuffer(speech(text), dtype="<i2")
        start = int(at_seconds * RATE_HZ)
        sound[start : start + len(phrase)] = phrase
    file = folder / "patient.alaw"
    file.write_bytes(bytes(alaw_encode(sound)))
    return file


def test_a_recorded_patient_is_booked(tmp_path: Path) -> None:
    need_sipp()
    sdp = SIPP_SDP.replace("[media_port]", "[rtpstream_audio_port]")
    scenario = (
        sipp_invite(sdp=sdp)
        + SIPP_PROVISIONAL
        + '<recv response="200" rrs="true"/>\n'
        + SIPP_ACK
        + f'<nop><action><exec rtp_stream="{recording(tmp_path)},1,8,PCMA/8000"/></action></nop>\n'
        + SIPP_ANSWER_BYE.replace('<recv request="BYE"/>', f'<recv request="BYE" timeout="{_LENGTH_SECONDS * 1000}"/>')
    )
    with running_robot(tmp_path) as robot:
        with Sipp(tmp_path, scenario, remote=f"127.0.0.1:{robot.port}", limit_seconds=150) as caller:
            caller.wait(180)
        dialog = robot.wait_finished()
        story = transcript(list(dialog.turns))
        assert dialog.outcome == "booked", story
        (appointment,) = robot.appointments()
        assert appointment["status"] == "booked"
        said = [turn.text for turn in dialog.turns if turn.who is Who.CALLER and turn.text]
        assert "терапевту" in said[0], story
        assert (robot.data_dir / "recordings" / dialog.recording_path).stat().st_size > 100_000
