"""src/workloads/transformer.ts in PyTorch."""

import torch
from layers import Block
from torch import nn
from torch.nn import functional
from training import adam, training_step
from values import initialise, integers


class Transformer(nn.Module):
    def __init__(self, width, layers, heads, tokens, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.zeros(tokens, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary)
        self.register_buffer("mask", torch.full((tokens, tokens), -1e9).triu(1))

    def forward(self, tokens):
        x = self.embedding(tokens) + self.positions
        for block in self.blocks:
            x = block(x, self.mask)
        return self.head(self.norm(x))


def make(sizes, variant):
    batch, tokens, vocabulary = sizes["batch"], sizes["tokens"], sizes["vocabulary"]
    model = initialise(Transformer(sizes["width"], sizes["layers"], sizes["heads"], tokens, vocabulary))
    text = integers("text", (batch, tokens + 1), vocabulary)
    inputs, targets = text[:, :-1].contiguous(), text[:, 1:].reshape(-1)
    return training_step(adam(model), lambda: functional.cross_entropy(model(inputs).flatten(0, 1), targets))
