"""Listens to whoever answered a call of ours, until it is clear who it is; then on for a while, in case it was not."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from voicebot.audio.pcm import FRAME_BYTES, FRAME_MS
from voicebot.hearing.recogniser import SpeechModel, TurnRecogniser
from voicebot.hearing.vad import VoiceDetector
from voicebot.link import messages as line
from voicebot.settings import Machine
from voicebot.talk.answering import AnswerJudge, Verdict, Who
from voicebot.talk.beeps import ToneDetector

_SILENCE = bytes(FRAME_BYTES)
_HEAR_EVERY_FRAMES = 5  # the recogniser gets 100 ms at a time
_PREROLL_FRAMES = 15  # before the detected voice: a soft first consonant
_HANGOVER_FRAMES = 40  # after it: the recogniser's look-ahead; then it costs nothing until somebody speaks again
_WATCHED_SECONDS = 8.0  # a machine that paused after its first word is found out within


@dataclass(slots=True)
class Greeting:
    """One call's. Not thread-safe; `feed` takes some milliseconds."""

    rules: Machine
    model: SpeechModel
    vad_mode: int = 3
    words: str = ""  # all that was said before the verdict
    first_frame: int | None = None  # of speech
    last_frame: int = 0
    _judge: AnswerJudge = field(init=False)
    _voice: VoiceDetector = field(init=False)
    _tones: ToneDetector = field(default_factory=ToneDetector)
    _recogniser: TurnRecogniser | None = None
    _sound: bytearray = field(default_factory=bytearray)
    _preroll: deque[bytes] = field(default_factory=lambda: deque(maxlen=_PREROLL_FRAMES))
    _frames_since_voice: int = _HANGOVER_FRAMES
    _frames_after: int = 0

    def __post_init__(self) -> None:
        self._judge = AnswerJudge(self.rules)
        self._voice = VoiceDetector(self.vad_mode)

    @property
    def is_human(self) -> bool:
        return self._judge.verdict is not None and self._judge.verdict.who is Who.HUMAN

    @property
    def is_over(self) -> bool:
        """Nothing more is to be learned: a machine, or a human for long enough."""
        verdict = self._judge.verdict
        if verdict is None:
            return False
        return verdict.who is Who.MACHINE or self._frames_after * FRAME_MS >= _WATCHED_SECONDS * 1000

    def feed(self, ticks: Sequence[line.Tick]) -> Verdict | None:
        """Take frames; return a verdict when it is new."""
        found: Verdict | None = None
        for tick in ticks:
            found = self._feed(tick) or found
        return found

    def _feed(self, tick: line.Tick) -> Verdict | None:
        sound = tick.caller if len(tick.caller) == FRAME_BYTES else _SILENCE
        was_human = self.is_human
        self._frames_after += was_human
        tone = self._tones.add(sound)
        is_voice = self._voice.is_speech(sound) and tone.hz is None
        if is_voice and not was_human:
            self.first_frame = tick.frame if self.first_frame is None else self.first_frame
            self.last_frame = tick.frame
        verdict = self._judge.step(is_voice=is_voice, is_tone=tone.is_beep, is_ringing=tone.is_ringing)
        self._collect(sound, is_voice)
        if verdict is None and len(self._sound) >= _HEAR_EVERY_FRAMES * FRAME_BYTES:
            partial = self._hear().partial()
            verdict = self._judge.heard(partial)
            if verdict is not None and not was_human:
                self.words = f"{self.words} {partial}".strip()
        if verdict is None and self._judge.wants_words:
            heard = self._hear().final()
            words = heard[0].text if heard else ""
            if not was_human:
                self.words = f"{self.words} {words}".strip()
                self.first_frame = self.first_frame if self.words else None  # it was no voice: detectors begin unsure
            verdict = self._judge.heard(words, is_final=True)
        return verdict

    def _collect(self, sound: bytes, is_voice: bool) -> None:
        """Keep what the recogniser is to hear: speech and a little around it."""
        self._frames_since_voice = 0 if is_voice else self._frames_since_voice + 1
        if self._frames_since_voice >= _HANGOVER_FRAMES:
            self._preroll.append(sound)
            return
        self._sound += b"".join(self._preroll) + sound
        self._preroll.clear()

    def _hear(self) -> TurnRecogniser:
        if self._recogniser is None:
            self._recogniser = self.model.turn()
        self._recogniser.accept(bytes(self._sound))
        self._sound.clear()
        return self._recogniser
