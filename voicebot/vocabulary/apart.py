"""What is done in a process of its own: pronouncing (espeak-ng's state is the process's, and a voice may use it) and
trying a model (Kaldi ends the process it runs in where a file is wrong)."""

import json
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from voicebot.errors import ModelError
from voicebot.vocabulary.errors import DamagedModel, UnknownWord
from voicebot.vocabulary.folding import Pronunciation

_TRIAL_SECONDS = 60.0
_TRIAL = """
import json, sys, vosk
vosk.SetLogLevel(-1)
model = vosk.Model(sys.argv[1])
words = json.load(sys.stdin)
json.dump([word for word in words if model.vosk_model_find_word(word) < 0], sys.stdout)
for grammar in ([], [json.dumps([*words[:50], "[unk]"])]):
    recogniser = vosk.KaldiRecognizer(model, 8000, *grammar)
    recogniser.AcceptWaveform(bytes(8000))
    recogniser.FinalResult()
"""


def pronounce(written: Mapping[str, Sequence[str]]) -> dict[str, list[Pronunciation]]:
    """Return each plain word's pronunciations from the ways it is written; words that cannot be said are left out."""
    if not written:
        return {}
    asked = json.dumps({word: list(ways) for word, ways in written.items()})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "voicebot.vocabulary.apart"],
            input=asked, capture_output=True, text=True, timeout=_TRIAL_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ModelError(f"espeak-ng did not pronounce {len(written)} words in time.", "Add fewer at once.") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise ModelError(f"espeak-ng could not pronounce words: {last}", "Reinstall the package espeakng-loader.")
    answer: dict[str, list[list[str]]] = json.loads(done.stdout)
    return {word: [tuple(units) for units in variants] for word, variants in answer.items() if variants}


def try_words(model: Path, words: Collection[str]) -> None:
    """Load the model, look the words up and recognise with and without a grammar; raise DamagedModel or UnknownWord."""
    cure = "Report this with the words that were added."
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRIAL, str(model)],
            input=json.dumps(sorted(words)), capture_output=True, text=True, timeout=_TRIAL_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DamagedModel(f"The model {model} did not load in {_TRIAL_SECONDS:.0f} s.", cure) from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["the process ended without a word"])[-1]
        raise DamagedModel(f"The model {model} does not load: {last[:300]}", cure)
    missing = tuple(json.loads(done.stdout))
    if missing:
        raise UnknownWord(f"The model {model} does not know: {', '.join(missing)}.", cure, missing)


def main() -> None:
    """JSON of the ways words are written on standard input -> JSON of their pronunciations."""
    from voicebot.vocabulary.pronounce import Pronouncer

    pronouncer = Pronouncer()
    written: dict[str, list[str]] = json.load(sys.stdin)
    json.dump({w: list(dict.fromkeys(v for way in ways for v in pronouncer.variants(way))) for w, ways in written.items()},
              sys.stdout)  # fmt: skip


if __name__ == "__main__":
    main()
