"""src/workloads/unet.ts in PyTorch."""

import math

import torch
from layers import attention
from torch import nn
from torch.nn import functional
from training import adam, memory_format, training_step
from values import images, initialise


class DoubleConvolution(nn.Module):
    def __init__(self, inputs, outputs, groups):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm1 = nn.GroupNorm(groups, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outputs)

    def forward(self, x):
        x = functional.silu(self.norm1(self.conv1(x)))
        return functional.silu(self.norm2(self.conv2(x)))


class PixelAttention(nn.Module):
    def __init__(self, width, groups):
        super().__init__()
        self.norm = nn.GroupNorm(groups, width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        pixels = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(pixels).chunk(3, dim=2)
        return x + self.out(attention(q, k, v)).transpose(1, 2).reshape(x.shape)


class Up(nn.Module):
    def __init__(self, below, width, groups):
        super().__init__()
        self.narrow = nn.Conv2d(below, width, 3, padding=1)
        self.block = DoubleConvolution(2 * width, width, groups)

    def forward(self, x, skip):
        larger = functional.interpolate(x, scale_factor=2, mode="nearest")
        return self.block(torch.cat([self.narrow(larger), skip], dim=1))


class UNet(nn.Module):
    def __init__(self, widths, groups):
        super().__init__()
        inputs = [1, *widths[:-1]]
        self.down = nn.ModuleList(DoubleConvolution(i, o, groups) for i, o in zip(inputs, widths))
        self.middle = PixelAttention(widths[-1], groups)
        self.up = nn.ModuleList(Up(below, width, groups) for width, below in zip(widths, widths[1:]))
        self.out = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x):
        levels = []
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level > 0 else x)
            levels.append(x)
        x = self.middle(x)
        for block, skip in zip(reversed(self.up), reversed(levels[:-1])):
            x = block(x, skip)
        return self.out(x)


def make(sizes, variant):
    layout = memory_format(variant)
    model = initialise(UNet(sizes["widths"], sizes["groups"])).to(memory_format=layout)
    shape = (sizes["batch"], sizes["side"], sizes["side"], 1)
    x, target = (images(name, shape, math.sqrt(3)).to(memory_format=layout) for name in ("input", "target"))
    return training_step(adam(model), lambda: functional.mse_loss(model(x), target))
