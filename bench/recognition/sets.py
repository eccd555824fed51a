"""Which texts are spoken by whom over which line, and what is asked of the recogniser there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.recognition.channel import Samples, on_the_line
from bench.recognition.texts import Line, read
from bench.recognition.voices import Studio, Voice
from voicebot.audio.pcm import Pcm

_SIDE_STEP = 4  # of sets without an aim: some eighty of the free sentences


@dataclass(frozen=True, slots=True)
class SpokenSet:
    """`aim`: the word error rate to stay below, per cent; None where it is only reported. `step`: every n-th line."""

    name: str
    texts: str
    voice: str  # unseen, espeak or espeak_variant
    noise: str = ""  # white or babble
    snr_db: float = 0.0
    aim: float | None = None
    step: int = 1


@dataclass(frozen=True, slots=True)
class Spoken:
    """One utterance as it comes off the line."""

    line: Line
    samples: Samples


def _family(name: str, texts: str, aims: tuple[float, float, float | None, float | None], levels: bool) -> list[SpokenSet]:
    """The sets of one list of texts; `aims`: clean, white at 10 dB, babble at 10 dB, espeak-ng."""
    clean, white, babble, espeak = aims
    sets = [SpokenSet(f"{name}, clean", texts, "unseen", aim=clean)]
    for noise, aim in (("white", white), ("babble", babble)):
        for snr_db in (20.0, 10.0, 5.0) if levels else (10.0,):
            is_middle = snr_db == 10.0
            sets.append(
                SpokenSet(f"{name}, {noise} {snr_db:.0f} dB", texts, "unseen", noise, snr_db, aim if is_middle else None,
                          1 if is_middle else _SIDE_STEP)
            )  # fmt: skip
    return [*sets, SpokenSet(f"{name}, espeak-ng", texts, "espeak", aim=espeak)]


TEST_SETS = (
    *_family("free", "free.txt", (12.0, 25.0, 40.0, 6.0), levels=True),
    SpokenSet("free, other espeak-ng voices", "free.txt", "espeak_variant", step=_SIDE_STEP),
    *_family("in-domain", "phrases.tsv", (4.0, 10.0, 10.0, None), levels=False),
)
DEVELOPMENT_SETS = (
    *_family("development fresh", "development_fresh.txt", (12.0, 25.0, 40.0, 6.0), levels=False),
    *_family("development free", "development.txt", (12.0, 25.0, 40.0, 6.0), levels=False),
    SpokenSet("development early, clean", "development_early.txt", "unseen"),
    *_family("development in-domain", "development_phrases.tsv", (4.0, 10.0, 10.0, None), levels=False),
    *_family("development answers", "development_answers.tsv", (4.0, 10.0, 10.0, None), levels=False),
)


class Noises:
    """The two noises, made at first use."""

    def __init__(self, studio: Studio) -> None:
        self._make: dict[str, Callable[[], Pcm]] = {"white": studio.white, "babble": studio.babble}
        self._made: dict[str, Pcm] = {}

    def get(self, name: str) -> Pcm | None:
        if not name:
            return None
        if name not in self._made:
            self._made[name] = self._make[name]()
        return self._made[name]


def speak(wanted: SpokenSet, studio: Studio, noises: Noises, step: int = 1) -> Iterator[Spoken]:
    """Yield the utterances of a set."""
    voices: dict[str, Voice] = {"unseen": studio.unseen, "espeak": studio.espeak, "espeak_variant": studio.espeak_variant}
    voice = voices[wanted.voice]
    noise = noises.get(wanted.noise)
    for number, line in enumerate(read(wanted.texts)):
        if number % (wanted.step * step) == 0:
            yield Spoken(line, on_the_line(voice(line), noise, wanted.snr_db, place=number))
