"""The acoustic network: time-delay blocks with a bottleneck, 100 frames a second in, 33 out.

Small enough for one core to follow dozens of calls, and made only of what Kaldi's nnet3 can express (see kaldi_model.py).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .features import BINS

SUBSAMPLING = 3
#: weight of a block's input in its output
RESIDUAL = 0.66


@dataclass(frozen=True)
class Shape:
    """Sizes of the network; `units` counts silence."""

    units: int
    hidden: int = 384
    bottleneck: int = 128
    first: int = 192
    dilations: tuple[int, ...] = (1, 1, 1, 2, 2, 2, 3)

    @property
    def context(self) -> int:
        """Input frames seen on either side of an output frame."""
        return SUBSAMPLING * sum(self.dilations) + 3

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class TimeLinear(nn.Module):
    """A convolution over time as one matrix product, which the CPU does faster; (N, T, C) in and out.

    The weight is (out, in, taps).
    """

    def __init__(self, inputs: int, outputs: int, taps: int, dilation: int = 1, stride: int = 1, bias: bool = True) -> None:
        super().__init__()
        convolution = nn.Conv1d(inputs, outputs, taps, bias=bias)  # for its initial values
        self.weight, self.bias = convolution.weight, convolution.bias
        self.taps, self.dilation, self.stride = taps, dilation, stride

    def forward(self, x: Tensor) -> Tensor:
        if self.taps > 1:
            length = x.shape[1] - (self.taps - 1) * self.dilation
            x = torch.cat([x[:, k * self.dilation : k * self.dilation + length : self.stride] for k in range(self.taps)], 2)
        return F.linear(x, self.weight.transpose(1, 2).reshape(self.weight.shape[0], -1), self.bias)


class FrameNorm(nn.BatchNorm1d):
    """Batch normalisation over (N, T, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.reshape(-1, x.shape[-1])).view(x.shape)


class Block(nn.Module):
    """Two half convolutions through a bottleneck, one looking back, one ahead."""

    def __init__(self, hidden: int, bottleneck: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.back = TimeLinear(hidden, bottleneck, 2, dilation, bias=False)
        self.ahead = TimeLinear(bottleneck, hidden, 2, dilation)
        self.norm = FrameNorm(hidden)

    def forward(self, x: Tensor) -> Tensor:
        # no dropout: with this much noise nothing is learnt by heart, and its random numbers took a sixth of the time
        return F.relu(self.norm(self.ahead(self.back(x)))) + RESIDUAL * x[:, self.dilation : -self.dilation]


class Network(nn.Module):
    """(N, T, 40) -> (N, ceil(T / 3), 3 * units): per unit two LF-MMI outputs (first frame, later frames), then CTC."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", torch.zeros(BINS))
        self.register_buffer("deviation", torch.ones(BINS))
        self.first, self.first_norm = TimeLinear(BINS, shape.first, 5), FrameNorm(shape.first)
        self.second = TimeLinear(shape.first, shape.hidden, 3, stride=SUBSAMPLING)
        self.second_norm = FrameNorm(shape.hidden)
        self.blocks = nn.ModuleList(Block(shape.hidden, shape.bottleneck, d) for d in shape.dilations)
        self.output = TimeLinear(shape.hidden, 3 * shape.units, 1)

    def forward(self, x: Tensor) -> Tensor:
        frames, context = x.shape[1], self.shape.context
        outputs = -(-frames // SUBSAMPLING)
        x = (x - self.mean) / self.deviation
        # the decoder repeats the outermost frames in the same way
        padding = (context, context + SUBSAMPLING * outputs - frames)
        x = F.pad(x.transpose(1, 2), padding, mode="replicate").transpose(1, 2)
        x = F.relu(self.first_norm(self.first(x)))
        x = F.relu(self.second_norm(self.second(x)))
        for block in self.blocks:
            x = block(x)
        return self.output(x)[:, :outputs]


def widened(network: Network, bottleneck: int) -> Network:
    """The same function with wider bottlenecks: what is new there is made of chance and not yet listened to."""
    old, new = network.state_dict(), Network(replace(network.shape, bottleneck=bottleneck))
    state = new.state_dict()
    for name, value in old.items():
        if name.endswith("back.weight"):
            state[name][: len(value)] = value
        elif name.endswith("ahead.weight"):
            state[name].zero_()
            state[name][:, : value.shape[1]] = value
        else:
            state[name] = value
    new.load_state_dict(state)
    return new
