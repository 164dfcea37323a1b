"""Layers of PyTorch on random inputs: results, gradients and states, computed in float64, stored in float32.

Run by /usr/bin/python3 generate_layers.py (torch 1.13, NumPy); writes layers.safetensors beside this file.

For each case NAME: NAME/w/... the state dict, NAME/x, NAME/y = module(x), NAME/dy, and the gradients of sum(y dy):
NAME/dx, NAME/g/... by parameter. All in PyTorch's layouts, images NCHW. Batch norms also have NAME/x2, NAME/x3,
NAME/after/..., the state dict after training on the three batches, and NAME/eval, module(x) in evaluation after that.
"""

import pathlib
import sys

import numpy as np
import torch
from torch import nn

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from safetensors_writer import save  # noqa: E402

torch.manual_seed(20240219)
tensors = {}


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return x / (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt() * self.weight


class DoubleConv(nn.Module):
    def __init__(self, a, b, residual):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(a, b, 3, padding=1, bias=False), nn.GroupNorm(1, b), nn.GELU(),
            nn.Conv2d(b, b, 3, padding=1, bias=False), nn.GroupNorm(1, b),
        )
        self.residual = residual

    def forward(self, x):
        y = self.double_conv(x)
        return nn.functional.gelu(x + y) if self.residual else y


def float32(x):
    return x.to(torch.float32).to(torch.float64)


def put(name, x):
    x = x.detach()
    integers = x.dtype == torch.int64
    # A copy: running statistics change in place.
    tensors[name] = np.array(x.numpy(), dtype=np.int32 if integers else np.float32)


def states(prefix, module):
    for name, value in module.state_dict().items():
        put(f"{prefix}/{name}", value)


def record(name, module, x):
    """x: float input, or int64 ids."""
    module = module.double()
    for parameter in module.parameters():
        parameter.data = float32(parameter.data + 0.3 * torch.randn_like(parameter))
    states(f"{name}/w", module)
    if x.dtype != torch.int64:
        x = float32(x.double()).requires_grad_()
    y = module(x)
    dy = float32(torch.randn_like(y))
    (y * dy).sum().backward()
    for key, value in {"x": x, "y": y, "dy": dy}.items():
        put(f"{name}/{key}", value)
    if x.requires_grad:
        put(f"{name}/dx", x.grad)
    for key, parameter in module.named_parameters():
        put(f"{name}/g/{key}", parameter.grad)


def record_batches(name, module, shape):
    x, x2, x3 = (torch.randn(shape) * (i + 1) + i for i in range(3))
    record(name, module, x)
    for key, batch in {"x2": x2, "x3": x3}.items():
        batch = float32(batch.double())
        module(batch)
        put(f"{name}/{key}", batch)
    states(f"{name}/after", module)
    module.eval()
    put(f"{name}/eval", module(float32(x.double())))


def image(*shape):
    return torch.randn(*shape)


record("linear", nn.Linear(5, 4), torch.randn(2, 3, 5))
record("linear/plain", nn.Linear(5, 4, bias=False), torch.randn(3, 5))
record("embedding", nn.Embedding(6, 3), torch.tensor([[0, 5, 2], [5, 5, 1]]))
record("gelu", nn.GELU(), torch.linspace(-6, 6, 49))
record("silu", nn.SiLU(), torch.linspace(-20, 20, 41))

record("layer-norm", nn.LayerNorm(7), torch.randn(2, 3, 7) * 2 + 1)
record("layer-norm/plain", nn.LayerNorm(7, elementwise_affine=False, eps=1e-2), torch.randn(4, 7))
record("layer-norm/image", nn.LayerNorm([3, 4, 5]), image(2, 3, 4, 5))
record("layer-norm/sequence", nn.LayerNorm([3, 4]), image(2, 3, 4))
record("layer-norm/far", nn.LayerNorm(16), torch.randn(4, 16) + 1000)
record("rms-norm", RmsNorm(7, 1e-6), torch.randn(2, 3, 7))

for groups in (1, 3, 6):
    record(f"group-norm/{groups}", nn.GroupNorm(groups, 6), image(2, 6, 2, 4) + 0.5)
record("group-norm/plain", nn.GroupNorm(2, 6, eps=1e-3, affine=False), image(2, 6, 4))
record("group-norm/far", nn.GroupNorm(2, 4), image(2, 4, 4, 4) + 1000)
record("instance-norm", nn.InstanceNorm2d(3), image(2, 3, 4, 5))
record("instance-norm/affine", nn.InstanceNorm1d(3, affine=True), image(2, 3, 9))
record_batches("batch-norm", nn.BatchNorm2d(3), (3, 3, 2, 4))
record_batches("batch-norm/rows", nn.BatchNorm1d(5, eps=1e-3, momentum=0.3), (7, 5))
record_batches("batch-norm/plain", nn.BatchNorm1d(2, affine=False), (3, 2, 4))

record("conv2d", nn.Conv2d(3, 4, 3, padding=1), image(2, 3, 3, 5))
record("conv2d/valid", nn.Conv2d(3, 2, 3, bias=False), image(2, 3, 4, 5))
record("conv2d/stride", nn.Conv2d(2, 3, 4, stride=2, padding=1), image(2, 2, 6, 5))
record("conv2d/oblong", nn.Conv2d(2, 3, (2, 3), stride=(2, 1), padding=(0, 1)), image(2, 2, 4, 5))
record("conv2d/tiles", nn.Conv2d(3, 4, 2, stride=2), image(2, 3, 5, 7))
record("conv2d/oblong-tiles", nn.Conv2d(2, 3, (2, 3), stride=(2, 3), bias=False), image(2, 2, 4, 6))
record("conv2d/pixels", nn.Conv2d(3, 4, 1), image(2, 3, 3, 4))
record("conv2d/sparse-pixels", nn.Conv2d(3, 4, 1, stride=2), image(2, 3, 5, 4))
record("conv2d/same", nn.Conv2d(2, 3, 4, padding="same"), image(2, 2, 5, 4))
record("conv2d/dilated", nn.Conv2d(2, 3, (3, 2), padding="same", dilation=(2, 3)), image(2, 2, 5, 6))
record("conv2d/circular", nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), image(2, 3, 3, 4))
record("conv2d/circular-same", nn.Conv2d(2, 3, (4, 2), padding="same", padding_mode="circular"), image(2, 2, 4, 5))
record("conv1d", nn.Conv1d(3, 4, 5, padding=2), image(2, 3, 9))
record("conv1d/stride", nn.Conv1d(3, 4, 3, stride=2, padding=1, bias=False), image(2, 3, 8))
record("conv1d/dilated", nn.Conv1d(2, 3, 3, padding="same", dilation=2), image(2, 2, 8))
record("conv1d/circular", nn.Conv1d(2, 3, 3, padding=1, padding_mode="circular"), image(2, 2, 6))
record("conv-transpose2d", nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1), image(2, 3, 2, 3))
record("conv-transpose2d/tiles", nn.ConvTranspose2d(3, 2, 2, stride=2), image(2, 3, 2, 3))
record("conv-transpose2d/large-tiles", nn.ConvTranspose2d(3, 2, 4, stride=4, bias=False), image(2, 3, 1, 2))
record("conv-transpose2d/extra", nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1), image(2, 3, 3, 2))
record("conv-transpose2d/oblong", nn.ConvTranspose2d(3, 2, (3, 2), stride=(1, 2), padding=(1, 0)), image(2, 3, 3, 2))
record("conv-transpose2d/gaps", nn.ConvTranspose2d(2, 3, 2, stride=3, output_padding=(1, 2)), image(2, 2, 2, 3))
record("double-conv", DoubleConv(2, 3, False), image(2, 2, 4, 3))
record("double-conv/residual", DoubleConv(3, 3, True), image(2, 3, 3, 4))

save(HERE / "layers.safetensors", tensors, {"torch": torch.__version__})
