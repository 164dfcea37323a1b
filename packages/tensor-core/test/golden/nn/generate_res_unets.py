"""Small cosmological U-Nets in all their variants, by PyTorch layers in float64, stored in float32.

Run by /usr/bin/python3 generate_res_unets.py (torch 1.13, NumPy); writes res-unets.safetensors beside this file. The
files res-unet-phi, res-unet-discrete, res-unet-gdiff and ff-res-unet are results of the authors' own code, AstroDiff/AstroDDPM.

Weights are not stored: parameter k of the sorted names has the elements 0.4 sin(12.9898 (i + 1000 k) + k), plus 1 for
weights of normalisations. For each variant V: V/x, V/t, V/phi, V/dy, V/y in training, V/dx, V/slopes (for each
parameter, in sorted order, the sum of its gradient times its value, the loss being sum(y dy)) and V/eval, the result in
evaluation after that one pass. Metadata: the shapes of the state dict as JSON.
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from safetensors_writer import save  # noqa: E402

torch.manual_seed(20231016)
WIDTH = 100


def reference_table(steps, width):
    """As the discrete networks were trained: see alternatingTable."""
    code = torch.tensor([[i / 10000 ** (2 * j / width) for j in range(width)] for i in range(steps)])
    even = torch.arange(0, steps, 2)
    code[even] = torch.sin(code[even])
    code[1 - even] = torch.cos(code[even])
    return code


class Waves(nn.Module):
    def forward(self, angles):
        return torch.cat([angles.sin(), angles.cos()], -1)


def reader(channels):
    return nn.Sequential(nn.Linear(WIDTH, channels), nn.SiLU(), nn.Linear(channels, channels))


class NormConv(nn.Module):
    def __init__(self, a, b, size, group, norm, mode):
        super().__init__()
        makers = {
            "GN": lambda: nn.GroupNorm(a // group, a), "BN": lambda: nn.BatchNorm2d(a),
            "LN": lambda: nn.LayerNorm([a, size, size]), None: nn.Identity,
        }
        self.norm = makers[norm]()
        self.conv1 = nn.Conv2d(a, b, 3, padding="same", padding_mode=mode)

    def forward(self, x):
        return nn.functional.silu(self.conv1(self.norm(x)))


class Block(nn.Module):
    def __init__(self, channels, size, group, norm, mode, phi, rescale):
        super().__init__()
        pairs = zip(channels, channels[1:])
        self.block = nn.Sequential(*[NormConv(a, b, size, group, norm, mode) for a, b in pairs])
        self.skip = nn.Conv2d(channels[0], channels[-1], 1)
        self.te = reader(channels[0])
        if phi:
            self.phie = reader(channels[0])
        self.scale = math.sqrt(0.5) if rescale else 1.0

    def forward(self, x, t, phi):
        h = x + self.te(t)[:, :, None, None]
        if phi is not None:
            h = h + self.phie(phi)[:, :, None, None]
        return (self.block(h) + self.skip(x)) * self.scale


class Net(nn.Module):
    def __init__(self, sizes, first, norm, mode, time, phi, rescale, inputs, outputs):
        super().__init__()
        rest = (norm, mode, phi, rescale)
        if time == "discrete":
            self.time_embed = nn.Embedding(7, WIDTH)
        elif time == "fourier":
            self.time_embed = nn.Sequential(nn.Linear(1, WIDTH // 2), Waves())
        else:
            self.time_embed = nn.Linear(1, WIDTH)
        if phi:
            self.phi_embed = nn.Sequential(nn.Linear(phi, WIDTH), nn.SiLU())
        c, group = first, first // 2
        down = [Block([inputs, c, c, c], sizes[0], 1, *rest), nn.Conv2d(c, c, 4, 2, 1)]
        for size in sizes[1:-1]:
            down += [Block([c, 2 * c, 2 * c, 2 * c], size, group, *rest), nn.Conv2d(2 * c, 2 * c, 4, 2, 1)]
            c *= 2
        down.append(Block([c, c // 2, c // 2, c], sizes[-1], group, *rest))
        up = []
        for size in sizes[-2:0:-1]:
            up += [nn.ConvTranspose2d(c, c, 4, 2, 1), Block([2 * c, c, c // 2, c // 2], size, group, *rest)]
            c //= 2
        up += [nn.ConvTranspose2d(c, c, 4, 2, 1), Block([2 * c, c, c, c], sizes[0], group, *rest)]
        self.downblocks, self.upblocks = nn.ModuleList(down), nn.ModuleList(up)
        shape = [outputs, sizes[0], sizes[0]]
        last = {None: nn.Identity, "LN": lambda: nn.LayerNorm(shape, elementwise_affine=False)}
        norm_layer = last.get(norm, lambda: nn.BatchNorm2d(outputs))()
        self.tail = nn.Sequential(nn.Conv2d(c, outputs, 3, padding="same", padding_mode=mode), norm_layer)

    def forward(self, x, t, phi):
        t = self.time_embed(t)
        phi = None if phi is None else self.phi_embed(phi)
        skips, h = [], x
        for layer in self.downblocks:
            if isinstance(layer, Block):
                h = layer(h, t, phi)
                skips.append(h)
            else:
                h = layer(h)
        skips.pop()
        for layer in self.upblocks:
            h = layer(torch.cat([h, skips.pop()], 1), t, phi) if isinstance(layer, Block) else layer(h)
        return self.tail(h)


def pattern(shape, k):
    i = np.arange(int(np.prod(shape)))
    values = (0.4 * np.sin(12.9898 * (i + 1000 * k) + k)).astype(np.float32)
    return torch.tensor(values.astype(np.float64).reshape(shape))


def float32(*shape):
    return torch.randn(*shape, dtype=torch.float32).double()


VARIANTS = {
    "discrete": dict(sizes=[8, 4, 2], first=4, norm="GN", mode="circular", time="discrete", phi=0, rescale=True),
    "layer": dict(sizes=[8, 4], first=2, norm="LN", mode="zeros", time="forward", phi=3, rescale=False),
    "batch": dict(sizes=[8, 4], first=4, norm="BN", mode="circular", time="fourier", phi=1, rescale=True),
    "none": dict(sizes=[8, 4], first=2, norm=None, mode="circular", time="fourier", phi=0, rescale=False),
}
tensors, shapes = {}, {}
for variant, options in VARIANTS.items():
    channels = (2, 3) if variant == "batch" else (1, 1)
    net = Net(**options, inputs=channels[0], outputs=channels[1]).double()
    state = net.state_dict()
    shapes[variant] = {name: list(value.shape) for name, value in state.items()}
    named = dict(sorted(net.named_parameters()))
    for k, (name, parameter) in enumerate(named.items()):
        is_scale = name.endswith("norm.weight") or name == "tail.1.weight"
        parameter.data = pattern(parameter.shape, k) + (1.0 if is_scale else 0.0)
        parameter.data = parameter.data.float().double()
    x = float32(2, channels[0], 8, 8).requires_grad_()
    t = torch.tensor([5, 2]) if options["time"] == "discrete" else torch.tensor([[0.25], [0.75]]).double()
    phi = float32(2, options["phi"]) if options["phi"] else None
    y = net(x, t, phi)
    dy = float32(*y.shape)
    (y * dy).sum().backward()
    slopes = torch.stack([(p.grad * p).sum() for p in named.values()])
    net.eval()
    results = {"x": x, "dy": dy, "y": y, "dx": x.grad, "slopes": slopes, "eval": net(x, t, phi), "t": t, "phi": phi}
    for key, value in results.items():
        if value is not None:
            kind = np.int32 if value.dtype == torch.int64 else np.float32
            tensors[f"{variant}/{key}"] = np.array(value.detach().numpy(), dtype=kind)

for steps in (2, 7, 8):
    tensors[f"table/{steps}"] = reference_table(steps, 4).numpy()
ROWS = [0, 1, 2, 3, 500, 501, 998, 999]
tensors["table/1000"] = reference_table(1000, WIDTH)[ROWS].numpy()
save(HERE / "res-unets.safetensors", tensors, {"torch": torch.__version__, "shapes": json.dumps(shapes)})
