"""One model through all parts of the bench."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.recognition import costs, human
from bench.recognition.channel import on_the_line
from bench.recognition.listening import Listener, best
from bench.recognition.scoring import Tally, score
from bench.recognition.sets import DEVELOPMENT_SETS, TEST_SETS, Noises, Spoken, SpokenSet, speak
from bench.recognition.slots import Judge
from bench.recognition.sounds import not_speech
from bench.recognition.texts import read, words_of
from bench.recognition.voices import Studio
from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.hearing.backchannel import UNKNOWN
from voicebot.hearing.grammar import prove_grammar

PARTS = ("sets", "slots", "grammar", "human", "costs")
GRAMMAR_AIM, REJECTED_AIM, PROMPTS_AIM = 98.0, 95.0, 93.0
_COST_SECONDS = 120

Say = Callable[[str], None]
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure: of every list each `step`-th utterance. `cache` holds RHVoice, `work` the bench's own speech."""

    model: Path
    cache: Path
    work: Path
    parts: frozenset[str]
    is_development: bool = False
    step: int = 1
    recorded: Path | None = None


def measure(options: Options, say: Say, show: Say | None = None) -> Figures:
    """Return the figures of one model. `say` tells progress, `show` is given every utterance that was heard wrong."""
    run = _Run(options, say, show)
    try:
        return run.all_parts()
    finally:
        run.studio.close()


class _Run:
    def __init__(self, options: Options, say: Say, show: Say | None) -> None:
        self._options, self._say = options, say
        self._show = show or (lambda _text: None)
        self.studio = Studio(options.cache, options.work / "speech")
        self._noises = Noises(self.studio)
        self._listener = Listener(options.model)
        self._left_out: list[str] = []
        # Read before the long part: a mistake in the clinic's data should be told now.
        self._judge = Judge(self._listener.model) if "slots" in options.parts else None

    def all_parts(self) -> Figures:
        parts, options = self._options.parts, self._options
        self._say(f"{options.model.name}: {'development' if options.is_development else 'test'} lists"
                  f"{f', one utterance in {options.step}' if options.step > 1 else ''}")  # fmt: skip
        figures: Figures = {"bench": "recognition", "model": options.model.name, "is_development": options.is_development,
                            "step": options.step}  # fmt: skip
        if "sets" in parts:
            wanted = DEVELOPMENT_SETS if options.is_development else TEST_SETS
            figures["sets"] = {one.name: self._open(one.name, self._speak(one), one.aim) for one in wanted}
            figures["real_time_factor_of_the_sets"] = self._listener.open.factor
        if options.recorded is not None:
            spoken = list(human.recorded(options.recorded))
            figures.setdefault("sets", {})["recorded calls"] = self._open("recorded calls", spoken[:: options.step], None)
        if "human" in parts and not options.is_development:
            figures.setdefault("sets", {}).update(self._human())
        if self._judge is not None:
            figures["slots"] = self._slots(self._judge)
        if "grammar" in parts and not options.is_development:
            figures["grammar"] = self._grammar() if self._has_grammars() else {}
        if "human" in parts and not options.is_development and self._has_grammars():
            figures.setdefault("grammar", {}).update(self._prompts_with_grammar())
        if "costs" in parts:
            figures["costs"] = costs.measured(options.model, self._minutes(), options.work)
        figures["left_out"] = list(dict.fromkeys(self._left_out))
        for reason in figures["left_out"]:
            self._say(f"left out: {reason}")
        return figures

    def _has_grammars(self) -> bool:
        if not self._listener.model.is_grammar_supported:
            self._left_out.append("everything with grammars: the model has a static graph")
        return self._listener.model.is_grammar_supported

    def _speak(self, one: SpokenSet) -> Iterable[Spoken]:
        return speak(one, self.studio, self._noises, self._options.step)

    def _open(self, name: str, spoken: Iterable[Spoken], aim: float | None) -> Figures:
        tally = Tally()
        for one in spoken:
            truth, heard = one.line.words, words_of(best(self._listener.hear(one.samples)))
            scored = score(truth, heard, self._listener.knows)
            tally.scored.append(scored)
            if scored.errors:
                unknown = [word for word in truth if not self._listener.knows(word)]
                note = f" | unknown: {' '.join(unknown)}" if unknown else ""
                self._show(f"{name} | {' '.join(truth)} | {' '.join(heard)}{note}")
        figures: Figures = tally.figures()
        figures["aim"] = aim
        self._say(f"  {name}: {figures['wer']} % of {figures['words']} words, "
                  f"in vocabulary {figures['wer_in_vocabulary']} %, unknown {figures['oov']} %")  # fmt: skip
        return figures

    def _human(self) -> Figures:
        found = {}
        for name, spoken, cure in (
            ("human telephone prompts", list(human.prompts("open")), human.PROMPTS_CURE),
            ("human reader of fiction", list(human.reader()), human.READER_CURE),
        ):
            if spoken:
                found[name] = self._open(name, spoken[:: self._options.step], None)
            else:
                self._left_out.append(cure)
        return found

    def _slots(self, judge: Judge) -> Figures:
        """Each line openly, and as the product hears it: n-best and a grammar beside the open recogniser."""
        prefix = "development in-domain" if self._options.is_development else "in-domain"
        sets = [one for one in (*TEST_SETS, *DEVELOPMENT_SETS) if one.name in (f"{prefix}, clean", f"{prefix}, white 10 dB")]
        figures: Figures = {}
        by_kind: dict[str, list[int]] = {}
        for one in sets:
            openly = jointly = total = 0
            for spoken in self._speak(one):
                line, grammar = spoken.line, judge.question(spoken.line.kind).grammar
                free = self._listener.hear(spoken.samples)
                bound = self._listener.hear(spoken.samples, grammar.usable) if grammar.usable else []
                taken = judge.chosen(line.kind, free, bound)
                is_right = judge.is_same(line, taken)
                total, openly, jointly = total + 1, openly + judge.is_same(line, best(free)), jointly + is_right
                if not is_right:
                    self._show(f"slot {line.kind}, {one.name} | {' '.join(line.words)} | {taken}")
                if one is sets[0]:
                    counts = by_kind.setdefault(line.kind, [0, 0])
                    counts[0], counts[1] = counts[0] + is_right, counts[1] + 1
            figures[f"{one.name}, open recognition alone"] = _right(openly, total)
            figures[f"{one.name}, as the product hears (n-best and grammar)"] = _right(jointly, total)
        for kind, (right, of) in by_kind.items():
            figures[f"- {kind}, clean, as the product hears"] = _right(right, of)
        for name, row in figures.items():
            self._say(f"  same meaning, {name}: {row['right']} % of {row['of']}")
        for kind, grammar in judge.grammars().items():
            if grammar.dropped_phrases:
                phrases, words = grammar.dropped_phrases, len(grammar.missing_words)
                self._left_out.append(f"{phrases} phrases of the grammar for {kind}: the model lacks {words} words of them")
        return figures

    def _grammar(self) -> Figures:
        """Thirty answers under their own grammar, by two voices, clean and in noise; and what is none of them."""
        lines = read("grammar.txt")
        phrases = self._proven([line.written for line in lines])
        lines = [line for line in lines if line.written in phrases][:: self._options.step]
        figures: Figures = {}
        for name, noise, aim in (("clean", "", GRAMMAR_AIM), ("white 10 dB", "white", None), ("babble 10 dB", "babble", None)):
            right = total = 0
            for number, line in enumerate(lines):
                for voice in (self.studio.unseen, self.studio.espeak, self.studio.espeak_variant):
                    sound = on_the_line(voice(line), self._noises.get(noise), 10.0, place=number)
                    heard = best(self._listener.hear(sound, phrases))
                    is_right = words_of(heard) == line.words and UNKNOWN not in heard.split()
                    total, right = total + 1, right + is_right
                    if not is_right:
                        self._show(f"grammar, {name} | {line.written} | {heard}")
            figures[f"answer of 30 right, {name}"] = _right(right, total, aim)
        for name, spoken in (("other speech", self._outside()), ("sounds that are no speech", self._noise_sounds())):
            refused = harmless = total = 0
            for said, sound in spoken:
                heard = best(self._listener.hear(sound, phrases))
                is_refused = not heard or UNKNOWN in heard.split()
                total, refused = total + 1, refused + is_refused
                harmless += is_refused or not is_answer(heard, phrases)
                if not is_refused:
                    self._show(f"grammar, {name} not rejected | {said} | {heard}")
            figures[f"{name} rejected"] = _right(refused, total, REJECTED_AIM)
            figures[f"{name} rejected, or heard as a scrap that is no answer"] = _right(harmless, total)
        for name, row in figures.items():
            self._say(f"  grammar, {name}: {row['right']} % of {row['of']}")
        return figures

    def _outside(self) -> Iterable[tuple[str, np.ndarray[Any, np.dtype[np.int16]]]]:
        for number, line in enumerate(read("outside.txt")[:: self._options.step]):
            for voice in (self.studio.unseen, self.studio.espeak):
                yield line.written, on_the_line(voice(line), place=number)

    def _noise_sounds(self) -> Iterable[tuple[str, np.ndarray[Any, np.dtype[np.int16]]]]:
        for name, sound in list(not_speech())[:: self._options.step]:
            yield name, on_the_line(sound)

    def _prompts_with_grammar(self) -> Figures:
        spoken = list(human.prompts("answer"))
        if not spoken:
            return {}
        phrases = self._proven([one.line.written for one in spoken])
        right = 0
        heard_of = spoken[:: self._options.step]
        for one in heard_of:
            heard = best(self._listener.hear(one.samples, phrases))
            is_right = words_of(heard) == one.line.words
            right += is_right
            if not is_right:
                self._show(f"human prompt, grammar of {len(spoken)} | {one.line.written} | {heard}")
        figures = _right(right, len(heard_of), PROMPTS_AIM)
        self._say(f"  human telephone prompts with a grammar of {len(spoken)}: {figures['right']} % of {figures['of']}")
        return {f"human telephone prompt right among {len(spoken)}": figures}

    def _proven(self, phrases: list[str]) -> tuple[str, ...]:
        proven = prove_grammar(self._listener.model, [*phrases, *(phrase.replace("ё", "е") for phrase in phrases)], "bench")
        missing = [phrase for phrase in phrases if not {phrase, phrase.replace("ё", "е")} & set(proven.usable)]
        if missing:
            self._left_out.append(f"grammar phrases with words the model lacks: {', '.join(missing)}")
        return proven.usable

    def _minutes(self) -> np.ndarray[Any, np.dtype[np.int16]]:
        """Speech for the costs: free sentences one after another."""
        parts: list[np.ndarray[Any, np.dtype[np.int16]]] = []
        texts = "development.txt" if self._options.is_development else "free.txt"
        for number, line in enumerate(read(texts)):
            parts.append(on_the_line(self.studio.unseen(line), place=number))
            if sum(map(len, parts)) > (_COST_SECONDS // self._options.step) * TELEPHONE_HZ:
                break
        return np.concatenate(parts)


def is_answer(heard: str, phrases: Sequence[str]) -> bool:
    """Whether a hypothesis is made of whole phrases of its grammar, not of words out of them ("в" of "в среду")."""
    words, answers = words_of(heard), {words_of(phrase) for phrase in phrases}
    ends = {0}  # places up to which whole phrases reach
    for place in range(1, len(words) + 1):
        if any(begin in ends and words[begin:place] in answers for begin in range(place)):
            ends.add(place)
    return bool(words) and len(words) in ends


def _right(right: int, of: int, aim: float | None = None) -> Figures:
    return {"right": round(100 * right / of, 1) if of else None, "of": of, "aim": aim}
