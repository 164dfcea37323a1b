"""Numbers that follow from a name alone, the same as those of src/values.ts, and models filled with them."""

import math

import numpy
import torch
from torch import nn

TABLE_BOUND = 0.02 * math.sqrt(3)


def uniform(name, shape, bound):
    """Uniform on [-bound, bound) in float32; the order of elements is that of the TensorFlow.js side's shape."""
    bits = scrambled(name, math.prod(shape)) >> numpy.uint32(8)
    values = (bits.astype(numpy.float64) * 2**-23 - 1) * bound
    return torch.from_numpy(values.astype(numpy.float32)).reshape(shape)


def integers(name, shape, limit):
    """Integers 0 .. limit - 1, as torch wants its indices."""
    values = scrambled(name, math.prod(shape)) % numpy.uint32(limit)
    return torch.from_numpy(values.astype(numpy.int64)).reshape(shape)


def images(name, shape, bound):
    """`uniform` of the shape [N, H, W, C], laid out as [N, C, H, W]."""
    return uniform(name, shape, bound).permute(0, 3, 1, 2).contiguous()


def scrambled(name, size):
    """Wellons's integer hash "lowbias32" of a counter from the name's FNV-1a hash on."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = numpy.arange(size, dtype=numpy.uint32) + numpy.uint32(seed)
    x = (x ^ (x >> numpy.uint32(16))) * numpy.uint32(0x7FEB352D)
    x = (x ^ (x >> numpy.uint32(15))) * numpy.uint32(0x846CA68B)
    return x ^ (x >> numpy.uint32(16))


@torch.no_grad()
def initialise(model):
    """Fills a model by the names of its parameters, with the bounds of src/models/parameters.ts; returns it."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            weight = uniform(f"{name}.weight", (module.in_features, module.out_features), bound)
            module.weight.copy_(weight.T)
            module.bias.copy_(uniform(f"{name}.bias", module.bias.shape, bound))
        elif isinstance(module, nn.Conv2d):
            outputs, inputs, height, width = module.weight.shape
            fan_in = inputs * height * width
            weight = uniform(f"{name}.weight", (height, width, inputs, outputs), math.sqrt(6 / fan_in))
            module.weight.copy_(weight.permute(3, 2, 0, 1))
            module.bias.copy_(uniform(f"{name}.bias", module.bias.shape, 1 / math.sqrt(fan_in)))
        elif isinstance(module, nn.Embedding):
            module.weight.copy_(uniform(f"{name}.weight", module.weight.shape, TABLE_BOUND))
        for leaf, parameter in module.named_parameters(prefix=name, recurse=False):
            if leaf.endswith(("positions", "class_token")):
                parameter.copy_(uniform(leaf, parameter.shape, TABLE_BOUND))
    return model
