"""Real sound to the ear that tells patients from machines: RHVoice's voices as answered calls, with a line's noise."""

import numpy as np
import pytest
from sip_peers import tone
from speaking import speech

from voicebot.hearing.models import default_model_path
from voicebot.hearing.recogniser import SpeechModel
from voicebot.link.messages import Tick
from voicebot.settings import Machine, Settings
from voicebot.talk.answering import Who
from voicebot.talk.greeting import Greeting

pytestmark = pytest.mark.slow

LEAD_SECONDS = 0.6
HUMANS = [
    "Алло.",
    "Да.",
    "Слушаю.",
    "Алло, слушаю вас.",
    "Да, да, слушаю.",
    "Здравствуйте.",
    "Добрый день.",
    "Да, я слушаю вас, говорите.",
]
MACHINES = [
    "Абонент временно недоступен. Перезвоните позже.",
    "Здравствуйте. Вы позвонили по номеру семьсот тридцать. Оставьте сообщение после сигнала.",
    "Аппарат абонента выключен или находится вне зоны действия сети.",
    "Вас приветствует голосовая почта. Оставьте ваше сообщение после звукового сигнала.",
    "Здравствуйте, я голосовой помощник Олег. Абонент не может ответить. Что ему передать?",
    "Алло. Это секретарь Ивана. Он сейчас не может говорить, я запишу ваше сообщение.",
    "Привет! Я сейчас не могу подойти к телефону. Оставьте сообщение.",
    "Номер не обслуживается.",
    "Набранный вами номер не существует.",
]


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return SpeechModel(default_model_path(Settings()))


def listen(model: SpeechModel, sound: bytes, silence_seconds: float = 4.0) -> tuple[Greeting, list[tuple[Who, str, float]]]:
    """Return what was told: who, why, and how long after the end of the sound."""
    quiet = np.zeros(int(LEAD_SECONDS * 8000)), np.zeros(int(silence_seconds * 8000))
    samples = np.concatenate((quiet[0], np.frombuffer(sound, dtype="<i2"), quiet[1]))
    samples = samples + np.random.default_rng(7).normal(0, 26, len(samples))  # -62 dBFS
    pcm = samples.clip(-32768, 32767).astype("<i2").tobytes()
    greeting = Greeting(Machine(), model)
    told = []
    for frame in range(len(pcm) // 320):
        verdict = greeting.feed([Tick(call_id="c1", frame=frame, caller=pcm[frame * 320 : frame * 320 + 320], robot=b"")])
        if verdict is not None:
            told.append((verdict.who, verdict.reason, frame * 0.02 - LEAD_SECONDS - len(sound) / 16000))
        if greeting.is_over:
            break
    return greeting, told


@pytest.mark.parametrize("text", HUMANS)
def test_a_human_is_answered_within_a_second(model: SpeechModel, text: str) -> None:
    greeting, told = listen(model, speech(text))
    assert [who for who, _, _ in told] == [Who.HUMAN], told
    assert 0.1 < told[0][2] < 1.0
    assert greeting.words
    assert greeting.first_frame is not None
    assert greeting.first_frame * 0.02 < LEAD_SECONDS + 0.3 < greeting.last_frame * 0.02 + 0.3


@pytest.mark.parametrize("text", MACHINES)
def test_a_machine_is_never_taken_for_a_human(model: SpeechModel, text: str) -> None:
    _, told = listen(model, speech(text))
    assert [who for who, _, _ in told] == [Who.MACHINE], told
    assert told[0][2] < 0.5  # while it speaks, mostly


def test_a_mailbox_that_only_beeps(model: SpeechModel) -> None:
    assert listen(model, tone(1000, 0.5))[1][0][:2] == (Who.MACHINE, "beep")
