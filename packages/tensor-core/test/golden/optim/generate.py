"""Reference trajectories and learning rates by PyTorch 1.13 in float64: /usr/bin/python3 generate.py

torch.safetensors      `grad.<parameter>` [steps, ...]: gradients that are given, not computed, so that nothing but the
                       optimiser's arithmetic is compared; `start.<parameter>`; `<case>.<parameter>` [steps, ...]: the
                       parameter after each step. Parameters: a scalar, a vector with two zero gradients, a matrix and a
                       convolution kernel.
schedules.safetensors  `<case>`: the rate of each step, from step 0, by torch.optim.lr_scheduler.

Not made here: toy.safetensors (Adan and D-Adaptation in the authors' code on a function of two tensors, float64; `adan_paper`
by the published update rule in NumPy) and dinov2-schedules.safetensors (the schedules and the layer-wise rates of
AstroCLIP's and DINOv2's code).
"""

import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from safetensors_writer import save  # noqa: E402

STEPS = 25
SHAPES = {"scalar": (), "vector": (5,), "matrix": (3, 4), "kernel": (2, 2, 1, 3)}

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(20231)


def tensors():
    start = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    gradients = {}
    for name, shape in SHAPES.items():
        drift = rng.normal(size=shape)
        scale = 10.0 ** rng.uniform(-2, 1, size=shape)
        gradients[name] = scale * (drift + rng.normal(size=(STEPS, *shape)))
    gradients["vector"][:, 1:3] = 0
    # As the float32 side sees them.
    cast = lambda arrays: {name: np.asarray(a, np.float32).astype(np.float64) for name, a in arrays.items()}
    return cast(start), cast(gradients)


START, GRADIENTS = tensors()


def trajectory(make, schedule=None, max_norm=None, absent=()):
    """absent: (name, steps) pairs, a parameter without gradient in the first steps."""
    parameters = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in START.items()}
    optimizer = make(parameters)
    scheduler = schedule(optimizer) if schedule else None
    steps = {name: [] for name in parameters}
    for k in range(STEPS):
        for name, parameter in parameters.items():
            missing = any(name == other and k < first for other, first in absent)
            parameter.grad = None if missing else torch.tensor(GRADIENTS[name][k])
        if max_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters.values(), max_norm)
        optimizer.step()
        if scheduler:
            scheduler.step()
        for name, parameter in parameters.items():
            steps[name].append(parameter.detach().numpy().copy())
    return {name: np.stack(values) for name, values in steps.items()}


def plain(cls, **options):
    return lambda parameters: cls(parameters.values(), **options)


def grouped(parameters):
    """The scalar and the vector without decay; the kernel at a third of the rate."""
    return torch.optim.AdamW(
        [
            {"params": [parameters["scalar"], parameters["vector"]], "weight_decay": 0.0},
            {"params": [parameters["kernel"]], "lr": 0.02 / 3},
            {"params": [parameters["matrix"]]},
        ],
        lr=0.02,
        weight_decay=0.2,
    )


adamw, adam, sgd = torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD
CASES = {
    "adamw": trajectory(plain(adamw, lr=0.02)),
    "adamw_decay": trajectory(plain(adamw, lr=0.02, weight_decay=0.5)),
    "adamw_free": trajectory(plain(adamw, lr=0.05, betas=(0.7, 0.9), eps=1e-2, weight_decay=0.0)),
    "adamw_no_momentum": trajectory(plain(adamw, lr=0.02, betas=(0.0, 0.99))),
    "adamw_amsgrad": trajectory(plain(adamw, lr=0.02, betas=(0.9, 0.8), amsgrad=True)),
    "adamw_grouped": trajectory(grouped),
    "adamw_clipped": trajectory(plain(adamw, lr=0.02, weight_decay=0.1), max_norm=2.0),
    "adamw_late": trajectory(plain(adamw, lr=0.02), absent=[("matrix", 4), ("scalar", 9)]),
    "adamw_scheduled": trajectory(
        plain(adamw, lr=0.05, weight_decay=0.3),
        schedule=lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=STEPS, eta_min=0.001),
    ),
    "adam": trajectory(plain(adam, lr=0.02)),
    "adam_penalty": trajectory(plain(adam, lr=0.02, weight_decay=0.5)),
    "adam_penalty_amsgrad": trajectory(plain(adam, lr=0.02, betas=(0.9, 0.8), weight_decay=0.5, amsgrad=True)),
    "sgd": trajectory(plain(sgd, lr=0.01)),
    "sgd_decay": trajectory(plain(sgd, lr=0.01, weight_decay=0.5)),
    "sgd_momentum": trajectory(plain(sgd, lr=0.01, momentum=0.9)),
    "sgd_dampening": trajectory(plain(sgd, lr=0.01, momentum=0.8, dampening=0.3, weight_decay=0.1)),
    "sgd_nesterov": trajectory(plain(sgd, lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.1)),
}


def adan_restarted(beta1=0.9, beta2=0.8, beta3=0.95, lr=0.02, eps=1e-8, decay=0.1, every=7):
    """Adan by its equations, with m = g, v = 0, n = g^2 and a second step after each 7th one."""
    out = {}
    for name, start in START.items():
        x, m, v, n, before, path = start.copy(), 0.0, 0.0, 0.0, GRADIENTS[name][0], []
        for k in range(1, STEPS + 1):
            g = GRADIENTS[name][k - 1]
            difference = g - before
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * difference
            n = beta3 * n + (1 - beta3) * (g + beta2 * difference) ** 2
            for restart in [False, True] if k % every == 0 else [False]:
                if restart:
                    m, v, n = g, 0.0, g**2
                rate = lr / (np.sqrt(n / (1 - beta3**k)) + eps)
                x = (x - rate * (m / (1 - beta1**k) + beta2 * v / (1 - beta2**k))) / (1 + lr * decay)
            before = g
            path.append(x)
        out[name] = np.stack(path)
    return out


def rates(make, steps, base=0.4):
    optimizer = sgd([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler = make(optimizer)
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(values)


s = torch.optim.lr_scheduler
one_cycle = lambda **options: lambda o: s.OneCycleLR(o, max_lr=0.5, total_steps=60, **options)
SCHEDULES = {
    "constant": rates(lambda o: s.ConstantLR(o, factor=1.0), 5),
    "linear_warmup": rates(lambda o: s.LinearLR(o, start_factor=0.25, total_iters=8), 14),
    "cosine": rates(lambda o: s.CosineAnnealingLR(o, T_max=30, eta_min=0.01), 31),
    "one_cycle_cos": rates(one_cycle(), 60),
    "one_cycle_linear": rates(one_cycle(anneal_strategy="linear", pct_start=0.4), 60),
    "one_cycle_three": rates(one_cycle(three_phase=True, div_factor=10, final_div_factor=100), 60),
    "one_cycle_three_linear": rates(one_cycle(three_phase=True, anneal_strategy="linear"), 60),
    "one_cycle_short": rates(lambda o: s.OneCycleLR(o, max_lr=0.5, total_steps=7, pct_start=0.25), 7),
    "step_decay": rates(lambda o: s.StepLR(o, step_size=10, gamma=0.5), 45),
    "exponential": rates(lambda o: s.ExponentialLR(o, gamma=0.93), 40),
    "piecewise": rates(lambda o: s.MultiStepLR(o, milestones=[5, 12], gamma=0.1), 20),
    "join": rates(
        lambda o: s.SequentialLR(
            o, [s.LinearLR(o, start_factor=0.1, total_iters=6), s.ExponentialLR(o, gamma=0.9)], milestones=[6]
        ),
        20,
    ),
    "chain": rates(
        lambda o: s.ChainedScheduler([s.LinearLR(o, start_factor=0.5, total_iters=6), s.ExponentialLR(o, gamma=0.9)]), 20
    ),
}

if __name__ == "__main__":
    CASES["adan_restarted"] = adan_restarted()
    arrays = {f"start.{name}": value for name, value in START.items()}
    arrays |= {f"grad.{name}": value for name, value in GRADIENTS.items()}
    for case, parameters in CASES.items():
        arrays |= {f"{case}.{name}": value for name, value in parameters.items()}
    save(HERE / "torch.safetensors", arrays, {"torch": torch.__version__})
    save(HERE / "schedules.safetensors", SCHEDULES, {"torch": torch.__version__})
