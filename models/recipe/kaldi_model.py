"""Writes am/final.mdl: Kaldi's transition model and nnet3 network, binary, weights in 8 bits.

The four position-dependent phones of a unit (phones.py) share its two outputs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from voicebot.vocabulary.phones import phone_count

from .features import BINS
from .network import RESIDUAL, SUBSAMPLING, Shape

Matrix = NDArray[np.float64]


def _token(text: str) -> bytes:
    return text.encode() + b" "


def _int(value: int) -> bytes:
    return b"\x04" + struct.pack("<i", value)


def _float(value: float) -> bytes:
    return b"\x04" + struct.pack("<f", value)


def _ints(values: Iterable[int]) -> bytes:
    data = np.fromiter(values, dtype="<i4")
    return _int(len(data))[0:1] + struct.pack("<i", len(data)) + data.tobytes()


def _vector(values: Iterable[float]) -> bytes:
    data = np.fromiter(values, dtype="<f4")
    return _token("FV") + _int(len(data)) + data.tobytes()


def _matrix_8_bit(matrix: Matrix) -> bytes:
    low, extent = float(matrix.min()), float(np.ptp(matrix))
    quantised = np.clip(np.round((matrix - low) / extent * 255), 0, 255).astype(np.uint8)
    return _token("CM3") + struct.pack("<ffii", low, extent, *matrix.shape) + quantised.tobytes()


def transition_model(units: int) -> bytes:
    """Every phone: one emitting state, output 2k on entering, 2k + 1 while staying."""
    phones = range(1, phone_count(units) + 1)
    outputs = [0, 0] + [unit for unit in range(1, units) for _ in range(4)]
    data = _token("<TransitionModel>") + _token("<Topology>") + _ints(phones) + _ints([-1] + [0] * len(phones))
    data += _int(-1) + _int(1) + _int(2)  # -1: self-loop classes follow; one entry of two states
    data += _int(0) + _int(1) + _int(2) + _int(0) + _float(0.5) + _int(1) + _float(0.5)
    data += _int(-1) + _int(-1) + _int(0) + _token("</Topology>") + _token("<Tuples>") + _int(len(phones))
    for number, unit in zip(phones, outputs, strict=True):
        data += _int(number) + _int(0) + _int(2 * unit) + _int(2 * unit + 1)
    halves = [0.0] + [float(np.log(0.5))] * (2 * len(phones))
    return (
        data
        + _token("</Tuples>")
        + _token("<LogProbs>")
        + _vector(halves)
        + _token("</LogProbs>")
        + _token("</TransitionModel>")
    )


class _Graph:
    """nnet3's configuration lines and components, in order."""

    def __init__(self) -> None:
        self.lines = [f"input-node name=input dim={BINS}"]
        self.components: list[tuple[str, bytes]] = []

    def add(self, name: str, component: bytes, inputs: str) -> str:
        self.components.append((name, component))
        self.lines.append(f"component-node name={name} component={name} input={inputs}")
        return name

    def affine(self, name: str, weight: Matrix, bias: Matrix, inputs: str) -> str:
        """weight (out, in, taps); the taps are appended in the order of time."""
        flat = weight.transpose(0, 2, 1).reshape(weight.shape[0], -1)
        data = _token("<FixedAffineComponent>") + _token("<LinearParams>") + _matrix_8_bit(flat)
        data += _token("<BiasParams>") + _vector(bias) + _token("</FixedAffineComponent>")
        return self.add(name, data, inputs)

    def relu(self, name: str, size: int, inputs: str) -> str:
        data = _token("<RectifiedLinearComponent>") + _token("<Dim>") + _int(size)
        data += _token("<ValueAvg>") + _vector([]) + _token("<DerivAvg>") + _vector([]) + _token("<Count>") + _float(0)
        data += _token("<OderivRms>") + _vector([]) + _token("<OderivCount>") + _float(0)
        data += _token("<NumDimsSelfRepaired>") + _float(0) + _token("<NumDimsProcessed>") + _float(0)
        return self.add(name, data + _token("</RectifiedLinearComponent>"), inputs)

    def pass_on(self, name: str, size: int, inputs: str) -> str:
        data = _token("<NoOpComponent>") + _token("<Dim>") + _int(size) + _token("<BackpropScale>") + _float(1)
        return self.add(name, data + _token("</NoOpComponent>"), inputs)


def _norm(state: dict[str, Matrix], name: str) -> tuple[Matrix, Matrix]:
    """Batch normalisation as scale and offset."""
    scale = state[f"{name}.weight"] / np.sqrt(state[f"{name}.running_var"] + 1e-5)
    return scale, state[f"{name}.bias"] - state[f"{name}.running_mean"] * scale


def network(state: dict[str, Matrix], shape: Shape) -> bytes:
    """The LF-MMI part of the network with all normalisations folded into its affine parts."""
    graph = _Graph()
    weight = state["first.weight"] / state["deviation"][None, :, None]
    bias = state["first.bias"] - (weight * state["mean"][None, :, None]).sum((1, 2))
    scale, offset = _norm(state, "first_norm")
    offsets = ", ".join("input" if t == 0 else f"Offset(input, {t})" for t in range(-2, 3))
    graph.affine("first", weight * scale[:, None, None], bias * scale + offset, f"Append({offsets})")
    graph.relu("first_relu", shape.first, "first")
    scale, offset = _norm(state, "second_norm")
    graph.affine("second", state["second.weight"] * scale[:, None, None], state["second.bias"] * scale + offset,
                 "Append(Offset(first_relu, -1), first_relu, Offset(first_relu, 1))")  # fmt: skip
    before = graph.relu("second_relu", shape.hidden, "second")
    for index, dilation in enumerate(shape.dilations):
        lag, name = SUBSAMPLING * dilation, f"blocks.{index}"
        graph.affine(f"back{index}", state[f"{name}.back.weight"], np.zeros(shape.bottleneck),
                     f"Append(Offset({before}, -{lag}), {before})")  # fmt: skip
        scale, offset = _norm(state, f"{name}.norm")
        graph.affine(f"ahead{index}", state[f"{name}.ahead.weight"] * scale[:, None, None],
                     state[f"{name}.ahead.bias"] * scale + offset,
                     f"Append(back{index}, Offset(back{index}, {lag}))")  # fmt: skip
        graph.relu(f"relu{index}", shape.hidden, f"ahead{index}")
        before = graph.pass_on(f"block{index}", shape.hidden, f"Sum(Scale({RESIDUAL}, {before}), relu{index})")
    outputs = 2 * shape.units
    graph.affine("scores", state["output.weight"][:outputs], state["output.bias"][:outputs], before)
    graph.lines.append("output-node name=output input=scores objective=linear")
    data = _token("<Nnet3>") + b"\n" + ("\n".join(graph.lines) + "\n\n").encode()
    data += _token("<NumComponents>") + _int(len(graph.components))
    for name, component in graph.components:
        data += _token("<ComponentName>") + _token(name) + component
    context = _token("<LeftContext>") + _int(shape.context) + _token("<RightContext>") + _int(shape.context)
    return data + _token("</Nnet3>") + context + _token("<Priors>") + _vector([])


_CONFIG = {
    "fbank.conf": "--sample-frequency=8000 --num-mel-bins=40 --low-freq=100 --high-freq=3700 --dither=0.0 --use-energy=false",
    # phone-determinize=false: with the phone loop of [unk] it would take seconds a word
    "model.conf": "--min-active=50 --max-active=3000 --beam=12.5 --lattice-beam=5.0 --acoustic-scale=0.9 "
    "--frame-subsampling-factor=3 --endpoint.silence-phones=1 --endpoint.rule2.min-trailing-silence=0.5 "
    "--endpoint.rule3.min-trailing-silence=0.75 --endpoint.rule4.min-trailing-silence=1.0 --phone-determinize=false",
}


def export(checkpoint: Path, model: Path) -> list[str]:
    """Writes am/ and conf/ of the model; returns the units."""
    saved = torch.load(checkpoint, map_location="cpu", weights_only=False)
    shape = Shape(**saved["shape"])
    state = {name: value.double().numpy() for name, value in saved["network"].items()}
    (model / "am").mkdir(parents=True, exist_ok=True)
    (model / "conf").mkdir(exist_ok=True)
    (model / "am/final.mdl").write_bytes(b"\0B" + transition_model(shape.units) + network(state, shape))
    for name, options in _CONFIG.items():
        (model / "conf" / name).write_text(options.replace(" ", "\n") + "\n", encoding="utf-8")
    units: list[str] = saved["units"]
    return units
