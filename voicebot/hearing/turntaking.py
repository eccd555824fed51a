"""Whose turn is it: when the caller begins, interrupts, has finished, or says nothing. Pure: frames and words in, orders out.

Time is counted in frames of 20 ms, the media clock that line and brain share, so a test runs a conversation without
waiting. The owner (ear.py) carries orders out and brings back what the recogniser made of them.
"""

from collections import deque
from enum import Enum, auto

from voicebot.audio.levels import SILENCE_DB, RollingLevel
from voicebot.audio.pcm import FRAME_MS
from voicebot.hearing.backchannel import has_meaning, is_only_backchannel, words_of
from voicebot.hearing.bargein import is_interruption
from voicebot.hearing.echo import EchoGuard
from voicebot.hearing.gate import SpeechGate
from voicebot.hearing.noise import NoiseFloor
from voicebot.hearing.orders import (
    Began,
    Dismissed,
    Ended,
    EndReason,
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
from voicebot.hearing.profiles import SETTLE_MS

_FADE_DB = 0.05  # a frame: 2.5 dB a second
_PITCHED = 2  # frames
_CLEAR_SHARE = 0.8  # of a sound's frames; its loudest tell how far it stands above echo


class Phase(Enum):
    IDLE = auto()  # no question is open
    WAITING = auto()  # nobody speaks, or only the robot
    TENTATIVE = auto()  # sound over the robot's voice, not yet believed
    SPEAKING = auto()  # the caller's turn; the recogniser runs


class TurnTaker:
    """One per call. Call `step` for every frame; the other methods bring news."""

    def __init__(self, limits: TurnLimits | None = None) -> None:
        self.limits = limits or TurnLimits()
        self.phase = Phase.IDLE
        self.echo = EchoGuard()
        self.noise = NoiseFloor()
        self._gate = SpeechGate()
        self._peak = RollingLevel(500 // FRAME_MS)
        self._loudest_db = SILENCE_DB
        self._voiced: deque[int] = deque(maxlen=2000 // FRAME_MS)  # frames with a pitch
        self._question: Question | None = None
        self._frame = -1
        self._is_prompt_playing = False
        self._is_held = False
        self._timer_from = 0  # where the no-input time counts from
        self._grace_until: int | None = None
        self._not_before = 0  # sound before this belongs to an earlier turn
        # of the sound or turn in progress
        self._start = 0
        self._speech_frames = 0
        self._next_probe = 0
        self._is_last_probe = False
        self._clearance = RollingLevel(1000 // FRAME_MS)
        self._is_suspected = False
        self._is_over_robot = False
        self._is_bargein = False
        self._is_settled = False
        self._pause_ms = 0
        self._words = ""
        self._had_words = False
        self._changed_frame = 0
        self._needed_ms = 0

    # -- news -----------------------------------------------------------------------------------------------------------

    def open(self, question: Question) -> list[Order]:
        """A question is open from now on; an older one, with what was heard of its answer, is forgotten."""
        orders = self.close() if self.phase is Phase.SPEAKING else []
        self._question = question
        self.phase = Phase.WAITING
        self.restart_timer()
        return orders

    def close(self) -> list[Order]:
        """No answer is expected any more (the caller pressed a key, the call is transferred)."""
        was_heard = self.phase is Phase.SPEAKING
        self._shut()
        return [Forget()] if was_heard else []

    def prompt_started(self) -> None:
        self._is_prompt_playing = True

    def prompt_ended(self) -> list[Order]:
        """The robot has finished (or was cut): from here the caller's silence counts."""
        self._is_prompt_playing = False
        self._timer_from = self._frame
        if self._question is None or self._is_held or self.phase not in (Phase.WAITING, Phase.TENTATIVE):
            return []
        last = self._gate.last_speech_frame
        is_late_answer = last >= self._not_before and self._frame - last <= self.limits.late_answer_ms // FRAME_MS
        if self.phase is Phase.TENTATIVE or is_late_answer:
            return self._begin(is_over_robot=True)
        return []

    def held(self, is_held: bool) -> list[Order]:
        """The call is on hold: what comes in is not the caller, and no time passes."""
        self._is_held = is_held
        self._gate.reset()
        self._not_before = self._frame + 1
        self.restart_timer()
        orders = self._dismiss() if self.phase is Phase.TENTATIVE else []
        if self.phase is Phase.SPEAKING:
            orders.append(Forget())
        if self.phase is not Phase.IDLE:
            self.phase = Phase.WAITING
        return orders

    def restart_timer(self) -> None:
        """The caller's silence counts from here."""
        self._timer_from = self._frame
        self._grace_until = None

    def partial(self, words: str) -> list[Order]:
        """What the running recogniser has so far."""
        if self.phase is not Phase.SPEAKING or words == self._words:
            return []
        self._words, self._changed_frame = words, self._frame
        self._had_words = self._had_words or has_meaning(words)
        return self._interrupt_if_meant(words, is_cut_off=False)

    def probed(self, words: str) -> list[Order]:
        """What a probe of the sound over the robot gave."""
        if self.phase is not Phase.TENTATIVE:
            return []
        interruption = self._interrupt_if_meant(words, is_cut_off=not self._is_last_probe)
        if interruption:
            begun = self._begin(is_over_robot=True)
            self._is_bargein = True
            return [*begun, *interruption]
        if self._is_last_probe:
            self.phase = Phase.WAITING
            return self._dismiss()
        return []

    def settled(self, words: str) -> list[Order]:
        """The definite words up to here."""
        if self.phase is not Phase.SPEAKING or self._question is None:
            return []
        is_unchanged = words == self._words
        self._words, self._is_settled = words, True
        self._had_words = self._had_words or has_meaning(words)
        self._needed_ms = self._question.needed_silence_ms(words)
        if self._loudest_db < self.noise.level_db + self.limits.noisy_db:
            self._needed_ms += self.limits.noisy_extra_ms
        orders = self._interrupt_if_meant(words, is_cut_off=False)
        if self._silence_ms() >= SETTLE_MS:
            return [*orders, *self._end_if_silent_enough()]
        # No silence: we asked because the words stood still.
        if is_unchanged:
            return [*orders, *self._end(EndReason.STABLE)]
        self._is_settled, self._changed_frame = False, self._frame
        return [*orders, Resume(0)]

    # -- time -----------------------------------------------------------------------------------------------------------

    def step(self, frame: int, is_voice: bool, level_db: float, robot_db: float, *, is_voiced: bool = True) -> list[Order]:
        """Take the next frame: the detector's verdict, the caller's level and the level of what the robot played.

        `is_voiced`: the caller's sound has a pitch.
        """
        self._frame = frame
        self.echo.add(level_db, robot_db, is_caller=self.phase is Phase.SPEAKING)
        self.noise.add(level_db)
        self._peak.add(level_db)
        is_speech = is_voice and not self._is_held and self._is_loud_enough(level_db)
        self._gate.process(frame, is_speech)
        if is_speech:
            self._loudest_db = max(self._loudest_db - _FADE_DB, level_db)
            if is_voiced:
                self._voiced.append(frame)
        if self._question is None or self._is_held:
            return []
        if self.phase is Phase.WAITING:
            return self._wait(self._question)
        if self.phase is Phase.TENTATIVE:
            return self._doubt(level_db)
        return self._attend()

    def _is_loud_enough(self, level_db: float) -> bool:
        limits = self.limits
        return (
            self.noise.is_known
            and level_db > self.noise.level_db + limits.above_noise_db
            and level_db > self.echo.threshold_db
            and level_db > self._peak.maximum_db - limits.below_peak_db
        )

    def _wait(self, question: Question) -> list[Order]:
        if self._gate.is_open and self._gate.last_speech_frame >= self._not_before:
            if not self._is_prompt_playing:
                return self._begin(is_over_robot=False)
            if question.is_bargein_allowed:
                self.phase = Phase.TENTATIVE
                self._start = max(self._gate.started_frame, self._not_before)
                self._next_probe = self._start + self.limits.probe_from_ms // FRAME_MS
                self._is_last_probe = self._is_suspected = False
                self._is_bargein = False  # of an earlier turn
                self._clearance.clear()
            return []
        if self._is_prompt_playing:
            return []
        if self._grace_until is not None and self._frame >= self._grace_until:
            return self._end(EndReason.WORDLESS)
        if (self._frame - self._timer_from) * FRAME_MS >= question.noinput_ms:
            self._shut()
            return [NothingSaid(self._frame)]
        return []

    def _doubt(self, level_db: float) -> list[Order]:
        limits = self.limits
        if self._gate.last_speech_frame == self._frame:
            self._clearance.add(level_db - self.echo.threshold_db)
        elapsed_ms = (self._frame - self._start) * FRAME_MS
        orders: list[Order] = []
        is_clear = self._clearance.quantile_db(_CLEAR_SHARE) >= limits.suspect_clearance_db
        has_lasted = elapsed_ms >= (limits.suspect_ms if self._voiced_frames() >= _PITCHED else limits.suspect_unvoiced_ms)
        if not self._is_suspected and has_lasted and is_clear and self._gate.is_open:
            self._is_suspected = True
            orders.append(Suspected(self._frame))
        self._is_last_probe = not self._gate.is_open
        if self._frame >= self._next_probe or self._is_last_probe:
            is_early = elapsed_ms < limits.probe_seldom_after_ms
            self._next_probe = self._frame + (limits.probe_every_ms if is_early else limits.probe_seldom_every_ms) // FRAME_MS
            orders.append(Probe(self._from()))
        return orders

    def _attend(self) -> list[Order]:
        limits = self.limits
        silence_ms = self._silence_ms()
        if silence_ms == 0:
            self._speech_frames += 1
            if self._is_settled:
                self._is_settled, self._changed_frame = False, self._frame
                return [Resume(self._pause_ms)]
        self._pause_ms = silence_ms
        elapsed_ms = (self._frame - self._start) * FRAME_MS
        if elapsed_ms >= limits.longest_ms:
            return self._end(EndReason.TOO_LONG)
        if self._is_settled:
            return self._end_if_silent_enough()
        has_words = has_meaning(self._words)
        if elapsed_ms >= limits.wordless_ms and not self._had_words:
            return self._end(EndReason.WORDLESS)
        is_standing_still = has_words and (self._frame - self._changed_frame) * FRAME_MS >= limits.stable_ms
        return [Settle()] if silence_ms >= SETTLE_MS or is_standing_still else []

    # -- decisions ------------------------------------------------------------------------------------------------------

    def _silence_ms(self) -> int:
        return self._gate.silence_frames(self._frame) * FRAME_MS

    def _voiced_frames(self) -> int:
        """Frames with a pitch in the last two seconds of this sound."""
        return sum(1 for frame in self._voiced if frame >= self._start)

    def _is_unvoiced_burst(self) -> bool:
        limits = self.limits
        return self._speech_frames * FRAME_MS < limits.cough_ms and self._voiced_frames() < limits.voiced_frames

    def _from(self) -> int:
        """The first frame the recogniser gets: a little before the onset, not too long ago, not of an earlier turn."""
        lookback = self._frame - self.limits.lookback_ms // FRAME_MS
        return max(self._not_before, self._start - self.limits.preroll_ms // FRAME_MS, lookback, 0)

    def _begin(self, *, is_over_robot: bool) -> list[Order]:
        self.phase = Phase.SPEAKING
        self._start = max(self._gate.started_frame, self._not_before)
        self._speech_frames = self._gate.last_speech_frame - self._start + 1
        self._is_over_robot = is_over_robot
        self._is_bargein = self._is_settled = False
        self._words, self._changed_frame, self._pause_ms = "", self._frame, 0
        self._had_words = False
        return [StartListening(self._from()), Began(self._start)]

    def _interrupt_if_meant(self, words: str, *, is_cut_off: bool) -> list[Order]:
        question = self._question
        if question is None or not self._is_prompt_playing or self._is_bargein or not question.is_bargein_allowed:
            return []
        if self._voiced_frames() < _PITCHED:
            return []
        is_meant = is_interruption(
            words,
            elapsed_ms=(self._frame - self._start) * FRAME_MS,
            clearance_db=self._clearance.quantile_db(_CLEAR_SHARE),
            echo_text=question.echo_text,
            is_yes_an_answer=question.is_yes_an_answer,
            is_cut_off=is_cut_off,
        )
        if not is_meant:
            return []
        self._is_bargein = True
        self.echo.unlearn(self._frame - self._start + 1)
        return [Interrupted(self._frame)]

    def _end_if_silent_enough(self) -> list[Order]:
        limits, silence_ms = self.limits, self._silence_ms()
        if has_meaning(self._words) and not self._is_unvoiced_burst():
            is_listening_noise = self._is_over_robot and not self._is_bargein and self._is_only_listening()
            if is_listening_noise and silence_ms >= limits.cough_silence_ms:
                return self._drop(has_grace=False)
            if not is_listening_noise and silence_ms >= self._needed_ms:
                return self._end(EndReason.WORDLESS if self._is_sparse() else EndReason.FINISHED)
            return []
        if self._speech_frames * FRAME_MS < limits.cough_ms:
            return self._drop(has_grace=not self._is_over_robot) if silence_ms >= limits.cough_silence_ms else []
        return self._end(EndReason.WORDLESS) if silence_ms >= limits.wordless_silence_ms else []

    def _dismiss(self) -> list[Order]:
        was_suspected, self._is_suspected = self._is_suspected, False
        return [Dismissed(self._frame)] if was_suspected else []

    def _is_only_listening(self) -> bool:
        is_answer = self._question is not None and self._question.is_yes_an_answer
        return not is_answer and is_only_backchannel(self._words)

    def _is_sparse(self) -> bool:
        spoken_ms = self._speech_frames * FRAME_MS
        return (
            spoken_ms >= self.limits.sparse_after_ms
            and len(words_of(self._words)) * 1000 < self.limits.words_a_second * spoken_ms
        )

    def _drop(self, *, has_grace: bool) -> list[Order]:
        """It was no speech: wait on, but not as long as if nothing had been there (it may have been a lost "да")."""
        self.phase = Phase.WAITING
        self._not_before = self._frame + 1
        if has_grace and self._grace_until is None:
            self._grace_until = self._frame + self.limits.grace_ms // FRAME_MS
        return [Forget()]

    def _end(self, reason: EndReason) -> list[Order]:
        if reason is EndReason.FINISHED:
            self.echo.unlearn(self._frame - self._start + 1)
        ended = Ended(reason, self._start, max(self._start, self._gate.last_speech_frame), self._is_bargein)
        self._shut()
        return [ended]

    def _shut(self) -> None:
        self.phase = Phase.IDLE
        self._question = None
        self._grace_until = None
        self._not_before = self._frame + 1
