"""
The PyTorch side of a comparison: python3 serve.py '{"workload", "peer", "variant", "gives", "sizes", "threads"}'.

Warms up and says so on standard output, then answers each line `run k` with the milliseconds of k steps; all answers
are lines of JSON. Ends when standard input does. The other sides are served by src/worker.ts, in the same way.
"""

import importlib
import json
import math
import re
import sys
import time

import torch
from values import uniform

WARM_UP = 4


def main():
    task = json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    step = importlib.import_module(task["peer"]).make(task["sizes"], task["variant"])
    times, checks = [], []
    for i in range(WARM_UP):
        milliseconds, result = timed(step)
        times.append(milliseconds)
        if task["gives"] == "loss" and i < 3:
            checks.append(result.item())
        elif i == 0:
            checks = digest(result)
    answer(engine=f"PyTorch {torch.__version__}", blas=blas(), checks=checks, warmUpMs=times)
    for line in sys.stdin:
        steps = int(line.split()[1])
        answer(times=[timed(step)[0] for _ in range(steps)])


def timed(step):
    """A step's milliseconds and its result. Of a loss, the value is read, as training does."""
    start = time.perf_counter()
    result = step()
    if result.dim() == 0:
        result.item()
    return (time.perf_counter() - start) * 1e3, result


def digest(output):
    """See digest of src/agreement.ts."""
    values = output.detach().reshape(-1).double()
    size = values.numel()
    directions = (uniform(f"digest {i}", (size,), 1).double() for i in range(4))
    projections = [(values @ direction).item() / math.sqrt(size) for direction in directions]
    return [values.square().mean().sqrt().item(), *projections]


def blas():
    """Which library the matrix products are computed by, where that can be seen."""
    try:
        with open("/proc/self/maps") as maps:
            loaded = maps.read()
    except OSError:
        loaded = ""
    for part, name in {"openblas": "OpenBLAS", "libmkl": "MKL", "libblis": "BLIS", "libatlas": "ATLAS"}.items():
        if part in loaded:
            return name
    if "libblas.so" in loaded:
        return "reference BLAS"
    built = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    return {"mkl": "MKL", "open": "OpenBLAS", "accelerate": "Accelerate"}.get(built[1] if built else "", "unknown BLAS")


def answer(**fields):
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        answer(error=f"{type(error).__name__}: {error}")
        raise
