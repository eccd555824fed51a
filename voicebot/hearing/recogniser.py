"""Vosk behind checked loading, and one recogniser per turn.

Facts of libvosk 0.3.45 this relies on: results are read with `FinalResult` only, which flushes the network's look-ahead
(300-400 ms that partial results lag behind) and costs some 10 ms; the next audio then starts a fresh decoding; a return
value of AcceptWaveform that is not collected changes nothing.
"""

import json
import math
import re
import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.dialog.talking import Alternative
from voicebot.errors import ModelError
from voicebot.hearing.backchannel import UNKNOWN
from voicebot.hearing.spares import Grammar, Spare, Spares
from voicebot.vocabulary.graph import UNITS_FILE
from voicebot.vocabulary.graph import load as load_graph

log = structlog.get_logger(__name__)

ALTERNATIVES = 5
_TRIAL_SECONDS = 60.0
_FETCH = "Run `make models`, or set hearing.model to the folder of a Vosk model."
_TRIAL = """
import sys, vosk
vosk.SetLogLevel(0)
recogniser = vosk.KaldiRecognizer(vosk.Model(sys.argv[1]), 8000)
recogniser.AcceptWaveform(bytes(16000))
recogniser.FinalResult()
"""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What a model folder must hold; each item is one file or several of which one is enough."""

    needed: tuple[tuple[str, ...], ...] = (
        ("am/final.mdl",),
        ("conf/model.conf",),
        ("conf/mfcc.conf", "conf/fbank.conf"),
        ("graph/HCLG.fst", "graph/HCLr.fst"),
    )
    with_lookahead: tuple[str, ...] = ("graph/Gr.fst", "graph/disambig_tid.int")
    without_symbols: tuple[str, ...] = ("graph/words.txt",)


def check_model_folder(path: Path) -> None:
    """Raise ModelError naming what is missing, empty or cut: libvosk itself would say less, or abort the process."""
    if not path.is_dir():
        raise ModelError(f"There is no recogniser model at {path}.", _FETCH)
    layout = _Layout()
    needed = list(layout.needed)
    if not (path / "graph/HCLG.fst").exists():
        needed += [(name,) for name in layout.with_lookahead]
        if not _brings_symbols(path / "graph/Gr.fst"):  # those of the small official models do
            needed += [(name,) for name in layout.without_symbols]
    for choices in needed:
        found = [path / name for name in choices if (path / name).is_file()]
        if not found:
            raise ModelError(f"The recogniser model {path} lacks {' or '.join(choices)}.", f"Fetch it again. {_FETCH}")
        for file in found:
            if file.stat().st_size == 0 and file.suffix != ".conf":
                raise ModelError(f"In the recogniser model {path} the file {file.name} is empty.", f"Fetch it again. {_FETCH}")
    if (path / UNITS_FILE).is_file():  # ours: libvosk would load a graph whose end is missing, and hear badly
        load_graph(path)


def _brings_symbols(fst: Path) -> bool:
    """Whether an OpenFst file has its words in it: bit 1 or 2 of the flags in its header."""
    with suppress(OSError, struct.error), fst.open("rb") as file:
        file.read(4)
        for _ in range(2):  # kind of transducer, kind of arc
            file.read(struct.unpack("<i", file.read(4))[0] & 0xFF)
        file.read(4)
        return bool(struct.unpack("<i", file.read(4))[0] & 3)
    return False


def try_model(path: Path) -> None:
    """Load and use the model in a process of its own: Kaldi ends the process it runs in when a file is corrupt.

    Raises ModelError with the library's last complaint.
    """
    try:
        trial = subprocess.run(
            [sys.executable, "-c", _TRIAL, str(path)], capture_output=True, text=True, timeout=_TRIAL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"The recogniser model {path} did not load in {_TRIAL_SECONDS:.0f} s.", _FETCH) from None
    if trial.returncode != 0:
        raise ModelError(f"The recogniser model {path} does not load: {_complaint(trial.stderr)}", f"Fetch it again. {_FETCH}")


def _complaint(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(ERROR|ASSERTION_FAILED|WARNING) ", line)] or lines[-1:]
    return telling[-1][:300] if telling else "the process ended without a word."


class SpeechModel:
    """A loaded Vosk model, shared by all calls of a process. Thread-safe.

    `is_trusted` skips the trial in a subprocess (a second of start-up): for a model that loaded before.
    """

    def __init__(self, path: Path, *, is_trusted: bool = False) -> None:
        check_model_folder(path)
        if not is_trusted:
            try_model(path)
        import vosk  # starts threads when imported: only who needs it pays

        vosk.SetLogLevel(-1)
        self.path = path
        self._vosk = vosk
        try:
            self._model = vosk.Model(str(path))
        except Exception as error:  # noqa: BLE001 -- vosk raises bare Exception
            raise ModelError(f"The recogniser model {path} does not load: {error}.", f"Fetch it again. {_FETCH}") from None
        self._spares = Spares()

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def is_grammar_supported(self) -> bool:
        """Whether runtime grammars work: the graph is put together at run time (HCLr + Gr). HCLG wins where both are."""
        graph = self.path / "graph"
        return not (graph / "HCLG.fst").exists() and (graph / "HCLr.fst").exists() and (graph / "Gr.fst").exists()

    def has_word(self, word: str) -> bool:
        return int(self._model.vosk_model_find_word(word)) >= 0

    def unknown_words(self, phrases: Iterable[str]) -> tuple[str, ...]:
        """Words of `phrases` the model cannot hear, sorted."""
        words = {word for phrase in phrases for word in phrase.split() if word != UNKNOWN}
        return tuple(sorted(word for word in words if not self.has_word(word)))

    def turn(self, grammar: Sequence[str] | None = None) -> "TurnRecogniser":
        """Return a recogniser for one turn; with `grammar` it hears those phrases, joined in any order, or `[unk]`.

        `release` it when the turn is over: the next turn needs less of the processor then.
        """
        wanted = None if grammar is None else tuple(grammar)
        spare = self._spares.take(wanted) or Spare(wanted, self._new(wanted))
        if not spare.is_fresh:
            spare.recogniser.FinalResult()
        return TurnRecogniser(spare.recogniser, "open" if wanted is None else "grammar", spare, self._spares)

    def forget_spares(self) -> None:
        """Let go of the recognisers that rest: nobody calls for now."""
        self._spares.clear()

    def _new(self, grammar: Grammar) -> Any:
        if grammar is None:
            recogniser = self._vosk.KaldiRecognizer(self._model, TELEPHONE_HZ)
        else:
            phrases = json.dumps([*grammar, UNKNOWN], ensure_ascii=False)
            recogniser = self._vosk.KaldiRecognizer(self._model, TELEPHONE_HZ, phrases)
        recogniser.SetMaxAlternatives(ALTERNATIVES)
        return recogniser


class TurnRecogniser:
    """Hears one stretch of speech after another. Not thread-safe."""

    def __init__(self, recogniser: Any, source: str, spare: Spare | None = None, spares: Spares | None = None) -> None:
        self._recogniser = recogniser
        self._source = source
        self._spare = spare
        self._spares = spares
        self._is_fresh = True

    def accept(self, pcm: bytes) -> None:
        """Take 8 kHz 16-bit samples, best 60-100 ms at a time: each call costs something."""
        if pcm:
            self._is_fresh = False
            self._recogniser.AcceptWaveform(pcm)

    def partial(self) -> str:
        """What was heard so far, without the last 300-600 ms."""
        return str(json.loads(self._recogniser.PartialResult())["partial"])

    def final(self) -> list[Alternative]:
        """Everything heard since the last `final`, best first; empty when no words came. Audio may follow."""
        answer = json.loads(self._recogniser.FinalResult())
        self._is_fresh = True
        hypotheses = [(str(h["text"]).strip(), float(h["confidence"])) for h in answer.get("alternatives", [])]
        return rank(hypotheses, self._source)

    def release(self) -> None:
        """The turn is over: another one may have the recogniser. Harmless when called again."""
        spare, spares = self._spare, self._spares
        self._spare = self._spares = None
        if spare is None or spares is None:
            return
        self._recogniser = None  # whoever asks it now gets an AttributeError, not another caller's words
        spares.give(replace(spare, turns=spare.turns + 1, is_fresh=self._is_fresh))


def rank(hypotheses: Sequence[tuple[str, float]], source: str) -> list[Alternative]:
    """Turn texts with log-likelihoods into alternatives with posteriors among themselves, the same texts joined."""
    if not hypotheses:
        return []
    top = max(score for _, score in hypotheses)
    weights: dict[str, float] = {}
    for text, score in hypotheses:
        weights[text] = weights.get(text, 0.0) + math.exp(max(-50.0, score - top))
    total = sum(weights.values())
    ordered = sorted(weights.items(), key=lambda item: -item[1])
    return [Alternative(text, weight / total, source) for text, weight in ordered if text]
