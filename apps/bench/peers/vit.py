"""src/workloads/vit.ts in PyTorch."""

import math

import torch
from layers import Block
from torch import nn
from values import images, initialise


class VisionTransformer(nn.Module):
    def __init__(self, image, patch, width, layers, heads, classes):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.class_token = nn.Parameter(torch.zeros(1, width))
        self.positions = nn.Parameter(torch.zeros((image // patch) ** 2 + 1, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, pictures):
        embedded = self.patches(pictures).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(pictures), 1, -1), embedded], dim=1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, 0]))


def make(sizes, variant):
    model = initialise(VisionTransformer(**sizes)).eval()
    picture = images("picture", (1, sizes["image"], sizes["image"], 3), math.sqrt(3))
    if variant == "frozen":
        with torch.no_grad():
            model = torch.jit.optimize_for_inference(torch.jit.trace(model, picture))

    def step():
        with torch.inference_mode():
            return model(picture)

    return step
