"""src/workloads/softmax.ts in PyTorch."""

from values import uniform


def make(sizes, variant):
    x = uniform("input", (sizes["rows"], sizes["columns"]), 4)
    return lambda: x.softmax(-1)
