"""src/workloads/mlp.ts in PyTorch."""

import math

from torch import nn
from torch.nn import functional
from training import adam, training_step
from values import initialise, integers, uniform


class Perceptron(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in zip(units, units[1:]))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = functional.relu(layer(x))
        return self.layers[-1](x)


def make(sizes, variant):
    units, batch = sizes["units"], sizes["batch"]
    model = initialise(Perceptron(units))
    x = uniform("input", (batch, units[0]), math.sqrt(3))
    labels = integers("labels", (batch,), units[-1])
    return training_step(adam(model), lambda: functional.cross_entropy(model(x), labels))
