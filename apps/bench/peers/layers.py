"""The transformer block that transformer.py and vit.py share, the twin of src/models/transformer-block.ts."""

import math

import torch
from torch import nn
from torch.nn import functional


def attention(q, k, v, mask=None):
    """softmax(q kT / sqrt(E) + mask) v; the batched product takes scale and mask along. q, k, v [B, T, E]."""
    scale = 1 / math.sqrt(q.shape[-1])
    if mask is None:
        scores = (q * scale) @ k.transpose(1, 2)
    else:
        scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=scale)
    return scores.softmax(-1) @ v


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x, mask=None):
        x = x + self.attend(self.norm1(x), mask)
        return x + self.down(functional.gelu(self.up(self.norm2(x))))

    def attend(self, x, mask):
        batch, tokens, width = x.shape
        heads = self.heads
        q, k, v = (
            part.view(batch, tokens, heads, width // heads).transpose(1, 2).reshape(batch * heads, tokens, -1)
            for part in self.qkv(x).split(width, dim=2)
        )
        mixed = attention(q, k, v, mask).view(batch, heads, tokens, -1)
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
