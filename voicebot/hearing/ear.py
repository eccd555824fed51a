"""The ear of one call: frames in, what the caller did out. Glue between turn taking and the recognisers."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import structlog

from voicebot.audio.levels import frame_level_db
from voicebot.audio.pcm import FRAME_BYTES, FRAME_MS
from voicebot.dialog.talking import Alternative, Expect, Heard, NotHeard, Profile
from voicebot.hearing.choose import Fits, choose
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
from voicebot.hearing.profiles import needed_silence_ms
from voicebot.hearing.recogniser import SpeechModel
from voicebot.hearing.transcriber import Hypotheses, Transcriber
from voicebot.hearing.turntaking import TurnTaker
from voicebot.hearing.vad import VoiceDetector
from voicebot.hearing.voicing import VOICED, Voicing, periodicity

log = structlog.get_logger(__name__)

IsComplete = Callable[[str, Expect], bool]
"""Whether a text answers a question so that nothing can be missing: eleven digits, a plain "да" (from the dialog room)."""

_KEPT_FRAMES = 2000 // FRAME_MS
_BRIDGED_GAP_FRAMES = 500 // FRAME_MS
_SILENT_FRAME = bytes(FRAME_BYTES)


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The caller speaks; over the robot this comes only with a believed interruption or when the prompt is over."""

    frame: int


@dataclass(frozen=True, slots=True)
class SpeechSuspected:
    """A clear sound over the robot's voice, 120 ms of it. Pause the robot if you can go on later; BargeIn or
    SuspicionDismissed follows within some 100-600 ms. Do not call `prompt_ended` for such a pause."""

    frame: int


@dataclass(frozen=True, slots=True)
class SuspicionDismissed:
    """It was a cough, a noise or an "угу": let the robot go on."""

    frame: int


@dataclass(frozen=True, slots=True)
class BargeIn:
    """The caller interrupts the robot: silence it now. TurnEnded follows when the caller has finished."""

    frame: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The caller has finished. Frames tell when speech began and ended and when that was decided."""

    event: Heard | NotHeard
    speech_start_frame: int
    speech_end_frame: int
    decided_frame: int
    partial_ms: float
    """CPU time of recognition while the caller spoke."""

    final_ms: float
    """Time from asking for the definite words to having them."""

    reason: EndReason


@dataclass(frozen=True, slots=True)
class NoInputElapsed:
    """Nothing was said within the question's no-input time after the prompt."""

    frame: int


HearingEvent = SpeechBegan | SpeechSuspected | SuspicionDismissed | BargeIn | TurnEnded | NoInputElapsed


class Ear:
    """One per call; not thread-safe, call it from one thread at a time.

    `listen` opens a question, best when its prompt starts playing, so that the caller can interrupt; it is closed by
    TurnEnded, NoInputElapsed or `stop`. `feed` takes every frame of the call, question or not; `take` and `work` are its halves
    for an owner that does not want a thread for each frame.
    """

    def __init__(
        self,
        model: SpeechModel,
        fits: Fits,
        is_complete: IsComplete,
        vad_mode: int = 3,
        limits: TurnLimits | None = None,
    ) -> None:
        self._model = model
        self._fits = fits
        self._is_complete = is_complete
        self._detector = VoiceDetector(vad_mode)
        self._voicing = Voicing()
        self._turns = TurnTaker(limits)
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=_KEPT_FRAMES)
        self._frame = -1
        self._expect: Expect | None = None
        self._grammar: tuple[str, ...] = ()
        self._transcriber: Transcriber | None = None
        # What the last frame asks for, until `work`: orders to obey, or the frame itself.
        self._orders: list[Order] = []
        self._waiting: tuple[int, bytes, bytes] | None = None

    def listen(self, expect: Expect, echo_text: str = "") -> None:
        """Open a question. `echo_text` is what the robot says meanwhile."""
        self._expect = expect
        self._grammar = self._usable(expect.grammar)
        self._obey(
            self._turns.open(
                Question(
                    needed_silence_ms=self._needed_silence_ms,
                    noinput_ms=round(expect.noinput_seconds * 1000),
                    is_bargein_allowed=expect.is_bargein_allowed,
                    is_yes_an_answer=expect.profile is Profile.YES_NO,
                    echo_text=echo_text,
                )
            )
        )

    def stop(self) -> None:
        """Close the open question, if any: a key was pressed, the call is transferred."""
        self._obey(self._turns.close())

    def prompt_started(self, frame: int) -> None:
        """The robot's voice leaves for the caller from this frame on."""
        self._turns.prompt_started()

    def prompt_ended(self, frame: int) -> list[HearingEvent]:
        """The robot has finished or was cut: the no-input time starts."""
        return self._obey(self._turns.prompt_ended())

    def held(self, is_held: bool) -> list[HearingEvent]:
        """The caller's side put the call on hold, or took it back."""
        return self._obey(self._turns.held(is_held))

    def restart_noinput(self) -> None:
        """The caller did something (a digit that is not yet the answer): the no-input time starts anew."""
        self._turns.restart_timer()

    def take(self, frame: int, caller: bytes, robot: bytes) -> bool:
        """Note 20 ms of both directions (b"" is silence). True: `work` must be called before the next frame is noted.

        Costs some microseconds; most frames of a call ask for nothing more.
        """
        is_gap = frame > self._frame + 1
        if is_gap or (self._transcriber is not None and self._transcriber.is_due(FRAME_BYTES)):
            self._waiting = (frame, caller, robot)
            return True
        if self._transcriber is not None:
            self._transcriber.note(_whole(caller))
        self._orders = self._judge(frame, caller, robot)
        return bool(self._orders)

    def work(self) -> list[HearingEvent]:
        """Do what the last noted frame asks for; some milliseconds where recognition runs: best in a thread."""
        orders, self._orders = self._orders, []
        waiting, self._waiting = self._waiting, None
        events = self._obey(orders)
        if waiting is not None:
            frame, caller, robot = waiting
            # Frames that never came are silence, as far as that is believable.
            for missing in range(max(self._frame + 1, frame - _BRIDGED_GAP_FRAMES), frame):
                events += self._hear(missing, b"", b"")
            events += self._hear(frame, caller, robot)
        return events

    def feed(self, frame: int, caller: bytes, robot: bytes) -> list[HearingEvent]:
        """`take` a frame and do the work that it asks for."""
        return self.work() if self.take(frame, caller, robot) else []

    # -- inside ---------------------------------------------------------------------------------------------------------

    def _hear(self, frame: int, caller: bytes, robot: bytes) -> list[HearingEvent]:
        events: list[HearingEvent] = []
        if self._transcriber is not None and self._transcriber.feed(_whole(caller)):
            events += self._obey(self._turns.partial(self._transcriber.partial()))
        return events + self._obey(self._judge(frame, caller, robot))

    def _judge(self, frame: int, caller: bytes, robot: bytes) -> list[Order]:
        self._frame = frame
        sound = _whole(caller)
        self._kept.append((frame, sound))
        self._voicing.add(sound)
        is_voice = self._detector.is_speech(caller)
        is_voiced = is_voice and periodicity(self._voicing.window()) > VOICED
        return self._turns.step(frame, is_voice, frame_level_db(caller), frame_level_db(robot), is_voiced=is_voiced)

    def _obey(self, orders: list[Order]) -> list[HearingEvent]:
        events: list[HearingEvent] = []
        for order in orders:
            match order:
                case StartListening(from_frame):
                    self._start_listening(from_frame)
                case Probe(from_frame):
                    events += self._obey(self._turns.probed(self._probe_words(from_frame)))
                case Settle():
                    events += self._obey(self._turns.settled(self._settled_words()))
                case Resume(pause_ms):
                    if self._transcriber is not None:
                        self._transcriber.resume(pause_ms)
                case Forget():
                    self._drop_transcriber()
                case Began(frame):
                    events.append(SpeechBegan(frame))
                case Suspected(frame):
                    events.append(SpeechSuspected(frame))
                case Dismissed(frame):
                    events.append(SuspicionDismissed(frame))
                case Interrupted(frame):
                    events.append(BargeIn(frame))
                case NothingSaid(frame):
                    events.append(NoInputElapsed(frame))
                case Ended():
                    events.append(self._end(order))
        return events

    def _drop_transcriber(self) -> None:
        if self._transcriber is not None:
            self._transcriber.release()
            self._transcriber = None

    def _start_listening(self, from_frame: int) -> None:
        self._drop_transcriber()
        by_grammar = self._model.turn(self._grammar) if self._grammar else None
        self._transcriber = Transcriber(self._model.turn(), by_grammar)
        self._transcriber.feed(self._sound_since(from_frame))

    def _sound_since(self, from_frame: int) -> bytes:
        return b"".join(sound for frame, sound in self._kept if frame >= from_frame)

    def _probe_words(self, from_frame: int) -> str:
        probe = self._model.turn()
        probe.accept(self._sound_since(from_frame))
        heard = probe.final()
        probe.release()
        return heard[0].text if heard else ""

    def _settled_words(self) -> str:
        if self._transcriber is None:
            return ""
        chosen = self._choose(self._transcriber.settle())
        return chosen[0].text if chosen else ""

    def _choose(self, heard: Hypotheses) -> tuple[Alternative, ...]:
        if self._expect is None or self._transcriber is None:
            return ()
        return choose(heard.openly, heard.by_grammar, self._transcriber.last_words, self._expect, self._fits)

    def _needed_silence_ms(self, words: str) -> int:
        expect = self._expect
        if expect is None:
            return 0
        return needed_silence_ms(expect.profile, words, self._fits(words, expect), self._is_complete(words, expect))

    def _end(self, ended: Ended) -> TurnEnded:
        started = perf_counter()
        chosen: tuple[Alternative, ...] = ()
        partial_ms = final_ms = 0.0
        if self._transcriber is not None:
            if ended.reason is not EndReason.WORDLESS:
                chosen = self._choose(self._transcriber.settle())
            partial_ms = self._transcriber.partial_ms
            final_ms = self._transcriber.final_ms + (perf_counter() - started) * 1000
        self._drop_transcriber()
        event: Heard | NotHeard = Heard(chosen, ended.is_bargein) if chosen else NotHeard()
        log.debug("turn_ended", reason=ended.reason.name, is_heard=bool(chosen), final_ms=round(final_ms, 1))
        return TurnEnded(event, ended.start_frame, ended.end_frame, self._frame, partial_ms, final_ms, ended.reason)

    def _usable(self, grammar: tuple[str, ...]) -> tuple[str, ...]:
        """The phrases the model can hear. Warnings were given at start-up, by prove_grammar."""
        if not grammar or not self._model.is_grammar_supported:
            return ()
        return tuple(phrase for phrase in grammar if phrase and all(map(self._model.has_word, phrase.split())))


def _whole(caller: bytes) -> bytes:
    return caller if len(caller) == FRAME_BYTES else _SILENT_FRAME
