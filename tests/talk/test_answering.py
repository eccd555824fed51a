"""Who picked up, by frames and words alone."""

import math
import struct

import pytest

from voicebot.settings import Machine
from voicebot.talk.answering import AnswerJudge, Verdict, Who, is_human_greeting, is_machine_phrase
from voicebot.talk.beeps import Tone, ToneDetector

FRAME_SECONDS = 0.02


class Scene:
    """Feeds a judge with stretches of speech and silence; remembers when it said what."""

    def __init__(self, **rules: object) -> None:
        self.judge = AnswerJudge(Machine.model_validate(rules))
        self.seconds = 0.0
        self.verdicts: list[tuple[Verdict, float]] = []

    def _note(self, verdict: Verdict | None) -> None:
        if verdict is not None:
            self.verdicts.append((verdict, self.seconds))

    def _run(self, seconds: float, *, words: str = "", **frame: bool) -> "Scene":
        for _ in range(round(seconds / FRAME_SECONDS)):
            self.seconds = round(self.seconds + FRAME_SECONDS, 3)
            self._note(self.judge.step(**{"is_voice": False, "is_tone": False, **frame}))
            if self.judge.wants_words:
                self._note(self.judge.heard(words, is_final=True))
        return self

    def speech(self, seconds: float, words: str = "") -> "Scene":
        self._run(seconds, is_voice=True)
        if words:
            self._note(self.judge.heard(words))
        return self

    def silence(self, seconds: float, words: str = "") -> "Scene":
        """`words`: what the recogniser makes of the speech before."""
        return self._run(seconds, words=words)

    def tone(self, seconds: float) -> "Scene":
        return self._run(seconds, is_tone=True)

    def ringing(self, seconds: float) -> "Scene":
        return self._run(seconds, is_ringing=True)

    @property
    def first(self) -> tuple[Who, str, float]:
        verdict, at = self.verdicts[0]
        return verdict.who, verdict.reason, at


@pytest.mark.parametrize("words", ["алло", "да", "слушаю", "да алло", "алло слушаю вас", "да я слушаю", "ало"])
def test_a_word_and_a_pause_is_a_human_who_is_answered_at_once(words: str) -> None:
    scene = Scene().silence(0.5).speech(0.8).silence(3, words)
    who, reason, at = scene.first
    assert (who, reason) == (Who.HUMAN, "greeting")
    assert 1.3 < at <= 1.3 + 0.4
    assert len(scene.verdicts) == 1


@pytest.mark.parametrize("words", ["здравствуйте", "добрый день", "иванова на проводе"])
def test_what_may_be_a_first_sentence_only_is_waited_for_a_little_longer(words: str) -> None:
    who, _, at = Scene().speech(0.8).silence(3, words).first
    assert who is Who.HUMAN
    assert 0.8 + 0.6 < at < 0.8 + 1.0


def test_speech_without_a_pause_is_a_machine() -> None:
    scene = Scene().speech(6)
    assert scene.first == (Who.MACHINE, "long_speech", 3.6)


def test_short_gaps_between_words_are_no_pauses() -> None:
    scene = Scene()
    for _ in range(6):
        scene.speech(0.6).silence(0.2, "добро")
    assert scene.first[:2] == (Who.MACHINE, "long_speech")


@pytest.mark.parametrize(
    "words",
    [
        "абонент временно недоступен",
        "оставьте сообщение",
        "вы позвонили в",
        "здравствуйте я голосовой помощник",
        "вас приветствует автоответчик",
        "номер не обслуживается",
        "говорит олег",
    ],
)
def test_what_only_machines_say(words: str) -> None:
    assert is_machine_phrase(words)
    scene = Scene().speech(1.2, words)
    assert scene.first[:2] == (Who.MACHINE, "phrase")


@pytest.mark.parametrize(
    "words", ["алло", "я у аппарата", "перезвоните позже", "я занят", "да говорите", "слушаю вас внимательно", "не туда попали"]
)
def test_what_humans_say_is_no_phrase_of_machines(words: str) -> None:
    assert not is_machine_phrase(words)


def test_greetings_of_humans() -> None:
    assert is_human_greeting("алло слушаю вас")
    assert not is_human_greeting("алло это секретарь")
    assert not is_human_greeting("")


def test_own_phrases_are_added() -> None:
    assert Scene(phrases=["клиентский зал"]).speech(1, "это клиентский зал").first[:2] == (Who.MACHINE, "phrase")


def test_a_beep_is_a_machine() -> None:
    assert Scene().silence(0.4).tone(1).first == (Who.MACHINE, "beep", 0.56)


def test_the_ringing_of_the_network_is_nobody() -> None:
    scene = Scene().ringing(1).silence(3).ringing(1).silence(1).speech(0.5).silence(1, "алло")
    assert scene.first[:2] == (Who.HUMAN, "greeting")


@pytest.mark.parametrize("who", list(Who))
def test_silence_is_what_the_settings_say(who: Who) -> None:
    assert Scene(silence_is=who.value).silence(5).first == (who, "silence", 3.5)


def test_an_empty_partial_after_the_words_does_not_take_them_back() -> None:
    scene = Scene().speech(0.8).silence(0.3, "здравствуйте")
    assert scene.judge.heard("") is None
    assert scene.silence(0.7).first[:2] == (Who.HUMAN, "greeting")


def test_a_breath_is_no_greeting() -> None:
    """Sound without words: somebody is about to speak."""
    scene = Scene().silence(0.3).speech(0.2).silence(1.5)
    assert scene.verdicts == []
    assert scene.speech(0.5).silence(1, "алло").first[:2] == (Who.HUMAN, "greeting")


def test_what_stays_unclear_is_a_machine() -> None:
    scene = Scene()
    for _ in range(10):
        scene.speech(0.2).silence(1.6)
    assert scene.first == (Who.MACHINE, "undecided", 12.0)


def test_a_human_may_prove_to_be_a_machine_but_never_the_other_way() -> None:
    scene = Scene().speech(0.5).silence(1, "алло").speech(1, "оставьте сообщение после сигнала").silence(2).speech(0.4)
    assert [verdict.who for verdict, _ in scene.verdicts] == [Who.HUMAN, Who.MACHINE]


# -- tones ----------------------------------------------------------------------------------------------------------------


def tones(*parts: tuple[float, float], peak: int = 8000) -> list[Tone]:
    """(hz, seconds) -> what the detector says of each frame; 0 Hz is silence."""
    samples: list[int] = []
    for hz, seconds in parts:
        samples += [int(peak * math.sin(2 * math.pi * hz * i / 8000)) for i in range(int(seconds * 8000))]
    pcm = struct.pack(f"<{len(samples)}h", *samples)
    detector = ToneDetector()
    return [detector.add(pcm[at : at + 320]) for at in range(0, len(pcm) - 319, 320)]


@pytest.mark.parametrize("hz", [440, 480, 620, 950, 1000, 1400])
def test_beeps(hz: float) -> None:
    found = tones((0, 0.2), (hz, 0.4), (0, 0.2))
    beeps = [tone for tone in found if tone.is_beep]
    assert 0.3 / FRAME_SECONDS <= len(beeps) <= 0.42 / FRAME_SECONDS
    assert all(abs((tone.hz or 0) - hz) < 10 for tone in beeps)


def test_the_networks_tone_is_no_beep() -> None:
    found = tones((425, 1.0))
    assert any(tone.is_ringing for tone in found)
    assert not any(tone.is_beep for tone in found)


@pytest.mark.parametrize("hz", [150, 300, 2000])
def test_other_tones_are_none(hz: float) -> None:
    assert all(tone.hz is None for tone in tones((hz, 0.5)))


def test_two_tones_at_once_are_keys_not_a_beep() -> None:
    samples = [
        int(4000 * (math.sin(2 * math.pi * 770 * i / 8000) + math.sin(2 * math.pi * 1336 * i / 8000))) for i in range(4000)
    ]
    pcm = struct.pack(f"<{len(samples)}h", *samples)
    detector = ToneDetector()
    assert all(detector.add(pcm[at : at + 320]).hz is None for at in range(0, len(pcm), 320))


def test_a_tone_too_faint_to_be_meant() -> None:
    assert all(tone.hz is None for tone in tones((1000, 0.5), peak=100))


def test_a_lost_frame_is_silence() -> None:
    assert ToneDetector().add(b"") == Tone()
