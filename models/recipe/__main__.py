"""The recipe's steps, each of which finds what the one before it left: `python -m models.recipe all`."""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from .workfolder import WorkFolder

# numpy's own threads wait busily and cost more than they bring; read before its first import
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = REPOSITORY / "models" / "vosk-embedded-ru"
STEPS = ("texts", "speech", "train", "export", "graph", "evaluate")
#: synthetic speech by the set's name: (engine, share of --hours)
_SPEECH_JOBS = {"rhvoice-a": ("rhvoice", 0.42), "rhvoice-b": ("rhvoice", 0.42), "espeak-a": ("espeak", 0.16)}

#: zipf frequency (3 = once in a million words) of a form of a demo clinic's word that is worth its place
_RAREST_FORM = 1.9


def step_texts(work: WorkFolder, options: argparse.Namespace) -> None:
    """Vocabulary, stress, pronunciations."""
    from . import festvox, lexicon, stress, vocabulary

    words = vocabulary.build(options.general_words)
    work.vocabulary.write_text("\n".join(words) + "\n", encoding="utf-8")
    stressed = stress.load(work.stresses)
    stressed |= stress.stress([word for word in words if word not in stressed])
    stress.save(work.stresses, stressed)
    known = set(words)
    lexicon.save(work.lexicon, lexicon.build({word: mark for word, mark in stressed.items() if word in known}))
    read = sorted({word for line in festvox.transcripts().values() for word in line})
    marks = stressed | stress.stress([word for word in read if word not in stressed])
    stress.save(work.path("stresses_festvox.tsv"), {word: marks[word] for word in read})
    lexicon.save(work.path("lexicon_festvox.tsv"), lexicon.build({word: marks[word] for word in read}))


def step_speech(work: WorkFolder, options: argparse.Namespace) -> None:
    """Synthetic and human speech; a set that was broken off is made anew."""
    from . import festvox, lexicon, stress
    from .evaluation import secret_sentences
    from .rhvoice import unpack
    from .synthesis import finished, speak_many, speak_other_languages

    unpack(work.rhvoice)  # once, before several processes look for it
    for name in (*_SPEECH_JOBS, "festvox"):
        if not finished(work, name).exists():
            for shard in work.speech.glob(f"{name}-*"):
                shard.unlink()

    spelling = {word: mark.replace("+", "") for word, mark in stress.load(work.path("stresses_festvox.tsv")).items()}
    with ProcessPoolExecutor(options.processes) as pool:
        jobs = [
            pool.submit(speak_many, work, engine, name, options.hours * share, options.general_words, seed,
                        secret_sentences())
            for seed, (name, (engine, share)) in enumerate(_SPEECH_JOBS.items(), start=11)
            if not finished(work, name).exists()
        ]  # fmt: skip
        if not (work.other_speech / "espeak.finished").exists():
            jobs.append(pool.submit(speak_other_languages, work))
        if not finished(work, "festvox").exists():
            reader = lexicon.load(work.path("lexicon_festvox.tsv"))
            jobs.append(pool.submit(festvox.import_all, work, reader, spelling))
        for job in jobs:
            job.result()


def step_train(work: WorkFolder, options: argparse.Namespace) -> None:
    from .train import Options, train

    train(work, Options(minutes=options.minutes, threads=options.threads))


def step_export(work: WorkFolder, options: argparse.Namespace) -> None:
    """The network, and what the graph is made from."""
    from . import lexicon
    from .kaldi_model import export
    from .language_model import build
    from .model_source import ModelSource

    units = export(work.checkpoint, options.model)
    words = lexicon.load(work.lexicon)
    ModelSource(units, words, build(work, words)).save(options.model)


def step_graph(_work: WorkFolder, options: argparse.Namespace) -> None:
    """The graph, with the words of the demo clinic and of --words; needs neither training nor the work folder."""
    from wordfreq import zipf_frequency

    from voicebot.vocabulary.wanted import words_of_files

    from . import graph
    from .extra_words import PROBABILITY, collect, demo_files, pronounce
    from .model_source import ModelSource, plain_spellings

    source = ModelSource.load(options.model)
    files = demo_files(REPOSITORY)
    written = {word.lower() for word in words_of_files(files)}
    # of the demo's words the forms that people use, of a clinic's own all: surnames are in no list of frequencies
    usual = {word for word in collect(files) if word in written or zipf_frequency(word, "ru") >= _RAREST_FORM}
    added = pronounce({word for word in usual | collect(options.words) if word not in source.lexicon})
    lexicon = {**source.lexicon, **added}
    source.ngrams.raise_unigrams(dict.fromkeys(added, PROBABILITY))
    count = graph.build(options.model, source.units, lexicon | plain_spellings(lexicon), source.ngrams)
    print(f"graph: {count} words, {len(added)} of them added", flush=True)


def step_evaluate(_work: WorkFolder, options: argparse.Namespace) -> None:
    from .evaluation import run

    run(options.model, is_development=options.development, is_verbose=options.verbose, is_quick=options.quick)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.recipe", description=__doc__)
    parser.add_argument("steps", nargs="+", choices=(*STEPS, "all"))
    parser.add_argument("--work", help="work folder (VOICEBOT_RECIPE_WORK, ~/.cache/voicebot/recipe)")
    parser.add_argument("--model", type=Path, default=MODEL, help="model folder to write")
    parser.add_argument("--words", type=Path, nargs="*", default=[], metavar="FILE", help="graph: further word lists")
    parser.add_argument("--hours", type=float, default=20.0, help="speech: synthetic hours")
    parser.add_argument("--processes", type=int, default=2, help="speech: processes")
    parser.add_argument("--minutes", type=float, default=190.0, help="train: minutes of all rounds")
    parser.add_argument("--threads", type=int, default=1, help="train: compute threads")
    parser.add_argument("--general-words", type=int, default=61_000, help="texts: frequent words in the vocabulary")
    parser.add_argument("--development", action="store_true", help="evaluate: the lists for tuning instead of the test")
    parser.add_argument("--quick", action="store_true", help="evaluate: every eighth utterance")
    parser.add_argument("--verbose", action="store_true", help="evaluate: show wrong phrases")
    options = parser.parse_args()
    work = WorkFolder.choose(options.work)
    for step in STEPS if "all" in options.steps else [step for step in STEPS if step in options.steps]:
        globals()[f"step_{step}"](work, options)


if __name__ == "__main__":
    main()
