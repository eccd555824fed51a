"""Human voices: telephone prompts and a reader, both of Debian packages; recordings of one's own. None is ever committed."""

from collections.abc import Iterator
from pathlib import Path

from bench.recognition.channel import on_the_line
from bench.recognition.sets import Spoken
from bench.recognition.texts import Line, read, read_table
from models.recipe.speech_store import read_all
from models.recipe.workfolder import WorkFolder
from voicebot.audio.pcm import TELEPHONE_HZ, Pcm
from voicebot.audio.wav import read_sound
from voicebot.errors import StorageError

PROMPTS = Path("/usr/share/asterisk/sounds/ru")
PROMPTS_CURE = "the human telephone prompts: install Debian's asterisk-core-sounds-ru-wav"
READER_CURE = "the human reader: run the recipe's step `speech` with Debian's festvox-ru; it keeps recordings out of training"


def prompts(kind: str) -> Iterator[Spoken]:
    """Yield the prompts of a kind (`answer` or `open`) of a woman; nothing where the package is not installed."""
    for line in read("prompts.tsv"):
        is_of_kind, _, name = line.kind.partition("\t")
        path = PROMPTS / f"{name}.wav"
        if is_of_kind == kind and path.exists():
            yield Spoken(Line(line.written), on_the_line(read_sound(path, TELEPHONE_HZ)))


def reader(work: str | None = None) -> Iterator[Spoken]:
    """Yield what festvox-ru's reader says in the recordings that the recipe held out; nothing where it has not run."""
    folder = WorkFolder.choose(work).root / "held_out"
    if folder.is_dir():
        for number, utterance in enumerate(read_all(folder)):
            yield Spoken(Line(utterance.text), on_the_line(Pcm(TELEPHONE_HZ, utterance.samples), place=number))


def recorded(folder: Path) -> Iterator[Spoken]:
    """Yield the calls that `voicebot qa export-tests` wrote: cases.tsv and a WAV file a case, as they came off the line."""
    table = folder / "cases.tsv"
    if not table.exists():
        raise StorageError(f"{table} is missing.", "Give a folder that `voicebot qa export-tests` wrote.")
    for line in read_table(table):
        name = line.kind.rpartition("\t")[2]
        yield Spoken(Line(line.written), read_sound(folder / f"{name}.wav", TELEPHONE_HZ).samples)
