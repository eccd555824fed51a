"""`python -m bench.understanding.confusions`: what the embedded recogniser makes of the taught phrases in noise.

The phrases that teach a clinic's understanding are spoken by voices that the recogniser was trained on (never by the bench's
own), a little quicker or slower and so higher or lower, in white noise, and heard openly. Two files come of it, to be made
again for another model: what was heard of each phrase goes to understanding/heard.tsv of the clinic's folder, from which its
training learns; of the demo clinic, what stands in place of which words to voicebot/dialog/understanding/misheard.tsv, with
which training damages the phrases of all other clinics (`noise`).
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from bench.recognition.channel import on_the_line
from bench.recognition.listening import Listener
from bench.robot import DEMO, EMBEDDED_MODEL
from bench.understanding.hearing import digest_of
from voicebot.audio.pcm import Pcm
from voicebot.clinic.catalogue import load_catalogue
from voicebot.dialog.understanding.noise import MISHEARD
from voicebot.dialog.understanding.phrases import HEARD, all_phrases, faq_phrases
from voicebot.errors import ModelError, VoicebotError
from voicebot.patient.sound import white_noise
from voicebot.russian.text import normalise
from voicebot.settings import load
from voicebot.supplies.rhvoice import RhvoiceFiles, find_rhvoice
from voicebot.voice.rhvoice import RhvoiceEngine
from voicebot.voice.telephone import gain_for, to_telephone

_VOICES = ("Anna", "Elena", "Aleksandr", "Aleksandr-hq")  # models/recipe/rhvoice.py, TRAINING_VOICES
_RATES = (0.9, 1.0, 1.1)
_SPEED = (0.9, 1.1)  # of the whole sound, pitch and all: the voices are not quite those of the training
_SNR_DB = (5.0, 14.0)
_NOISE_DB, _NOISE_SECONDS = -23.0, 60.0
_LEAST_CONFIDENCE, _MOST = 0.1, 3  # of hypotheses that are kept
_LONGEST = 2  # said words in a row that were heard as others
_LONGEST_HEARD = 3

Pair = tuple[str, str]
"""A phrase as it was said, and as it was heard; normalised."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Speak, hear, count and write; what was heard before is taken from the cache."""
    parser = argparse.ArgumentParser(prog="bench.understanding.confusions", description=__doc__)
    parser.add_argument("--most", type=int, default=20000, help="phrases to speak at most; 4000 take ten minutes of one core")
    parser.add_argument("--takes", type=int, default=1, help="how often each is spoken, by other voices in other noise")
    parser.add_argument("--folder", type=Path, default=DEMO, help="a clinic's folder; default: the demo clinic")
    parser.add_argument("--heard", type=Path, help="where all that was heard is kept; default: in the cache")
    parser.add_argument("--only-write", action="store_true", help="hear nothing, write what was heard before")
    options = parser.parse_args(arguments)
    settings = load()
    kept = options.heard or settings.cache / "bench-understanding" / f"taught-{digest_of(EMBEDDED_MODEL)}.jsonl"
    try:
        catalogue = load_catalogue(options.folder / "clinic")
        taught = [*all_phrases(catalogue, options.folder, {}).values(), *faq_phrases(catalogue, options.folder).values()]
        phrases = sorted({phrase for several in taught for phrase in several})
        random.Random(1).shuffle(phrases)
        files = find_rhvoice(settings.cache)
        if files is None:
            raise ModelError("RHVoice is not in the cache.", "Run `make voice`.")
        if not options.only_write:
            met = {said for said, _ in read(kept)} if kept.exists() else set[str]()
            phrases.sort(key=met.__contains__)  # stable: those never heard come first
            hear([(phrase, take) for take in range(options.takes) for phrase in phrases[: options.most]], kept, files)
    except VoicebotError as error:
        print(error, file=sys.stderr)
        return 1
    if options.folder.resolve() == DEMO.resolve():
        _write(MISHEARD, "said, heard, how often of 100", table(read(kept, is_best_only=True)))
    _write(options.folder / HEARD, "said, heard", heard_of(read(kept), set(phrases)))
    return 0


def _write(path: Path, columns: str, lines: Iterable[str]) -> None:
    several = list(lines)
    head = f"# {columns}; made by `python -m bench.understanding.confusions`"
    path.write_text("\n".join([head, *several, ""]), encoding="utf-8")
    print(f"{path}: {len(several)} lines")


def hear(wanted: Sequence[tuple[str, int]], kept: Path, files: RhvoiceFiles) -> None:
    """Append what is heard of the phrases' takes that `kept` does not have yet."""
    known = {(row["said"], row.get("take", 0)) for row in _rows(kept)} if kept.exists() else set()
    listener = Listener(EMBEDDED_MODEL, is_trusted=True)
    noise = white_noise(_NOISE_DB, _NOISE_SECONDS)
    engines: dict[tuple[str, float], RhvoiceEngine] = {}
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.open("a", encoding="utf-8") as sink:
        for phrase, take in wanted:
            if (phrase, take) in known:
                continue
            rng = random.Random(f"{phrase}/{take}" if take else phrase)
            who = rng.choice(_VOICES), rng.choice(_RATES)
            if who not in engines:
                engines[who] = RhvoiceEngine(files, *who)
            native = engines[who].synthesise(phrase)
            speech = _at_speed(to_telephone([native], gain_for(native)), rng.uniform(*_SPEED))
            sound = on_the_line(speech, noise, rng.uniform(*_SNR_DB), place=rng.randrange(1000))
            several = [one.text for one in listener.hear(sound) if one.confidence >= _LEAST_CONFIDENCE][:_MOST]
            for heard in several or [""]:
                sink.write(json.dumps({"said": phrase, "take": take, "heard": heard}, ensure_ascii=False) + "\n")
            sink.flush()
    for engine in engines.values():
        engine.close()


def _at_speed(speech: Pcm, speed: float) -> Pcm:
    """Played quicker or slower, higher or lower, as of a tape."""
    places = np.arange(int(len(speech.samples) / speed)) * speed
    moved = np.interp(places, np.arange(len(speech.samples)), speech.samples.astype(np.float64))
    return Pcm(speech.rate_hz, moved.astype(np.int16))


def _rows(kept: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def read(kept: Path, *, is_best_only: bool = False) -> list[Pair]:
    """What was said and heard, of every take: all hypotheses, or the best one."""
    takes: dict[tuple[str, object], list[str]] = {}
    for row in _rows(kept):
        takes.setdefault((normalise(row["said"]), row.get("take", 0)), []).append(normalise(row["heard"]))
    return [(said, heard) for (said, _), several in takes.items() for heard in several[: 1 if is_best_only else None]]


def heard_of(pairs: Iterable[Pair], known: set[str]) -> Iterator[str]:
    """Lines "said<TAB>heard" of the known phrases that were heard as others, if as anything; the likeliest first."""
    several = dict.fromkeys((said, heard) for said, heard in pairs if said in known and heard not in ("", said))
    yield from (f"{said}\t{heard}" for said, heard in sorted(several, key=lambda pair: pair[0]))


def table(pairs: Iterable[Pair]) -> Iterator[str]:
    """Lines "said<TAB>heard<TAB>per cent", of each chunk of words that was ever heard as another."""
    said, changed = Counter[str](), Counter[Pair]()
    for before, after in pairs:
        words, heard = before.split(), after.split()
        for length in range(1, _LONGEST + 1):
            said.update(" ".join(words[start : start + length]) for start in range(len(words) - length + 1))
        for kind, first, last, begin, end in SequenceMatcher(None, words, heard, autojunk=False).get_opcodes():
            if kind in ("replace", "delete") and last - first <= _LONGEST and end - begin <= _LONGEST_HEARD:
                changed[(" ".join(words[first:last]), " ".join(heard[begin:end]))] += 1
    for (chunk, heard_as), count in sorted(changed.items()):
        yield f"{chunk}\t{heard_as}\t{max(1, round(100 * count / said[chunk]))}"


if __name__ == "__main__":
    sys.exit(main())
