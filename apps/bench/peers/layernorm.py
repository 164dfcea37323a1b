"""src/workloads/layernorm.ts in PyTorch."""

from torch.nn import functional
from values import uniform


def make(sizes, variant):
    columns = sizes["columns"]
    x = uniform("input", (sizes["rows"], columns), 4)
    scale, shift = uniform("scale", (columns,), 1), uniform("shift", (columns,), 1)
    return lambda: functional.layer_norm(x, (columns,), scale, shift)
