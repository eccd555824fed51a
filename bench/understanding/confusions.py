"""`python -m bench.understanding.confusions`: what the embedded recogniser makes of taught words in noise.

The phrases that teach a clinic's understanding are spoken by voices that the recogniser was trained on (never by the bench's
own), in white noise, and heard openly. What stands in place of which words goes to voicebot/dialog/understanding/misheard.tsv;
training damages phrases with it (`noise`), also those of other clinics. To be made again for another model.
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from bench.recognition.channel import on_the_line
from bench.recognition.listening import Listener, best
from bench.robot import DEMO, EMBEDDED_MODEL
from voicebot.clinic.catalogue import load_catalogue
from voicebot.dialog.understanding.noise import MISHEARD
from voicebot.dialog.understanding.phrases import all_phrases
from voicebot.errors import ModelError, VoicebotError
from voicebot.patient.sound import white_noise
from voicebot.russian.text import normalise
from voicebot.settings import load
from voicebot.supplies.rhvoice import RhvoiceFiles, find_rhvoice
from voicebot.voice.rhvoice import RhvoiceEngine
from voicebot.voice.telephone import gain_for, to_telephone

_VOICES = ("Anna", "Elena", "Aleksandr", "Aleksandr-hq")  # models/recipe/rhvoice.py, TRAINING_VOICES
_RATES = (0.9, 1.0, 1.1)
_HEAD = "# said, heard, how often of 100; made by `python -m bench.understanding.confusions`"
_SNR_DB = (7.0, 14.0)
_NOISE_DB, _NOISE_SECONDS = -23.0, 60.0
_LONGEST = 2  # said words in a row that were heard as others
_LONGEST_HEARD = 3

Pair = tuple[str, str]
"""A phrase as it was said, and as it was heard; normalised."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Speak, hear, count and write; what was heard before is taken from the cache."""
    parser = argparse.ArgumentParser(prog="bench.understanding.confusions", description=__doc__)
    parser.add_argument("--most", type=int, default=4000, help="phrases to speak at most; default: 4000 (an hour of one core)")
    parser.add_argument("--folder", type=Path, default=DEMO, help="a clinic's folder; default: the demo clinic")
    parser.add_argument("--heard", type=Path, help="where what was heard is kept; default: in the cache")
    options = parser.parse_args(arguments)
    settings = load()
    kept = options.heard or settings.cache / "bench-understanding" / "taught.jsonl"
    try:
        taught = all_phrases(load_catalogue(options.folder / "clinic"), options.folder, {})
        phrases = sorted({phrase for several in taught.values() for phrase in several})
        random.Random(1).shuffle(phrases)
        files = find_rhvoice(settings.cache)
        if files is None:
            raise ModelError("RHVoice is not in the cache.", "Run `make voice`.")
        hear(phrases[: options.most], kept, files)
    except VoicebotError as error:
        print(error, file=sys.stderr)
        return 1
    lines = list(table(read(kept)))
    MISHEARD.write_text(
        "\n".join(["# said, heard, how often of 100; made by `python -m bench.understanding.confusions`", *lines, ""])
    )
    print(f"{MISHEARD}: {len(lines)} lines")
    return 0


def hear(phrases: Sequence[str], kept: Path, files: RhvoiceFiles) -> None:
    """Append what is heard of the phrases that `kept` does not have yet."""
    known = {said for said, _ in read(kept)} if kept.exists() else set()
    listener = Listener(EMBEDDED_MODEL, is_trusted=True)
    noise = white_noise(_NOISE_DB, _NOISE_SECONDS)
    engines: dict[tuple[str, float], RhvoiceEngine] = {}
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.open("a", encoding="utf-8") as sink:
        for phrase in phrases:
            if phrase in known:
                continue
            rng = random.Random(phrase)
            who = rng.choice(_VOICES), rng.choice(_RATES)
            if who not in engines:
                engines[who] = RhvoiceEngine(files, *who)
            native = engines[who].synthesise(phrase)
            speech = to_telephone([native], gain_for(native))
            sound = on_the_line(speech, noise, rng.uniform(*_SNR_DB), place=rng.randrange(1000))
            sink.write(json.dumps({"said": phrase, "heard": best(listener.hear(sound))}, ensure_ascii=False) + "\n")
    for engine in engines.values():
        engine.close()


def read(kept: Path) -> list[Pair]:
    rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    return [(normalise(row["said"]), normalise(row["heard"])) for row in rows]


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
