"""What turn taking tells its owner to do, and what it must know of a question."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


class EndReason(Enum):
    FINISHED = auto()
    STABLE = auto()  # the words stopped changing though the noise goes on
    TOO_LONG = auto()
    WORDLESS = auto()  # there was sound, but nothing was said


@dataclass(frozen=True, slots=True)
class StartListening:
    """Give the recogniser everything from this frame on."""

    from_frame: int


@dataclass(frozen=True, slots=True)
class Probe:
    """Recognise what came since this frame, at once, and tell `probed`."""

    from_frame: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Get the definite words of what was heard so far and tell `settled`."""


@dataclass(frozen=True, slots=True)
class Resume:
    """The caller goes on after a settled pause of so long (0: there was no pause)."""

    pause_ms: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop what was heard: it was no speech."""


@dataclass(frozen=True, slots=True)
class Began:
    """The caller speaks (believed)."""

    frame: int


@dataclass(frozen=True, slots=True)
class Suspected:
    """There is a clear sound over the robot's voice; whether it is an interruption is not known yet."""

    frame: int


@dataclass(frozen=True, slots=True)
class Dismissed:
    """What was suspected was none: a cough, a noise, an "угу"."""

    frame: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The caller speaks over the robot and means it."""

    frame: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The caller's turn is over; frames are those of its first and last speech."""

    reason: EndReason
    start_frame: int
    end_frame: int
    is_bargein: bool


@dataclass(frozen=True, slots=True)
class NothingSaid:
    """The no-input time is over."""

    frame: int


Order = StartListening | Probe | Settle | Resume | Forget | Began | Suspected | Dismissed | Interrupted | Ended | NothingSaid


@dataclass(frozen=True, slots=True)
class Question:
    """An open question, as far as turn taking cares."""

    needed_silence_ms: Callable[[str], int]
    """The silence that ends the turn once these words were said."""

    noinput_ms: int = 6000
    is_bargein_allowed: bool = True
    is_yes_an_answer: bool = False
    """A yes/no question: "да" interrupts, and "угу" at the prompt's end is an answer."""

    echo_text: str = ""
    """What the robot is saying meanwhile."""


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """Times in ms, levels in dB."""

    preroll_ms: int = 300
    """Sound before the detected onset that the recogniser gets, so that soft first consonants are not lost."""

    lookback_ms: int = 1500
    """How far back speech that began over the robot is heard once the robot has finished."""

    late_answer_ms: int = 500
    """Speech that ended so shortly before the prompt did is an answer to it."""

    suspect_ms: int = 120
    """A clear sound over the robot is told (Suspected) after so long."""

    suspect_unvoiced_ms: int = 200
    """The same while nothing in it has a pitch: it may be breath, or the beginning of "стоп"."""

    suspect_clearance_db: float = 4.0
    """Clear: so far above the echo threshold."""

    probe_from_ms: int = 200
    """The first words of an interruption are looked for after so long: earlier they are guesses."""

    probe_every_ms: int = 40
    probe_seldom_after_ms: int = 500
    probe_seldom_every_ms: int = 160

    cough_ms: int = 1000
    """Sound without words that is shorter than this is dropped ..."""

    cough_silence_ms: int = 400

    grace_ms: int = 2500
    """... and if nothing follows for so long, nothing was understood."""

    voiced_frames: int = 3
    """Fewer frames with a pitch in sound shorter than `cough_ms`: no word was said, whatever the recogniser made of it."""

    wordless_silence_ms: int = 700

    wordless_ms: int = 5000
    """Noise or music: sound that goes on for so long without a word ends the turn."""

    longest_ms: int = 22_000
    """Nobody answers for longer: the detector is stuck."""

    stable_ms: int = 1800
    """Words that stay the same for so long end the turn, whatever the detector says of a noisy line."""

    words_a_second: float = 0.35
    """Fewer words than that in `sparse_after_ms` of sound were never said: music."""

    sparse_after_ms: int = 4000

    above_noise_db: float = 4.0

    noisy_db: float = 15.0
    """Speech that is not further above the noise is noisy: the detector misses more of it ..."""

    noisy_extra_ms: int = 160
    """... so a silence must last longer to be believed."""

    below_peak_db: float = 27.0
    """Fainter than this below the loudest of the last half second is the detector's hang-over, not speech."""


CAREFUL = TurnLimits(probe_from_ms=340, probe_every_ms=60)
"""For an owner that pauses the robot on Suspected and goes on after Dismissed: then there is time to hear whole words, and
neither a cough nor a "понятно" costs the prompt."""
