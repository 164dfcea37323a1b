"""src/workloads/elementwise.ts in PyTorch."""

from values import uniform


def make(sizes, variant):
    x = uniform("input", (sizes["values"],), 2)
    return lambda: x.mul(1.5).add(0.25).relu().neg().exp().add(1).sqrt().mul(x)
