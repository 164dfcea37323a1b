"""src/workloads/convolutions.ts in PyTorch."""

import math

import torch
from torch import nn
from torch.nn import functional
from training import memory_format, training_step
from values import images, initialise

LEARNING_RATE = 0.1


class Convolutions(nn.Module):
    def __init__(self, layers, channels):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(layers))

    def forward(self, x):
        for layer in self.layers:
            x = functional.silu(layer(x))
        return x


def make(sizes, variant):
    layout = memory_format(variant)
    model = initialise(Convolutions(sizes["layers"], sizes["channels"])).to(memory_format=layout)
    shape = (sizes["batch"], sizes["side"], sizes["side"], sizes["channels"])
    x, target = (images(name, shape, math.sqrt(3)).to(memory_format=layout) for name in ("input", "target"))
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    return training_step(optimizer, lambda: functional.mse_loss(model(x), target))
