"""Who picked up: a patient, or a machine. Pure: frames judged as voice or tone in, words in, a verdict out.

A human says a word or two and waits. A machine talks on, says what only machines say, beeps, or is mute. Constants are in
settings.Machine; docs/telephony.md says what they were measured on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from voicebot.audio.pcm import FRAME_MS
from voicebot.russian.text import normalise
from voicebot.settings import Machine

#: Said by machines: mailboxes, networks, assistants. Stems; the words of a phrase stand in a row. What humans say too
#: ("перезвоните позже", "я занят", "у аппарата") is not here.
MACHINE_STEMS: tuple[str, ...] = (
    "абонент", "недоступ", "вне зоны", "оставьте", "оставить сообщ", "после сигнал", "после гудк", "звукового сигнал",
    "автоответчик", "голосовая почт", "голосовой почт", "голосовую почт", "голосовой ящик", "голосовой помощн", "виртуальн",
    "ассистент", "помощник", "говорит олег", "секретар", "не может ответить", "не могу ответить", "не может подойти",
    "не могу подойти", "не обслуживается", "не существует", "неправильно набран", "набран неправильно", "номер набран",
    "вызываем", "выключен", "вы позвонили", "приветствует", "ваш звонок", "ваше сообщ", "запишите сообщ", "запишу ваш",
    "дождитесь", "ожидайте", "нажмите", "тоновом", "переадрес", "добавочн", "ему передать", "ей передать",
)  # fmt: skip
#: What humans answer with (and how the recogniser mishears it); after these alone the silence need not be long.
HUMAN_WORDS = frozenset((
    "алло", "ало", "але", "алла", "алле", "олло", "да", "дада", "до", "ага", "угу", "ну", "я", "у", "аппарата", "слушаю",
    "слушаем", "слушай", "вас", "внимательно", "говорите", "кто", "это", "что", "на", "связи", "здравствуйте", "здрасте",
    "привет", "добрый", "доброе", "день", "вечер", "утро",
))  # fmt: skip
_HUMAN_SPEECH_MS = 1800  # of such words alone; longer, and there was more than was understood
_MANY_WORDS = 8  # without a pause: nobody greets so
#: A formal greeting may be a machine's first sentence: the silence after it must last longer.
_FORMAL = ("здравствуйте", "добрый", "доброе")
_CAREFUL_PAUSE_FACTOR = 1.4


class Who(StrEnum):
    HUMAN = "human"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason`: greeting, silence, long_speech, phrase, beep, undecided."""

    who: Who
    reason: str


def is_machine_phrase(words: str, more: Sequence[str] = ()) -> bool:
    """Whether words hold something that only machines say."""
    plain = f" {normalise(words)}"
    return any(f" {stem}" in plain for stem in (*MACHINE_STEMS, *more))


def is_human_greeting(words: str) -> bool:
    """Whether words are such as humans answer with, and nothing else."""
    said = normalise(words).split()
    return bool(said) and all(word in HUMAN_WORDS for word in said)


class AnswerJudge:
    """Feed every frame since the answer; after a verdict it goes on, and a human may yet prove to be a machine."""

    def __init__(self, rules: Machine) -> None:
        self._rules = rules
        self._frames = 0
        self._voice_frames = 0  # of the present stretch of speech, short gaps included
        self._quiet_frames = 0  # since the last voice
        self._tone_frames = 0
        self._was_voice = False
        self._words = ""  # of the present stretch
        self._is_settled = False
        self.verdict: Verdict | None = None

    @property
    def wants_words(self) -> bool:
        """A stretch of speech has just ended, and its definite words would tell who spoke."""
        return self._was_voice and not self._is_settled and self._ms(self._quiet_frames) >= self._settle_ms

    @property
    def _settle_ms(self) -> float:
        return self._rules.short_pause_seconds * 1000

    @staticmethod
    def _ms(frames: int) -> int:
        return frames * FRAME_MS

    def step(self, *, is_voice: bool, is_tone: bool, is_ringing: bool = False) -> Verdict | None:
        """Take 20 ms; return the verdict as soon as it is known. `is_ringing`: the network's own tone, nobody's answer yet."""
        if is_ringing:
            self._tone_frames = self._voice_frames = self._quiet_frames = 0
            self._was_voice = False
            return None
        self._frames += 1
        self._tone_frames = self._tone_frames + 1 if is_tone else 0
        if self._ms(self._tone_frames) >= self._rules.beep_seconds * 1000:
            return self._say(Who.MACHINE, "beep")
        if is_voice:
            if self._ms(self._quiet_frames) >= self._rules.pause_seconds * 1000:
                self._voice_frames = 0  # another stretch
                self._words = ""
            else:
                self._voice_frames += self._quiet_frames
            self._voice_frames += 1
            self._quiet_frames = 0
            self._was_voice, self._is_settled = True, False
            if self._ms(self._voice_frames) >= self._rules.long_speech_seconds * 1000:
                return self._say(Who.MACHINE, "long_speech")
        else:
            self._quiet_frames += 1
        return self._after_pause()

    def heard(self, words: str, *, is_final: bool = False) -> Verdict | None:
        """The words of the present stretch so far; `is_final`: all of them, now that it is silent."""
        if self._is_settled and not is_final:
            return None  # a new decoding has begun: it has heard silence so far
        self._words = words
        self._is_settled = is_final
        if is_machine_phrase(words, self._rules.phrases):
            return self._say(Who.MACHINE, "phrase")
        if len(words.split()) >= _MANY_WORDS:
            return self._say(Who.MACHINE, "long_speech")
        return self._after_pause()

    def _after_pause(self) -> Verdict | None:
        if self.verdict is not None:
            return None
        quiet_ms = self._ms(self._quiet_frames)
        if self._was_voice and quiet_ms >= self._needed_ms():
            return self._say(Who.HUMAN, "greeting")
        if not self._was_voice and quiet_ms >= self._rules.silence_seconds * 1000:
            return self._say(Who(self._rules.silence_is), "silence")
        if self._ms(self._frames) >= self._rules.decide_seconds * 1000:
            return self._say(Who.MACHINE, "undecided")
        return None

    def _needed_ms(self) -> float:
        """The silence that ends a human's greeting."""
        pause_ms = self._rules.pause_seconds * 1000
        if is_human_greeting(self._words) and self._ms(self._voice_frames) <= _HUMAN_SPEECH_MS:
            is_formal = self._words.split()[-1] in _FORMAL or self._words.startswith(_FORMAL)
            return pause_ms * _CAREFUL_PAUSE_FACTOR if is_formal else self._rules.short_pause_seconds * 1000
        if not self._words and self._is_settled:
            return self._rules.silence_seconds * 1000  # a breath, a rustle: somebody is about to speak, or nobody
        return pause_ms * _CAREFUL_PAUSE_FACTOR

    def _say(self, who: Who, reason: str) -> Verdict | None:
        if self.verdict is not None and (self.verdict.who is Who.MACHINE or who is Who.HUMAN):
            return None
        self.verdict = Verdict(who, reason)
        return self.verdict
