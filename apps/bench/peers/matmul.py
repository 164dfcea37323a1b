"""src/workloads/matmul.ts in PyTorch."""

from values import uniform


def make(sizes, variant):
    shape = (sizes["side"], sizes["side"])
    a, b = uniform("left", shape, 1), uniform("right", shape, 1)
    return lambda: a @ b
