"""A patient who speaks real Russian through baresip: RHVoice's male voice, and a sense of when the robot has finished."""

import time
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from robot import Robot, transcript
from sip_peers import RATE_HZ, Baresip, wait_until, write_wav

from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.records.dialogs import Dialog, Who
from voicebot.settings import Settings
from voicebot.supplies.rhvoice import find_rhvoice
from voicebot.voice import telephone
from voicebot.voice.rhvoice import RhvoiceEngine

_SILENCE = bytes(2 * RATE_HZ * 120)
_WINDOW_BYTES = 2 * RATE_HZ // 50
_LAST_WORDS = ("messages.goodbye", "more.more.filled", "handover", "messages.handover")
_LOUD = 250  # RMS of 16-bit samples: speech, not line noise


@cache
def _patient_voice() -> RhvoiceEngine:
    files = find_rhvoice(Settings().cache)
    if files is None:
        pytest.skip("RHVoice is not in the cache (make voice)")
    return RhvoiceEngine(files, "Aleksandr")


@cache
def speech(text: str) -> bytes:
    """Return a phrase as 8 kHz PCM in the patient's voice, at the level of a telephone."""
    sound = _patient_voice().synthesise(text)
    converter = telephone.TelephoneSound(sound.rate_hz, telephone.gain_for(sound))
    samples = np.concatenate([converter.feed(sound.samples), converter.finish()])
    assert TELEPHONE_HZ == RATE_HZ
    return samples.astype("<i2").tobytes()


class Patient(Baresip):
    """A baresip caller. `say` waits until the robot has finished, as polite people do."""

    def __init__(self, folder: Path, number: str = "+79161234567", limit_seconds: int = 240, port: int | None = None) -> None:
        super().__init__(folder, number, says=_SILENCE, limit_seconds=limit_seconds, port=port)
        self._phrases = 0
        self._answered_from = 0

    def loud_until(self) -> int:
        """Return the byte offset of the last loud window of what was heard, 0 if nothing was."""
        heard = np.frombuffer(self.heard(), dtype="<i2")
        whole = heard[: len(heard) // 160 * 160].reshape(-1, 160).astype(np.float64)
        loud = np.flatnonzero(np.sqrt((whole**2).mean(axis=1)) > _LOUD)
        return int(loud[-1] + 1) * _WINDOW_BYTES if len(loud) else 0

    def wait_robot(self, silence_seconds: float = 0.9, seconds: float = 40.0) -> None:
        """Wait until the robot has said something since the last phrase, and then is silent, or has hung up."""

        what = f"the robot speaks and falls silent (heard {len(self.heard()) / 16000:.1f} s)"
        wait_until(lambda: self.robot_has_finished(silence_seconds), what, seconds)

    def robot_has_finished(self, silence_seconds: float = 0.9) -> bool:
        """Tell whether the robot has said something since the last phrase, and then was silent for so long, or has hung up."""
        if "CALL_CLOSED" in self.types():
            return True
        heard = len(self.heard())
        last = self.loud_until()
        return last > self._answered_from and heard - last >= silence_seconds * 2 * RATE_HZ

    def say(self, text: str) -> None:
        """Wait for the robot to finish, then speak; returns when the phrase is over."""
        self.wait_robot()
        self.say_now(text)

    def say_now(self, text: str) -> None:
        self._phrases += 1
        sound = speech(text)
        file = write_wav(self.folder / f"phrase-{self._phrases}.wav", sound + _SILENCE)
        self.command("ausrc", f"aufile,{file}")
        time.sleep(len(sound) / 2 / RATE_HZ)
        self._answered_from = len(self.heard())

    def converse(self, robot: Robot, answers: Mapping[str, str | list[str]], turns: int = 20) -> Dialog:
        """Answer each question as a person would, by what was asked, until the call has an outcome; return its dialog.

        `answers`: part of a prompt's name or text -> what to say, or several things in turn; digits and # are keyed. A
        question without an answer fails the test.
        """
        asked_before: Counter[str] = Counter()
        for _ in range(turns):
            self.wait_robot()
            if "CALL_CLOSED" in self.types():
                break
            asked = [turn for turn in robot.turns() if turn.who is Who.ROBOT][-1]
            if asked.prompt.startswith(_LAST_WORDS):
                break
            key = next((key for key in answers if key in asked.prompt or key in asked.text), None)
            assert key is not None, f"nobody answers {asked.prompt}: {asked.text}\n{transcript(robot.turns())}"
            several = answers[key] if isinstance(answers[key], list) else [answers[key]]
            phrase = several[min(asked_before[key], len(several) - 1)]
            asked_before[key] += 1
            if phrase.strip("0123456789#"):
                self.say_now(phrase)
            else:
                self.press(phrase)
                self._answered_from = len(self.heard())
        return robot.wait_finished(40)
