"""Training: cross-entropy on evenly cut utterances to begin with, then flat-start LF-MMI with CTC beside it.

The learning rate and the noise follow the clock, so that a run takes the minutes it is given on any machine; a run that
was broken off goes on from its checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from . import lexicon as lexicons
from .augment import Chances, damage
from .batches import Batch, Loader, Settings, transcript, usable
from .features import log_mel
from .garbage_unit import GARBAGE
from .lfmmi import PhoneBigram, Words, denominator, numerator
from .network import SUBSAMPLING, Network, Shape, widened
from .speech_store import Utterance, read_all
from .workfolder import WorkFolder

FRAME_SECONDS = 0.01 * SUBSAMPLING


@dataclass(frozen=True)
class Round:
    """A part of the training with a rise and fall of the learning rate of its own."""

    #: of the minutes
    share: float
    learning_rate: float
    bottleneck: int
    is_noisy: bool
    #: steps of cross-entropy at the start; LF-MMI fades in over their last 40 %
    warm_steps: int = 0
    #: part of the round's time at the full rate
    plateau: float = 0.25


#: a small network learns quickly what speech is; widened, it learns to hear it in noise
ROUNDS = (Round(0.48, 2e-3, 128, is_noisy=False, warm_steps=160),
          Round(0.52, 1.5e-3, 192, is_noisy=True, plateau=0.15))  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Training options; `minutes` of all rounds together."""

    minutes: float = 190.0
    threads: int = 1
    seed: int = 1
    ctc_weight: float = 0.3
    batch_seconds: float = 150.0
    bfloat16: bool = True


class Trainer:
    """One round; `run` returns when its minutes are used up."""

    def __init__(self, work: WorkFolder, options: Options, number: int) -> None:
        torch.set_num_threads(options.threads)
        torch.manual_seed(options.seed)
        self.options, self.checkpoint = options, work.checkpoint
        self.number, self.round = number, ROUNDS[number]
        self.minutes = options.minutes * self.round.share
        words = lexicons.load(work.lexicon)
        self.units = ["SIL", *lexicons.units_of(words), GARBAGE]
        extra = work.path("lexicon_festvox.tsv")
        variants = {**(lexicons.load(extra) if extra.exists() else {}), **words}
        numbers = {unit: number for number, unit in enumerate(self.units)}
        pronunciations = {word: forms[0] for word, forms in variants.items() if all(u in numbers for u in forms[0])}
        self.network = Network(Shape(len(self.units), bottleneck=self.round.bottleneck))
        self.step, self.minutes_before, self.seen = 0, 0.0, 0
        restored = self._restore()
        self.settings = Settings(work.speech, work.other_speech, numbers, pronunciations, options.batch_seconds,
                                 max(0, self.round.warm_steps - self.step), options.seed + number * 1_000_000 + self.step,
                                 self.round.is_noisy)  # fmt: skip
        speech = [utterance for utterance in read_all(work.speech) if usable(utterance, self.settings)]
        hours = sum(utterance.seconds for utterance in speech) / 3600
        parameters = sum(parameter.numel() for parameter in self.network.parameters())
        print(f"{len(speech)} utterances, {hours:.2f} h, {len(self.units)} units, {parameters} parameters", flush=True)
        self.bigram = PhoneBigram.count(self._transcripts(speech), len(self.units))
        if not restored:
            self._normalise([u.samples for u in speech])

    def _transcripts(self, speech: list[Utterance]) -> Iterator[Words]:
        """What the denominator counts: garbage stands before and after some of the utterances."""
        noise = [self.settings.units[GARBAGE]]
        for number, utterance in enumerate(speech):
            words = transcript(utterance.text, self.settings)
            yield [noise, *words] if number % 30 == 0 else [*words, noise] if number % 30 == 15 else words

    def _normalise(self, speech: list[np.ndarray]) -> None:
        """Feature means and deviations of 300 damaged utterances."""
        rng = np.random.default_rng(0)
        chosen = [speech[index] for index in rng.integers(0, len(speech), 300)]
        pool = np.concatenate(chosen)
        rows = np.concatenate([log_mel(damage(samples, rng, pool, Chances()).samples) for samples in chosen])
        self.network.mean.copy_(torch.from_numpy(rows.mean(0)))
        self.network.deviation.copy_(torch.from_numpy(rows.std(0)))

    def _restore(self) -> bool:
        """Goes on where this round was broken off, or from the end of the one before."""
        state = torch.load(self.checkpoint, weights_only=False) if self.checkpoint.exists() else None
        if state is not None:
            if state["units"] != self.units:
                raise ValueError(f"{self.checkpoint} was trained with other units: remove it to begin anew")
            trained = Network(Shape(**state["shape"]))
            trained.load_state_dict(state["network"])
            self.network = widened(trained, self.round.bottleneck)
            self.seen = state["seen"]
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=self.round.learning_rate, weight_decay=1e-3)
        if state is not None and state.get("round", 0) == self.number:
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.minutes_before = state["step"], state["minutes"]
            print(f"going on from step {self.step}, minute {self.minutes_before:.1f}", flush=True)
        return state is not None

    def _save(self, minutes: float, is_finished: bool = False) -> None:
        part = self.checkpoint.with_suffix(".part")
        torch.save({"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(), "units": self.units,
                    "shape": self.network.shape.as_dict(), "round": self.number, "step": self.step,
                    "minutes": minutes, "is_finished": is_finished, "seen": self.seen}, part)  # fmt: skip
        part.rename(self.checkpoint)

    def run(self) -> None:
        loader, begun = Loader(self.settings), time.monotonic()
        sums, count, waited, last = np.zeros(3), 0, 0.0, time.monotonic()
        try:
            for batch in loader:
                waited += time.monotonic() - last
                minutes = self.minutes_before + (time.monotonic() - begun) / 60
                progress = minutes / self.minutes
                if progress >= 1:
                    break
                loader.progress.value = progress
                sums += self._train(batch, progress)
                count += 1
                if self.step % 25 == 0:
                    mmi, ctc, gradient = sums / count
                    print(f"{minutes:.2f} min step {self.step} utterances {self.seen} mmi {mmi:.4f} ctc {ctc:.4f} "
                          f"gradient {gradient:.2f} waited {waited:.0f} s", flush=True)  # fmt: skip
                    sums, count = np.zeros(3), 0
                if self.step % 50 == 0:
                    self._save(minutes)
                last = time.monotonic()
        finally:
            loader.close()
        self._save(self.minutes, is_finished=True)

    def _rate(self, progress: float) -> float:
        """Warms up over 150 steps, stays for a while, then falls to nearly nothing."""
        fall = 1 - max(0.0, progress - self.round.plateau) / (1 - self.round.plateau)
        return self.round.learning_rate * min(1.0, (self.step + 1) / 150) * fall + 1e-5

    def _train(self, batch: Batch, progress: float) -> np.ndarray:
        """One step; returns LF-MMI and CTC loss a frame and the gradient's norm."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(progress)
        self.network.train()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.options.bfloat16):
            output = self.network(batch.features)
        output = output.float()
        units = len(self.units)
        scores, ctc_scores = output[:, :, : 2 * units], output[:, :, 2 * units :]
        lengths = (batch.lengths + SUBSAMPLING - 1) // SUBSAMPLING
        frames = lengths.sum()
        chains = [[unit for word in words for unit in word] for words in batch.transcripts]
        ctc = F.ctc_loss(
            F.log_softmax(ctc_scores, -1).transpose(0, 1), torch.tensor([u for chain in chains for u in chain]), lengths,
            torch.tensor([len(chain) for chain in chains]), blank=0, zero_infinity=True, reduction="sum",
        ) / frames  # fmt: skip
        warm = self._warmth()
        mmi = torch.zeros(())
        if warm < 1:
            spoken = numerator(scores, lengths, batch.transcripts)
            possible = spoken > 0.5 * -1e4  # a transcript too long for its frames has no path
            mmi = ((denominator(scores, lengths, self.bigram) - spoken) * possible).sum() / frames
        loss = mmi + self.options.ctc_weight * ctc + 2.5e-4 * (scores**2).mean()
        if warm > 0:
            loss = (1 - warm) * loss + warm * _even_cross_entropy(scores, ctc_scores, lengths, batch)
        self.optimizer.zero_grad()
        loss.backward()
        gradient = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        if torch.isfinite(gradient):
            self.optimizer.step()
        self.step += 1
        self.seen += len(chains)
        return np.array([mmi.item(), ctc.item(), gradient.item()])

    def _warmth(self) -> float:
        """Weight of the starting cross-entropy."""
        begin, end = 0.6 * self.round.warm_steps, self.round.warm_steps
        return float(np.clip((end - self.step) / (end - begin), 0, 1)) if self.step < end else 0.0


def _even_cross_entropy(scores: Tensor, ctc_scores: Tensor, lengths: Tensor, batch: Batch) -> Tensor:
    """As if every unit of an utterance were equally long: enough to leave the plateau of a cold start."""
    shape = scores.shape[:2]
    targets, ctc_targets = torch.full(shape, -100), torch.full(shape, -100)
    for row, (words, span) in enumerate(zip(batch.transcripts, batch.spans, strict=True)):
        first, alone = _even_targets(words, span, int(lengths[row]))
        targets[row, : len(first)] = torch.from_numpy(first)
        ctc_targets[row, : len(alone)] = torch.from_numpy(alone)
    return F.cross_entropy(scores.reshape(-1, scores.shape[2]), targets.reshape(-1)) + 0.3 * F.cross_entropy(
        ctc_scores.reshape(-1, ctc_scores.shape[2]), ctc_targets.reshape(-1)
    )


def _even_targets(words: Words, span: tuple[float, float], frames: int) -> tuple[np.ndarray, np.ndarray]:
    """LF-MMI outputs and CTC units of an utterance's frames."""
    chain = np.array([unit for word in words for unit in word] or [0])
    begin, end = span
    place = (np.arange(frames) * FRAME_SECONDS + 0.0125 - begin) / max(end - begin, 0.05) * len(chain)
    index = np.floor(place).astype(int)
    inside = (index >= 0) & (index < len(chain))
    unit = np.where(inside, chain[np.clip(index, 0, len(chain) - 1)], 0)
    first = np.r_[True, index[1:] != index[:-1]]
    first[1:] &= inside[1:] | inside[:-1]
    return 2 * unit + ~first, np.where(first & inside, unit, 0)


def train(work: WorkFolder, options: Options) -> Path:
    """Trains the rounds that are not finished; returns the checkpoint."""
    saved = torch.load(work.checkpoint, weights_only=False) if work.checkpoint.exists() else {}
    first = saved.get("round", 0) + saved.get("is_finished", False)
    del saved
    for number in range(first, len(ROUNDS)):
        Trainer(work, options, number).run()
    return work.checkpoint
