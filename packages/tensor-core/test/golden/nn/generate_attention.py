"""Attention, positions and transformer layers of PyTorch on random inputs, computed in float64, stored in float32.

Run by /usr/bin/python3 generate_attention.py (torch 1.13, NumPy); writes attention.safetensors beside this file.

For each case NAME: NAME/w/... the state dict, the inputs NAME/x (and NAME/keys, NAME/values, NAME/memory), masks, NAME/y,
NAME/weights of each head where the module gives them, NAME/dy, and the gradients of sum(y dy): NAME/dx (dkeys, dvalues,
dmemory) and NAME/g/... by parameter. Boolean masks are true where nothing is attended, as in PyTorch.

rope/..., alibi/..., sinusoidal/...: from their definitions, rotary positions as complex numbers.
t5/N.D.(both|one): buckets of the distances -150 .. 150, by the published formula in float32.
bicubic/H.W.R.S.OFFSET.(plain|antialias): a table [H W, D] resized to [R S, D] by torch.nn.functional.interpolate.
"""

import math
import pathlib
import sys

import numpy as np
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from safetensors_writer import save  # noqa: E402

torch.manual_seed(20231117)
torch.set_default_dtype(torch.float64)
tensors = {}


def random(*shape):
    """Values that float32 holds exactly."""
    return torch.randn(*shape).float().double()


def put(name, x):
    x = x.detach()
    kinds = {torch.bool: np.uint8, torch.int64: np.int32}
    tensors[name] = x.numpy().astype(kinds.get(x.dtype, np.float32))


def case(name, module, inputs, call, masks=None):
    """inputs: name -> tensor that takes gradients; call(module, inputs) -> y or (y, weights)."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_((parameter + 0.3 * torch.randn_like(parameter)).float().double())
    for x in inputs.values():
        x.requires_grad_(True)
    result = call(module, inputs)
    y, weights = result if isinstance(result, tuple) else (result, None)
    dy = random(*y.shape)
    (y * dy).sum().backward()
    for parameter, value in module.state_dict().items():
        put(f"{name}/w/{parameter}", value)
    for parameter, value in module.named_parameters():
        put(f"{name}/g/{parameter}", value.grad)
    for key, x in inputs.items():
        put(f"{name}/{key}", x)
        put(f"{name}/d{key}", x.grad)
    for key, mask in (masks or {}).items():
        put(f"{name}/{key}", mask)
    put(f"{name}/y", y)
    put(f"{name}/dy", dy)
    if weights is not None:
        put(f"{name}/weights", weights)


def attention():
    def call(m, i, **masks):
        keys = i.get("keys", i["x"])
        return m(i["x"], keys, i.get("values", keys), average_attn_weights=False, **masks)

    causal = torch.ones(7, 7).triu(1).bool()
    padding = torch.tensor([[0, 0, 0, 0, 0, 1, 1], [1, 0, 0, 1, 0, 0, 0]]).bool()
    mha = lambda *a, **k: nn.MultiheadAttention(*a, batch_first=True, **k)  # noqa: E731
    case("mha/self", mha(6, 3), {"x": random(2, 7, 6)}, call)
    case("mha/plain", mha(4, 2, bias=False), {"x": random(2, 4, 4)}, call)
    case("mha/causal", mha(6, 3), {"x": random(2, 7, 6)}, lambda m, i: call(m, i, attn_mask=causal))
    case(
        "mha/padded", mha(6, 3), {"x": random(2, 7, 6)},
        lambda m, i: call(m, i, key_padding_mask=padding), {"padding": padding},
    )
    case(
        "mha/cross", mha(6, 3, kdim=5, vdim=4),
        {"x": random(2, 3, 6), "keys": random(2, 6, 5), "values": random(2, 6, 4)}, call,
    )
    added = random(2 * 3, 5, 5)
    added[:, 1, 3:] = -math.inf
    case(
        "mha/added", mha(6, 3), {"x": random(2, 5, 6)},
        lambda m, i: call(m, i, attn_mask=added), {"mask": added.reshape(2, 3, 5, 5)},
    )


def transformers():
    causal = torch.ones(5, 5).triu(1).bool()
    padding = torch.tensor([[0, 0, 0, 1, 1], [0, 1, 0, 0, 0]]).bool()
    memory_padding = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]]).bool()
    make = dict(dropout=0, batch_first=True)
    for first in (False, True):
        order = "pre" if first else "post"
        case(
            f"encoder/{order}",
            nn.TransformerEncoderLayer(8, 2, 10, activation="gelu" if first else "relu", norm_first=first, **make),
            {"x": random(2, 5, 8)}, lambda m, i: m(i["x"], src_key_padding_mask=padding), {"padding": padding},
        )
        case(
            f"decoder/{order}",
            nn.TransformerDecoderLayer(8, 2, 10, activation="gelu" if first else "relu", norm_first=first, **make),
            {"x": random(2, 5, 8), "memory": random(2, 4, 8)},
            lambda m, i: m(i["x"], i["memory"], tgt_mask=causal, memory_key_padding_mask=memory_padding),
            {"padding": memory_padding},
        )
    layer = nn.TransformerEncoderLayer(8, 2, 12, norm_first=True, layer_norm_eps=1e-3, **make)
    stack = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(8, eps=1e-3))
    case("stack", stack, {"x": random(2, 5, 8)}, lambda m, i: m(i["x"], mask=causal))


def positions():
    x = random(2, 3, 9, 8)
    put("rope/x", x)
    for name, places in (("near", np.arange(9)), ("far", np.array([0, 1, 5, 17, 100, 512, 1000, 2047, 4096]))):
        z = places[:, None] * 10000.0 ** (-np.arange(4) / 4)
        turn = np.exp(1j * z)
        half = (x[..., :4].numpy() + 1j * x[..., 4:].numpy()) * turn
        pairs = (x[..., 0::2].numpy() + 1j * x[..., 1::2].numpy()) * turn
        put(f"rope/{name}.half", torch.from_numpy(np.concatenate([half.real, half.imag], -1)))
        put(f"rope/{name}.interleaved", torch.from_numpy(np.stack([pairs.real, pairs.imag], -1).reshape(x.shape)))
    put("rope/far.positions", torch.from_numpy(places))
    code = torch.zeros(50, 6)
    place, frequency = torch.arange(50.0)[:, None], torch.exp(torch.arange(0, 6, 2) * (-math.log(10000.0) / 6))
    code[:, 0::2], code[:, 1::2] = torch.sin(place * frequency), torch.cos(place * frequency)
    put("sinusoidal/50.6", code)


def t5(distances, count, furthest, both):
    bucket = torch.zeros_like(distances)
    if both:
        count //= 2
        bucket += (distances > 0).long() * count
        n = distances.abs()
    else:
        n = -torch.minimum(distances, torch.zeros_like(distances))
    exact = count // 2
    far = exact + (torch.log(n.float() / exact) / math.log(furthest / exact) * (count - exact)).long()
    return bucket + torch.where(n < exact, n, torch.minimum(far, torch.full_like(far, count - 1)))


def buckets():
    distances = torch.arange(-150, 151)
    for count, furthest, both in ((32, 128, True), (32, 128, False), (32, 32, True), (10, 20, True), (7, 100, False)):
        put(f"t5/{count}.{furthest}.{'both' if both else 'one'}", t5(distances, count, furthest, both))


def bicubic():
    for rows, columns, height, width, offset, antialias in (
        (4, 4, 6, 6, 0, False), (4, 4, 2, 3, 0, False), (5, 3, 5, 7, 0, False), (4, 4, 6, 4, 0.1, False),
        (4, 4, 2, 2, 0.1, False), (4, 4, 6, 6, 0, True), (5, 6, 2, 3, 0, True), (4, 4, 2, 5, 0.1, True), (1, 2, 3, 1, 0, False),
    ):
        table = random(rows * columns, 3).requires_grad_(True)
        image = table.reshape(1, rows, columns, 3).permute(0, 3, 1, 2)
        options = dict(mode="bicubic", align_corners=False, antialias=antialias)
        if offset == 0:
            y = nn.functional.interpolate(image, size=(height, width), **options)
        else:
            factors = ((height + offset) / rows, (width + offset) / columns)
            y = nn.functional.interpolate(image, scale_factor=factors, recompute_scale_factor=False, **options)
        assert y.shape[-2:] == (height, width)
        y = y.permute(0, 2, 3, 1).reshape(height * width, 3)
        dy = random(*y.shape)
        (y * dy).sum().backward()
        name = f"bicubic/{rows}.{columns}.{height}.{width}.{offset}.{'antialias' if antialias else 'plain'}"
        for key, value in (("x", table), ("y", y), ("dy", dy), ("dx", table.grad)):
            put(f"{name}/{key}", value)


attention()
transformers()
positions()
buckets()
bicubic()
save(HERE / "attention.safetensors", tensors, {"torch": torch.__version__})
