"""Conversations in virtual time: scripted speech drives the real TurnTaker, a scripted recogniser answers its orders."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from voicebot.audio.pcm import FRAME_MS
from voicebot.dialog.talking import Profile
from voicebot.hearing.orders import (
    Began,
    Dismissed,
    Ended,
    Forget,
    Interrupted,
    NothingSaid,
    Order,
    Probe,
    Question,
    Resume,
    Settle,
    StartListening,
    Suspected,
    TurnLimits,
)
from voicebot.hearing.profiles import needed_silence_ms
from voicebot.hearing.turntaking import TurnTaker

LOOK_AHEAD_MS = 400  # what a partial result lacks


@dataclass(frozen=True)
class Sound:
    """Something on the caller's line. Words are spread evenly over it; without words it is a cough or a noise."""

    at_ms: int
    ms: int
    words: str = ""
    level_db: float = -20.0
    is_voice: bool = True  # what webrtcvad says of it
    is_voiced: bool = True  # whether it has a pitch

    def level_at(self, ms: int) -> float | None:
        return self.level_db if self.at_ms <= ms < self.at_ms + self.ms else None

    def words_until(self, since_ms: int, until_ms: int) -> list[str]:
        words = self.words.split()
        ends = [self.at_ms + self.ms * (number + 1) // len(words) for number in range(len(words))]
        return [word for word, end in zip(words, ends, strict=True) if since_ms < end <= until_ms]


@dataclass(frozen=True)
class Prompt:
    """The robot's voice; `echo_db` is how much of it comes back, after 100 ms."""

    at_ms: int
    ms: int
    text: str = ""
    echo_db: float | None = None
    level_db: float = -20.0


@dataclass(frozen=True)
class Hold:
    at_ms: int
    ms: int


What = Literal["began", "suspected", "dismissed", "interrupted", "ended", "forgot", "nothing"]


@dataclass(frozen=True)
class Happening:
    at_ms: int
    what: What
    words: str = ""
    order: Order | None = None


def no_fit(text: str) -> float:
    return 0.0


@dataclass
class Conversation:
    """One question, perhaps a second one, and everything around it."""

    sounds: list[Sound] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    profile: Profile = Profile.FREE
    fit: Callable[[str], float] = no_fit
    is_complete: Callable[[str], bool] = lambda text: False
    noinput_ms: int = 6000
    is_bargein_allowed: bool = True
    asked_at_ms: int = 0
    asked_again_at_ms: int | None = None
    noise_db: float = -60.0
    limits: TurnLimits | None = None
    hears: Callable[[str], str] = lambda words: words
    """What becomes of the words in the recogniser (to simulate its mistakes)."""

    def run(self, duration_ms: int) -> list[Happening]:
        self.taker = TurnTaker(self.limits)
        self.happenings: list[Happening] = []
        self._listening_since: int | None = None
        self._is_settled = False
        for frame in range(duration_ms // FRAME_MS):
            self._now = frame * FRAME_MS
            for hold in self.holds:
                if self._now in (hold.at_ms, hold.at_ms + hold.ms):
                    self._obey(self.taker.held(self._now == hold.at_ms))
            if self._now in (self.asked_at_ms, self.asked_again_at_ms):
                self._obey(self.taker.open(self._question()))
            for prompt in self.prompts:
                if self._now == prompt.at_ms:
                    self.taker.prompt_started()
                elif self._now == prompt.at_ms + prompt.ms:
                    self._obey(self.taker.prompt_ended())
            if self._listening_since is not None and not self._is_settled and frame % 3 == 0:
                self._obey(self.taker.partial(self._heard(self._now - LOOK_AHEAD_MS)))
            level, is_voice, is_voiced = self._caller()
            robot_db = self._robot_level(self._now)
            self._obey(self.taker.step(frame, is_voice, level, robot_db, is_voiced=is_voiced))
        return self.happenings

    def _question(self) -> Question:
        return Question(
            needed_silence_ms=lambda text: needed_silence_ms(self.profile, text, self.fit(text), self.is_complete(text)),
            noinput_ms=self.noinput_ms,
            is_bargein_allowed=self.is_bargein_allowed,
            is_yes_an_answer=self.profile is Profile.YES_NO,
            echo_text=" ".join(prompt.text for prompt in self.prompts),
        )

    def _robot_level(self, ms: int) -> float:
        return max((p.level_db for p in self.prompts if p.at_ms <= ms < p.at_ms + p.ms), default=-96.0)

    def _caller(self) -> tuple[float, bool, bool]:
        here = [(level, s.is_voice, s.is_voiced) for s in self.sounds if (level := s.level_at(self._now)) is not None]
        for prompt in self.prompts:
            if prompt.echo_db is not None and prompt.at_ms + 100 <= self._now < prompt.at_ms + prompt.ms + 100:
                # Speech goes up and down; so does its echo.
                ripple = (0.0, -3.0, -1.0, -6.0)[self._now // FRAME_MS % 4]
                here.append((prompt.level_db + prompt.echo_db + ripple, True, True))
        return max(here, default=(self.noise_db, False, False))

    def _heard(self, until_ms: int, since_ms: int | None = None) -> str:
        since = self._listening_since if since_ms is None else since_ms
        assert since is not None
        words = [word for sound in self.sounds for word in sound.words_until(since, until_ms)]
        return self.hears(" ".join(words))

    def _obey(self, orders: list[Order]) -> None:
        for order in orders:
            match order:
                case StartListening(from_frame):
                    self._listening_since, self._is_settled = from_frame * FRAME_MS, False
                case Probe(from_frame):
                    self._obey(self.taker.probed(self._heard(self._now, from_frame * FRAME_MS)))
                case Settle():
                    self._is_settled = True
                    self._obey(self.taker.settled(self._heard(self._now)))
                case Resume():
                    self._is_settled = False
                case Forget():
                    self._note("forgot")
                    self._listening_since = None
                case Began():
                    self._note("began", order)
                case Suspected():
                    self._note("suspected", order)
                case Dismissed():
                    self._note("dismissed", order)
                case Interrupted():
                    self._note("interrupted", order)
                case NothingSaid():
                    self._note("nothing", order)
                case Ended():
                    words = self._heard(self._now) if self._listening_since is not None else ""
                    self.happenings.append(Happening(self._now, "ended", words, order))
                    self._listening_since = None

    def _note(self, what: What, order: Order | None = None) -> None:
        self.happenings.append(Happening(self._now, what, order=order))


def kinds(happenings: list[Happening]) -> list[str]:
    return [happening.what for happening in happenings]


def only(happenings: list[Happening], what: What) -> Happening:
    found = [happening for happening in happenings if happening.what == what]
    assert len(found) == 1, f"{what} happened {len(found)} times in {kinds(happenings)}"
    return found[0]
